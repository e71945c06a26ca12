"""Sockets, TLS and the clock: the only floor under the server and the SDK that does I/O."""
