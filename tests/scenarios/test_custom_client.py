"""E1: a client of one's own, step by step; single sign-on and pidgin are in tests/peers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import Match, Privacy, SessionReason, SessionState, SessionStateChanged
from tests.client.test_examples import run
from tests.scenarios.world import ALICE, BOB, CAROL, PASSWORD, category

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.scenarios.world import World

pytestmark = pytest.mark.scenario("E1")


def names(rooms: Iterable[perchat.RoomSummary]) -> list[str]:
    return sorted(room.name for room in rooms)


@asynccontextmanager
async def furnished(
    world: World,
) -> AsyncIterator[tuple[perchat.PersistentChatEndpoint, perchat.PersistentChatEndpoint]]:
    """Alice, who has made some rooms, and bob."""
    async with world.connect("alice") as alice, world.connect("bob") as bob:
        projects = await category(alice, "Projects")
        create, both = alice.rooms.create, [ALICE, BOB]
        await create("Alpha one", projects, description="the first", members=both)
        await create("Alpha two", projects, description="one more", members=[ALICE, CAROL])
        await create("Two alpha", projects, privacy=Privacy.OPEN)
        await create("Beta", projects, description="not alpha", members=both, managers=[BOB])
        await create("Alpha of alice", projects, privacy=Privacy.SECRET, members=[ALICE])
        await create("Deals", await category(alice, "Traders"), members=[CAROL])
        yield alice, bob


async def test_rooms_are_found_by_words_phrase_and_description(world: World) -> None:
    async with furnished(world) as (alice, bob):
        alphas = ["Alpha one", "Alpha two", "Two alpha"]
        assert names(await bob.search_rooms("alpha")) == alphas
        assert names(await bob.search_rooms("one two")) == alphas
        assert names(await bob.search_rooms("alpha two", match=Match.ALL)) == alphas[1:]
        assert names(await bob.search_rooms("alpha two", match=Match.PHRASE)) == ["Alpha two"]
        assert names(await bob.search_rooms("alpha", descriptions=True)) == sorted(
            [*alphas, "Beta"]
        )
        assert names(await alice.search_rooms("alpha")) == sorted([*alphas, "Alpha of alice"])
        async with bob.join("Alpha one"):
            (found,) = await alice.search_rooms("alpha one", match=Match.PHRASE)
        async with bob.join("Alpha one") as session:
            assert found.uri == session.uri
        assert (found.name, found.description) == ("Alpha one", "the first")
        assert (found.participants, found.privacy) == (1, Privacy.CLOSED)
        assert found.uri.startswith("ma-chan://example.com/")
        async with world.connect("mallory") as mallory:
            assert names(await mallory.search_rooms("alpha deals")) == alphas


async def test_each_list_of_rooms_has_what_it_should(world: World) -> None:
    async with furnished(world) as (alice, bob), world.connect("carol") as carol:
        assert names(await bob.my_rooms()) == ["Alpha one", "Beta"]
        assert names(await bob.rooms_i_manage()) == ["Beta"]
        assert len(await alice.rooms_i_manage()) == 6
        assert len(await alice.rooms_i_manage(limit=5)) == 5
        assert len(await alice.my_rooms()) == 4
        assert len(await alice.my_rooms(limit=3)) == 3
        traders = await category(alice, "Traders")
        assert names(await bob.rooms_in(traders)) == ["Deals"]
        assert names(await carol.rooms.in_category(traders)) == ["Deals"]
        async with carol.join("Alpha two"), carol.join("Two alpha"):
            assert names(await alice.rooms_joined_by(CAROL)) == ["Alpha two", "Two alpha"]
            assert names(await bob.rooms_joined_by(CAROL)) == ["Two alpha"]  # closed to him
        invited = await carol.stored_invitations()
        # the one as a member, the other as it is open; Traders invites nobody
        assert [one.room.name for one in invited] == ["Alpha two", "Two alpha"]
        assert abs(datetime.now(UTC) - invited[0].created_on) < timedelta(minutes=1)
        live, last = carol.invitations(), invited[-1].id
        await alice.rooms.grant("Beta", perchat.Role.MEMBER, CAROL)
        news = await anext(live)
        assert (news.room.name, news.id > last) == ("Beta", True)
        assert await carol.stored_invitations(last) == [news]


async def test_a_room_is_joined_by_address_name_or_find_and_once(world: World) -> None:
    async with furnished(world) as (_, bob):
        (found,) = await bob.search_rooms("alpha one", match=Match.PHRASE)
        for way in (found.uri, str(found.uri), "alpha ONE", found):
            session = perchat.ChatRoomSession(bob)
            events = session.events()
            await session.join(way)
            assert [await anext(events), await anext(events)] == [
                SessionStateChanged(SessionState.ESTABLISHING),
                SessionStateChanged(SessionState.ESTABLISHED),
            ]
            assert (session.name, session.uri, session.chat) == ("Alpha one", found.uri, bob)
            assert bob.session("alpha one") is bob.session(found.uri) is session
            assert dict(bob.sessions) == {found.uri: session}
            with pytest.raises(perchat.StateError):
                await bob.join(found)
            with pytest.raises(perchat.SessionStateError) as again:
                await session.join("Beta")
            assert (again.value.expected, again.value.actual) == ("idle", "established")
            await session.leave()
        with pytest.raises(perchat.RoomNotFound):
            await bob.join("Alpha of alice")
        with pytest.raises(perchat.PermissionDenied):
            await bob.join("Alpha two")


async def test_every_kind_of_message_reaches_both_as_it_was_meant(world: World) -> None:
    async with (
        furnished(world) as (alice, bob),
        alice.join("Alpha one") as hers,
        bob.join("Alpha one") as his,
    ):
        assert hers.room is not None
        streams = [hers.messages(), his.messages()]
        rtf = r'{\rtf1 see {\field{\*\fldinst HYPERLINK "https://example.com"}{\fldrslt this}}}'
        built = perchat.MessageBuilder().emoticon(perchat.Emoticon.WINK).text(" see ")
        built.link("the plan", "https://example.com/plan").text(" in ").room_link(hers.room)
        posts = [
            await hers.post("plain"),
            await hers.post("see this", rtf=rtf),
            await hers.post("look!", alert=True),
            await hers.post("All steps.", title="Release 1.2"),
            await hers.post(built),
        ]
        own, seen = [[await anext(stream) for _ in posts] for stream in streams]
        assert own == seen == [post.message for post in posts]
        assert [one.id for one in seen] == [1, 2, 3, 4, 5]
        assert {(one.author, one.author_name, one.room_name) for one in seen} == {
            (ALICE, "Alice", "Alpha one")
        }
        plain, rich, alert, story, parts = seen
        assert (plain.text, plain.rtf) == ("plain", None)
        assert (plain.is_alert, plain.is_story, plain.rtf_parts) == (False, False, ())
        assert (rich.text, rich.rtf) == ("see this", rtf)
        assert rich.rtf_parts == (
            perchat.TextPart("see "),
            perchat.LinkPart("https://example.com", "this"),
        )
        assert alert.is_alert
        assert (story.title, story.is_story) == ("Release 1.2", True)
        title, body = story.parts
        assert isinstance(title, perchat.StoryTitlePart)
        assert (title.title, body.display) == ("Release 1.2", "All steps.")
        assert parts.parts == built.parts
        words = [one.text for one in parts.parts if isinstance(one, perchat.TextPart)]
        assert words == [" see ", " in "]
        kinds = perchat.EmoticonPart, perchat.LinkPart, perchat.RoomLinkPart
        face, link, room = (one for one in parts.parts if isinstance(one, kinds))
        assert isinstance(face, perchat.EmoticonPart)
        assert (face.emoticon, face.raw) == (perchat.Emoticon.WINK, ";)")
        assert isinstance(link, perchat.LinkPart)
        assert (link.url, link.display) == ("https://example.com/plan", "the plan")
        assert isinstance(room, perchat.RoomLinkPart)
        assert (room.room, room.display) == (hers.uri, "Alpha one")
        assert parts.key == (hers.uri, 5)


async def test_what_was_said_is_searched_and_paged_without_gap_or_repeat(world: World) -> None:
    async with (
        furnished(world) as (alice, bob),
        alice.join("Alpha one") as hers,
        bob.join("Alpha one") as his,
    ):
        await his.post("the Budget of bob")
        for start in range(0, 1000, 50):
            some = (hers.post(f"budget line {number}") for number in range(start, start + 50))
            await asyncio.gather(*some)
        deadlines = [await his.post(f"deadline {number}") for number in range(25)]
        assert deadlines[0].message is not None
        half_time = deadlines[0].message.timestamp  # by the server's clock
        recent = await hers.recent(20)
        assert [one.text for one in recent] == [f"deadline {number}" for number in range(5, 25)]
        with pytest.raises(ValueError, match="at least one"):
            await hers.recent(0)
        ask = perchat.HistoryQuery
        everything = [one.id async for one in hers.iter_history(ask("budget"))]
        assert everything == list(range(1, 1002))
        newest = [one.id async for one in hers.iter_history(ask("budget", newest_first=True))]
        assert newest == everything[::-1]
        result = await hers.query_history(ask("budget", limit=10))
        assert (result.total, result.truncated, len(result.messages)) == (1001, True, 10)
        assert (result.room_uri, result.room_name) == (hers.uri, "Alpha one")
        following = await hers.query_history(
            ask("budget", after_id=result.messages[-1].id, limit=10)
        )
        assert [one.id for one in following.messages] == list(range(11, 21))
        by_bob = await hers.query_history(ask("budget deadline", authors=(BOB,)))
        assert (by_bob.total, by_bob.messages[0].text) == (26, "the Budget of bob")
        late = await hers.query_history(ask("budget deadline", since=half_time))
        assert (late.total, late.truncated) == (25, False)
        early = await hers.query_history(
            ask("budget deadline", until=half_time - timedelta(microseconds=1))
        )
        assert early.total == 1001
        exact = ask("Budget of", match=Match.PHRASE, case_sensitive=True)
        assert (await hers.query_history(exact)).total == 1
        last = ask("deadline", search_newest_first=True, limit=3)
        assert [one.text for one in (await hers.query_history(last)).messages] == [
            f"deadline {number}" for number in (22, 23, 24)
        ]
        for text in ("Plan of work", "work of Plan", "plan of work"):
            await hers.post(text)
        for query, found in (
            (ask("Plan of", match=Match.PHRASE, case_sensitive=True), ["Plan of work"]),
            (ask("Plan of", match=Match.PHRASE), ["Plan of work", "plan of work"]),
            (
                ask("Plan of", match=Match.ALL, case_sensitive=True),
                ["Plan of work", "work of Plan"],
            ),
        ):
            assert [one.text for one in (await hers.query_history(query)).messages] == found


async def test_a_session_goes_from_room_to_room_and_nothing_is_left_running(world: World) -> None:
    before = asyncio.all_tasks()
    async with furnished(world) as (_, bob):
        session = perchat.ChatRoomSession(bob)
        for name in ("Alpha one", "Beta", "Two alpha"):
            events = session.events()
            await session.join(name)
            assert (session.name, session.is_joined) == (name, True)
            assert [one.uri for one in session.participants] == [BOB]
            await session.leave()
            assert (session.name, session.uri, session.participants) == ("", None, ())
            assert [one async for one in events][-2:] == [
                SessionStateChanged(SessionState.TERMINATING, SessionReason.LEFT),
                SessionStateChanged(SessionState.IDLE, SessionReason.LEFT),
            ]
        with pytest.raises(perchat.SessionStateError):
            await session.post("to nobody")
    assert bob.state is perchat.ConnectionState.TERMINATED
    assert bob.endpoint.state is perchat.EndpointState.TERMINATED
    assert not bob.endpoint.platform.is_running
    left = asyncio.all_tasks() - before  # the server runs in this process, too
    assert [task for task in left if "perchat/client" in repr(task)] == []


async def test_the_program_does_all_of_it(world: World) -> None:
    async with furnished(world), world.connect("carol") as carol, carol.join("Two alpha"):
        out = await run(
            *("custom_client.py", BOB, "Alpha one", "Two alpha", "--search", "two alpha"),
            *("--say", "Hello :)", "and again", "--find", "hello"),
            *("--server", world.sample.addresses.sip_tls or "", "--ca", str(world.sample.ca)),
            password=PASSWORD,
        )
    assert out.splitlines() == [
        "found Alpha two (0 there) one more",
        "found Two alpha (1 there) ",
        "mine: Alpha one Beta",
        "managed: Beta",
        "invited to Alpha one",
        "invited to Two alpha",
        "invited to Beta",
        "in Alpha one with Bob",
        "1 Bob: Hello :)",
        "2 Bob: and again",
        "1 messages have hello",
        "in Two alpha with Carol, Bob",
        "1 Bob: Hello :)",
        "2 Bob: and again",
        "1 messages have hello",
        "establishing established terminating idle",
        "signed out: terminated",
    ]
