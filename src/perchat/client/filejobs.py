"""
Sending a file and fetching one, from the question for leave to the last byte.

One piece is in memory at a time. What is sent is announced by its own author: a message
with a link, posted when the service has all of it. Whoever stops before that has the
service remove what it has.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from perchat.client.fileends import destination_of, opened, written
from perchat.client.fileservice import FileServiceClient
from perchat.errors import CommandFailed, ErrorCode, PerchatError
from perchat.model.uri import FileUri
from perchat.net.httpclient import HttpClient, checked_service_url
from perchat.xccos.blocks import FileToken, FileTokenQuery

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractContextManager

    from perchat.client.fileends import Destination, Source
    from perchat.client.options import ClientTimers
    from perchat.client.transfer import FileTransfer
    from perchat.model.uri import RoomUri

__all__ = ["Fetching", "FileRoom", "Sending"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRoom:
    """
    The room, as transfers need it.

    Attributes:
        ask: Asks the chat service for leave.
        tls: Returns what the web service is verified with.

    """

    uri: RoomUri
    timers: ClientTimers
    ask: Callable[[str, FileTokenQuery], Awaitable[FileToken]]
    tls: Callable[[], Awaitable[ssl.SSLContext]]

    @asynccontextmanager
    async def service(
        self, command: str, name: str, otherwise: ErrorCode
    ) -> AsyncIterator[FileServiceClient]:
        """Ask for leave and go where it is good."""
        granted = await self.ask(command, FileTokenQuery(self.uri, name))
        try:
            url = checked_service_url(granted.service)
        except ValueError as error:
            raise CommandFailed.of(ErrorCode.INVALID_TOKEN, str(error), request=command) from error
        timers = self.timers
        async with HttpClient(
            url, tls=await self.tls(), connect=timers.connect, request=timers.request
        ) as http:
            yield FileServiceClient(http, granted.token, self.uri, otherwise=otherwise)


@dataclass(frozen=True, slots=True)
class Sending:
    """
    A file on its way to a room.

    Attributes:
        announce: Posts the message for a file's address and size; None posts none.

    """

    room: FileRoom
    source: Source
    name: str
    announce: Callable[[FileUri, int], Awaitable[Any]] | None

    async def __call__(self, transfer: FileTransfer[FileUri]) -> FileUri:
        """Send it, and return its address."""
        async with self.room.service(
            "getfutok", self.name, ErrorCode.FILE_UPLOAD_FAILED
        ) as service:
            largest, chunk = await service.largest(), await service.chunk()
            async with _in_thread(opened(self.source, largest)) as (file, size):
                transfer._moved(0, size)
                if size > largest:
                    raise _too_large(size, largest)
                stored = await self._send(service, file, size, chunk, transfer)
        uri = FileUri.of(self.room.uri, stored)
        if self.announce is not None:
            await self.announce(uri, size)
        return uri

    async def _send(
        self,
        service: FileServiceClient,
        file: BinaryIO,
        size: int,
        chunk: int,
        transfer: FileTransfer[FileUri],
    ) -> str:
        name = await service.new_name(_extension(self.name))
        sent = 0
        try:
            while sent < size or not size:
                piece = await asyncio.to_thread(file.read, min(chunk, size - sent))
                if len(piece) == 0 and size:
                    raise _failed(f"{self.name} ended after {sent} of {size} bytes")
                if sent + len(piece) == size:
                    transfer._commit()
                await service.append(name, sent, piece, size)
                sent += len(piece)
                transfer._moved(sent, size)
                if not size:
                    break
        except BaseException:
            if sent:
                await self._take_back(service)
            raise
        return name

    async def _take_back(self, service: FileServiceClient) -> None:
        with contextlib.suppress(PerchatError, TimeoutError):
            async with asyncio.timeout(self.room.timers.goodbye):
                await service.cancel()


@dataclass(frozen=True, slots=True)
class Fetching:
    """
    A file on its way from a room.

    Attributes:
        stored: Its name in the store.
        name: What its author calls it.

    """

    room: FileRoom
    stored: str
    name: str
    destination: Destination

    async def __call__(self, transfer: FileTransfer[Path | None]) -> Path | None:
        """Fetch it, and return where it is; None for a stream."""
        place = await asyncio.to_thread(destination_of, self.destination, self.name)
        async with self.room.service(
            "getfdtok", self.name, ErrorCode.FILE_DOWNLOAD_FAILED
        ) as service:
            size, chunk = await service.size(self.stored), await service.chunk()
            transfer._moved(0, size)
            async with _in_thread(written(place)) as file:
                await self._fetch(service, file, size, chunk, transfer)
        return place if isinstance(place, Path) else None

    async def _fetch(
        self,
        service: FileServiceClient,
        file: BinaryIO,
        size: int,
        chunk: int,
        transfer: FileTransfer[Path | None],
    ) -> None:
        got = 0
        while got < size:
            piece = await service.read(self.stored, got, min(chunk, size - got))
            await asyncio.to_thread(file.write, piece)
            got += len(piece)
            transfer._moved(got, size)


def _extension(name: str) -> str:
    """Return what the store may know of a name: a plain ending, or nothing."""
    ending = PurePath(name).suffix.removeprefix(".")
    return ending if ending.isascii() and ending.isalnum() and len(ending) <= 16 else ""


@asynccontextmanager
async def _in_thread(context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave a context in a thread."""
    value = await asyncio.to_thread(context.__enter__)
    try:
        yield value
    except BaseException as error:
        leave = partial(context.__exit__, type(error), error, error.__traceback__)
        if not await asyncio.to_thread(leave):
            raise
    else:
        await asyncio.to_thread(context.__exit__, None, None, None)


def _too_large(size: int, largest: int) -> CommandFailed:
    return CommandFailed.of(
        ErrorCode.LIMIT_EXCEEDED, f"the file has {size} bytes, but {largest} are the most"
    )


def _failed(text: str) -> CommandFailed:
    return CommandFailed.of(ErrorCode.FILE_UPLOAD_FAILED, text)
