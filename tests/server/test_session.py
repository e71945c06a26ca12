"""What one session says in a row: kept in order, receipted one by one, each on its own merits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.server.harness import make_sample, running
from tests.server.unsigned import Unsigned, client, post, room_of, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.server.harness import Sample

POSTS = 40


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = trusting(await make_sample(tmp_path / "data"), "127.0.0.1")
    async with running(config) as sample:
        yield sample


async def said_at_once(speaker: Unsigned, bodies: Sequence[bytes]) -> list[int]:
    """Send all before an answer is read; return the status of each."""
    asked = [speaker.info(body) for body in bodies]
    for one in asked:
        await speaker.send(one)
    return [(await speaker.answer(one)).status for one in asked]


async def test_posts_sent_in_one_go_are_each_receipted_and_heard_in_order(sample: Sample) -> None:
    room = await room_of(sample, "General")
    async with client(sample, "alice") as alice, client(sample, "bob") as bob:
        for one in (alice, bob):
            await one.enter()
            await one.join(room)
        posts = [post(room, alice.uri, f"line {number}.") for number in range(POSTS)]
        assert await said_at_once(alice, posts) == [200] * POSTS
        await bob.told(b"line %d." % (POSTS - 1))
        bodies = [one.body for one in bob.requests]
    lines = [int(line[1]) for body in bodies if (line := re.search(rb"<chat>line (\d+)", body))]
    assert lines == list(range(POSTS))


async def test_a_refused_post_takes_no_other_with_it(sample: Sample) -> None:
    general, private = [await room_of(sample, name) for name in ("General", "Private")]
    async with client(sample, "alice") as alice:
        await alice.enter()
        await alice.join(general)
        posts = [post(room, alice.uri, "x") for room in (general, private, general, private)]
        assert await said_at_once(alice, posts) == [200, 412, 200, 412]


async def test_a_command_between_posts_keeps_its_place(sample: Sample) -> None:
    room = await room_of(sample, "General")
    leave = f'<cmd id="cmd:part" seqid="1"><data><chanib uri="{room}"/></data></cmd>'.encode()
    async with client(sample, "alice") as alice:
        await alice.enter()
        await alice.join(room)
        line = post(room, alice.uri, "x")
        told = await said_at_once(alice, [line, line, leave, line, line])
    assert told == [200, 200, 200, 412, 412]
