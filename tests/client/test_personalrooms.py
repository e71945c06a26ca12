"""Two devices of one user follow rooms and read them, and see the same."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.model.preference import FOLLOWED_LABEL, READ_LABEL
from tests.client.cutter import cutter_up
from tests.client.test_living import living

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.client.server import LiveServer

BOB = "sip:bob@example.com"


async def first(changes: AsyncIterator[perchat.FollowedRoomsChanged]) -> list[perchat.RoomUri]:
    async with asyncio.timeout(10):
        return list((await anext(changes)).rooms)


async def test_what_one_device_follows_another_one_is_given(server: LiveServer) -> None:
    async with server.connect("alice") as desk, server.connect("alice") as phone:
        changes = phone.followed_changes()
        await desk.rooms.follow("Lobby")
        await desk.rooms.follow("Annex")
        lobby, annex = await desk.find("Lobby"), await desk.find("Annex")
        now: list[perchat.RoomUri] = []
        while now != [lobby, annex]:  # two changes may be read as one
            now = await first(changes)
        assert await phone.rooms.followed() == [lobby, annex]
        await phone.rooms.follow(annex)  # again: no change
        await phone.rooms.unfollow(lobby)
        assert await desk.rooms.followed() == [annex]


async def test_two_devices_that_follow_at_once_undo_nothing(server: LiveServer) -> None:
    async with server.connect("alice") as desk, server.connect("alice") as phone:
        await asyncio.gather(desk.rooms.follow("Lobby"), phone.rooms.follow("Annex"))
        assert set(await desk.rooms.followed()) == set(await phone.rooms.followed())
        assert len(await desk.rooms.followed()) == 2


async def test_a_room_that_is_not_there_is_not_followed(server: LiveServer) -> None:
    async with server.connect("carol") as carol:
        for room in ("Nowhere", "ma-chan://example.com/no-such-room"):
            with pytest.raises(perchat.RoomNotFound):
                await carol.rooms.follow(room)
        assert await carol.rooms.followed() == []


async def test_what_one_device_reads_is_read_on_the_other(server: LiveServer) -> None:
    async with (
        server.connect("alice") as desk,
        server.connect("alice") as phone,
        server.connect("bob") as bob,
        desk.join("Lobby") as reading,
        phone.join("Lobby") as waiting,
        bob.join("Lobby") as talking,
    ):
        for text in ("one", "two", "three"):
            await talking.post(text)
        mine = await reading.post("mine")
        assert await waiting.unread() == 3  # what she wrote herself is not news to her
        moved, lobby = phone.read_changes(), await desk.find("Lobby")
        await reading.mark_read(2)
        async with asyncio.timeout(10):
            change = await anext(moved)
        assert change == perchat.ReadPositionChanged(lobby, 2)
        assert (await waiting.unread(), await bob.rooms.unread("Lobby")) == (1, 1)
        await waiting.mark_read(1)  # it never goes back
        assert await reading.unread() == 1
        assert mine.message is not None
        await waiting.mark_read(mine.message)
        assert await desk.rooms.unread("Lobby") == 0
        assert await desk.rooms.read_position("Lobby") == mine.message.id


async def test_many_marks_at_once_are_few_writes(server: LiveServer) -> None:
    async with server.connect("alice") as desk, server.connect("alice") as phone:
        writes = phone.preference_changes()
        lobby = await desk.find("Lobby")
        await asyncio.gather(*(desk.rooms.mark_read(lobby, number) for number in range(1, 51)))
        assert await phone.rooms.read_position(lobby) == 50
        bundle = await phone.get_preference(READ_LABEL)
        assert bundle is not None
        async with asyncio.timeout(10):
            while (await anext(writes)).version < bundle.version:
                pass
        assert 1 <= bundle.version <= 2


async def test_a_message_without_id_cannot_be_marked(server: LiveServer) -> None:
    async with server.connect("alice") as alice:
        lobby, at = await alice.find("Lobby"), datetime.now(UTC)
        unnumbered = perchat.Message(0, at, perchat.SipUri(BOB), lobby, "hello")
        for message in (-1, unnumbered):
            with pytest.raises(ValueError, match="no message has the id"):
                await alice.rooms.mark_read("Lobby", message)


async def test_what_another_program_keeps_there_is_put_up_with(server: LiveServer) -> None:
    async with server.connect("alice") as alice:
        for number, junk in enumerate(("", "{", "7", '["x", 1]', '{"ma-chan://a/b": "x"}')):
            await alice.set_preference(FOLLOWED_LABEL, junk, number)
            await alice.set_preference(READ_LABEL, junk, number)
            assert await alice.rooms.followed() == []
            assert await alice.rooms.read_position("Lobby") == 0
        await alice.rooms.follow("Lobby")
        await alice.rooms.mark_read("Lobby", 3)
        assert await alice.rooms.followed() == [await alice.find("Lobby")]
        assert await alice.rooms.read_position("Lobby") == 3


async def test_what_was_changed_while_the_line_was_cut_is_given_afterwards(
    server: LiveServer,
) -> None:
    async with cutter_up(server.tcp) as cutter, living(cutter) as phone:
        followed, read = phone.followed_changes(), phone.read_changes()
        states = phone.state_changes()
        async with server.connect("alice") as desk:
            lobby = await desk.find("Lobby")
            cutter.cut()
            async with asyncio.timeout(20):
                await anext(states)
            await desk.rooms.follow(lobby)
            await desk.rooms.mark_read(lobby, 7)
            assert await first(followed) == [lobby]
            async with asyncio.timeout(20):
                assert await anext(read) == perchat.ReadPositionChanged(lobby, 7)
        await phone.rooms.unfollow(lobby)
        async with phone.join(lobby) as room:
            await room.mark_read(8)
            assert await room.unread() == 0
