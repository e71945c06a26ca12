"""What changes is told to whom it concerns, at once, and to nobody else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.client.events import PrivilegeChanged, RoomChanged, SessionStateChanged
from perchat.errors import ErrorCode
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.preference import Preference
from perchat.model.roomdetails import RoomDetails
from perchat.server.admin import administration
from perchat.xccos.blocks import Arrivals, Departures, Invitations, Joined, RoomUris
from perchat.xccos.managing import PreferenceVersion
from perchat.xccos.masks import MANAGER, MEMBER
from perchat.xccos.primitives import Notice
from tests.server.harness import make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.session import ChatRoomSession
    from perchat.xccos.primitives import Primitive
    from tests.server.harness import Sample

ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "data")
    async with administration(config) as admin:
        await admin.add_category("Guests", creators=("alice",), invitations=True)
    async with running(config) as sample:
        yield sample


class Notices:
    """Every notice that reaches a chat, in order."""

    def __init__(self, chat: PersistentChatEndpoint) -> None:
        self._queue: asyncio.Queue[Notice] = asyncio.Queue()
        dialog = chat._live_dialog
        self._next = dialog._on_news
        dialog._on_news = self._news

    def _news(self, primitive: Primitive) -> None:
        if isinstance(primitive, Notice):
            self._queue.put_nowait(primitive)
        self._next(primitive)

    async def next(self) -> Notice:
        async with asyncio.timeout(5):
            return await self._queue.get()

    def left(self) -> list[str]:
        names = []
        while not self._queue.empty():
            names.append(self._queue.get_nowait().name)
        return names


async def in_sync(speaker: ChatRoomSession, *listeners: ChatRoomSession) -> None:
    """Wait until listeners have all that was sent to them: what is said now comes last."""
    streams = [listener.messages() for listener in listeners]
    await speaker.post("in sync?")
    async with asyncio.timeout(5):
        for stream in streams:
            await anext(stream)


async def test_those_in_a_room_learn_what_it_has_become(sample: Sample) -> None:
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "bob") as bob,
        connect(sample, "carol") as carol,
        alice.join("General") as here,
        bob.join("General") as room,
    ):
        general = await alice.find("General")
        heard, unheard = Notices(bob), Notices(carol)
        events = room.events()
        await alice.rooms.update(general, name="Everyone", privacy=Privacy.OPEN)
        notice = await heard.next()
        assert isinstance(notice.data, RoomDetails)
        told = replace(await alice.rooms.get("Everyone"), file_store="")  # told to who asks
        assert (notice.name, notice.data) == ("chanmodify", told)
        assert notice.data.participants == 2
        assert notice.data.category is not None
        assert notice.data.category.name == "Company"
        async with asyncio.timeout(5):
            changed = await anext(events)
        assert isinstance(changed, RoomChanged)
        assert changed.changes["name"].old == "General"
        assert room.name == "Everyone"
        await alice.rooms.update(general, name="Everyone")  # which it is already
        await in_sync(here, room)
        assert (heard.left(), unheard.left()) == ([], [])


async def test_a_category_that_changes_changes_its_rooms(sample: Sample) -> None:
    async with connect(sample, "bob") as bob, bob.join("General"):
        heard = Notices(bob)
        async with sample.admin() as admin:
            await admin.set_category("Company", add={}, remove={}, keeps_history=False)
        notice = await heard.next()
        assert isinstance(notice.data, RoomDetails)
        assert notice.data.category is not None
        assert not notice.data.category.keeps_history


async def test_everyone_sees_who_came_to_manage_and_to_present(sample: Sample) -> None:
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "bob") as bob,
        connect(sample, "carol") as carol,
        alice.join("General") as here,
        bob.join("General") as room,
        carol.join("General") as other,
    ):
        general = await alice.find("General")
        events, heard = other.events(), Notices(carol)
        await alice.rooms.grant(general, Role.MANAGER, [BOB])
        notice = await heard.next()
        assert isinstance(notice.data, Arrivals)
        assert notice.name == "permmodify"
        assert [one.participant.uri for one in notice.data.arrivals] == [BOB]
        async with asyncio.timeout(5):
            changed = await anext(events)
        assert isinstance(changed, PrivilegeChanged)
        assert (changed.participant.uri, changed.participant.is_manager) == (BOB, True)
        await alice.rooms.update(general, behavior=Behavior.AUDITORIUM)
        await alice.rooms.grant(general, Role.PRESENTER, [ALICE])
        assert [(await heard.next()).name for _ in range(2)] == ["chanmodify", "permmodify"]
        await in_sync(here, room, other)
        with pytest.raises(perchat.PermissionDenied):
            await room.post("from the floor")


async def test_who_is_put_out_learns_why_and_hears_nothing_more(sample: Sample) -> None:
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "bob") as bob,
        connect(sample, "bob", tcp=False) as again,
        connect(sample, "carol") as carol,
        alice.join("General") as here,
        bob.join("General") as room,
        again.join("General"),
        carol.join("General") as other,
    ):
        general = await alice.find("General")
        events, told = room.events(), [Notices(bob), Notices(again)]
        rest = Notices(carol)
        await alice.rooms.revoke(general, Role.MEMBER, [BOB])
        for notices in told:
            kick = await notices.next()
            assert isinstance(kick.data, Departures)
            assert (kick.name, kick.error) == ("kick", ErrorCode.ERROR_PERMISSION)
            assert [one.users for one in kick.data.departures] == [(BOB,)]
        gone = await rest.next()
        assert isinstance(gone.data, Departures)
        assert (gone.name, gone.error) == ("part", None)
        async with asyncio.timeout(5):
            end = await anext(events)
        assert isinstance(end, SessionStateChanged)
        assert end.reason is perchat.SessionReason.KICKED
        await here.post("without bob")
        await in_sync(here, other)
        assert [notices.left() for notices in (*told, rest)] == [[], [], []]
        with pytest.raises(perchat.PermissionDenied):
            await bob.join(general)


async def test_who_is_let_in_again_at_once_is_in_for_good(sample: Sample) -> None:
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "bob") as bob,
        alice.join("General") as here,
    ):
        general = await alice.find("General")
        told = Notices(bob)
        for _ in range(10):
            await bob.join(general)
            await alice.rooms.revoke(general, Role.MEMBER, [BOB])
            while (await told.next()).name != "kick":
                pass
            await alice.rooms.grant(general, Role.MEMBER, [BOB])
            async with bob.join(general) as room:
                await in_sync(here, room)


async def test_a_wall_that_rises_says_no_more_than_that_there_is_no_room(sample: Sample) -> None:
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "bob") as bob,
        alice.join("General"),
        bob.join("General"),
    ):
        general = await alice.find("General")
        heard = Notices(bob)
        await alice.rooms.update(general, privacy=Privacy.SECRET)
        assert (await heard.next()).name == "chanmodify"
        async with sample.admin() as admin:
            await admin.set_category("Company", add={"denied": ("bob",)}, remove={})
        kick = await heard.next()
        assert (kick.name, kick.error) == ("kick", ErrorCode.NO_SUCH_NODE)


async def test_a_disabled_room_ends_for_everyone_and_no_one_is_told_twice(sample: Sample) -> None:
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "bob") as bob,
        alice.join("General"),
        bob.join("General") as room,
    ):
        general = await alice.find("General")
        both = (Notices(alice), Notices(bob))
        events = room.events()
        await alice.rooms.update(general, disabled=True)
        for notices in both:
            kick = await notices.next()
            assert (kick.name, kick.error) == ("kick", ErrorCode.NODE_DISABLED)
        async with asyncio.timeout(5):
            end = await anext(events)
        assert isinstance(end, SessionStateChanged)
        assert end.reason is perchat.SessionReason.ROOM_DISABLED
        with pytest.raises(perchat.RoomDisabled):
            await bob.join(general)
        assert await alice.search_rooms("General") == []
        assert [notices.left() for notices in both] == [[], []]


async def test_the_invited_are_told_wherever_they_are_and_nobody_else(sample: Sample) -> None:
    async with (
        connect(sample, "alice") as alice,
        connect(sample, "bob") as bob,
        connect(sample, "bob", tcp=False) as again,
        connect(sample, "carol") as carol,
        again.join("General"),
    ):
        told, untold = [Notices(bob), Notices(again)], Notices(carol)
        (category,) = await alice.rooms.creatable_categories()
        made = await alice.rooms.create("Party", category, members=[BOB])
        for notices in told:
            notice = await notices.next()
            assert isinstance(notice.data, Invitations)
            assert notice.name == "invite"
            (invitation,) = notice.data.invitations
            assert (invitation.room.uri, invitation.room.name) == (made.uri, "Party")
            assert [invitation] == await bob.stored_invitations()
        await alice.rooms.update(made.uri, invitations=perchat.InviteSetting.OFF)
        await alice.rooms.grant(made.uri, Role.MEMBER, [CAROL])
        assert await carol.stored_invitations() == []
        assert untold.left() == []


async def test_other_programs_of_a_user_learn_that_a_preference_changed(sample: Sample) -> None:
    async with connect(sample, "bob") as one, connect(sample, "bob", tcp=False) as other:
        own, told = Notices(one), Notices(other)
        bundle = Preference("app.Windows", 0, "QQ==")
        version = await one.command("setpref", bundle, PreferenceVersion)
        notice = await told.next()
        assert (notice.name, notice.data) == ("prefmodify", version)
        assert own.left() == []


async def test_a_large_room_keeps_quiet_about_who_is_there(tmp_path: Path) -> None:
    async with (
        running(await make_sample(tmp_path / "data", participant_updates=2)) as sample,
        connect(sample, "bob") as bob,
        connect(sample, "carol") as carol,
        connect(sample, "alice") as alice,
        bob.join("General"),
        carol.join("General") as other,
        alice.join("General") as here,
    ):
        general = await alice.find("General")
        assert [one.uri for one in here.participants] == [ALICE]
        shown = await alice.command("gethiddenparts", RoomUris((general,)), Joined)
        listed = {one.participant.uri: one.mask for one in shown.rooms[0].participants}
        assert listed == {ALICE: MANAGER, BOB: MEMBER, CAROL: MEMBER}
        promoted, rest = Notices(bob), Notices(carol)
        await alice.rooms.grant(general, Role.MANAGER, [BOB])
        assert (await promoted.next()).name == "permmodify"
        await alice.rooms.update(general, description="changed")
        assert (await rest.next()).name == "chanmodify"
        await in_sync(here, other)
        assert rest.left() == []
        await alice.rooms.revoke(general, Role.MEMBER, [BOB])
        assert [(await promoted.next()).name for _ in range(2)] == ["chanmodify", "kick"]
