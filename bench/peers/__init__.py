"""
Perchat measured next to other chat servers, by one driver, in one run.

The rig with the peers and the driver stands elsewhere (``--rig``); here is what it lacks
to measure us: a protocol for its driver, and a server made from nothing.
"""
