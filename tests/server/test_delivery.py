"""What is posted reaches everyone, once, in one order, and stays."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.net import turns
from perchat.server import rounds
from perchat.sip.events import InfoReceived
from perchat.sip.useragent import UserAgent
from tests.server.harness import Sample, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.session import ChatRoomSession
    from perchat.model.message import Message
    from perchat.sip.events import Event

POSTS, MEMBERS, POSTERS = 1000, 10, 5


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server")
    async with running(config) as server:
        yield server


async def collect(session: ChatRoomSession, count: int) -> list[Message]:
    messages = session.messages(limit=2 * POSTS)
    return [await anext(messages) for _ in range(count)]


async def post_all(session: ChatRoomSession, poster: int) -> None:
    for number in range(POSTS // POSTERS):
        await session.post(f"{poster}/{number}")


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "written together"])
async def test_a_thousand_posts_in_a_room_of_ten_arrive_everywhere_once_in_one_order(
    sample: Sample, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if together:
        monkeypatch.setattr(rounds, "_MANY", 1)
        monkeypatch.setattr(turns, "_SHARED", 2)
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(50):
        sessions = []
        for number in range(MEMBERS):
            name = ("alice", "bob", "carol")[number % 3]
            chat = await stack.enter_async_context(connect(sample, name, tcp=number % 2 == 0))
            sessions.append(await stack.enter_async_context(chat.join("General")))
        async with asyncio.TaskGroup() as group:
            hearing = [group.create_task(collect(session, POSTS)) for session in sessions]
            for poster in range(POSTERS):
                group.create_task(post_all(sessions[poster], poster))
    heard = [task.result() for task in hearing]
    ids = [message.id for message in heard[0]]
    assert all(later == earlier + 1 for earlier, later in pairwise(ids))
    assert len({message.text for message in heard[0]}) == POSTS
    for other in heard[1:]:
        assert [(m.id, m.text) for m in other] == [(m.id, m.text) for m in heard[0]]
    for poster in range(POSTERS):
        own = [m.text for m in heard[0] if m.text.startswith(f"{poster}/")]
        assert own == [f"{poster}/{number}" for number in range(POSTS // POSTERS)]


@pytest.mark.requirement("R64")
async def test_what_is_said_right_after_a_join_is_heard_by_the_joiner(sample: Sample) -> None:
    async with connect(sample, "alice") as one, one.join("General") as speaker:
        for number in range(20):
            async with connect(sample, "bob") as two:
                session = perchat.ChatRoomSession(two)
                messages = session.messages()
                async with asyncio.TaskGroup() as group, asyncio.timeout(5):
                    group.create_task(session.join("General"))
                    for part in range(5):
                        await speaker.post(f"{number}.{part}")
                await speaker.post(f"{number} last")
                heard: list[Message] = []
                async with asyncio.timeout(5):
                    while not heard or heard[-1].text != f"{number} last":
                        heard.append(await anext(messages))
                assert all(b.id == a.id + 1 for a, b in pairwise(heard))


async def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "server")
    for round_number in range(3):
        async with (
            running(config) as server,
            connect(server, "alice") as chat,
            chat.join("General") as room,
        ):
            await room.post(f"round {round_number}")
            history = await room.recent(10)
            assert [m.text for m in history] == [f"round {n}" for n in range(round_number + 1)]
            assert [m.id for m in history] == list(range(1, round_number + 2))


async def test_rooms_and_members_of_the_command_line_show_within_a_second(sample: Sample) -> None:
    async with connect(sample, "bob") as chat:
        with pytest.raises(perchat.RoomNotFound):
            await chat.join("Fresh")
        async with sample.admin() as admin:
            await admin.add_room("Fresh", "Company", members=("alice",))
        async with asyncio.timeout(1):
            while not await chat.search_rooms("Fresh"):
                await asyncio.sleep(0.02)
        with pytest.raises(perchat.PermissionDenied):
            await chat.join("Fresh")
        async with sample.admin() as admin:
            await admin.add_members("Fresh", ("bob",))
        async with asyncio.timeout(1):
            while True:
                try:
                    async with chat.join("Fresh") as room:
                        await room.post("here")
                        return
                except perchat.PermissionDenied:
                    await asyncio.sleep(0.02)


async def test_what_our_own_client_says_is_known_by_its_bytes(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, take = list[InfoReceived](), UserAgent.take

    def seen(ua: UserAgent, data: bytes, at: int, now: float) -> tuple[int, list[Event]]:
        end, events = take(ua, data, at, now)
        taken.extend(one for one in events if isinstance(one, InfoReceived))
        return end, events

    monkeypatch.setattr(UserAgent, "take", seen)
    async with connect(sample, "alice") as alice:
        session = await alice.join("General")
        for number in range(10):
            await session.post(f"number {number}")
    assert sum(b"number" in one.body for one in taken) >= 9, "it signs, and is known all the same"
