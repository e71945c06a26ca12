"""Rooms that change while one is in them: what is told, and what holds from then on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perchat.client.builder import MessageBuilder
from perchat.client.events import (
    AttendanceChanged,
    Change,
    PrivilegeChanged,
    RoomChanged,
    SessionReason,
    SessionStateChanged,
)
from perchat.client.states import SessionState
from perchat.errors import ErrorCode, PermissionDenied, SessionStateError
from perchat.model.addin import AddIn
from perchat.model.category import CategorySummary
from perchat.model.chatroom import Behavior, Privacy
from perchat.model.invitation import Invitations
from perchat.model.participant import Participant
from perchat.model.parts import StoryTitlePart, TextPart
from perchat.model.roomdetails import RoomDetails
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    Departure,
    Departures,
    History,
    Joined,
    JoinedRoom,
    RoomUris,
)
from perchat.xccos.masks import MANAGER, MEMBER, PRESENTER
from perchat.xccos.primitives import Notice, Reply
from tests.client.peer import ALICE, BOB, LOBBY, room, roster
from tests.client.test_browse import living

if TYPE_CHECKING:
    from perchat.client.events import SessionEvent
    from perchat.client.session import ChatRoomSession
    from perchat.client.streams import EventStream
    from perchat.model.uri import SipUri
    from perchat.xccos.primitives import Primitive
    from tests.client.peer import Peer

WORK = CategoryUri("ma-cat://example.com/work")
ELSEWHERE = RoomUri("ma-chan://example.com/elsewhere")
DETAILS = RoomDetails(
    LOBBY, "Lobby", "for all", category=CategorySummary(WORK, "Work", keeps_history=True)
)
LIVES = replace(room(), category=WORK)


def entered(peer: Peer, *users: SipUri, mask: int = MEMBER) -> None:
    peer.answering("join", Joined((JoinedRoom(LIVES, roster(*users, mask=mask)),)))


def changed(room: RoomDetails) -> Notice:
    return Notice("chanmodify", room)


def rights(user: SipUri, mask: int) -> Notice:
    person = Participant(user, user.user, is_manager=bool(mask & 4))
    return Notice("permmodify", Arrivals((Arrival(person, ((LOBBY, mask),)),)))


def kicked(user: SipUri, error: ErrorCode | None = None) -> Notice:
    return Notice("kick", Departures((Departure(LOBBY, (user,)),)), error=error)


async def told(
    peer: Peer, session: ChatRoomSession, events: EventStream[SessionEvent], *said: Primitive
) -> SessionEvent:
    """Have the service say something; return what the session tells next."""
    peer.connection.say(*said)
    event = await anext(events)
    assert session.state is SessionState.ESTABLISHED
    return event


async def test_a_room_that_changes_is_told_by_what_changed(peer: Peer) -> None:
    entered(peer, ALICE, BOB)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        events = session.events()
        board = AddIn("9d2f0000-0000-4000-8000-000000000002", "Board", "https://example.com/b")
        now = replace(DETAILS, name="Hall", privacy=Privacy.SECRET, add_in=board)
        second = replace(changed(now), seqid=2)
        event = await told(peer, session, events, changed(DETAILS), second)
        assert event == RoomChanged(
            {
                "name": Change("Lobby", "Hall"),
                "privacy": Change(Privacy.CLOSED, Privacy.SECRET),
                "is_secret": Change(old=False, new=True),
                "add_in": Change(None, board),
            }
        )
        assert (session.name, session.is_secret, session.add_in) == ("Hall", True, board)
        assert session.privacy is Privacy.SECRET
        assert len(session.participants) == 2
        assert session.room is not None
        assert chat.session("Hall") is session


async def test_a_room_that_moves_takes_over_what_its_category_says(peer: Peer) -> None:
    entered(peer, ALICE)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        events = session.events()
        place = CategorySummary(
            CategoryUri("ma-cat://example.com/new"), invitations=True, file_posts=True
        )
        now = replace(DETAILS, category=place, invitations=Invitations(inherited=True))
        event = await told(peer, session, events, changed(now))
        assert isinstance(event, RoomChanged)
        assert {*event.changes} == {"category", "keeps_history", "invites", "can_post_files"}
        assert (session.keeps_history, session.invites, session.can_post_files) == (0, 1, 1)


async def test_who_is_no_presenter_may_not_post_once_the_room_is_an_auditorium(peer: Peer) -> None:
    entered(peer, ALICE)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        events = session.events()
        event = await told(
            peer, session, events, changed(replace(DETAILS, behavior=Behavior.AUDITORIUM))
        )
        assert isinstance(event, RoomChanged)
        assert event.changes["can_post"] == Change(old=True, new=False)
        assert session.is_auditorium
        assert not session.can_post
        event = await told(peer, session, events, rights(ALICE, MEMBER | PRESENTER))
        assert event == PrivilegeChanged(Participant(ALICE, "alice", is_presenter=True))
        assert session.can_post


async def test_who_is_made_manager_may_manage(peer: Peer) -> None:
    entered(peer, ALICE, BOB)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        events = session.events()
        may = []
        for user, mask in ((BOB, MANAGER), (ALICE, MANAGER), (ALICE, MEMBER)):
            event = await told(peer, session, events, rights(user, mask))
            manages = mask == MANAGER
            assert event == PrivilegeChanged(Participant(user, user.user, is_manager=manages))
            may.append(session.can_manage)
        assert may == [False, True, False]


async def test_rights_of_those_whom_a_large_room_hides_do_not_list_them(peer: Peer) -> None:
    entered(peer, ALICE)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        event = await told(peer, session, session.events(), rights(BOB, MANAGER))
        assert event == PrivilegeChanged(Participant(BOB, "bob", is_manager=True))
        assert [one.uri for one in session.participants] == [ALICE]


async def test_somebody_else_who_is_kicked_is_gone(peer: Peer) -> None:
    entered(peer, ALICE, BOB)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        event = await told(peer, session, session.events(), kicked(BOB))
        assert event == AttendanceChanged(Participant(BOB, "bob"), active=False)


ENDS: list[tuple[Primitive, SessionReason]] = [
    (kicked(ALICE), SessionReason.KICKED),
    (kicked(ALICE, ErrorCode.ERROR_PERMISSION), SessionReason.KICKED),
    (kicked(ALICE, ErrorCode.NODE_DISABLED), SessionReason.ROOM_DISABLED),
    (changed(replace(DETAILS, disabled=True)), SessionReason.ROOM_DISABLED),
    (Reply("part", RoomUris((LOBBY,)), "0", 0), SessionReason.KICKED),
    (Reply("part", RoomUris((LOBBY,)), "0", 0, 410, "NODE_DISABLED"), SessionReason.ROOM_DISABLED),
]


@pytest.mark.parametrize(("said", "reason"), ENDS)
async def test_whoever_is_put_out_is_told_why(
    peer: Peer, said: Primitive, reason: SessionReason
) -> None:
    entered(peer, ALICE)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        events = session.events()
        peer.connection.say(said)
        seen = [event async for event in events]
        assert seen[-2:] == [
            SessionStateChanged(SessionState.TERMINATING, reason),
            SessionStateChanged(SessionState.TERMINATED, reason),
        ]
        assert not chat.sessions
        with pytest.raises(SessionStateError):
            await session.post("still here?")


async def test_what_is_said_of_other_rooms_changes_nothing(peer: Peer) -> None:
    entered(peer, ALICE)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        events = session.events()
        peer.connection.say(changed(replace(DETAILS, uri=ELSEWHERE, name="Other")))
        event = await told(peer, session, events, rights(ALICE, MANAGER))
        assert isinstance(event, PrivilegeChanged)
        assert session.name == "Lobby"


async def test_what_changed_while_the_connection_was_away_is_told_when_it_is_back(
    peer: Peer,
) -> None:
    renamed = replace(LIVES, name="Hall")
    peer.answering("bccontext", History(LOBBY))
    peer.answering(
        "join",
        Joined((JoinedRoom(LIVES, roster(ALICE)),)),
        Joined((JoinedRoom(renamed, roster(ALICE)),)),
    )
    async with living(peer) as chat, chat.join(LOBBY) as lobby:
        events = lobby.events()
        peer.connection.cut()
        seen = [await anext(events) for _ in range(3)]
        assert seen == [
            SessionStateChanged(SessionState.ESTABLISHING, SessionReason.DISCONNECTED),
            SessionStateChanged(SessionState.ESTABLISHED),
            RoomChanged({"name": Change("Lobby", "Hall")}),
        ]
        assert lobby.name == "Hall"


# --- everybody in the room ---


async def test_large_rooms_are_asked_who_is_there(peer: Peer) -> None:
    entered(peer, ALICE)
    everybody = roster(ALICE, BOB)
    seen = peer.answering("gethiddenparts", Joined((JoinedRoom(LIVES, everybody),)))
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        found = await session.all_participants()
    assert {one.uri for one in found} == {ALICE, BOB}
    assert seen == [RoomUris((LOBBY,))]


@pytest.mark.parametrize(
    "code", [ErrorCode.CANNOT_GET_PARTICIPANT_LIST, ErrorCode.MSG_NOT_SUPPORTED]
)
async def test_in_others_the_list_is_known(peer: Peer, code: ErrorCode) -> None:
    entered(peer, ALICE, BOB)
    peer.answering("gethiddenparts", code)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        assert await session.all_participants() == list(session.participants)


async def test_who_may_not_know_who_is_there_is_told_so(peer: Peer) -> None:
    peer.answering("gethiddenparts", ErrorCode.ERROR_PERMISSION)
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        with pytest.raises(PermissionDenied):
            await session.all_participants()
        await session.leave()
        with pytest.raises(SessionStateError):
            await session.all_participants()


# --- posts with parts ---


async def test_a_story_comes_back_in_parts(peer: Peer) -> None:
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        posted = await session.post("All steps.", title="Release 1.2", alert=True)
        assert posted.message is not None
        assert posted.message.title == "Release 1.2"
        assert posted.message.parts == (StoryTitlePart("Release 1.2"), TextPart("All steps."))
        assert posted.message.is_alert


async def test_what_was_built_comes_back_in_parts(peer: Peer) -> None:
    built = MessageBuilder().text("see ").link("plan", "https://example.com/p").room_link(room())
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        posted = await session.post(built)
        assert posted.message is not None
        assert posted.message.parts == built.parts


async def test_an_empty_message_or_story_is_not_sent(peer: Peer) -> None:
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        said = peer.commands()
        with pytest.raises(ValueError, match="not empty"):
            await session.post(MessageBuilder())
        with pytest.raises(ValueError, match="story"):
            await session.post(MessageBuilder(), title="Release")
        assert peer.commands() == said
