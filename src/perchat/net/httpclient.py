"""
Posting documents to a web service, over one connection that is kept.

httpx2 does the work and is loaded when somebody needs it first. It goes where it is
told and nowhere else: no proxies, redirects or passwords from the surroundings.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ipaddress
import ssl
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from perchat.errors import ConnectionFailure, OperationTimeout, RemoteProtocolError
from perchat.net.tlsfailure import tls_failure

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

__all__ = ["HttpClient", "checked_service_url"]

T = TypeVar("T")


def checked_service_url(url: str) -> str:
    """Return a URL that documents with secrets may go to; ValueError when they may not."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        return url
    if parts.scheme == "http" and _is_loopback(host):
        return url
    raise ValueError(f"not an https:// address, nor http:// on this machine: {url[:200]!r}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class HttpClient:
    """One web service, for as long as the block runs."""

    def __init__(self, url: str, *, tls: ssl.SSLContext, connect: float, request: float) -> None:
        """Seconds are those to connect, and those in which something has to move."""
        self._url = checked_service_url(url)
        self._tls = tls
        self._connect = connect
        self._request = request
        self._httpx: Any = None
        self._client: Any = None
        self._connected = False

    async def post(self, body: bytes, headers: Mapping[str, str], limit: int) -> tuple[int, bytes]:
        """
        Post a document; return the status and what came, up to ``limit`` bytes.

        Raises:
            TlsFailure: The service cannot be trusted.
            ConnectionFailure: It cannot be reached, or hung up.
            OperationTimeout: It fell silent.
            RemoteProtocolError: More came than may.

        """
        if self._connected:
            return await self._post(body, headers, limit)
        answer = await _whole(self._post(body, headers, limit))
        self._connected = True
        return answer

    async def _post(self, body: bytes, headers: Mapping[str, str], limit: int) -> tuple[int, bytes]:
        try:
            async with self._client.stream(
                "POST", self._url, content=body, headers=dict(headers)
            ) as answer:
                return answer.status_code, await _bounded(answer, limit)
        except self._httpx.TimeoutException as error:
            raise OperationTimeout(f"no answer from {self._where} in time") from error
        except self._httpx.TransportError as error:
            raise self._failure(error) from error

    async def __aenter__(self) -> Self:
        self._httpx = httpx = await asyncio.to_thread(importlib.import_module, "httpx2")
        self._client = httpx.AsyncClient(
            verify=self._tls,
            trust_env=False,
            timeout=httpx.Timeout(self._request, connect=self._connect),
            limits=httpx.Limits(max_connections=1),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _whole(self._client.aclose())

    @property
    def _where(self) -> str:
        return urlsplit(self._url).netloc

    def _failure(self, error: Exception) -> Exception:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                return tls_failure(cause, self._where)
            cause = cause.__cause__ or cause.__context__
        return ConnectionFailure(f"{self._where}: {str(error) or type(error).__name__}")


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """
    Do something to its end even when cancelled, however often.

    A connection that is cut off while it is made, or while it is closed, leaks; and who gives
    something up may do so again, as at the end of its block.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():  # bounded by the time limits
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody asks for it any more
        raise


async def _bounded(answer: Any, limit: int) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > limit:
            raise RemoteProtocolError(f"an answer of more than {limit} bytes")
    return bytes(body)
