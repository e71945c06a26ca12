"""How nodes learn that the journal grew."""
