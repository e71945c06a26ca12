"""
TLS for connections that were accepted, in less memory.

asyncio keeps 256 KiB a TLS connection to read into, whatever is read; a server of
thousands of quiet connections would hold gigabytes for nothing. Here it is 4 KiB, which
holds what chat clients send at once; what is longer is read in several goes.
"""

from __future__ import annotations

import asyncio
from asyncio import sslproto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

__all__ = ["ServerHandshake"]


class _FrugalTls(sslproto.SSLProtocol):
    """asyncio's own, but for the size of its buffer."""

    max_size = 4 * 1024


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
        self.protocol = _FrugalTls(
            loop,
            inside,
            context,
            self.done,
            server_side=True,
            ssl_handshake_timeout=patience,  # type: ignore[arg-type]  # any number will do
        )
