"""What the original SDK's samples do: by the SDK itself, and by the programs in examples/."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import Behavior, InviteSetting, Match, Permission, Privacy, Role, SessionState
from tests.client.test_examples import run, started
from tests.scenarios.world import (
    ALICE,
    BOB,
    DOMAIN,
    PASSWORD,
    category,
    install_world,
    world_in,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from tests.scenarios.world import World

LOAD_USERS = ("load1", "load2", "load3")


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[World]:
    """The world, and three users more."""
    async with world_in(await install_world(tmp_path / "server", LOAD_USERS)) as up:
        yield up


def at(world: World) -> tuple[str, ...]:
    return ("--server", world.sample.addresses.sip_tls or "", "--ca", str(world.sample.ca))


def names(rooms: Iterable[perchat.RoomSummary]) -> list[str]:
    return sorted(room.name for room in rooms)


# --- S1, SampleChat ---


@pytest.mark.scenario("S1")
async def test_a_room_is_made_posted_to_and_searched(world: World) -> None:
    async with world.connect("alice") as alice:
        told = alice.server
        assert (told.message_size_limit, told.story_size_limit) == (8192, 65536)
        assert (told.search_limit, told.room_management_url) == (999, "")
        assert (told.display_name, told.domain) == ("Persistent Chat", DOMAIN)
        assert told.root_category.startswith("ma-cat://example.com/")
        assert len(told.database_version) == 36
        assert told.time.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - told.time) < timedelta(minutes=1)
        assert abs(alice.clock_offset) < timedelta(minutes=1)
        room = await alice.rooms.create("Alpha", await category(alice, "Projects"))
        with pytest.raises(perchat.PermissionDenied):
            await alice.join(room)  # who made it manages it, and is no member
        await alice.rooms.grant(room, Role.MEMBER, [alice.owner_uri])
        (found,) = await alice.search_rooms("alpha", match=Match.PHRASE)
        session = await alice.join(found)
        heard = session.messages()
        await session.post("plain", rtf=r"{\rtf1 {\b plain}}")
        await session.post("body", title="title")
        built = perchat.MessageBuilder().room_link(room).link("plan", "https://example.com/p")
        await session.post(built, alert=True)
        three = [await anext(heard) for _ in range(3)]
        assert [message.id for message in three] == [1, 2, 3]
        assert await session.recent(3) == three
        assert [message.rtf for message in three] == [r"{\rtf1 {\b plain}}", None, None]
        assert [message.title for message in three] == [None, "title", None]
        assert [message.is_alert for message in three] == [False, False, True]
        assert three[2].parts == built.parts
        result = await session.query_history(perchat.HistoryQuery("body"))
        assert (result.total, list(result.messages)) == (1, [three[1]])
        await session.leave()
        assert session.state is SessionState.IDLE


@pytest.mark.scenario("S1")
async def test_the_chat_sample_as_a_program(world: World) -> None:
    said = await run("sample_chat.py", ALICE, "Alpha", *at(world), password=PASSWORD)
    server, made, *posts, found = said.splitlines()
    assert all(f"{field}=" in server for field in perchat.ServerInfo.__slots__)
    assert made == "made Alpha in Projects"
    assert posts == [
        "line|1|A plain line",
        "story|2|title|body",
        "alert|3|see |the plan| and |Alpha",
    ]
    assert found == "found 1 by body: title"


# --- S2, SampleLoadTest ---


@pytest.mark.scenario("S2")
async def test_everybody_hears_every_post_once_and_in_one_order(crowd: World) -> None:
    said = await run("load_test.py", DOMAIN, "alice", *at(crowd), password=PASSWORD)
    running, posts, sessions, percentiles = said.splitlines()
    assert running == "running"
    assert posts == "3 users, 10 rooms, 300 posts"
    assert sessions == "60 sessions heard all of theirs, once and in one order"
    assert percentiles.startswith("a post took ")
    async with crowd.connect("load1") as chat:
        assert len(await chat.rooms_i_manage()) == 10
        for room in await chat.my_rooms():
            (result,) = await chat.query_history(room)
            assert len({message.text for message in result.messages}) == 31
            assert (result.total, result.truncated) == (31, False)
        for name in LOAD_USERS:
            assert await chat.rooms_joined_by(f"sip:{name}@{DOMAIN}") == []


@pytest.mark.scenario("S2")
async def test_a_load_test_that_is_stopped_ends_in_good_order(crowd: World) -> None:
    words = ("load_test.py", DOMAIN, "alice", *at(crowd), "--rounds", "1000")
    program = await started(*words, password=PASSWORD)
    assert program.stdout is not None
    assert await program.stdout.readline() == b"running\n"
    async with crowd.connect("alice") as alice, alice.join("Load 1") as room:
        await anext(room.messages())  # it is at work
    program.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        out, errors = await program.communicate()
    assert (program.returncode, errors) == (0, b"")
    assert out.splitlines()[-1] == b"stopped"
    assert b"heard all of theirs, once and in one order" in out


# --- S3, SampleRiamo ---


@pytest.mark.scenario("S3")
async def test_my_rooms_and_those_i_manage(world: World) -> None:
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        place = await category(alice, "Projects")
        room = await alice.rooms.create("Beta", place, description="second", join_self=True)
        with pytest.raises(perchat.PrincipalsAlreadyDefined):
            await alice.rooms.grant(room, Role.MEMBER, alice.owner_uri)
        both = [alice.owner_uri, BOB]
        holders = await alice.rooms.grant(room, Role.MEMBER, both, ignore_existing=True)
        assert {entry.principal.uri for entry in holders} == set(both)
        for rooms in (await alice.my_rooms(1000), await alice.rooms_i_manage(1000)):
            (mine,) = rooms
            assert (mine.name, mine.uri, mine.description) == ("Beta", room.uri, "second")
        assert names(await bob.my_rooms()) == ["Beta"]
        assert await bob.rooms_i_manage() == []
        (manager,) = await alice.rooms.managers(room)
        assert manager.principal.uri == ALICE
        assert manager.changes.created_on is not None
        assert abs(datetime.now(UTC) - manager.changes.created_on) < timedelta(minutes=1)
        may = await bob.rooms.permissions(room)
        seen_and_heard = Permission.VIEW | Permission.READ_HISTORY
        assert may == seen_and_heard | Permission.JOIN | Permission.POST
        assert await alice.rooms.permissions(room) == may | Permission.MANAGE


@pytest.mark.scenario("S3")
async def test_the_sample_of_my_rooms_as_a_program(world: World) -> None:
    said = await run("my_rooms.py", ALICE, "Beta", *at(world), password=PASSWORD)
    once, member, manager = said.splitlines()
    assert once == "not twice: PRINCIPALS_ALREADY_DEFINED"
    assert member.startswith("member: Beta ma-chan://example.com/")
    assert manager == member.replace("member", "manager")


# --- S4, SampleSearchRooms ---


@pytest.mark.scenario("S4")
async def test_rooms_are_found_by_name_category_and_filter(world: World) -> None:
    async with world.administrator() as administrator:
        board = await administrator.add_add_in("Board", "https://example.com/board")
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        place, other = await category(alice, "Projects"), await category(alice, "Traders")
        for number in range(1, 6):
            red = await alice.rooms.create(
                f"Red {number}",
                place,
                managers=[ALICE, BOB] if number == 2 else [ALICE],
                invitations=InviteSetting.OFF if number == 3 else InviteSetting.INHERIT,
                behavior=Behavior.AUDITORIUM if number == 4 else Behavior.NORMAL,
                disabled=number == 5,
            )
            await alice.rooms.create(
                f"Blue {number}", other, members=[BOB], add_in=board, description="red too"
            )
        await alice.rooms.create("Red 6", place, privacy=Privacy.SECRET)
        (red_1,) = await alice.search_rooms("red 1", match=Match.PHRASE)
        assert (red_1.name, red_1.category, red_1.participants) == ("Red 1", place.uri, 0)
        assert names(await bob.rooms_in(place)) == [f"Red {n}" for n in range(1, 5)]
        assert names(await alice.search_rooms("red", limit=100)) == [
            *(f"Red {n}" for n in (1, 2, 3, 4, 6))
        ]
        assert len(await bob.search_rooms("red", descriptions=True, limit=100)) == 9
        assert len(await bob.search_rooms("red", descriptions=True, limit=3)) == 3
        board = next(one for one in await bob.rooms.add_ins() if one.name == "Board")
        for one, found in (
            (await bob.filter_rooms("red"), [f"Red {n}" for n in range(1, 5)]),
            (await bob.filter_rooms(manager=BOB), ["Red 2"]),
            (await bob.filter_rooms(invitations=InviteSetting.OFF), ["Red 3"]),
            (await bob.filter_rooms(behavior=Behavior.AUDITORIUM), ["Red 4"]),
            (await bob.filter_rooms(member=BOB), [f"Blue {n}" for n in range(1, 6)]),
            (await bob.filter_rooms(category=other), [f"Blue {n}" for n in range(1, 6)]),
            (await bob.filter_rooms(add_in=board), [f"Blue {n}" for n in range(1, 6)]),
        ):
            assert names(one) == found
        assert len(await bob.filter_rooms("red", descriptions=True)) == 9
        assert len(await bob.filter_rooms("red", descriptions=True, limit=4)) == 4
        blue = await bob.filter_rooms(
            "blue red",
            descriptions=False,
            match=Match.ANY,
            member=BOB,
            category=other,
            add_in=board,
            disabled=False,
            privacy=Privacy.CLOSED,
            behavior=Behavior.NORMAL,
            invitations=InviteSetting.INHERIT,
            limit=100,
        )
        assert names(blue) == [f"Blue {n}" for n in range(1, 6)]
        assert names(await bob.filter_rooms()) == [
            *(f"Blue {n}" for n in range(1, 6)),
            *(f"Red {n}" for n in range(1, 5)),
        ]
        assert names(await alice.filter_rooms(disabled=True)) == [red.name] == ["Red 5"]
        assert await bob.filter_rooms(disabled=True) == []
        assert names(await alice.filter_rooms(privacy=Privacy.SECRET)) == ["Red 6"]
        async with bob.join("Blue 1"):
            assert names(await alice.rooms_joined_by(BOB)) == ["Blue 1"]


@pytest.mark.scenario("S4")
async def test_the_sample_of_searches_as_a_program(world: World) -> None:
    async with world.administrator() as administrator:
        await administrator.add_add_in("Board", "https://example.com/board")
    async with world.connect("alice") as alice, asyncio.timeout(10):
        while not await alice.rooms.add_ins():
            await asyncio.sleep(0.02)
    said = await run("search_rooms.py", ALICE, *at(world), password=PASSWORD)
    red, blue = (" | ".join(f"{color} {n}" for n in range(1, 5)) for color in ("Red", "Blue"))
    assert said.splitlines() == [
        "by name: | Red 1",
        f"by category: | {blue} | Blue 5 | {red}",
        f"by criteria: | {red}",
        f"by filter: | {blue}",
        "disabled: | Red 5",
        f"any: | {blue} | Blue 5 | {red}",
    ]
    async with world.administrator() as administrator:  # the SDK removes no rooms
        for entry in await administrator.rooms():
            await administrator.remove_room(entry.room.name)
