"""Accepting connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError, ConnectionFailure
from perchat.net.connection import Connection, ConnectionSettings, Owner

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from perchat.sip.useragent import UserAgentSettings

__all__ = ["Listener", "listen"]


class Listener:
    """A listening socket; closing it leaves its connections alone."""

    def __init__(self, server: asyncio.Server, *, secure: bool) -> None:
        self._server = server
        self.secure = secure
        host, port = server.sockets[0].getsockname()[:2]
        self.address: tuple[str, int] = (host, port)

    @property
    def host_port(self) -> str:
        """``host:port`` as people write it."""
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Accept nobody any more; safe to repeat."""
        self._server.close()


async def listen(
    new_owner: Callable[[], Owner],
    host: str,
    port: int,
    *,
    agent: Callable[[str], UserAgentSettings],
    tls: ssl.SSLContext | None = None,
    settings: ConnectionSettings | None = None,
    backlog: int = 1024,
) -> Listener:
    """
    Listen on ``host:port`` (port 0 picks a free one); each connection gets a new owner.

    Raises:
        ConnectionFailure: The address cannot be used, for example because it is taken.

    """
    if not 0 <= port <= 65535:
        raise ConfigurationError(f"port {port} is not between 0 and 65535")
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            lambda: Connection(new_owner(), agent=agent, settings=settings),
            host,
            port,
            ssl=tls,
            backlog=backlog,
        )
    except OSError as error:
        raise ConnectionFailure(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return Listener(server, secure=tls is not None)
