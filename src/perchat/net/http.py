"""
HTTP for what is mounted on it: an ASGI application behind our own listening sockets.

Uvicorn reads and writes the protocol; the sockets, TLS, its failures in the log and
the deadlines are those of this house. There is no server of uvicorn's: it would take
over signals, and wake up ten times a second to look whether it has to stop.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from perchat.net.httpshare import HttpShares, Phase
from perchat.net.listener import listen_with

if TYPE_CHECKING:
    import ssl

    from perchat.net.listener import Listener
    from perchat.net.quota import Quota
    from perchat.net.tls import ReloadableContext

__all__ = ["HttpLimits", "HttpListener", "listen_http"]

_log = logging.getLogger("perchat.net")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """
    What peers may take.

    Attributes:
        connections: Open at a time; for one more an unfinished one is closed, and if there
            is none it is answered 503.
        address_connections: The same for one address (IPv6: for one /64).
        head_bytes: Of a request line and its headers.
        head_seconds: For a head to arrive whole, from the connection's begin or the last
            answer; then it is closed.
        exchange_seconds: For a request and its answer; then it is cut.

    """

    connections: int = 64
    address_connections: int = 16
    head_bytes: int = 16_384
    head_seconds: float = 15.0
    exchange_seconds: float = 120.0


class HttpListener:
    """Where an application is served."""

    def __init__(self, listener: Listener, state: ServerState, shares: HttpShares[_Http]) -> None:
        """Use ``listen_http`` instead."""
        self._listener = listener
        self._state = state
        self._shares = shares

    @property
    def closed_for_others(self) -> int:
        """How many unfinished connections were closed to make room."""
        return self._shares.closed

    @property
    def refused(self) -> int:
        """How many connections were answered 503."""
        return self._shares.refused

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._listener.address

    @property
    def host_port(self) -> str:
        """The same as people write it."""
        return self._listener.host_port

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self._listener.secure

    async def close(self, patience: float) -> None:
        """Let nobody in, let what is being answered end within seconds, cut the rest."""
        self._listener.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(list(self._state.tasks), timeout=patience)
        for connection in list(self._state.connections):
            if connection.transport is not None:
                connection.transport.abort()


async def listen_http(
    application: Any,
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | ReloadableContext | None = None,
    limits: HttpLimits,
    patience: float = 0.0,
    quota: Quota | None = None,
) -> HttpListener:
    """
    Serve an ASGI application on ``host:port`` (port 0 picks a free one).

    An address that is taken is waited for, ``patience`` seconds. New connections wait for
    their address's share of ``quota``, as TLS costs the server time.

    Raises:
        ConnectionFailure: The address cannot be used, for example because it is taken.

    """
    state = ServerState()
    config = Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=int(limits.head_seconds) + 1,
        h11_max_incomplete_event_size=limits.head_bytes,
    )
    config.load()
    shares: HttpShares[_Http] = HttpShares(limits.connections, limits.address_connections)
    listener = await listen_with(
        lambda: _Http(config, state, limits, shares),
        host,
        port,
        tls=tls,
        patience=patience,
        quota=quota,
    )
    return HttpListener(listener, state, shares)


class _Http(H11Protocol):
    """One connection, with deadlines and a place among the others."""

    def __init__(
        self, config: Config, state: ServerState, limits: HttpLimits, shares: HttpShares[_Http]
    ) -> None:
        super().__init__(config, state, {})
        self._limits = limits
        self._shares = shares
        self._placed = True
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._wait_for_head()
        giving_way, self._placed = self._shares.enter(self, self.client[0] if self.client else "")
        for one in giving_way:
            one.transport.abort()
        if not self._placed:
            self.limit_concurrency = 0  # uvicorn's way to have all it asks for answered 503

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._move()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_head()
        self._move()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        self._shares.leave(self)
        super().connection_lost(exc)

    def _move(self) -> None:
        if self._placed:
            self._shares.move(self, self._phase())

    def _phase(self) -> Phase:
        cycle: Any = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete:
            return Phase.IDLE
        return Phase.RECEIVING if cycle.more_body else Phase.ANSWERING

    def _wait_for_head(self) -> None:
        self._cancel()
        if not self.transport.is_closing():
            self._deadline = self.loop.call_later(self._limits.head_seconds, self._head_due)

    def _head_due(self) -> None:
        cycle: Any = self.cycle  # None before the first request
        if cycle is None or cycle.response_complete:
            _log.debug("no HTTP request from %s in time", self.client)
            self.transport.abort()
        else:
            self._deadline = self.loop.call_later(self._limits.exchange_seconds, self._overdue)

    def _overdue(self) -> None:
        _log.info("an HTTP request of %s took too long", self.client)
        self.transport.abort()

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
