"""
What the file web service does, one row an operation.

Rights are asked for anew with every piece: who is put out of a room while a file is on
its way does not finish. A refusal is raised; the web turns it into a fault.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from perchat.errors import CommandFailed, ErrorCode
from perchat.store.filestore import checked_name, new_name
from perchat.xccos.fileservice import CANCEL, chunk_of, chunk_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from perchat.chat.service import ChatService
    from perchat.server.config import FilesConfig
    from perchat.server.filequota import UploadQuota
    from perchat.server.filetokens import FileTokens, Transfer
    from perchat.server.threads import Threads
    from perchat.store.filestore import FileStore
    from perchat.xccos.fileservice import Call

__all__ = ["FileOperations"]

_log = logging.getLogger(__name__)
_KILOBYTE = 1024
_TWICE = 2  # each byte may be fetched again once, as when an answer was lost


class FileOperations:
    """Takes calls; whoever makes one shows a token."""

    def __init__(
        self,
        chat: ChatService,
        store: FileStore,
        tokens: FileTokens,
        quota: UploadQuota,
        config: FilesConfig,
        *,
        now: Callable[[], float],
        threads: Threads,
    ) -> None:
        self._chat = chat
        self._store = store
        self._tokens = tokens
        self._quota = quota
        self._largest = config.file_kilobytes * _KILOBYTE
        self._chunk = config.chunk_kilobytes * _KILOBYTE
        self._now = now
        self._in_thread = threads.run
        self._rows: dict[str, Callable[[Call], Awaitable[str | None]]] = {
            "GetMaxFileSizeInKB": self._max_file_size,
            "GetMaxRequestContentInKB": self._max_request_content,
            "RequestUniqueFilenameWithExtension": self._unique_file_name,
            "AppendChunk": self._append_chunk,
            "GetFileSize": self._file_size,
            "DownloadChunk": self._download_chunk,
            CANCEL: self._cancel,
        }

    async def carry_out(self, call: Call) -> str | None:
        """
        Return what an operation returns.

        Raises:
            CommandFailed: It is refused.
            StorageError: The disk is full or broken.

        """
        row = self._rows.get(call.operation)
        if row is None:
            raise CommandFailed.of(
                ErrorCode.MSG_NOT_SUPPORTED, f"there is no operation {call.operation}"
            )
        return await row(call)

    async def clear_up(self) -> None:
        """Remove what is left of transfers whose time is over."""
        for transfer in self._tokens.overdue(self._now()):
            if not transfer.turn.locked():
                await self._discard(transfer)

    # --- what the service allows ---

    async def _max_file_size(self, _call: Call) -> str:
        return str(self._largest // _KILOBYTE)

    async def _max_request_content(self, _call: Call) -> str:
        return str(self._chunk // _KILOBYTE)

    # --- sending ---

    async def _unique_file_name(self, call: Call) -> str:
        if call.get("token"):
            self._transfer(call, sends=True)
        extension = call.get("extension") or call.get("fileExtension")
        try:
            return new_name(extension)
        except ValueError as error:
            raise _refused(
                ErrorCode.INVALID_ARGUMENT, f"not an extension: {extension[:40]!r}"
            ) from error

    async def _append_chunk(self, call: Call) -> None:
        transfer = self._transfer(call, sends=True)
        async with self._turn(transfer):
            size, offset = call.number("fileLength"), call.number("offset")
            name = _named(call, "uniqueFilename")
            self._check_place(transfer, name, size, offset)
            chunk = await self._in_thread(lambda: chunk_of(call.get("fileChunk")))
            self._check_chunk(transfer, chunk, size)
            self._make_room(transfer, size)
            transfer.name, transfer.size = name, size
            await self._keep(transfer, chunk)

    def _check_place(self, transfer: Transfer, name: str, size: int, offset: int) -> None:
        if size > self._largest:
            raise _refused(
                ErrorCode.LIMIT_EXCEEDED,
                f"a file of {size} bytes, but {self._largest} are the most",
            )
        if (transfer.name or name, transfer.size) not in ((name, None), (name, size)):
            raise _refused(ErrorCode.INVALID_TOKEN, "that token is for another file")
        if offset != transfer.moved:
            raise _refused(
                ErrorCode.INVALID_ARGUMENT,
                f"a chunk at {offset}, but the next one begins at {transfer.moved}",
            )

    def _check_chunk(self, transfer: Transfer, chunk: bytes, size: int) -> None:
        if len(chunk) > self._chunk:
            raise _refused(
                ErrorCode.LIMIT_EXCEEDED,
                f"a chunk of {len(chunk)} bytes, but {self._chunk} are the most",
            )
        if transfer.moved + len(chunk) > size:
            raise _refused(
                ErrorCode.INVALID_ARGUMENT,
                f"{transfer.moved + len(chunk)} bytes of a file that has {size}",
            )
        if not chunk and size:
            raise _refused(ErrorCode.INVALID_ARGUMENT, "an empty chunk")

    def _make_room(self, transfer: Transfer, size: int) -> None:
        """Reserve what the file takes; what is ended for it is cleared up soon."""
        now = self._now()
        for ended in self._quota.begin(transfer, size, now):
            ended.expires_at = now
            _log.info("an upload of %s ended: it stood still, and room was needed", ended.user)

    async def _keep(self, transfer: Transfer, chunk: bytes) -> None:
        """Write a chunk; with the last one the file is there, and on the disk."""
        store, offset, incoming = self._store, transfer.moved, transfer.incoming
        transfer.moved += len(chunk)
        try:
            await self._in_thread(lambda: store.append(incoming, offset, chunk))
            if transfer.moved == transfer.size:
                room, name = transfer.room.guid, transfer.name
                await self._in_thread(lambda: store.finish(incoming, room, name))
        except BaseException:
            await self._discard(transfer)
            raise
        if transfer.moved == transfer.size:
            self._quota.end(transfer)
            self._tokens.forget(transfer)
            _log.info(
                "%s put %s (%d bytes) into %s",
                transfer.user,
                transfer.name,
                transfer.moved,
                transfer.room,
            )

    async def _cancel(self, call: Call) -> None:
        transfer = self._transfer(call)
        async with transfer.turn:
            await self._discard(transfer)

    async def _discard(self, transfer: Transfer) -> None:
        self._quota.end(transfer)
        self._tokens.forget(transfer)
        if transfer.sends:
            await self._in_thread(lambda: self._store.discard(transfer.incoming))

    # --- fetching ---

    async def _file_size(self, call: Call) -> str:
        transfer = self._transfer(call, sends=False)
        async with self._turn(transfer):
            return str(await self._size(transfer, _named(call, "reposFileName")))

    async def _download_chunk(self, call: Call) -> str:
        transfer = self._transfer(call, sends=False)
        offset, count = call.number("offset"), call.number("bufferSize")
        if count > self._chunk:
            raise _refused(
                ErrorCode.LIMIT_EXCEEDED,
                f"a chunk of {count} bytes, but {self._chunk} are the most",
            )
        async with self._turn(transfer):
            size = await self._size(transfer, _named(call, "reposFileName"))
            if transfer.moved + min(count, max(size - offset, 0)) > _TWICE * size:
                raise _refused(ErrorCode.INVALID_TOKEN, "the whole file was fetched with it")
            room, name = transfer.room.guid, transfer.name
            chunk = await self._in_thread(lambda: self._store.read(room, name, offset, count))
            transfer.moved += len(chunk)
        return chunk_text(chunk)

    async def _size(self, transfer: Transfer, name: str) -> int:
        """Return the size of the file, which the token is for from now on."""
        if transfer.name not in ("", name):
            raise _refused(ErrorCode.INVALID_TOKEN, "that token is for another file")
        if transfer.size is None:
            room = transfer.room.guid
            transfer.size = await self._in_thread(lambda: self._store.size(room, name))
        if transfer.size is None:
            raise _refused(ErrorCode.FILE_DOWNLOAD_FAILED, "there is no such file in the room")
        transfer.name = name
        return transfer.size

    # --- leave ---

    def _transfer(self, call: Call, *, sends: bool | None = None) -> Transfer:
        """Return the transfer that the caller has leave for, and still the rights."""
        transfer = self._tokens.find(call.get("token"), self._now())
        room = call.get("channelId").lower()
        if transfer is None or sends not in (None, transfer.sends):
            raise _refused(ErrorCode.INVALID_TOKEN, "the token expired, or was used")
        if room not in ("", transfer.room.guid):
            raise _refused(ErrorCode.INVALID_TOKEN, "the token is for another room")
        ask = self._chat.refusal_to_upload if transfer.sends else self._chat.refusal_to_download
        if refusal := ask(transfer.user, transfer.room):
            raise _refused(refusal.code, refusal.text)
        return transfer

    @asynccontextmanager
    async def _turn(self, transfer: Transfer) -> AsyncIterator[None]:
        if transfer.turn.locked():
            raise _refused(
                ErrorCode.INVALID_FLOW_OF_OPERATIONS, "another chunk of the file is on its way"
            )
        async with transfer.turn:
            yield


def _named(call: Call, argument: str) -> str:
    try:
        return checked_name(call.get(argument))
    except ValueError as error:
        raise _refused(ErrorCode.INVALID_ARGUMENT, str(error)) from error


def _refused(code: ErrorCode, text: str) -> CommandFailed:
    return CommandFailed.of(code, text)
