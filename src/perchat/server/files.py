"""
Files in rooms, the server's part: leave for transfers, where they go, and their web service.

Disks are touched in threads of their own, so that neither the loop nor the database
waits for a file.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.chat.refusal import Refusal
from perchat.net.http import HttpLimits, HttpListener, listen_http
from perchat.server.config import is_loopback, split_address
from perchat.server.fileoperations import FileOperations
from perchat.server.filequota import UploadQuota
from perchat.server.filetokens import FileTokens
from perchat.server.fileweb import file_application
from perchat.server.threads import Threads
from perchat.store.filestore import FileStore
from perchat.xccos.blocks import FileToken
from perchat.xccos.fileservice import SERVICE_PATH

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from perchat.chat.service import ChatService
    from perchat.model.uri import RoomUri
    from perchat.net.quota import Quota
    from perchat.server.config import ServerConfig
    from perchat.server.session import ChatSession

__all__ = ["FileFigures", "FileService", "open_files"]

_log = logging.getLogger(__name__)
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
_CLEARING = 5.0  # seconds between looks for what is overdue
_PATIENCE = 5.0  # seconds for requests to end


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFigures:
    """
    How the bounds of the file service are used, since the start.

    Attributes:
        connections_closed: Unfinished connections that were closed to make room.
        connections_refused: Connections that were answered 503.
        unfinished_bytes: What uploads under way have announced, now.
        uploads_ended: Uploads that stood still and were ended to make room.
        uploads_refused: Uploads for which there was no room.

    """

    connections_closed: int = 0
    connections_refused: int = 0
    unfinished_bytes: int = 0
    uploads_ended: int = 0
    uploads_refused: int = 0


class FileService:
    """
    What sessions ask for leave, and where they are sent.

    Attributes:
        addresses: Where the web service listens, by whether that is TLS.

    """

    def __init__(self, config: ServerConfig, chat: ChatService, quota: Quota) -> None:
        self._config = config
        self._strangers = quota
        self._chat = chat
        self._loop = asyncio.get_running_loop()
        self._threads = Threads(config.files.workers, "perchat-files")
        self._tokens = FileTokens(
            seconds=config.files.token_seconds, per_user=config.files.tokens_per_user
        )
        self._store = FileStore(config.path(config.paths.files), config.node)
        self._quota = UploadQuota(config.files)
        self._operations = FileOperations(
            chat,
            self._store,
            self._tokens,
            self._quota,
            config.files,
            now=self._loop.time,
            threads=self._threads,
        )
        self._listeners: list[HttpListener] = []

    @property
    def addresses(self) -> dict[bool, str]:
        """Where the web service listens, ``host:port``, by whether that is TLS."""
        return {one.secure: one.host_port for one in self._listeners}

    @property
    def figures(self) -> FileFigures:
        """How much is unfinished, and what was refused or ended to keep the bounds."""
        return FileFigures(
            connections_closed=sum(one.closed_for_others for one in self._listeners),
            connections_refused=sum(one.refused for one in self._listeners),
            unfinished_bytes=self._quota.held,
            uploads_ended=self._quota.ended,
            uploads_refused=self._quota.refused,
        )

    # --- its life ---

    async def open(self, tls: ssl.SSLContext | None) -> None:
        """
        Listen where the settings say.

        Raises:
            ConfigurationError: The folder cannot be used.
            ConnectionFailure: An address is taken.

        """
        application = file_application(self._operations, self._config.files, self._threads)
        wanted = ((self._config.listen.https, tls), (self._config.listen.http, None))
        for address, context in wanted:
            if address:
                host, port = split_address(address)
                self._listeners.append(
                    await listen_http(
                        application,
                        host,
                        port,
                        tls=context,
                        limits=self._limits,
                        patience=self._config.listen.patience,
                        quota=self._strangers,
                    )
                )
        await self._threads.run(self._store.open)  # last: it removes what is unfinished

    async def close(self) -> None:
        """Let requests end, then stop; what is unfinished goes with the next start."""
        await asyncio.gather(*(listener.close(_PATIENCE) for listener in self._listeners))
        self._threads.close()

    async def clear_up(self) -> None:
        """Remove what is overdue, again and again."""
        while True:
            await asyncio.sleep(_CLEARING)
            try:
                await self._operations.clear_up()
            except Exception:  # whatever it is, others will be overdue as well
                _log.exception("unfinished files could not be cleared up")

    # --- from sessions ---

    def grant(self, session: ChatSession, room: RoomUri, *, sends: bool) -> Refusal | FileToken:
        """Give a session's user leave for one transfer, or return why not."""
        user = session.user.uri
        if sends:
            refusal = self._chat.refusal_to_upload(user, room, session=session.id)
        else:
            refusal = self._chat.refusal_to_download(user, room)
        if refusal:
            return refusal
        transfer = self._tokens.issue(user, room, sends=sends, now=self._loop.time())
        return FileToken(transfer.token, self.url(*session.arrival))

    def url(self, host: str, secure: bool) -> str:
        """Return where a client finds the web service that came to ``host``, by TLS or not."""
        wanted = next((one for one in self._listeners if one.secure is secure), self._listeners[0])
        if wanted.secure and self._config.files.url:
            return self._config.files.url.rstrip("/") + SERVICE_PATH
        scheme = "https" if wanted.secure else "http"
        name = self._host_for(wanted, host)
        return f"{scheme}://{name}:{wanted.address[1]}{SERVICE_PATH}"

    def _host_for(self, listener: HttpListener, host: str) -> str:
        """Return our name; clients on this machine stay on it, as names may not lead here."""
        where = listener.address[0]
        if not is_loopback(where) and not (where in _EVERYWHERE and is_loopback(host)):
            return self._config.host_name
        near = where if is_loopback(where) else host
        return f"[{near}]" if ":" in near else near

    # --- inside ---

    @property
    def _limits(self) -> HttpLimits:
        files = self._config.files
        return HttpLimits(
            connections=files.connections,
            address_connections=files.address_connections,
            head_seconds=files.head_seconds,
            exchange_seconds=files.request_seconds * 2,
        )


@asynccontextmanager
async def open_files(
    config: ServerConfig, chat: ChatService, quota: Quota, tls: ssl.SSLContext | None
) -> AsyncIterator[FileService | None]:
    """Run the file service for as long as the block runs; None where the settings have none."""
    if not config.listen.https and not config.listen.http:
        yield None
        return
    service = FileService(config, chat, quota)
    clearing: asyncio.Task[None] | None = None
    try:
        await service.open(tls)
        clearing = asyncio.get_running_loop().create_task(service.clear_up())
        yield service
    finally:
        if clearing is not None:
            clearing.cancel()
        await service.close()
