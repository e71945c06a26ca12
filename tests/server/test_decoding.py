"""Documents of many elements: in their turn, beside the loop, and no more than a session may."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from perchat.server.decoding import Decoding, is_large, tags_to_pay_for
from perchat.sip.serializer import serialize
from tests.server.harness import Sample, make_sample, running
from tests.server.unsigned import Unsigned, client, post, room_of, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.xccos.primitives import Envelope

ELEMENTS = 49_900


def padded(command: str, elements: int = ELEMENTS) -> bytes:
    """Return a command with so many elements that nobody knows."""
    inner = "<a/>" * elements
    return f'<cmd id="cmd:{command}" seqid="1"><data>{inner}</data></cmd>'.encode()


@pytest.fixture
async def sample(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Sample]:
    caplog.set_level(logging.INFO)
    config = trusting(await make_sample(tmp_path / "data", inbox=5), "127.0.0.1")
    async with running(config) as sample:
        yield sample


@pytest.mark.parametrize(
    ("body", "tags", "large"),
    [
        (b"<a/>" * 400, 0, False),
        (b"x" * 5000 + b"<a/>" * 50, 0, False),
        (b"x" * 5000 + b"<a/>" * 101, 101, False),
        (b"<a/>" * 600, 600, True),
    ],
)
def test_only_bodies_that_take_long_are_counted(body: bytes, tags: int, large: bool) -> None:
    assert (tags_to_pay_for(body), is_large(tags_to_pay_for(body))) == (tags, large)


async def test_a_large_document_keeps_its_place_between_posts(sample: Sample) -> None:
    room = await room_of(sample, "General")
    leave = padded("part", 2000).replace(b"<data>", f'<data><chanib uri="{room}"/>'.encode())
    async with client(sample, "alice") as alice:
        await alice.enter()
        await alice.join(room)
        line = post(room, alice.uri, "x")
        asked = [alice.info(body) for body in (line, leave, line)]
        for one in asked:
            await alice.send(one)
        assert [(await alice.answer(one)).status for one in asked] == [200, 200, 412]


async def test_a_large_document_that_is_none_is_refused_as_a_small_one_is(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    async with client(sample, "alice") as alice:
        await alice.enter()
        assert await alice.say(b"<a/>" * 5000 + b"<b>") == 400
        assert await alice.say(padded("nothing", 60_000)) == 400
        assert await alice.say(padded("nothing", 1000)) == 200
    assert "unreadable body: not well-formed XML" in caplog.text
    assert "unreadable body: XML with more than 50000 tags" in caplog.text


async def test_what_the_inbox_has_no_room_for_is_not_decoded(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    decode = Decoding.decode

    async def counting(decoding: Decoding, body: bytes) -> Envelope:
        decoded.append(len(body))
        return await decode(decoding, body)

    monkeypatch.setattr(Decoding, "decode", counting)
    async with client(sample, "alice") as alice:
        await alice.enter()
        asked = [alice.info(padded("nothing", 3000)) for _ in range(20)]
        await alice.peer.send(b"".join(map(serialize, asked)))
        statuses = [(await alice.answer(one)).status for one in asked]
    assert statuses.count(503) > 0
    assert len(decoded) == statuses.count(200)


async def test_who_sends_too_many_elements_is_read_from_less_and_others_go_on(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    general = await room_of(sample, "General")
    async with (
        client(sample, "carol") as carol,
        client(sample, "alice") as alice,
        asyncio.TaskGroup() as tasks,
    ):
        for one in (carol, alice):
            await one.enter()
        await alice.join(general)
        pouring = tasks.create_task(_poured(carol, 2))
        while not pouring.done():
            assert await alice.say(post(general, alice.uri, "all is well")) == 200
        assert await pouring == [200, 200], "nothing is lost"
    assert (
        "of sip:carol@example.com sends more XML elements than it may: not read for" in caplog.text
    )


async def _poured(carol: Unsigned, times: int) -> list[int]:
    return [await carol.say(padded("nothing")) for _ in range(times)]
