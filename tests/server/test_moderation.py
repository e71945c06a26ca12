"""Moderation under a running server: what those in the room, and those who come later, read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from perchat.chat.moderation import REPLACEMENT
from perchat.model.history import HistoryQuery
from tests.server.harness import make_sample, running
from tests.server.talking import bystanders, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.session import ChatRoomSession
    from tests.server.harness import Sample


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    async with running(await make_sample(tmp_path / "server")) as server:
        yield server


async def read(room: ChatRoomSession) -> list[str]:
    return [message.text for message in await room.recent(9)]


async def found(room: ChatRoomSession, words: str) -> list[str]:
    return [message.text for message in (await room.query_history(HistoryQuery(words))).messages]


async def test_what_was_replaced_reads_otherwise_and_nobody_is_disturbed(sample: Sample) -> None:
    async with bystanders(sample) as pair, connect(sample, "carol") as carol:
        async with carol.join("General") as room:
            said = await room.post("the codename is Otter", rtf=r"{\rtf1 Otter}", alert=True)
            assert said.message is not None
        async with sample.admin() as admin:
            general = (await admin.room("General")).room
            done = await admin.moderation.replace(general, HistoryQuery("otter"))
            assert done == (said.message.id,)
        await pair.still_talk()
        assert await found(pair.listener, "otter codename") == []
        assert await found(pair.listener, "administrator") == [REPLACEMENT]
        async with carol.join("General") as room:  # who comes later
            (kept,) = [one for one in await room.recent(9) if one.id == said.message.id]
        assert (kept.text, kept.rtf, kept.is_alert) == (REPLACEMENT, None, True)
        assert (kept.author, kept.timestamp) == (carol.owner_uri, said.message.timestamp)
        async with sample.admin() as admin:
            (original,) = await admin.moderation.originals(general)
        assert original.original.text == "the codename is Otter"
        assert original.original.rtf == r"{\rtf1 Otter}"


async def test_what_was_taken_away_is_missed_by_no_reader(sample: Sample) -> None:
    async with bystanders(sample) as pair, connect(sample, "carol") as carol:
        async with carol.join("General") as room:
            for text in ("before", "the codename is Otter", "after"):
                await room.post(text)
            last = (await room.recent(1))[0].id
        async with sample.admin() as admin:
            general = (await admin.room("General")).room
            await admin.moderation.remove(general, HistoryQuery(), {last - 1})
        for room in (pair.speaker, pair.listener):
            assert (await read(room))[-2:] == ["before", "after"]
            assert await found(room, "otter") == []
        async with carol.join("General") as room:
            missed = await room.query_history(HistoryQuery(after_id=last - 2))
            assert [one.text for one in missed.messages] == ["after"]
            again = await room.post("the codename is Badger")
            assert again.message is not None
            assert again.message.id == last + 1  # no number is given twice


async def test_who_was_away_never_sees_it_and_a_restart_brings_nothing_back(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "server")
    async with (
        running(config) as sample,
        connect(sample, "alice") as alice,
        alice.join("General") as room,
    ):
        await room.post("one")
        await room.post("the codename is Otter")
        async with sample.admin() as admin:
            general = (await admin.room("General")).room
            await admin.moderation.remove(general, HistoryQuery("otter"))
    async with (
        running(config) as sample,
        connect(sample, "bob") as bob,
        bob.join("General") as room,
        asyncio.timeout(5),
    ):
        assert await read(room) == ["one"]
        assert [one.text async for one in bob.iter_history([general.uri])] == ["one"]
        assert await found(room, "otter") == []
