"""
TLS for connections that were accepted, in less memory.

asyncio keeps 256 KiB a TLS connection to read into, whatever is read; a server of
thousands of quiet connections would hold gigabytes for nothing. Here it is 4 KiB, which
holds what chat clients send at once; what is longer is read in several goes. And where
asyncio decrypts 256 KiB ahead for somebody who is not read from, here it is one record.
"""

from __future__ import annotations

import asyncio
from asyncio import sslproto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["TLS_HELD", "ServerHandshake"]

_RECORD = 19 * 1024  # bytes: one of TLS, with what may be around it (RFC 5246 §6.2.3)
TLS_HELD = _RECORD + 4 * 1024
"""Bytes that TLS keeps at most for a connection that is not read from."""


class _FrugalTls(sslproto.SSLProtocol):
    """asyncio's own, but for the size of its buffers."""

    max_size = 4 * 1024

    def hold_little(self) -> None:
        """Stop reading when one record waits, which is the least that can be decrypted."""
        # Down to a record's size reading begins again: what is left then may be half of one.
        self._set_read_buffer_limits(_RECORD, _RECORD)  # type: ignore[attr-defined]


class ServerHandshake:
    """
    A handshake in the server's role.

    Attributes:
        protocol: What the accepted socket is to be connected to.
        done: Settled when the handshake is over; raises why it failed.

    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inside: asyncio.BaseProtocol,
        context: ssl.SSLContext,
        patience: float,
    ) -> None:
        """Connect ``inside`` once the handshake is done, within ``patience`` seconds."""
        self.done: asyncio.Future[None] = loop.create_future()
        self.protocol = made = _FrugalTls(
            loop,
            inside,
            context,
            self.done,
            server_side=True,
            ssl_handshake_timeout=patience,  # type: ignore[arg-type]  # any number will do
        )
        made.hold_little()
