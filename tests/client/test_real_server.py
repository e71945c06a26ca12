"""What one user does and another sees, or may not: the SDK at both ends of the real server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import Behavior, Role, SessionReason, SessionState
from perchat.server.admin import administration
from tests.client.server import install_sample, live
from tests.client.test_examples import run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.client.server import LiveServer

BOB, CAROL = "sip:bob@example.com", "sip:carol@example.com"


@pytest.fixture
async def projects(tmp_path: Path) -> AsyncIterator[LiveServer]:
    """The real server, where alice makes rooms in a category for all, and in one without bob."""
    config = await install_sample(tmp_path / "server")
    async with administration(config) as admin:
        await admin.add_category("Projects", creators=["alice"], invitations=True)
        await admin.add_category("Traders", creators=["alice"], deny=["bob"])
    async with live(config) as up:
        yield up


@asynccontextmanager
async def alice_and_bob(
    server: LiveServer,
) -> AsyncIterator[tuple[perchat.PersistentChatEndpoint, perchat.PersistentChatEndpoint]]:
    async with (
        asyncio.timeout(20),
        server.connect("alice", perchat.Transport.TLS) as alice,
        server.connect("bob", perchat.Transport.TLS) as bob,
    ):
        yield alice, bob


async def category(chat: perchat.PersistentChatEndpoint, name: str) -> perchat.CategorySummary:
    return next(one for one in await chat.rooms.creatable_categories() if one.name == name)


async def next_of(
    events: perchat.EventStream[perchat.SessionEvent], kind: type[perchat.SessionEvent]
) -> perchat.SessionEvent:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind}")


async def test_a_room_changes_under_those_who_are_in_it(projects: LiveServer) -> None:
    async with alice_and_bob(projects) as (alice, bob):
        place = await category(alice, "Projects")
        room = await alice.rooms.create("Gamma", place, members=[BOB])
        async with bob.join(room) as session:
            events = session.events()
            await alice.rooms.update(room, name="Delta", behavior=Behavior.AUDITORIUM)
            changed = await next_of(events, perchat.RoomChanged)
            assert isinstance(changed, perchat.RoomChanged)
            assert changed.changes["name"] == perchat.Change("Gamma", "Delta")
            assert changed.changes["can_post"] == perchat.Change(old=True, new=False)
            with pytest.raises(perchat.PermissionDenied):
                await session.post("may I?")
            await alice.rooms.grant(room, Role.PRESENTER, BOB)
            await next_of(events, perchat.PrivilegeChanged)
            assert session.can_post
            await session.post("I may")
            assert [one.uri for one in await session.all_participants()] == [BOB]
            with pytest.raises(perchat.PresenterNotMember):
                await alice.rooms.grant(room, Role.PRESENTER, CAROL)
            with pytest.raises(perchat.DataCollision):
                await alice.rooms.update(room, name="Epsilon", expected=room)
            now = await alice.rooms.get("Delta")
            await alice.rooms.update(room, name="Epsilon", expected=now)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("revoked", SessionReason.KICKED),
        ("moved", SessionReason.KICKED),
        ("disabled", SessionReason.ROOM_DISABLED),
    ],
)
async def test_who_may_not_stay_is_out_and_knows_why(
    projects: LiveServer, why: str, reason: SessionReason
) -> None:
    async with alice_and_bob(projects) as (alice, bob):
        room = await alice.rooms.create("Zeta", await category(alice, "Projects"), members=[BOB])
        session, lobby = await bob.join(room), await bob.join("Lobby")
        events = session.events()
        match why:
            case "revoked":
                await alice.rooms.revoke(room, Role.MEMBER, BOB)
            case "moved":
                await alice.rooms.move(room, await category(alice, "Traders"))
            case _:
                await alice.rooms.update(room, disabled=True)
        last = [event async for event in events][-1]
        assert last == perchat.SessionStateChanged(SessionState.TERMINATED, reason)
        assert lobby.is_joined
        assert dict(bob.sessions) == {lobby.uri: lobby}


async def test_preferences_are_the_same_in_every_program_of_a_user(projects: LiveServer) -> None:
    async with alice_and_bob(projects) as (alice, bob), projects.connect("alice") as elsewhere:
        version = await alice.set_preference("seen", "42", 0)
        kept = await elsewhere.get_preference("seen")
        assert kept == perchat.Preference("seen", version, "42")
        assert await elsewhere.get_preference("seen", known=version) is None
        assert await bob.get_preference("seen") is None
        with pytest.raises(perchat.DataCollision):
            await elsewhere.set_preference("seen", "41", version - 1)


async def test_people_are_found_and_only_oneself_is_told_in_full(projects: LiveServer) -> None:
    async with alice_and_bob(projects) as (alice, _):
        me = await alice.users.get(alice.owner_uri)
        assert (me.uri, me.display_name) == (alice.owner_uri, "Alice")
        with pytest.raises(perchat.PermissionDenied):
            await alice.users.get(BOB)
        room = await alice.rooms.create("Eta", await category(alice, "Projects"))
        found = await alice.rooms.eligible(room, Role.MEMBER, "bob")
        assert [one.uri for one in found] == [BOB]


async def test_the_example_makes_a_room_and_lets_people_in(projects: LiveServer) -> None:
    trusted = ("--server", projects.tls, "--ca", str(projects.ca))
    out = await run("create_room.py", "sip:alice@example.com", "Theta", "bob", *trusted)
    assert out.splitlines() == ["made Theta in Projects", "member: Alice", "member: Bob"]
    async with projects.connect("bob") as chat, chat.join("Theta") as room:
        assert [message.title for message in await room.recent()] == ["Theta"]
        assert not room.can_post


async def test_a_bot_that_compares_authors_with_its_own_spelling_answers_nobody_twice(
    projects: LiveServer,
) -> None:
    spelling = "sip:Alice@Example.COM"  # as its program writes itself
    async with (
        alice_and_bob(projects) as (alice, bob),
        alice.join("Lobby") as hers,
        bob.join("Lobby") as his,
    ):
        heard = hers.messages()
        await his.post("a question?")
        for _ in range(2):
            message = await anext(heard)
            if message.author != spelling:
                await hers.post("the answer")
        await his.post("thanks")
        assert [one.text for one in await his.recent(9)] == ["a question?", "the answer", "thanks"]
