"""
Opening connections: to a host with all its addresses in turn, or to the first of several.

A host that is a pool has several addresses, and some may be dead (RFC 3263 §4.3). The
next is tried after a refusal, silence, or a peer that hangs up; not after a certificate
that is no good, which somebody should look into.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import (
    ConnectionFailure,
    OperationTimeout,
    RealTimeError,
    ServerDiscoveryError,
    TlsFailure,
    TlsFailureReason,
)
from perchat.net.connection import Connection, ConnectionSettings, Guard, Owner
from perchat.net.resolver import SystemResolver
from perchat.net.tls import ReloadableContext, client_context, telling
from perchat.net.tlsfailure import tls_failure
from perchat.net.transport import DEFAULT_PORTS, Transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from perchat.net.discovery import FoundServer
    from perchat.net.resolver import Resolver
    from perchat.sip.useragent import UserAgentSettings

__all__ = ["DEFAULT_PORTS", "Transport", "open_connection", "open_first"]

_log = logging.getLogger("perchat.net")


async def open_connection(
    owner: Owner,
    host: str,
    port: int,
    *,
    transport: Transport,
    agent: Callable[[str], UserAgentSettings],
    tls: ssl.SSLContext | ReloadableContext | None = None,
    server_name: str | Sequence[str] | None = None,
    guard: Guard | None = None,
    settings: ConnectionSettings | None = None,
    resolver: Resolver | None = None,
    timeout: float = 15.0,  # noqa: ASYNC109 - the promise is ours: it is told apart by its error
    address_timeout: float = 5.0,
) -> Connection:
    """
    Connect to ``host``, whose certificate, with TLS, has to be good.

    Args:
        owner: Acts on what the connection brings.
        host: A name, all of whose addresses are tried, or an address.
        port: The port.
        transport: TLS or TCP.
        agent: Makes the user agent's settings.
        tls: What to trust and to show; the system's roots and nothing without it.
        server_name: The certificate has to carry it, or any of them; ``host`` without it.
        guard: Signs and verifies.
        settings: Limits and habits.
        resolver: Finds the addresses; the system without it.
        timeout: Seconds for all addresses together.
        address_timeout: Seconds for each one of several, TLS included.

    Raises:
        ConnectionFailure: Unreachable, unresolvable, or refused.
        TlsFailure: TLS could not be agreed on, or the certificate is not good.
        OperationTimeout: Nothing answered in time.

    """
    attempt = _Attempt(
        lambda: Connection(owner, agent=agent, settings=settings, guard=guard),
        _context(tls) if transport is Transport.TLS else None,
        (server_name,) if isinstance(server_name, str) else tuple(server_name or (host,)),
        port,
    )
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout):
            addresses = await _addresses(host, shown, resolver or SystemResolver())
            patience = address_timeout if len(addresses) > 1 else timeout
            return await _in_turn(attempt, addresses, shown, patience)
    except OperationTimeout:
        raise
    except TimeoutError as error:
        raise OperationTimeout(f"no answer from {shown} in {timeout:g} s") from error


async def open_first(
    servers: Sequence[FoundServer], connect: Callable[[FoundServer], Awaitable[Connection]]
) -> tuple[Connection, FoundServer]:
    """
    Connect to the first server that can be reached, and tell which it was.

    Args:
        servers: In the order to try them.
        connect: ``open_connection`` for one, with its host, port and names.

    Raises:
        ConnectionFailure: None can be reached; the message tells why, one by one.
        OperationTimeout: None answered in time.
        TlsFailure: A server was reached and cannot be trusted.
        ServerDiscoveryError: ``servers`` is empty.

    """
    errors: list[RealTimeError] = []
    for server in servers:
        try:
            connection = await connect(server)
        except RealTimeError as error:
            if not _elsewhere(error):
                raise
            _log.info("%s (%s): %s", server.host_port, server.source, error)
            errors.append(error)
        else:
            _log.info("connected to %s (%s)", server.host_port, server.source)
            return connection, server
    if not errors:
        raise ServerDiscoveryError("there is no server to connect to")
    raise _summary(errors, "cannot connect to any server")


@dataclass(frozen=True, slots=True)
class _Attempt:
    new: Callable[[], Connection]
    tls: ssl.SSLContext | None
    names: tuple[str, ...]
    port: int

    async def at(self, address: str) -> Connection:
        """Connect to one address, under each name that is allowed."""
        for name in self.names[:-1]:
            try:
                return await self._under(name, address)
            except ssl.SSLCertVerificationError as error:
                if error.verify_code not in _NAME_MISMATCHES:
                    raise
        return await self._under(self.names[-1], address)

    async def _under(self, name: str, address: str) -> Connection:
        loop = asyncio.get_running_loop()
        sock = await self._reached(address)
        with telling(sock):
            _, connection = await loop.create_connection(
                self.new, sock=sock, ssl=self.tls, server_hostname=name if self.tls else None
            )
        return connection

    async def _reached(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (address, self.port))
            _refuse_ourselves(sock)
        except BaseException:
            sock.close()
            raise
        return sock


def _refuse_ourselves(sock: socket.socket) -> None:
    """
    Refuse a connection to itself.

    Where nobody listens on a port of this machine, the system may give that very port to who
    connects to it: then it has both ends, and the server cannot have the port until it goes.
    """
    if sock.getsockname() == sock.getpeername():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # at once
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


_NAME_MISMATCHES = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, .._IP_ADDRESS_MISMATCH


async def _addresses(host: str, shown: str, resolver: Resolver) -> Sequence[str]:
    try:
        return (str(ipaddress.ip_address(host)),)
    except ValueError:
        pass
    try:
        addresses = await resolver.addresses(host)
    except ServerDiscoveryError as error:
        raise ConnectionFailure(f"cannot connect to {shown}: {error}") from error
    if not addresses:
        raise ConnectionFailure(f"cannot connect to {shown}: there is no host of that name")
    return addresses


async def _in_turn(
    attempt: _Attempt, addresses: Sequence[str], shown: str, patience: float
) -> Connection:
    errors: list[RealTimeError] = []
    for address in addresses:
        where = shown if len(addresses) == 1 else f"{shown} at {address}"
        try:
            return await _patiently(attempt, address, where, patience)
        except RealTimeError as error:
            if not _elsewhere(error):
                raise
            errors.append(error)
            _log.debug("%s", error)
    raise _summary(errors, f"cannot connect to {shown}")


async def _patiently(attempt: _Attempt, address: str, where: str, patience: float) -> Connection:
    try:
        async with asyncio.timeout(patience):
            return await attempt.at(address)
    except TimeoutError as error:
        raise OperationTimeout(f"no answer from {where} in {patience:g} s") from error
    except ssl.SSLError as error:
        raise tls_failure(error, where) from error
    except OSError as error:
        if attempt.tls is not None and isinstance(error, _CUT):
            raise tls_failure(error, where) from error
        raise ConnectionFailure(f"cannot connect to {where}: {error}") from error


_CUT = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


def _elsewhere(error: RealTimeError) -> bool:
    """Tell whether another address or server is worth trying."""
    if isinstance(error, TlsFailure):
        return error.reason is TlsFailureReason.REMOTE_DISCONNECTED
    return isinstance(error, ConnectionFailure | OperationTimeout)


def _summary(errors: Sequence[RealTimeError], start: str) -> RealTimeError:
    """Return one error for several: of their kind when they are of one, else a failure."""
    if len(errors) == 1:
        return errors[0]
    text = f"{start}: {'; '.join(str(error) for error in errors)}"
    if all(isinstance(error, OperationTimeout) for error in errors):
        return OperationTimeout(text)
    if all(isinstance(error, TlsFailure) for error in errors):
        return TlsFailure(text, reason=TlsFailureReason.REMOTE_DISCONNECTED)
    return ConnectionFailure(text)


def _context(tls: ssl.SSLContext | ReloadableContext | None) -> ssl.SSLContext:
    if isinstance(tls, ReloadableContext):
        return tls.current
    return tls or client_context()
