"""Rooms found in every way there is, and preferences kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.client.connect import connect_user
from perchat.client.credentials import PasswordCredential
from perchat.client.options import EndpointOptions
from perchat.client.preferences import PreferenceCopies
from perchat.client.reconnect import LOST, ReconnectPolicy
from perchat.errors import (
    ChatServerConnectionError,
    DataCollision,
    ErrorCode,
    LimitExceeded,
    LocalProtocolError,
    NotSupported,
)
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.history import Match
from perchat.model.invitation import Invitation, InviteSetting
from perchat.model.participant import Participant
from perchat.model.preference import LABEL_LIMIT, Preference
from perchat.model.principal import User
from perchat.model.uri import CategoryUri, RoomUri
from perchat.net.connector import Transport
from perchat.xccos.blocks import (
    History,
    InvitationQuery,
    Invitations,
    Joined,
    JoinedRoom,
    QueryKind,
    RoomQuery,
    Rooms,
)
from perchat.xccos.managing import (
    AssociationQuery,
    PreferenceQuery,
    PreferenceReply,
    PreferenceVersion,
)
from perchat.xccos.primitives import Notice
from tests.client.peer import ALICE, BOB, LOBBY, SHORT, room, roster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.living import LivingChat
    from perchat.client.opening import Opening
    from perchat.xccos.blocks import Data
    from perchat.xccos.primitives import Command
    from tests.client.peer import Peer

    Call = Callable[[PersistentChatEndpoint], Awaitable[object]]

WORK = CategoryUri("ma-cat://example.com/work")
ANNEX = RoomUri("ma-chan://example.com/annex")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GUID = "9d2f0000-0000-4000-8000-000000000002"
BY_FILTER = QueryKind.BYFILTER
FOUND = Rooms((room(), room("Annex", ANNEX)))

ROOMS: list[tuple[str, Call, Data]] = [
    ("chansrch", lambda c: c.filter_rooms(), RoomQuery("", BY_FILTER, disabled=False)),
    (
        "chansrch",
        lambda c: c.filter_rooms(
            "a b",
            descriptions=True,
            match=Match.ALL,
            member=BOB,
            manager=Participant(ALICE),
            category=Category(WORK, "Work"),
            add_in=GUID.upper(),
            disabled=True,
            privacy=Privacy.OPEN,
            behavior=Behavior.NORMAL,
            invitations=InviteSetting.OFF,
            limit=5,
        ),
        RoomQuery(
            "a b",
            BY_FILTER,
            extended=True,
            match_all=True,
            max_results=5,
            member=BOB,
            manager=ALICE,
            category=WORK,
            add_in=GUID,
            disabled=True,
            privacy=Privacy.OPEN,
            behavior=Behavior.NORMAL,
            search_invites=True,
            invites=False,
        ),
    ),
    (
        "chansrch",
        lambda c: c.filter_rooms("a b", match=Match.PHRASE, invitations=InviteSetting.INHERIT),
        RoomQuery("a b", BY_FILTER, match_exact_phrase=True, disabled=False, search_invites=True),
    ),
    ("chansrch", lambda c: c.filter_rooms(disabled=None), RoomQuery("", BY_FILTER)),
    (
        "chansrch",
        lambda c: c.rooms_in(WORK),
        RoomQuery(WORK, QueryKind.BYCATEGORY, max_results=100),
    ),
    ("chansrch", lambda c: c.rooms_in(str(WORK), None), RoomQuery(WORK, QueryKind.BYCATEGORY)),
    (
        "chansrch",
        lambda c: c.rooms_joined_by(User(BOB, "bob", "Bob", GUID)),
        RoomQuery(BOB, QueryKind.BYUSER),
    ),
    ("getassociations", lambda c: c.my_rooms(), AssociationQuery(Role.MEMBER, "example.com")),
    (
        "getassociations",
        lambda c: c.my_rooms(limit=1000),
        AssociationQuery(Role.MEMBER, "example.com", 1000),
    ),
    (
        "getassociations",
        lambda c: c.rooms_i_manage(50),
        AssociationQuery(Role.MANAGER, "example.com", 50),
    ),
]


@pytest.mark.parametrize(("name", "call", "sent"), ROOMS)
async def test_rooms_are_found_by_one_command(
    peer: Peer, name: str, call: Call, sent: Data
) -> None:
    seen = peer.answering(name, FOUND)
    async with peer.chatting() as chat:
        assert await call(chat) == list(FOUND.rooms)
    assert seen == [sent]


async def test_no_more_rooms_are_returned_than_were_asked_for(peer: Peer) -> None:
    peer.answering("chansrch", FOUND)
    peer.answering("getassociations", FOUND)
    async with peer.chatting() as chat:
        assert await chat.filter_rooms(limit=1) == [room()]
        assert await chat.rooms_in(WORK, limit=1) == [room()]
        assert await chat.my_rooms(limit=1) == [room()]


async def test_a_preference_is_returned_if_it_is_news(peer: Peer) -> None:
    kept = Preference("seen", 7, "QUJD\n<&>")
    seen = peer.answering("getpref", PreferenceReply(kept), PreferenceReply())
    async with peer.chatting() as chat:
        assert await chat.get_preference("seen") == kept
        assert await chat.get_preference("seen", known=7, default=True) is None
    assert seen == [PreferenceQuery("seen"), PreferenceQuery("seen", 7, default=True)]


async def test_a_preference_kept_has_a_new_version(peer: Peer) -> None:
    seen = peer.answering("setpref", PreferenceVersion("seen", 8))
    async with peer.chatting() as chat:
        assert await chat.set_preference("seen", "QUJD", 7) == 8
    assert seen == [Preference("seen", 7, "QUJD")]


async def test_a_preference_that_has_not_changed_is_not_sent_again(peer: Peer) -> None:
    first, second = Preference("seen", 7, "QUJD"), Preference("seen", 9, "REVG")
    replies = (PreferenceReply(first), PreferenceReply(), PreferenceReply(second))
    seen = peer.answering("getpref", *replies)
    async with peer.chatting() as chat:
        assert [await chat.get_preference("seen") for _ in range(3)] == [first, first, second]
        await chat.get_preference("other")
    assert [query.known for query in seen if isinstance(query, PreferenceQuery)] == [-1, 7, 7, -1]


async def test_a_preference_written_elsewhere_is_told_and_read_anew(peer: Peer) -> None:
    changed = perchat.PreferenceChanged("seen", 8)
    mine = Preference("seen", 7, "QUJD")
    queries = peer.answering("getpref", PreferenceReply(mine))
    async with peer.chatting() as chat:
        called: list[perchat.PreferenceChanged] = []
        chat.on(perchat.PreferenceChanged, called.append)
        told = chat.preference_changes()
        await chat.get_preference("seen")
        peer.connection.say(Notice("prefmodify", PreferenceVersion("seen", 8)))
        assert await anext(told) == changed
        await chat.get_preference("seen")
        assert called == [changed]
    assert queries == [PreferenceQuery("seen")] * 2
    assert [change async for change in told] == []


def test_copies_of_preferences_are_bounded_and_go_when_they_are_old() -> None:
    copies = PreferenceCopies()
    for number in range(100):
        copies.put(Preference(f"label {number}", 1, "x"))
    assert (len(copies), copies.get("label 0")) == (32, None)
    copies.changed(perchat.PreferenceChanged("label 99", 1))
    assert copies.get("label 99") == Preference("label 99", 1, "x")
    copies.changed(perchat.PreferenceChanged("label 99", 2))
    assert copies.get("label 99") is None
    copies.put(Preference("label 98", 0))
    assert copies.get("label 98") is None  # nobody has written that one
    copies.clear()
    assert len(copies) == 0


async def test_stored_invitations_come_page_by_page(peer: Peer) -> None:
    kept = [Invitation(number, NOW, room()) for number in range(1, 6)]

    def page(command: Command) -> Invitations:
        assert isinstance(command.data, InvitationQuery)
        after = command.data.after
        asked.append(after)
        return Invitations(tuple(one for one in kept if one.id > after)[:2])

    asked: list[int] = []
    peer.replies["getinv"] = page
    async with peer.chatting() as chat:
        assert await chat.stored_invitations() == kept
        assert await chat.stored_invitations(3) == kept[3:]
        assert await chat.stored_invitations(limit=3) == kept[:3]
        assert asked == [0, 2, 4, 5, 3, 5, 0, 2]
        with pytest.raises(ValueError, match="at least one"):
            await chat.stored_invitations(limit=0)
        asked.clear()
        stream = chat.invitations(since=1)
        peer.connection.say(Notice("invite", Invitations((kept[4], Invitation(6, NOW, room())))))
        assert (await anext(stream)).id == 2
        assert asked == [1]  # the rest is asked for when it is wanted
        assert [(await anext(stream)).id for _ in range(4)] == [3, 4, 5, 6]
    assert [one async for one in stream] == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.DATA_COLLISION, DataCollision),
        (ErrorCode.LIMIT_EXCEEDED, LimitExceeded),
        (ErrorCode.MSG_NOT_SUPPORTED, NotSupported),
    ],
)
async def test_a_refusal_is_the_error_of_its_code(
    peer: Peer, code: ErrorCode, kind: type[Exception]
) -> None:
    peer.answering("setpref", code)
    async with peer.chatting() as chat:
        with pytest.raises(kind):
            await chat.set_preference("seen", "QUJD", 7)


WRONG: dict[str, Call] = {
    "no label": lambda c: c.get_preference(""),
    "long label": lambda c: c.set_preference("x" * (LABEL_LIMIT + 1), "", 0),
    "no category": lambda c: c.rooms_in("Work"),
    "no limit": lambda c: c.my_rooms(limit=0),
    "no user": lambda c: c.rooms_joined_by("bob"),
    "a group": lambda c: c.rooms_joined_by("ma-grp:9d2f@u.g"),
    "no member": lambda c: c.filter_rooms(member=""),
    "no filter limit": lambda c: c.filter_rooms(limit=-2),
    "a room as category": lambda c: c.filter_rooms(category=str(LOBBY)),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
async def test_what_is_wrong_in_itself_is_not_sent(peer: Peer, call: Call) -> None:
    async with peer.chatting() as chat:
        said = peer.commands()
        with pytest.raises(ValueError):
            await call(chat)
        assert peer.commands() == said


async def test_what_xml_cannot_carry_is_not_sent(peer: Peer) -> None:
    async with peer.chatting() as chat:
        with pytest.raises(LocalProtocolError, match="XML"):
            await chat.set_preference("seen", "\x00", 0)


async def test_nothing_is_found_once_the_chat_is_over(peer: Peer) -> None:
    async with peer.chatting() as chat:
        await chat.terminate()
        for call in (chat.my_rooms(), chat.rooms.add_ins(), chat.users.find(last="b")):
            with pytest.raises(ChatServerConnectionError, match="terminated"):
                await call


# --- across connections ---


def living(peer: Peer) -> Opening[LivingChat]:
    return connect_user(
        ALICE,
        server=peer.address,
        transport=Transport.TCP,
        credential=PasswordCredential("alice", "Secret-1"),
        options=EndpointOptions(timers=SHORT),
        reconnect=ReconnectPolicy(initial=0.01, maximum=0.1, patience=10.0),
    )


def cut_at_first(peer: Peer, name: str, answer: Data) -> list[Command]:
    """Have the connection cut instead of the first answer to a command."""
    seen: list[Command] = []

    def reply(command: Command) -> Data | None:
        seen.append(command)
        if len(seen) > 1:
            return answer
        peer.connection.cut()
        return None

    peer.replies[name] = reply
    return seen


async def test_what_only_asks_is_asked_again_on_the_next_connection(peer: Peer) -> None:
    seen = cut_at_first(peer, "getassociations", FOUND)
    async with living(peer) as chat:
        assert await chat.my_rooms() == list(FOUND.rooms)
    assert len(seen) == 2


async def test_what_changes_something_is_sent_once(peer: Peer) -> None:
    seen = cut_at_first(peer, "setpref", PreferenceVersion("seen", 1))
    async with living(peer) as chat:
        with pytest.raises(LOST):
            await chat.set_preference("seen", "QUJD", 0)
        assert len(seen) == 1
        assert await chat.set_preference("seen", "QUJD", 0) == 1


async def test_a_living_chat_tells_of_preferences_on_every_connection(peer: Peer) -> None:
    async with living(peer) as chat:
        told, states = chat.preference_changes(), chat.state_changes()
        for version in (1, 2):
            peer.connection.say(Notice("prefmodify", PreferenceVersion("seen", version)))
            assert await anext(told) == perchat.PreferenceChanged("seen", version)
            peer.connection.cut()
            while (await anext(states)).state is not perchat.LivingState.ESTABLISHED:
                pass


async def test_a_room_that_lives_on_posts_stories_and_tells_who_is_there(peer: Peer) -> None:
    peer.answering("gethiddenparts", Joined((JoinedRoom(room(), roster(ALICE, BOB)),)))
    peer.answering("bccontext", History(LOBBY))
    async with living(peer) as chat, chat.join(LOBBY) as lobby:
        posted = await lobby.post("All steps.", title="Release")
        assert posted.message is not None
        assert posted.message.title == "Release"
        assert [one.uri for one in await lobby.all_participants()] == [ALICE, BOB]
