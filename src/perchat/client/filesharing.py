"""What every room session offers for files: sending, fetching, and finding what was sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perchat.client.fileends import checked_file_name
from perchat.client.filejobs import Fetching, Sending
from perchat.client.transfer import FileTransfer
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.history import HistoryQuery, Match
from perchat.model.parts import FilePart
from perchat.model.uri import FileUri

if TYPE_CHECKING:
    import asyncio
    import os
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path
    from typing import BinaryIO

    from perchat.client.filejobs import FileRoom
    from perchat.model.message import Message
    from perchat.model.uri import RoomUri

__all__ = ["FileSharing", "PostedFile"]

_LINK = "ma-filelink"


@dataclass(frozen=True, slots=True)
class PostedFile:
    """A file, and the message that it was posted with."""

    part: FilePart
    message: Message


class FileSharing(ABC):
    """A room's files."""

    def upload(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        *,
        name: str | None = None,
        post: bool = True,
    ) -> FileTransfer[FileUri]:
        """
        Send a file to the room and post it, so that everybody there can fetch it.

        Args:
            source: A path, or a binary stream, which is read from where it stands.
            name: What others see it called; the file's own name without it.
            post: Whether to post it; else that is left to you, see ``FilePart.of``.

        The transfer's result is the file's address. A missing or unreadable file is an
        OSError, as ever.

        Raises:
            ValueError: The file has no name.
            SessionStateError: Not in the room.
            PermissionDenied: The room takes no files, or we may not post; raised at once.
            LimitExceeded: It is too large; nothing was sent.
            UploadFailed, InvalidToken: The file service did not take it.
            TlsFailure, ConnectionFailure, OperationTimeout: As they say.

        """
        called = checked_file_name(source, name)
        room = self._file_room()
        if not self._takes_files():
            raise CommandFailed.of(
                ErrorCode.ERROR_PERMISSION,
                "no files can be posted here: see can_post and can_post_files",
                request="getfutok",
            )

        async def announce(uri: FileUri, size: int) -> None:
            await self._announce(FilePart.of(called, uri, size).raw)

        sending = Sending(room, source, called, announce if post else None)
        stopped = CommandFailed.of(ErrorCode.FILE_UPLOAD_FAILED, "the upload was cancelled")
        return FileTransfer(sending, self._spawn, stopped, f"upload of {called}")

    def download(
        self, file: FilePart | PostedFile | str, destination: str | os.PathLike[str] | BinaryIO
    ) -> FileTransfer[Path | None]:
        """
        Fetch a file that was posted here.

        Args:
            file: What a message holds, what ``files`` found, or an address.
            destination: A path, a folder, or a binary stream. A file appears at a path
                when all of it has come, in the place of one that was there; in a folder it
                is called as its author called it, and nothing is overwritten.

        The transfer's result is the path; None for a stream.

        Raises:
            ValueError: It is no file of this room.
            SessionStateError: Not in the room.
            PermissionDenied: We may not read here.
            DownloadFailed, InvalidToken: The file service does not give it.
            TlsFailure, ConnectionFailure, OperationTimeout: As they say.

        """
        room = self._file_room()
        part = file.part if isinstance(file, PostedFile) else file
        uri = part.uri if isinstance(part, FilePart) else part
        stored = _stored_name(uri, room.uri)
        name = part.name if isinstance(part, FilePart) else stored
        stopped = CommandFailed.of(ErrorCode.FILE_DOWNLOAD_FAILED, "the download was cancelled")
        fetching = Fetching(room, stored, name, destination)
        return FileTransfer(fetching, self._spawn, stopped, f"download of {name}")

    async def files(self) -> AsyncIterator[PostedFile]:
        """
        Iterate over the files that were posted here, the newest first.

        They are found in the room's history: where none is kept, there are none.

        Raises:
            SessionStateError: Not in the room.
            NotSupported: The service cannot search.
            CommandFailed: The service refused.

        """
        query = HistoryQuery(_LINK, match=Match.PHRASE, newest_first=True)
        async with aclosing(self._found(query)) as found:
            async for message in found:
                for part in message.parts:
                    if isinstance(part, FilePart):
                        yield PostedFile(part, message)

    # --- what a session has to say ---

    @abstractmethod
    def _file_room(self) -> FileRoom:
        """Return the room; SessionStateError when we are in none."""

    @abstractmethod
    def _takes_files(self) -> bool:
        """Tell whether the room takes files, and from us."""

    @abstractmethod
    async def _announce(self, text: str) -> None:
        """Post a text."""

    @abstractmethod
    def _found(self, query: HistoryQuery) -> Any:
        """Return the messages that match, as an asynchronous generator."""

    @abstractmethod
    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something for as long as the chat lives."""


def _stored_name(uri: str, room: RoomUri) -> str:
    """Return a file's name in the store; ValueError for one of another room, or none."""
    try:
        address = FileUri(uri)
    except ValueError:  # another server's way of writing them; its end is the name
        if uri.partition(":")[0].lower() == _LINK and (name := uri.rpartition("/")[2]):
            return name
        raise
    if address.room != room:
        raise ValueError(f"that file is in the room {address.room}; fetch it there")
    return address.name
