"""What the original's how-to pages say is refused, tried by those who may not."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

import msgspec
import pytest

import perchat
from perchat import Behavior, Role, SessionReason, SessionState
from tests.scenarios.world import (
    ADMIN,
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    category,
    install_world,
    world_in,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.world import World

_Event = TypeVar("_Event")
NOBODY = "sip:nobody@example.com"
LARGE = 76  # participants: the first size at which a room is large
NORMAL = 59  # the first at which it is not any more


async def last_of(events: perchat.EventStream[perchat.SessionEvent]) -> perchat.SessionEvent:
    """Return the last event of a session, once it has ended."""
    async with asyncio.timeout(10):
        return [event async for event in events][-1]


async def next_of(events: perchat.EventStream[perchat.SessionEvent], kind: type[_Event]) -> _Event:
    """Return the next event of a kind."""
    async with asyncio.timeout(10):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"no {kind.__name__}")


async def rejoined(
    chat: perchat.PersistentChatEndpoint, room: perchat.RoomUri
) -> perchat.ChatRoomSession:
    """Return a session in a room, once the server has read that one may join it."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await chat.join(room)
            except (perchat.RoomDisabled, perchat.RoomNotFound):
                await asyncio.sleep(0.02)


@pytest.mark.scenario("N1")
async def test_a_room_is_not_made_where_it_may_not_be(world: World) -> None:
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        projects = await category(alice, "Projects")
        with pytest.raises(perchat.CannotCreateRoom):
            await bob.rooms.create("Mine", projects)
        with pytest.raises(perchat.HierarchyViolation):
            await alice.rooms.create("Mine", alice.server.root_category)
        await alice.rooms.create("Mine", projects)
        for taken in ("Mine", "mine", "Projects"):
            with pytest.raises(perchat.DuplicateRoomName):
                await alice.rooms.create(taken, projects)


@pytest.mark.scenario("N2")
async def test_roles_are_for_those_who_may_have_them(world: World) -> None:
    async with world.connect("alice") as alice:
        room = await alice.rooms.create(
            "Floor", await category(alice, "Traders"), behavior=Behavior.AUDITORIUM
        )
        with pytest.raises(perchat.PrincipalsNotInScope):
            await alice.rooms.grant(room, Role.MEMBER, MALLORY)
        with pytest.raises(perchat.PresenterNotMember):
            await alice.rooms.grant(room, Role.PRESENTER, CAROL)
        with pytest.raises(perchat.NoSuchPrincipal):
            await alice.rooms.grant(room, Role.MEMBER, NOBODY)
        with pytest.raises(ValueError, match="creators are named in categories"):
            await alice.rooms.grant(room, Role.CREATOR, CAROL)
        await alice.rooms.grant(room, Role.MEMBER, [BOB, CAROL])
        await alice.rooms.grant(room, Role.PRESENTER, BOB)
        await alice.rooms.update(room, behavior=Behavior.NORMAL)
        with pytest.raises(perchat.InvalidArgument):
            await alice.rooms.grant(room, Role.PRESENTER, CAROL)
        members = {entry.principal.uri for entry in await alice.rooms.members(room)}
        assert members == {BOB, CAROL}


@pytest.mark.scenario("N3")
async def test_in_an_auditorium_only_presenters_are_heard(world: World) -> None:
    async with (
        world.connect("alice") as alice,
        world.connect("bob") as bob,
        world.connect("carol") as carol,
    ):
        room = await alice.rooms.create(
            "Stage",
            await category(alice, "Projects"),
            behavior=Behavior.AUDITORIUM,
            members=[ALICE, BOB, CAROL],
            presenters=[CAROL],
        )
        async with alice.join(room) as manager, bob.join(room) as floor, carol.join(room) as stage:
            heard = floor.messages()
            assert manager.is_auditorium
            assert (manager.can_manage, floor.can_manage) == (True, False)
            assert (manager.can_post, floor.can_post, stage.can_post) == (False, False, True)
            for silent in (manager, floor):
                with pytest.raises(perchat.PermissionDenied):
                    await silent.post("may I?")
            await stage.post("welcome")
            assert (await anext(heard)).text == "welcome"
            assert [one.text for one in await manager.recent(5)] == ["welcome"]
            presenters = [one.uri for one in floor.participants if one.is_presenter]
            assert presenters == [CAROL]
            changes = stage.events()
            await alice.rooms.update(room, behavior=Behavior.NORMAL)
            await next_of(changes, perchat.RoomChanged)
            assert (stage.is_auditorium, stage.can_post) == (False, True)


@pytest.mark.scenario("N5")
async def test_others_and_groups_are_looked_up_by_system_users_only(world: World) -> None:
    async with world.connect("bob") as bob, world.connect("admin") as admin:
        me = await bob.users.get(BOB)
        (traders,) = me.member_of
        for denied in (bob.users.get(CAROL), bob.users.get(NOBODY), bob.users.get_group(traders)):
            with pytest.raises(perchat.PermissionDenied):
                await denied
        carol = await admin.users.get(CAROL)
        assert (carol.uri, carol.display_name, carol.disabled) == (CAROL, "Carol", False)
        assert (await admin.users.get_group(traders)).name == "traders"
        with pytest.raises(perchat.NoSuchPrincipal):
            await admin.users.get(NOBODY)
        assert (await admin.users.get(ADMIN)).email == "admin@mail.example"
        async with world.administrator() as administrator:
            await administrator.add_group("staff", ["group:traders"])
            await administrator.set_user("carol", enabled=False)
        async with asyncio.timeout(10):
            while not (carol := await admin.users.get(CAROL)).disabled:
                await asyncio.sleep(0.02)
        held_by = (await admin.users.get_group(traders)).member_of
        assert [(await admin.users.get_group(one)).name for one in held_by] == ["staff"]


@pytest.mark.scenario("N6")
async def test_a_search_for_people_says_when_there_are_more(tmp_path: Path) -> None:
    config = await install_world(tmp_path / "server")
    limits = msgspec.structs.replace(config.limits, search_results=4)
    chat = msgspec.structs.replace(config.chat, management_url="https://example.com/rooms")
    async with (
        world_in(msgspec.structs.replace(config, limits=limits, chat=chat)) as world,
        world.connect("bob") as bob,
    ):
        assert bob.server.search_limit == 4
        assert bob.server.room_management_url == "https://example.com/rooms"
        everybody = await bob.users.find(email="mail.example")
        assert (len(everybody), everybody.more_available) == (4, True)
        some = await bob.users.find(email="mail.example", limit=2)
        assert (len(some), some.more_available) == (2, True)
        both = await bob.users.find(first="bob", last="carol", email="nowhere")
        assert ({one.uri for one in both}, both.more_available) == ({BOB, CAROL}, False)
        with pytest.raises(ValueError, match="found by a name"):
            await bob.users.find()


@pytest.mark.scenario("N7")
async def test_who_is_no_member_any_more_is_out_and_hears_nothing(world: World) -> None:
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        projects = await category(alice, "Projects")
        room = await alice.rooms.create("Alpha", projects, members=[ALICE, BOB])
        async with alice.join(room) as hers:
            seen = hers.events()
            his = await bob.join(room)
            ending, heard = his.events(), his.messages()
            await hers.post("before")
            await alice.rooms.revoke(room, Role.MEMBER, BOB)
            kicked = perchat.SessionStateChanged(SessionState.TERMINATED, SessionReason.KICKED)
            assert await last_of(ending) == kicked
            await hers.post("after")
            assert [message.text async for message in heard] == ["before"]
            came = await next_of(seen, perchat.AttendanceChanged)
            gone = await next_of(seen, perchat.AttendanceChanged)
            assert [(one.participant.uri, one.active) for one in (came, gone)] == [
                (BOB, True),
                (BOB, False),
            ]
        with pytest.raises(perchat.PermissionDenied):
            await bob.join(room)


@pytest.mark.scenario("N7")
async def test_a_disabled_room_is_shut_and_comes_back_as_it_was(world: World) -> None:
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        projects = await category(alice, "Projects")
        room = await alice.rooms.create("Alpha", projects, members=[ALICE, BOB])
        both = [await alice.join(room), await bob.join(room)]
        endings = [session.events() for session in both]
        await both[1].post("kept")
        await alice.rooms.update(room, disabled=True)
        out = perchat.SessionStateChanged(SessionState.TERMINATED, SessionReason.ROOM_DISABLED)
        assert [await last_of(ending) for ending in endings] == [out, out]
        assert await bob.search_rooms("alpha") == []
        assert (await alice.filter_rooms("alpha", disabled=True))[0].uri == room.uri
        for refused in (bob.join(room), bob.query_history(room), alice.query_history(room)):
            with pytest.raises((perchat.RoomDisabled, perchat.RoomNotFound)):
                await refused
        with pytest.raises(perchat.PermissionDenied):
            await alice.rooms.update(room, disabled=False)
        async with world.administrator() as administrator:
            await administrator.set_room("Alpha", disabled=False)
        again = await rejoined(bob, room.uri)
        assert [one.text for one in await again.recent(5)] == ["kept"]
        members = {entry.principal.uri for entry in await alice.rooms.members(room)}
        assert members == {ALICE, BOB}


@pytest.mark.scenario("N8")
async def test_a_large_room_keeps_quiet_until_it_is_normal_again(tmp_path: Path) -> None:
    crowd = tuple(f"guest{number}" for number in range(1, LARGE))
    config = await install_world(tmp_path / "server", crowd)
    async with world_in(config) as world, contextlib.AsyncExitStack() as stack:
        alice = await stack.enter_async_context(world.connect("alice"))
        projects = await category(alice, "Projects")
        room = await alice.rooms.create(
            "Hall", projects, privacy=perchat.Privacy.OPEN, members=[ALICE]
        )
        hers = await stack.enter_async_context(alice.join(room))
        events = hers.events()
        *most, late = [await stack.enter_async_context(world.connect(name)) for name in crowd]

        sessions = [await guest.join(room) for guest in most]  # 75 are in, alice one of them
        assert len(sessions[-1].participants) == LARGE - 1
        arrived = [await next_of(events, perchat.AttendanceChanged) for _ in most]
        assert [one.participant.uri for one in arrived] == [guest.owner_uri for guest in most]
        with pytest.raises(perchat.CannotGetParticipants):
            await hers.hidden_participants()

        latest = await late.join(room)  # the 76th
        assert [one.uri for one in latest.participants] == [late.owner_uri]
        hidden = {one.uri for one in await latest.hidden_participants()}
        assert hidden == {ALICE, late.owner_uri, *(guest.owner_uri for guest in most)}
        await latest.leave()
        while len(sessions) >= NORMAL + 1:  # until 60 are in
            await sessions.pop().leave()
        assert len(await hers.hidden_participants()) == NORMAL + 1
        posted = await hers.post("nobody was seen to come or go")
        assert posted.message is not None
        assert await anext(events) == perchat.MessageReceived(posted.message)

        await sessions.pop().leave()  # 59 are in
        stayed, left = most[: NORMAL - 1], most[NORMAL - 1 :]
        told = [  # everybody went, and whoever is there came
            await next_of(events, perchat.AttendanceChanged) for _ in (*left, *stayed, *stayed)
        ]
        there = {change.participant.uri: change.active for change in told}
        assert there == {guest.owner_uri: guest in stayed for guest in most}
        assert len(hers.participants) == NORMAL
        assert await hers.all_participants() == list(hers.participants)
        with pytest.raises(perchat.CannotGetParticipants):
            await hers.hidden_participants()
        newcomer = await late.join(room)
        assert len(newcomer.participants) == NORMAL + 1
        seen = await next_of(events, perchat.AttendanceChanged)
        assert (seen.participant.uri, seen.active) == (late.owner_uri, True)


@pytest.mark.scenario("N9")
async def test_a_room_moves_behind_a_wall_and_leaves_who_may_not_follow(world: World) -> None:
    async with world.administrator() as administrator:
        await administrator.add_category("Board", deny=["bob"], creators=["alice"])
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        projects, board = await category(alice, "Projects"), await category(alice, "Board")
        room = await alice.rooms.create("Alpha", projects, members=[ALICE, BOB])
        async with alice.join(room) as hers:
            events, his = hers.events(), await bob.join(room)
            ending = his.events()
            moved = await alice.rooms.move(room, board)
            assert moved.category is not None
            assert moved.category.name == "Board"
            out = perchat.SessionStateChanged(SessionState.TERMINATED, SessionReason.KICKED)
            assert await last_of(ending) == out
            for active in (True, False):
                seen = await next_of(events, perchat.AttendanceChanged)
                assert (seen.participant.uri, seen.active) == (BOB, active)
            assert hers.category == board.uri
            assert hers.is_joined
        members = [entry.principal.uri for entry in await alice.rooms.members(room)]
        assert members == [ALICE]
        assert await bob.search_rooms("alpha") == []


@pytest.mark.scenario("N10")
async def test_of_two_managers_at_once_the_second_is_told_to_look_again(world: World) -> None:
    async with world.connect("alice") as alice, world.connect("carol") as carol:
        projects = await category(alice, "Projects")
        room = await alice.rooms.create("Alpha", projects, managers=[CAROL])
        done = await asyncio.gather(
            alice.rooms.update(room, description="hers", expected=room),
            carol.rooms.update(room, description="mine", expected=room),
            return_exceptions=True,
        )
        (changed,) = (one for one in done if isinstance(one, perchat.RoomDetails))
        (refused,) = (one for one in done if isinstance(one, BaseException))
        assert isinstance(refused, perchat.DataCollision)
        assert refused.code is perchat.ErrorCode.DATA_COLLISION
        now = await carol.rooms.get(room)
        assert now == changed
        again = await carol.rooms.update(room, description="both", expected=now)
        assert again.description == "both"
        assert again.changes.updated_by == CAROL
