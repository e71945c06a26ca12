"""What outlives the process: the journal, and the tables it adds up to."""
