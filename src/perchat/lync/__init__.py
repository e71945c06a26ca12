"""
What Lync adds to RFC 3261: signing in, message signatures, settings in the band.

Without I/O, clock or randomness, like the SIP floor below it: times and random
bytes are arguments. It has never heard of rooms.
"""
