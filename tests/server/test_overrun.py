"""A client that does not keep up is hung up on; what becomes of its rooms when it calls again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.harness import make_sample, running
from tests.server.unsigned import Unsigned, client, post, room_of, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.harness import Sample

LEGACY = "UCCAPI/15.0.4481.1000 pidgin sipe"
LINES = 5
FIRST_USE = b'<cmd id="cmd:getinv" seqid="1"><data><inv inviteId="0"/></data></cmd>'


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "data", outbox_window=1, outbox=2)
    async with running(trusting(config, "127.0.0.1")) as sample:
        yield sample


async def overrun(slow: Unsigned, speaker: Unsigned, room: str, agent: str) -> None:
    """Have somebody who does not listen lose the session, and read of it."""
    await slow.register()
    await slow.open_session(agent=agent)
    await slow.join(room)
    await speaker.enter()
    await speaker.join(room)
    for number in range(LINES):
        assert await speaker.say(post(room, speaker.uri, f"line {number}.")) == 200
        await speaker.told(b"line %d." % number)  # after those who were there before
    while slow.requests[-1].method != "BYE":
        await slow.next()


async def heard(slow: Unsigned, speaker: Unsigned, room: str, agent: str) -> list[bytes]:
    """Call again; return what is heard of a line until something is said in return."""
    await slow.open_session("again", agent)
    before = len(slow.requests)
    assert await slow.say(FIRST_USE) == 200
    await slow.told(b'id="rpl:getinv"')
    assert await speaker.say(post(room, speaker.uri, "welcome back")) == 200
    await speaker.told(b"welcome back")
    await slow.register()  # whatever was on its way is here then
    return [one.body for one in slow.requests[before:] if b"welcome back" in one.body]


async def test_rooms_of_an_overrun_legacy_client_wait_for_its_next_session(sample: Sample) -> None:
    room = await room_of(sample, "General")
    async with client(sample, "bob") as bob, client(sample, "alice") as alice:
        await overrun(bob, alice, room, LEGACY)
        assert len(await heard(bob, alice, room, LEGACY)) == 1


async def test_any_other_client_that_was_overrun_joins_its_rooms_itself(sample: Sample) -> None:
    room = await room_of(sample, "General")
    async with client(sample, "bob") as bob, client(sample, "alice") as alice:
        await overrun(bob, alice, room, "")
        assert await heard(bob, alice, room, "") == []
        await bob.join(room)
        assert await bob.say(post(room, bob.uri, "here I am")) == 200
