"""Moderation from elsewhere than the server: who may, what is refused, and who is told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import perchat
from perchat.chat.moderation import REPLACEMENT
from perchat.model.administration import AdministrativeRole
from perchat.model.history import HistoryQuery
from perchat.model.journal import Administered
from perchat.xccos.administrative import ModerationAction, ModerationReply, ModerationRequest
from tests.server.harness import make_sample, running
from tests.server.talking import bystanders, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.server.harness import Sample

MODERATOR = AdministrativeRole.MODERATOR
SAID = ("one otter", "two", "three otter", "four")


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server", moderation_messages=2, administration_values=3)
    async with running(config) as server:
        async with server.admin() as admin:
            await admin.add_category("Elsewhere")
            await admin.add_room("Far", "Elsewhere", members=("alice",))
            await admin.grant_role("carol", MODERATOR, ["Company"])
        yield server


async def say(chat: perchat.PersistentChatEndpoint, room: str = "General") -> None:
    async with chat.join(room) as session:
        for text in SAID:
            await session.post(text)


async def read(chat: perchat.PersistentChatEndpoint, room: str = "General") -> list[str]:
    async with chat.join(room) as session:
        return [message.text for message in await session.recent(9)]


async def test_messages_go_by_words_ids_and_author_in_steps_of_two(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "carol") as carol:
        await say(alice)
        moderation = carol.moderation
        assert [one.text async for one in moderation.find("General")] == list(SAID)
        assert [one.id async for one in moderation.find("General", "otter")] == [1, 3]
        assert await moderation.replace("General", 1) == (1,)
        assert await moderation.remove("General", "otter") == (3,)
        assert await moderation.replace("General", text="hush", author="sip:alice@example.com") == (
            *(1, 2, 4),
        )
        assert await read(alice) == ["hush"] * 3
        kept = await moderation.originals("General")
        assert [(one.original.text, one.text) for one in kept] == [
            ("one otter", "hush"),
            ("two", "hush"),
            ("three otter", None),
            ("four", "hush"),
        ]


async def test_a_room_is_cleared_until_a_moment_and_nothing_is_kept(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "carol") as carol:
        await say(alice)
        await carol.moderation.remove("General", ids=[1, 2])
        assert await carol.moderation.clear("General", until=datetime.now(UTC)) == 2
        assert await read(alice) == []
        assert await carol.moderation.originals("General") == []


async def test_the_same_again_changes_nothing(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "carol") as carol:
        await say(alice)
        assert await carol.moderation.remove("General", ids=[2, 3]) == (2, 3)
        assert await carol.moderation.remove("General", ids=[2, 3]) == ()
        assert await read(alice) == ["one otter", "four"]


async def test_what_an_ended_connection_cut_short_is_done_by_calling_again(sample: Sample) -> None:
    now = datetime.now(UTC)
    async with connect(sample, "alice") as alice:
        await say(alice)
        query = HistoryQuery(since=now)
        async with connect(sample, "carol") as carol:
            step = ModerationRequest("General", ModerationAction.REMOVE, query)
            done = await carol.command("moderate", step, ModerationReply)
            assert (done.ids, done.after) == ((1, 2), 2)  # and here the connection ends
        assert await read(alice) == ["three otter", "four"]
        async with connect(sample, "carol") as carol:
            assert await carol.moderation.remove("General", since=now) == (3, 4)
        assert await read(alice) == []


@pytest.mark.parametrize(
    ("who", "call", "error", "why"),
    [
        ("alice", lambda m: m.remove("General", ids=1), perchat.PermissionDenied, "roles"),
        ("alice", lambda m: m.remove("Nowhere", ids=1), perchat.PermissionDenied, "roles"),
        ("alice", lambda m: m.originals("Private"), perchat.PermissionDenied, "roles"),
        (
            "alice",
            lambda m: m.clear("Far", until=datetime.now(UTC)),
            perchat.PermissionDenied,
            "roles",
        ),
        ("carol", lambda m: m.remove("Far", ids=1), perchat.RoomNotFound, "no such room"),
        ("carol", lambda m: m.remove("Nowhere", ids=1), perchat.RoomNotFound, "no such room"),
        ("carol", lambda m: m.remove("General", ids=77), perchat.InvalidArgument, "77"),
        ("carol", lambda m: m.replace("General", 1, " "), perchat.InvalidArgument, "needs text"),
        ("carol", lambda m: m.replace("General", 1, "x" * 9000), perchat.LimitExceeded, "8192"),
        ("carol", lambda m: m.remove("General", ids=range(1, 5)), perchat.LimitExceeded, "3"),
    ],
)
async def test_what_may_not_be_or_cannot_be_meant_is_refused_and_changes_nothing(
    sample: Sample, who: str, call: Callable[[Any], Any], error: type[Exception], why: str
) -> None:
    async with bystanders(sample), connect(sample, "alice") as alice:
        await say(alice)
        async with connect(sample, who) as chat:
            with pytest.raises(error, match=why):
                await call(chat.moderation)
        assert list(SAID) == [text for text in await read(alice) if text in SAID]


async def test_what_is_granted_counts_at_once_and_so_does_its_end(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        await say(alice)
        async with sample.admin() as admin:
            await admin.grant_role("bob", MODERATOR)
        assert await bob.moderation.remove("General", ids=1) == (1,)
        async with sample.admin() as admin:
            assert await admin.revoke_role("bob", MODERATOR)
        with pytest.raises(perchat.PermissionDenied):
            await bob.moderation.remove("General", ids=2)
        assert await read(alice) == list(SAID[1:])


async def test_whoever_may_not_chat_any_more_does_not_moderate(sample: Sample) -> None:
    async with connect(sample, "bob") as bob:
        async with sample.admin() as admin:
            await admin.grant_role("bob", MODERATOR)
            await admin.set_user("bob", chat_enabled=False)
        with pytest.raises((perchat.PersistentChatError, perchat.RealTimeError)):
            await bob.moderation.originals("General")


async def test_those_in_the_room_are_told_and_others_are_not(sample: Sample) -> None:
    async with bystanders(sample) as pair, connect(sample, "carol") as carol:
        posted = await pair.speaker.post("an otter")
        assert posted.message is not None
        events = pair.listener.events()
        await carol.moderation.replace("General", posted.message.id)
        await carol.moderation.remove("General", ids=posted.message.id)
        async with asyncio.timeout(5):
            told = [await anext(events) for _ in range(2)]
        number = posted.message.id
        assert told == [
            perchat.MessagesModerated((number,), REPLACEMENT),
            perchat.MessagesModerated((number,), None),
        ]


async def test_what_was_done_by_whom_stands_in_the_journal(sample: Sample) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "carol") as carol:
        await say(alice)
        await carol.moderation.replace("General", 1, "hush")
    async with sample.admin() as admin:
        newest = [entry.fact async for entry in admin.administrators.record()][-1]
        general = (await admin.room("General")).room.uri
    carol_did = Administered("sip:carol@example.com", "message replace", general, 1)
    assert newest == carol_did
