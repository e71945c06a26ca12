"""A raw client that signs in and signs: every message of it can be altered, every answer read."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.lync.authentication import Initiator
from perchat.lync.diagnostics import read_diagnostics
from perchat.sip.compose import response_to
from perchat.sip.message import Message, Request, Response
from perchat.sip.parser import StreamParser
from perchat.sip.serializer import serialize
from tests.lync.values import AT, answered, request, with_headers
from tests.server.harness import PASSWORD

if TYPE_CHECKING:
    from tests.server.harness import Raw

__all__ = ["CONTACT", "Signer"]

CHAT = "sip:perchat@example.com"
CONTACT = (
    "Contact",
    '<sip:127.0.0.1:5999>;proxy=replace;+sip.instance="<urn:uuid:41EA37C4-4A6F-5A0A-8E06-77A5BA0D0B76>"',
)


class Signer:
    """
    Alice, without a user agent: what she sends and how she answers is up to the test.

    Attributes:
        untold: What the server sent and nobody has asked for yet.

    """

    def __init__(
        self, peer: Raw, name: str = "alice", password: str = PASSWORD, device: str = "cf0b98dadeb9"
    ) -> None:
        self.peer = peer
        self.name = name
        self.device = device
        self.initiator = Initiator(username=name, password=password, random=secrets.token_bytes)
        self.untold: deque[Message] = deque()
        self._parser = StreamParser()
        self._number = 0

    def next(
        self,
        method: str,
        *extra: tuple[str, str],
        sender: str = "",
        call_id: str = "call",
        to: str = "",
        body: bytes = b"",
    ) -> Request:
        """Return the next request, unsigned; ``to`` is the To of an answer: in that dialog."""
        self._number += 1
        made = request(
            method,
            self._number,
            ("Max-Forwards", "70"),
            CONTACT,
            *extra,
            sender=f"<sip:{sender or self.name}@example.com>;tag=1;epid={self.device}",
            call_id=call_id,
        )
        headers = made.headers.replaced("To", to or f"<sip:{self.name}@example.com>")
        return replace(made, headers=headers, body=body)

    async def sign_in(self) -> None:
        told = await self.try_to_sign_in()
        assert told.status == 200
        assert self.initiator.established

    async def try_to_sign_in(self) -> Response:
        """Return the answer to the proof, or the one that ends it before."""
        asked = self.next("REGISTER")
        told = await self.exchange(asked)
        for _ in range(2):
            if told.status != 401:
                break
            headers = answered(self.initiator, told, asked, AT)
            asked = with_headers(self.next("REGISTER"), headers)
            told = await self.exchange(self.initiator.seal(asked))
        return told

    async def open_session(self) -> str:
        """Open a session with the chat service; return the To that its requests have."""
        asked = self.next("INVITE", call_id="chat", to=f"<{CHAT}>")
        asked = replace(asked, uri=CHAT)
        called = await self.exchange(self.initiator.seal(asked))
        assert called.status == 200
        to = called.headers.get("To") or ""
        await self.send(replace(self._numbered("ACK", asked.cseq.number, to), uri=CHAT))
        return to

    def info(self, to: str, body: bytes) -> Request:
        """Return an INFO of the session, unsigned."""
        made = self.next("INFO", ("Content-Type", "text/plain"), call_id="chat", to=to, body=body)
        via = f"SIP/2.0/tcp 127.0.0.1:57494;branch=z9hG4bK.{made.cseq.number}"
        return replace(made, uri=CHAT, headers=made.headers.replaced("Via", via))

    def _numbered(self, method: str, number: int, to: str) -> Request:
        self._number -= 1
        made = self.next(method, call_id="chat", to=to)
        return replace(made, headers=made.headers.replaced("CSeq", f"{number} {method}"))

    async def send(self, message: Message) -> None:
        """Sign and send."""
        await self.peer.send(serialize(self.initiator.seal(message)))

    async def exchange(self, message: Message) -> Response:
        """Send as it is and return the next answer; requests of the server wait meanwhile."""
        await self.peer.send(serialize(message))
        found = await self._told(Response)
        assert isinstance(found, Response)
        return found

    async def told(self) -> Request:
        """Return the next request of the server."""
        found = await self._told(Request)
        assert isinstance(found, Request)
        return found

    async def answer(self, asked: Request, status: int = 200) -> None:
        """Answer a request of the server, signed."""
        await self.send(response_to(asked, status, "Answered"))

    async def refusal(self, message: Message) -> tuple[int, int, str]:
        told = await self.exchange(message)
        why = read_diagnostics(told.headers)
        return told.status, why.code, why.reason

    async def _told(self, kind: type[Message]) -> Message:
        async with asyncio.timeout(10):
            while True:
                for one in self.untold:
                    if isinstance(one, kind):
                        self.untold.remove(one)
                        return one
                for found in self._parser.feed(await self._read()):
                    assert isinstance(found, Request | Response)
                    self.initiator.check(found)
                    self.untold.append(found)

    async def _read(self) -> bytes:
        data = await self.peer.reader.read(65536)
        assert data, "the server closed the connection"
        return data
