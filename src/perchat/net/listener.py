"""
Accepting connections.

The listener accepts by itself instead of leaving it to ``asyncio.Server``, which says
nothing of a TLS handshake that fails: here each is one line of the log with the peer's
address and the reason, the peer is told by an alert, and the TLS context is looked up
anew for each connection, so that a certificate can be replaced under way.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError, ConnectionFailure, TlsFailureReason
from perchat.net.connection import Connection, ConnectionSettings, Owner
from perchat.net.tls import ReloadableContext, telling
from perchat.net.tlsfailure import tls_failure
from perchat.net.tlsserver import ServerHandshake

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Sequence

    from perchat.net.quota import Quota
    from perchat.sip.useragent import UserAgentSettings

__all__ = ["Listener", "listen", "listen_with"]

_log = logging.getLogger("perchat.net")
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_ANOTHER_TRY = 0.05  # seconds between attempts to get an address
_PAUSE = 1.0  # seconds to wait for free descriptors, as asyncio's own servers do


class Listener:
    """
    Listening sockets of one address; closing them leaves their connections alone.

    Attributes:
        secure: Whether it speaks TLS.
        address: Where it listens, with the port that was found for port 0.

    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        connect: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | ReloadableContext | None,
        handshake_timeout: float,
        quota: Quota | None = None,
        backlog: int = 1024,
    ) -> None:
        """Use ``listen`` instead."""
        self._quota = quota
        self._backlog = backlog
        self._sockets = sockets
        self._connect = connect
        self._tls = tls
        self._patience = handshake_timeout
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_the_door: set[socket.socket] = set()
        self.secure = tls is not None
        host, port = sockets[0].getsockname()[:2]
        self.address: tuple[str, int] = (host, port)

    def begin(self) -> None:
        """
        Listen, and accept connections; until now whoever came was refused at once.

        Raises:
            ConnectionFailure: Another process that had the address too was faster.

        """
        try:
            for sock in self._sockets:
                sock.listen(self._backlog)
        except OSError as error:
            self.close()
            raise ConnectionFailure(
                f"cannot listen on {self.host_port}: {error.strerror}"
            ) from error
        for sock in self._sockets:
            self._start(self._accept(sock))

    @property
    def host_port(self) -> str:
        """``host:port`` as people write it."""
        return _shown(self.address)

    def close(self) -> None:
        """Accept nobody any more, and drop who is not through TLS yet; safe to repeat."""
        for task in tuple(self._tasks):
            task.cancel()
        for sock in (*self._sockets, *self._at_the_door):
            sock.close()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket.socket) -> None:
        while listening.fileno() >= 0:
            try:
                sock, peer = await self._loop.sock_accept(listening)
            except OSError as error:
                await self._not_accepted(error)
                continue
            self._at_the_door.add(sock)
            self._start(self._welcome(sock, peer))
            await asyncio.sleep(0)  # a crowd at the door must not keep those inside waiting

    async def _not_accepted(self, error: OSError) -> None:
        if error.errno not in _EXHAUSTED:
            _log.debug("a connection to %s was gone before it was accepted", self.host_port)
            await asyncio.sleep(0)
            return
        _log.error("cannot accept connections on %s for now: %s", self.host_port, error.strerror)
        await asyncio.sleep(_PAUSE)

    async def _welcome(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        if not await self._may_enter(sock, peer):
            return
        self._at_the_door.discard(sock)
        try:
            connection = self._connect()
        except Exception:  # ours, not the peer's; the next one may fare better
            _log.exception("a connection to %s has nobody to own it", self.host_port)
            sock.close()
            return
        try:
            await self._admit(sock, connection)
        except OSError as error:  # an SSLError is one; asyncio has closed the socket
            self._failed(error, peer)

    async def _may_enter(self, sock: socket.socket, peer: tuple[str, int]) -> bool:
        """Wait for the share of this address; where a flood waits before us, turn back."""
        quota = self._quota
        if quota is None:
            return True
        if not quota.knock(peer[0]):
            quota.log.write(
                _log,
                logging.WARNING,
                "refused",
                "connection from %s to %s refused: too many wait that have not signed in",
                _shown(peer),
                self.host_port,
            )
            self._at_the_door.discard(sock)
            sock.close()
            return False
        try:
            async with quota.queue(peer[0]):
                while wait := quota.delay(peer[0], self._loop.time()):  # noqa: ASYNC110 - time passes
                    await asyncio.sleep(wait)
        finally:
            quota.let_in(peer[0], self._loop.time(), is_tls=self.secure)
        return True

    async def _admit(self, sock: socket.socket, connection: asyncio.BaseProtocol) -> None:
        tls = self._tls.current if isinstance(self._tls, ReloadableContext) else self._tls
        if tls is None:
            await self._loop.connect_accepted_socket(lambda: connection, sock)
            return
        with telling(sock):
            handshake = ServerHandshake(self._loop, connection, tls, self._patience)
            transport, _ = await self._loop.connect_accepted_socket(
                _returning(handshake.protocol), sock
            )
        try:
            await handshake.done
        except BaseException:
            transport.abort()
            raise
        finally:  # an error leads to this frame, and what is here to the error: a ring otherwise
            del handshake, transport

    def _failed(self, error: OSError, peer: tuple[str, int]) -> None:
        failure = tls_failure(error, _shown(peer))
        gone = failure.reason is TlsFailureReason.REMOTE_DISCONNECTED  # scanners, health checks
        level = logging.INFO if gone else logging.WARNING
        said = ("connection refused on %s: %s", self.host_port, failure)
        if self._quota is None:
            _log.log(level, *said)
        else:
            self._quota.log.write(_log, level, f"handshake {failure.reason.name}", *said)


def _returning(protocol: asyncio.BaseProtocol) -> Callable[[], asyncio.BaseProtocol]:
    return lambda: protocol


async def listen(
    new_owner: Callable[[], Owner],
    host: str,
    port: int,
    *,
    agent: Callable[[str], UserAgentSettings],
    tls: ssl.SSLContext | ReloadableContext | None = None,
    settings: ConnectionSettings | None = None,
    backlog: int = 1024,
    handshake_timeout: float = 15.0,
    patience: float = 0.0,
    begin: bool = True,
) -> Listener:
    """
    Listen on ``host:port`` (port 0 picks a free one); each connection gets a new owner.

    An address that is taken is waited for, ``patience`` seconds. Unless it is to ``begin`` now,
    it is kept, and whoever comes is refused until the listener is told to begin.

    Raises:
        ConnectionFailure: The address cannot be used, for example because it is taken.

    """

    def connect() -> Connection:
        return Connection(new_owner(), agent=agent, settings=settings)

    return await listen_with(
        connect,
        host,
        port,
        tls=tls,
        backlog=backlog,
        handshake_timeout=handshake_timeout,
        patience=patience,
        begin=begin,
        quota=settings.quota if settings else None,
    )


async def listen_with(
    connect: Callable[[], asyncio.BaseProtocol],
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | ReloadableContext | None = None,
    backlog: int = 1024,
    handshake_timeout: float = 15.0,
    patience: float = 0.0,
    begin: bool = True,
    quota: Quota | None = None,
) -> Listener:
    """
    Listen for another protocol: each connection gets what ``connect`` returns.

    For the rest see ``listen``.

    Raises:
        ConnectionFailure: The address cannot be used, for example because it is taken.

    """
    if not 0 <= port <= 65535:
        raise ConfigurationError(f"port {port} is not between 0 and 65535")
    try:
        sockets = await _bind_within(patience, host, port)
    except OSError as error:
        raise ConnectionFailure(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener = Listener(sockets, connect, tls, handshake_timeout, quota, backlog)
    if begin:
        listener.begin()
    return listener


async def _bind_within(patience: float, host: str, port: int) -> list[socket.socket]:
    """
    Bind, waiting for whoever has the address to let go of it.

    That is a server that was told to end a moment ago, or a client's connection: the system may
    give it a port that nobody listens on, and it connects to itself there until its end.
    """
    loop = asyncio.get_running_loop()
    give_up, waits = loop.time() + patience, False
    while True:
        try:
            return await _bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or loop.time() >= give_up:
                raise
        if not waits:
            waits = True
            _log.warning("%s is taken; waiting for it up to %g s", _shown((host, port)), patience)
        await asyncio.sleep(_ANOTHER_TRY)


async def _bind(host: str, port: int) -> list[socket.socket]:
    """Return one bound socket for each address of ``host``; all of them or none."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            sockets.append(_bound(family, str(address[0]), port or _port(sockets)))
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _bound(family: int, address: str, port: int) -> socket.socket:
    """Return a socket that has an address nobody listens on."""
    sock = socket.socket(socket.AddressFamily(family), socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # old connections may linger
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _port(sockets: Sequence[socket.socket]) -> int:
    return int(sockets[0].getsockname()[1]) if sockets else 0


def _shown(address: tuple[str, int]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
