"""Opening connections."""

from __future__ import annotations

import asyncio
import ssl
from enum import Enum
from typing import TYPE_CHECKING

from perchat.errors import ConnectionFailure, OperationTimeout
from perchat.net.connection import Connection, ConnectionSettings, Guard, Owner
from perchat.net.tls import client_context, tls_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.sip.useragent import UserAgentSettings

__all__ = ["DEFAULT_PORTS", "Transport", "open_connection"]


class Transport(Enum):
    """How SIP travels; TLS unless told otherwise."""

    TLS = "tls"
    TCP = "tcp"


DEFAULT_PORTS = {Transport.TLS: 5061, Transport.TCP: 5060}  # RFC 3261 §19.1.2


async def open_connection(
    owner: Owner,
    host: str,
    port: int,
    *,
    transport: Transport,
    agent: Callable[[str], UserAgentSettings],
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
    guard: Guard | None = None,
    settings: ConnectionSettings | None = None,
    timeout: float = 15.0,  # noqa: ASYNC109 - the promise is ours: it is told apart by its error
) -> Connection:
    """
    Connect to ``host``; with TLS its certificate has to carry ``server_name`` or the host.

    Raises:
        ConnectionFailure: Unreachable, unresolvable, or refused.
        TlsFailure: TLS could not be agreed on, or the certificate is not good.
        OperationTimeout: Nothing answered within ``timeout`` seconds.

    """
    secure = transport is Transport.TLS
    context = (tls or client_context()) if secure else None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            _, connection = await loop.create_connection(
                lambda: Connection(owner, agent=agent, settings=settings, guard=guard),
                host,
                port,
                ssl=context,
                server_hostname=(server_name or host) if secure else None,
            )
    except TimeoutError as error:
        raise OperationTimeout(f"no answer from {host}:{port} in {timeout:g} s") from error
    except (ssl.SSLError, ssl.CertificateError) as error:
        raise tls_failure(error, f"{host}:{port}") from error
    except ConnectionResetError as error:
        if secure:
            raise tls_failure(error, f"{host}:{port}") from error
        raise ConnectionFailure(f"{host}:{port} cut the connection: {error}") from error
    except OSError as error:
        raise ConnectionFailure(f"cannot connect to {host}:{port}: {error}") from error
    return connection
