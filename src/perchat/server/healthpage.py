"""
Readings for other programs on this machine: ``/status`` as JSON, ``/metrics`` as text.

A socket that only the server's own user may open is there from the start; a loopback address,
for whoever is on the machine, where the settings name one.

As little of HTTP as ``curl`` and Prometheus need: GET, one answer, and the connection is
closed. There are figures and no names in what is told, and nobody is asked who they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import re
from typing import TYPE_CHECKING

import msgspec

from perchat.errors import ConnectionFailure
from perchat.net.localsocket import listen_locally
from perchat.server.config import is_loopback, split_address
from perchat.server.health import Reading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from perchat.server.config import ServerConfig

__all__ = ["metrics", "serving_health"]

_log = logging.getLogger(__name__)
_LONGEST = 8192  # bytes of a request's head
_PATIENCE = 5.0  # seconds for a request
_AT_ONCE = 16  # connections
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Busy"}


@contextlib.asynccontextmanager
async def serving_health(
    config: ServerConfig, read: Callable[[], Awaitable[Reading]]
) -> AsyncIterator[None]:
    """
    Answer where the settings say, for as long as the block runs.

    Raises:
        ConnectionFailure: The address or the socket is taken.
        ConfigurationError: The socket cannot be made.

    """
    page, settings = _Page(read), config.health
    async with contextlib.AsyncExitStack() as stack:
        if settings.socket:
            await stack.enter_async_context(_at_socket(page, config.path(settings.socket)))
        if settings.listen:
            await stack.enter_async_context(_at_address(page, settings.listen))
        yield


@contextlib.asynccontextmanager
async def _at_address(page: _Page, address: str) -> AsyncIterator[None]:
    host, port = split_address(address)
    try:
        server = await asyncio.start_server(page.answer, host, port, limit=_LONGEST)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise ConnectionFailure(f"cannot listen on {address}: {why}") from error
    _log.info("health is told at http://%s/status and /metrics", address)
    try:
        yield
    finally:
        server.close()


@contextlib.asynccontextmanager
async def _at_socket(page: _Page, path: Path) -> AsyncIterator[None]:
    listening = listen_locally(path)
    server = await asyncio.start_unix_server(page.answer, sock=listening, limit=_LONGEST)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


class _Page:
    def __init__(self, read: Callable[[], Awaitable[Reading]]) -> None:
        self._read = read
        self._open = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request; whatever is wrong with it ends here."""
        self._open += 1
        try:
            async with asyncio.timeout(_PATIENCE):
                busy = self._open > _AT_ONCE
                writer.write(_response(503) if busy else await self._answered(reader))
                await writer.drain()
        except (TimeoutError, ConnectionError, EOFError):
            pass
        finally:
            self._open -= 1
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError:
            return _response(400)
        method, _, path = head.partition("\r\n")[0].removesuffix(" HTTP/1.1").partition(" ")
        if method != "GET":
            return _response(400)
        if not is_loopback(_host(head)):
            return _response(403)  # a page elsewhere that had its own name point to us
        if path == "/status":
            body = msgspec.json.encode(await self._read())
            return _response(200, "application/json", body)
        if path == "/metrics":
            return _response(200, _TEXT, metrics(await self._read()).encode())
        return _response(404)


def _host(head: str) -> str:
    found = re.search(r"\r\nhost:[ \t]*(\[[^\]\r\n]*\]|[^:\r\n]*)", head, re.IGNORECASE)
    return found[1].strip().strip("[]") if found else ""


def _response(status: int, kind: str = "text/plain", body: bytes = b"") -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def metrics(reading: Reading) -> str:
    """Return a reading in the text form of Prometheus, each figure with its kind and meaning."""
    told = _meanings()
    return "".join(
        f"# HELP perchat_{name} {told[name]}\n"
        f"# TYPE perchat_{name} {_kind(name)}\nperchat_{name} {value}\n"
        for name, value in msgspec.structs.asdict(reading).items()
    )


def _kind(name: str) -> str:
    return "counter" if name.endswith("_total") else "gauge"


def _meanings() -> dict[str, str]:
    text = inspect.getdoc(Reading) or ""
    return dict(re.findall(r"^ {4}(\w+): (.*)$", text, re.MULTILINE))
