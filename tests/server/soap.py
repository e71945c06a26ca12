"""The file web service as a stranger calls it: documents written by hand, Python's plain HTTP."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

import perchat
from perchat.server.admin import administration
from perchat.xccos.blocks import FileToken, FileTokenQuery
from tests.server.harness import make_sample

if TYPE_CHECKING:
    from pathlib import Path

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.server.admin import Admin
    from perchat.server.config import ServerConfig

ENVELOPE = """<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
  <{0} xmlns="http://www.microsoft.com">{1}</{0}>
</s:Body></s:Envelope>"""
PATH = "/PersistentChat/MGCWebService.asmx"
NOBODYS = "12345678-1234-4123-8123-123456789abc"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: str

    @property
    def result(self) -> str:
        assert self.status == 200, self.body
        found = re.search(r"<(\w+)Result>(.*?)</\1Result>", self.body, re.DOTALL)
        return found[2] if found else ""

    @property
    def fault(self) -> tuple[perchat.ErrorCode, str]:
        assert self.status == 500, (self.status, self.body)
        code = re.search(r"<ErrorCode[^>]*>(\d+)</ErrorCode>", self.body)
        text = re.search(r"<faultstring>(.*?)</faultstring>", self.body, re.DOTALL)
        assert code is not None
        assert text is not None
        return perchat.ErrorCode(int(code[1])), text[1]


class Soap:
    """Calls operations with a token."""

    def __init__(self, granted: FileToken, ca: Path, room: str = "") -> None:
        self.token = granted.token
        self.room = room
        self.url = urlsplit(granted.service)
        self._ca = ca

    async def post(self, body: bytes, **headers: str) -> Answer:
        return await asyncio.to_thread(self._post, body, headers)

    async def call(self, operation: str, **arguments: object) -> Answer:
        given = {"token": self.token, "channelId": self.room} | arguments
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in given.items())
        action = f'"http://www.microsoft.com/{operation}"'
        return await self.post(ENVELOPE.format(operation, inner).encode(), SOAPAction=action)

    async def append(self, name: str, offset: int, data: bytes, size: int) -> Answer:
        chunk = base64.b64encode(data).decode()
        return await self.call(
            "AppendChunk", uniqueFilename=name, fileChunk=chunk, offset=offset, fileLength=size
        )

    async def new_name(self, extension: str = "txt") -> str:
        return (await self.call("RequestUniqueFilenameWithExtension", extension=extension)).result

    async def fetch(self, name: str, offset: int, count: int) -> Answer:
        return await self.call("DownloadChunk", reposFileName=name, offset=offset, bufferSize=count)

    def _post(self, body: bytes, headers: dict[str, str]) -> Answer:
        assert self.url.hostname is not None
        if self.url.scheme == "https":
            context = ssl.create_default_context(cafile=self._ca)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.url.hostname, self.url.port, context=context, timeout=20
            )
        else:
            connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=20)
        with contextlib.closing(connection):
            sent = {"Content-Type": "text/xml; charset=utf-8", **headers}
            connection.request("POST", self.url.path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode())


async def leave_to(
    chat: PersistentChatEndpoint, command: str, room: perchat.RoomUri, ca: Path
) -> Soap:
    """Ask for a token, as the original's clients do."""
    granted = await chat.command(command, FileTokenQuery(room, "plan.txt"), FileToken)
    return Soap(granted, ca, room.guid)


async def add_file_rooms(admin: Admin) -> None:
    """Make rooms with files: Plans (alice, bob) and Hall (alice presents, bob listens)."""
    await admin.add_category("Shared", file_posts=True)
    await admin.add_room("Plans", "Shared", members=("alice", "bob"), managers=("alice",))
    await admin.add_room(
        "Hall",
        "Shared",
        behavior=perchat.Behavior.AUDITORIUM,
        members=("alice", "bob"),
        presenters=("alice",),
    )


async def with_files(folder: Path, **files: float) -> ServerConfig:
    """
    Return a sample domain with files in some rooms.

    Plans (alice, bob) and Hall (alice presents, bob listens) have files, General has none.
    """
    config = await make_sample(folder)
    async with administration(config) as admin:
        await add_file_rooms(admin)
    if files:
        changed = msgspec.structs.replace(config.files, **files)
        config = msgspec.structs.replace(config, files=changed)
    return config


def stored(config: ServerConfig) -> list[str]:
    """Return all that is on the disk, unfinished files included."""
    folder = config.path(config.paths.files)
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
