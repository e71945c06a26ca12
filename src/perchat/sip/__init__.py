"""
SIP without I/O: bytes and time go in, messages and events come out (RFC 3261).

Start reading at `perchat.sip.useragent`; it stands on everything else here.
"""
