"""E5: one event, a public room and a secret one, and people who may see one or both."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import Permission, Privacy, Role, SessionReason, SessionState
from tests.client.test_examples import run, started
from tests.scenarios.world import ALICE, BOB, CAROL, MALLORY, PASSWORD, category

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.scenarios.world import World

pytestmark = pytest.mark.scenario("E5")


@dataclass(frozen=True, slots=True)
class Event:
    """The two rooms; bob is in the public one, carol in both, alice manages."""

    alice: perchat.PersistentChatEndpoint
    public: perchat.RoomDetails
    secret: perchat.RoomDetails


@asynccontextmanager
async def event_in(world: World) -> AsyncIterator[Event]:
    async with world.connect("alice") as alice:
        place = await category(alice, "Projects")
        everybody, panel = [ALICE, BOB, CAROL], [ALICE, CAROL]
        public = await alice.rooms.create("Event", place, members=everybody)
        secret = await alice.rooms.create(
            "Event panel", place, privacy=Privacy.SECRET, members=panel
        )
        assert (public.privacy, secret.privacy) == (Privacy.CLOSED, Privacy.SECRET)
        yield Event(alice, public, secret)


async def test_who_is_not_on_the_panel_sees_no_trace_of_its_room(world: World) -> None:
    async with event_in(world) as event, world.connect("bob") as bob, world.connect("carol") as c:
        async with c.join(event.secret), c.join(event.public):
            searches = [
                await bob.search_rooms(),
                await bob.search_rooms("event"),
                await bob.search_rooms("panel event", descriptions=True),
                await bob.filter_rooms(),
                await bob.filter_rooms(manager=ALICE),
                await bob.rooms_in(event.public.category or ""),
                await bob.rooms.in_category(event.public.category or ""),
                await bob.rooms_joined_by(CAROL),
                await bob.my_rooms(),
            ]
        assert [[one.name for one in found] for found in searches] == [["Event"]] * 9
        assert await bob.filter_rooms(privacy=Privacy.SECRET) == []
        assert await bob.filter_rooms(member=CAROL, privacy=Privacy.SECRET) == []
        refused = (
            bob.join(event.secret.uri),
            bob.rooms.get(event.secret.uri),
            bob.rooms.get("Event panel"),
            bob.query_history(event.secret.uri),
            bob.rooms.permissions(event.secret.uri),
            bob.rooms.members(event.secret.uri),
        )
        for one in refused:
            with pytest.raises(perchat.RoomNotFound):
                await one
        assert Permission.JOIN in await bob.rooms.permissions(event.public)
        async with bob.join(event.public) as room:
            assert (room.is_secret, room.privacy) == (False, Privacy.CLOSED)
        async with world.connect("mallory") as mallory:
            assert mallory.owner_uri == MALLORY
            with pytest.raises(perchat.PermissionDenied):
                await mallory.join("Event")
            with pytest.raises(perchat.RoomNotFound):
                await mallory.join("Event panel")


async def test_the_panel_sees_both_rooms_in_one_stream(world: World) -> None:
    async with (
        event_in(world) as event,
        event.alice.join(event.public) as stage,
        event.alice.join(event.secret) as panel,
        world.connect("carol") as carol,
    ):
        both = [await carol.join(event.public), await carol.join(event.secret)]
        assert [room.is_secret for room in both] == [False, True]
        streams = [room.messages() for room in both]
        spoken = [(stage, "welcome"), (panel, "are we late?"), (stage, "questions?")]
        for room, text in spoken:
            await room.post(text)
        heard = [await anext(streams[number]) for number in (0, 1, 0)]
        merged = list(heapq.merge(heard, key=lambda message: message.timestamp))
        assert [(one.room_name, one.text) for one in merged] == [
            ("Event", "welcome"),
            ("Event panel", "are we late?"),
            ("Event", "questions?"),
        ]
        asked = [one async for one in carol.iter_history([event.public, event.secret])]
        assert [one.text for one in asked] == ["welcome", "questions?", "are we late?"]
        assert sorted(asked, key=lambda message: message.timestamp) == merged
        results = await carol.query_history([event.public, event.secret])
        assert {one.room_name: one.total for one in results} == {"Event": 2, "Event panel": 1}


async def test_who_leaves_the_panel_is_out_of_its_room_at_once(world: World) -> None:
    async with event_in(world) as event, world.connect("carol") as carol:
        public, secret = await carol.join(event.public), await carol.join(event.secret)
        events = secret.events()
        left = await event.alice.rooms.revoke(event.secret, Role.MEMBER, CAROL)
        assert [entry.principal.uri for entry in left] == [ALICE]
        async with asyncio.timeout(5):
            end = [one async for one in events][-1]
        assert end == perchat.SessionStateChanged(SessionState.TERMINATED, SessionReason.KICKED)
        assert (await public.post("still here")).message is not None
        assert dict(carol.sessions) == {public.uri: public}
        with pytest.raises(perchat.RoomNotFound):
            await carol.join(event.secret.uri)


async def test_the_program_sets_up_and_shows_both(world: World) -> None:
    there = ("--server", world.sample.addresses.sip_tls or "", "--ca", str(world.sample.ca))
    rooms, program = ("Event", "Event panel"), "mixed_privacy.py"
    everybody = ("--members", ALICE, BOB, CAROL)
    refused = await started(
        program, ALICE, *rooms, *everybody, "--panel", CAROL, MALLORY, *there, password=PASSWORD
    )
    _, said = await refused.communicate()
    assert (refused.returncode, said) == (1, f"not in the public room: {MALLORY}\n".encode())
    made = await run(
        program, ALICE, *rooms, *everybody, "--panel", ALICE, CAROL, *there, password=PASSWORD
    )
    assert made.splitlines() == ["made Event CLOSED 3", "made Event panel SECRET 2"]
    lines = ("--say", "Event: welcome", "Event panel: psst", "--hear", "2")
    shown = await run(program, CAROL, *rooms, *lines, *there, password=PASSWORD)
    assert shown.splitlines() == ["[Event] Carol: welcome", "[Event panel] Carol: psst"]
    seen = await run(program, BOB, *rooms, *there, password=PASSWORD)
    assert seen.splitlines() == ["before [Event] Carol: welcome"]
    seen = await run(program, ALICE, *rooms, *there, password=PASSWORD)
    assert seen.splitlines() == [
        "before [Event] Carol: welcome",
        "before [Event panel] Carol: psst",
    ]
    untold = await started(program, BOB, *rooms, "--say", "hello", *there, password=PASSWORD)
    _, said = await untold.communicate()
    assert (untold.returncode, said) == (1, b"say it as ROOM: TEXT, with one of Event\n")
