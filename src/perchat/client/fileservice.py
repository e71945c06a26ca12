"""The file web service, as one transfer uses it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from perchat.errors import CommandFailed, ErrorCode
from perchat.xccos.fileservice import (
    CANCEL,
    CONTENT_TYPE,
    NAMESPACE,
    chunk_of,
    chunk_text,
    read_answer,
    request_limit,
    write_call,
)

if TYPE_CHECKING:
    from perchat.model.uri import RoomUri
    from perchat.net.httpclient import HttpClient

__all__ = ["FileServiceClient"]

_KILOBYTE = 1024
_CHUNK = 384 * _KILOBYTE
"""The most of a file in memory, encoded once more when it is sent."""

_AROUND = 4 * _KILOBYTE  # of a request, besides its chunk
_OK = 200
_FAULT = 500


class FileServiceClient:
    """Calls operations with the token of one transfer."""

    def __init__(
        self, http: HttpClient, token: str, room: RoomUri, *, otherwise: ErrorCode
    ) -> None:
        """Take what a service stands for that does not say what was wrong."""
        self._http = http
        self._leave = {"token": token, "channelId": room.guid}
        self._otherwise = otherwise

    async def largest(self) -> int:
        """Return how many bytes a file may have."""
        return await self._count("GetMaxFileSizeInKB") * _KILOBYTE

    async def chunk(self) -> int:
        """Return how many bytes of a file go in one request, so that all of that is allowed."""
        allowed = await self._count("GetMaxRequestContentInKB") * _KILOBYTE
        return max(_KILOBYTE, min(_CHUNK, (allowed - _AROUND) // 4 * 3))

    async def new_name(self, extension: str) -> str:
        """Return what a new file is to be called in the store."""
        name = await self._call("RequestUniqueFilenameWithExtension", extension=extension)
        return name.strip()

    async def append(self, name: str, offset: int, chunk: bytes, size: int) -> None:
        """Send the next piece of a file; with the last one the file is there."""
        await self._call(
            "AppendChunk",
            uniqueFilename=name,
            fileChunk=chunk_text(chunk),
            offset=str(offset),
            fileLength=str(size),
        )

    async def cancel(self) -> None:
        """Have what was sent removed; services that cannot do it in time by themselves."""
        await self._call(CANCEL)

    async def size(self, name: str) -> int:
        """Return how many bytes a file has."""
        return await self._count("GetFileSize", reposFileName=name)

    async def read(self, name: str, offset: int, count: int) -> bytes:
        """Return a piece of a file, ``count`` bytes at most."""
        text = await self._call(
            "DownloadChunk", reposFileName=name, offset=str(offset), bufferSize=str(count)
        )
        piece = await asyncio.to_thread(chunk_of, text)
        if not 0 < len(piece) <= count:
            raise self._failed(f"{len(piece)} bytes came where {count} were asked for")
        return piece

    async def _count(self, operation: str, **arguments: str) -> int:
        text = (await self._call(operation, **arguments)).strip()
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise self._failed(f"{operation} answers {text[:40]!r}, which is no number")
        return int(text)

    async def _call(self, operation: str, **arguments: str) -> str:
        body = await asyncio.to_thread(write_call, operation, self._leave | arguments)
        headers = {"Content-Type": CONTENT_TYPE, "SOAPAction": f'"{NAMESPACE}/{operation}"'}
        status, answer = await self._http.post(body, headers, request_limit(_CHUNK))
        if status not in (_OK, _FAULT):
            raise self._failed(f"the file service answers {operation} with status {status}")
        return await asyncio.to_thread(read_answer, answer, operation, self._otherwise)

    def _failed(self, text: str) -> CommandFailed:
        return CommandFailed.of(self._otherwise, text)
