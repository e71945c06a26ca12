"""A client that has no password and signs nothing, for servers that trust it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from perchat.sip.compose import response_to
from perchat.sip.message import Headers, Request, Response
from perchat.sip.parser import StreamParser
from perchat.sip.serializer import serialize
from tests.server.harness import Raw, Sample, raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.server.config import ServerConfig
    from perchat.sip.header import CSeq
    from perchat.sip.message import Message

CHAT = "sip:perchat@example.com"
TEXT = ("Content-Type", "text/plain")


class Unsigned:
    """A client that has no password, and shows what comes back."""

    def __init__(self, peer: Raw, name: str) -> None:
        self.peer = peer
        self.uri = f"sip:{name}@example.com"
        self.requests: list[Request] = []
        self.call = "chat"
        self._parser = StreamParser()
        self._read: list[Message] = []
        self._answers: dict[tuple[str, CSeq], Response] = {}
        self._tags: dict[str, str] = {}
        self._number = 0

    def request(
        self, method: str, to: str, *headers: tuple[str, str], body: bytes = b"", call: str = "a"
    ) -> Request:
        self._number += 1
        tag = f";tag={self._tags[call]}" if call in self._tags else ""
        known = (
            ("Via", f"SIP/2.0/TCP 127.0.0.1:5999;branch=z9hG4bK{self._number}"),
            ("Max-Forwards", "70"),
            ("From", f"<{self.uri}>;tag=1;epid=cf0b98dadeb9"),
            ("To", f"<{to}>{tag}"),
            ("Call-ID", call),
            ("CSeq", f"{self._number} {method}"),
            ("Contact", f"<{self.uri};transport=tcp>"),
        )
        return Request(method, to, Headers((*known, *headers)), body)

    async def send(self, message: Message) -> None:
        await self.peer.send(serialize(message))

    async def ask(self, method: str, to: str, **options: object) -> Response:
        """Send a request and return its final answer; INFOs meanwhile are answered and kept."""
        asked = self.request(method, to, **options)  # type: ignore[arg-type]
        await self.send(asked)
        return await self.answer(asked)

    async def answer(self, asked: Request) -> Response:
        """Return the final answer to a request, whichever came before."""
        while (found := self._answers.pop((asked.call_id, asked.cseq), None)) is None:
            await self.next()
        self._tags.setdefault(asked.call_id, found.to.tag or "")
        return found

    async def next(self) -> None:
        """Take the next message in; a request is answered."""
        async with asyncio.timeout(10):
            while not self._read:
                found = self._parser.feed(await self.peer.reader.read(65536))
                self._read += [one for one in found if isinstance(one, Request | Response)]
        message = self._read.pop(0)
        if isinstance(message, Request):
            self.requests.append(message)
            await self.send(response_to(message, 200, "OK"))
        elif message.status >= 200:
            self._answers[message.call_id, message.cseq] = message

    async def told(self, what: bytes) -> bytes:
        """Return the first body told that holds ``what``."""
        while True:
            for request in self.requests:
                if what in request.body:
                    return request.body
            await self.next()

    async def register(self) -> Response:
        return await self.ask("REGISTER", self.uri, call="r")

    async def enter(self) -> None:
        """Register and open a session with the chat service."""
        assert (await self.register()).status == 200
        await self.open_session()

    async def open_session(self, call: str = "chat", agent: str = "") -> None:
        """Open a session, as a program that calls itself ``agent``; what is said goes there."""
        self.call = call
        named = [("User-Agent", agent)] if agent else []
        asked = self.request("INVITE", CHAT, *named, call=call)
        await self.send(asked)
        assert (await self.answer(asked)).status == 200
        ack = self.request("ACK", CHAT, call=call)
        number = ("CSeq", f"{asked.cseq.number} ACK")
        await self.send(Request("ACK", CHAT, ack.headers.replaced(*number)))

    def info(self, body: bytes) -> Request:
        envelope = b'<xccos ver="1" envid="7" xmlns="urn:parlano:xml:ns:xccos">%b</xccos>' % body
        return self.request("INFO", CHAT, TEXT, body=envelope, call=self.call)

    async def say(self, body: bytes) -> int:
        asked = self.info(body)
        await self.send(asked)
        return (await self.answer(asked)).status

    async def join(self, room: str) -> bytes:
        """Join and return the reply."""
        guid = room.rpartition("/")[2]
        key = f'<chanid key="0" domain="example.com" value="{guid}"/>'.encode()
        await self.say(b'<cmd id="cmd:join" seqid="1"><data>%b</data></cmd>' % key)
        return await self.told(b'id="rpl:join"')


def trusting(config: ServerConfig, *trust: str) -> ServerConfig:
    sign_in = msgspec.structs.replace(config.sign_in, trust=trust)
    return msgspec.structs.replace(config, sign_in=sign_in)


@contextlib.asynccontextmanager
async def client(sample: Sample, name: str) -> AsyncIterator[Unsigned]:
    async with raw(sample.tcp) as peer:
        yield Unsigned(peer, name)


async def room_of(sample: Sample, name: str) -> str:
    async with sample.admin() as admin:
        return next(one.room.uri for one in await admin.rooms() if one.room.name == name)


def post(room: str, author: str, text: str) -> bytes:
    return (
        f'<grpchat id="grpchat" seqid="1" chanUri="{room}" author="{author}"'
        f' ts="2026-01-02T03:04:05Z"><chat>{text}</chat></grpchat>'
    ).encode()
