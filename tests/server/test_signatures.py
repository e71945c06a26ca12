"""Signed messages that a server must not take, sent to a real one over TCP."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import pytest

from perchat.lync.authentication import Initiator
from perchat.lync.diagnostics import read_diagnostics
from perchat.sip.message import Message, Request, Response
from perchat.sip.parser import StreamParser
from perchat.sip.serializer import serialize
from tests.lync.values import AT, answered, request, with_headers
from tests.server.harness import PASSWORD, Raw, make_sample, raw, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CONTACT = (
    "Contact",
    '<sip:127.0.0.1:5999>;proxy=replace;+sip.instance="<urn:uuid:41EA37C4-4A6F-5A0A-8E06-77A5BA0D0B76>"',
)


class Signer:
    """A client of which every message can be altered after it was signed."""

    def __init__(self, peer: Raw) -> None:
        self.peer = peer
        self.initiator = Initiator(username="alice", password=PASSWORD, random=secrets.token_bytes)
        self._parser = StreamParser()
        self._number = 0

    def next(self, method: str, sender: str = "alice") -> Request:
        self._number += 1
        return request(
            method,
            self._number,
            ("Max-Forwards", "70"),
            CONTACT,
            sender=f"<sip:{sender}@example.com>;tag=1;epid=cf0b98dadeb9",
        )

    async def sign_in(self) -> None:
        asked = self.next("REGISTER")
        told = await self.exchange(asked)
        while told.status == 401:
            headers = answered(self.initiator, told, asked, AT)
            asked = with_headers(self.next("REGISTER"), headers)
            told = await self.exchange(self.initiator.seal(asked))
        assert told.status == 200
        assert self.initiator.established

    async def exchange(self, message: Message) -> Response:
        await self.peer.send(serialize(message))
        async with asyncio.timeout(10):
            while True:
                for found in self._parser.feed(await self.peer.reader.read(65536)):
                    if isinstance(found, Response):
                        self.initiator.check(found)
                        return found

    async def refusal(self, message: Message) -> tuple[int, int, str]:
        told = await self.exchange(message)
        why = read_diagnostics(told.headers)
        return told.status, why.code, why.reason


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Signer]:
    async with running(await make_sample(tmp_path / "data")) as sample, raw(sample.tcp) as peer:
        signer = Signer(peer)
        await signer.sign_in()
        yield signer


async def test_a_signed_message_is_taken_once(alice: Signer) -> None:
    signed = alice.initiator.seal(alice.next("MESSAGE"))
    first = await alice.exchange(signed)
    assert first.status not in (401, 403)
    assert await alice.refusal(signed) == (
        401,
        1000,
        "The signature of the request was seen before",
    )


async def test_a_message_altered_on_its_way_is_refused(alice: Signer) -> None:
    signed = alice.initiator.seal(alice.next("MESSAGE"))
    assert isinstance(signed, Request)
    altered = Request(
        signed.method, signed.uri, signed.headers.replaced("To", "<sip:bob@example.com>")
    )
    assert await alice.refusal(altered) == (401, 1000, "The signature of the request is wrong")


@pytest.mark.parametrize("method", ["MESSAGE", "REGISTER"])
async def test_nobody_signs_for_another(alice: Signer, method: str) -> None:
    forged = alice.initiator.seal(alice.next(method, sender="bob"))
    status, code, _ = await alice.refusal(forged)
    assert (status, code) == (403, 4004)


async def test_after_all_that_the_sign_in_still_stands(alice: Signer) -> None:
    assert await alice.refusal(alice.next("MESSAGE")) == (401, 0, "")
    again = alice.initiator.seal(alice.next("REGISTER"))
    assert (await alice.exchange(again)).status == 200
