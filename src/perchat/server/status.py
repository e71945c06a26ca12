"""
Whether a server runs, and how it does: asked from another process on its machine.

The lock of its node says whether it runs, and the server itself the rest, at the socket in its
folder, or at the loopback address where the settings name no socket.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from perchat.errors import ConnectionFailure
from perchat.net.localsocket import connect_locally
from perchat.server.config import split_address
from perchat.server.health import Reading
from perchat.server.storage import nodes_of

if TYPE_CHECKING:
    from perchat.server.config import ServerConfig
    from perchat.store.base import RunningNode

__all__ = ["described", "read_status", "running_server"]

_PATIENCE = 10.0  # seconds


def running_server(config: ServerConfig) -> RunningNode | None:
    """
    Return the server that runs by these settings; None when there is none.

    Raises:
        ConfigurationError: There is no database.
        StorageError: The folder of the database cannot be read.

    """
    return next((one for one in nodes_of(config) if one.node == config.node), None)


def described(node: RunningNode) -> dict[str, Any]:
    """Return who a server that runs is, by names for people and programs."""
    since = datetime.fromtimestamp(node.since, UTC)
    return {
        "running": True,
        "node": node.node,
        "pid": node.pid,
        "since": f"{since:%Y-%m-%dT%H:%M:%SZ}",
    }


async def read_status(config: ServerConfig) -> Reading | None:
    """
    Ask a server that runs how it does; None where the settings have it tell nobody.

    Raises:
        ConnectionFailure: It does not answer.

    """
    if not config.health.socket and not config.health.listen:
        return None
    where = str(config.path(config.health.socket)) if config.health.socket else config.health.listen
    try:
        async with asyncio.timeout(_PATIENCE):
            head, _, body = (await _answer(config)).partition(b"\r\n\r\n")
        return msgspec.json.decode(body, type=Reading)
    except TimeoutError as error:
        raise ConnectionFailure(f"no answer from {where} in {_PATIENCE:g} s") from error
    except OSError as error:
        raise ConnectionFailure(f"no answer from {where}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        said = head.partition(b"\r\n")[0].decode("latin-1") or "nothing"
        raise ConnectionFailure(f"{where} answers {said!r}, and not how it does") from error


async def _answer(config: ServerConfig) -> bytes:
    health = config.health
    if health.socket:
        sock = connect_locally(config.path(health.socket))
        reader, writer = await asyncio.open_unix_connection(sock=sock)
    else:
        reader, writer = await asyncio.open_connection(*split_address(health.listen))
    try:
        writer.write(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return await reader.read()
    finally:
        writer.close()
