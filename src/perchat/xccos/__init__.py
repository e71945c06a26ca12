"""
Chat control over SIP without I/O: documents in, values out, and back ([MS-XCCOSIP]).

What is exact when written is tolerated when read. Both sides live here: a
server writes what a client reads, from one codec for each block of data.
"""
