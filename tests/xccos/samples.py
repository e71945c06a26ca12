"""Rooms, people and messages of the transcripts, and the ways they go over the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.errors import ErrorCode
from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.invitation import Invitation
from perchat.model.message import Message
from perchat.model.participant import Participant
from perchat.model.service import ServerInfo
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.xccos.blocks import (
    Data,
    Histories,
    Invitations,
    Joined,
    JoinedRoom,
    Nothing,
    RoomQuery,
    RosterEntry,
)
from perchat.xccos.codec import CLIENT, SIPE, Dialect
from perchat.xccos.masks import MANAGER, MEMBER, PRESENTER
from perchat.xccos.primitives import Command, Notice, Primitive, Reply

if TYPE_CHECKING:
    pass


SERVER = Dialect()

OPS = RoomUri("ma-chan://contoso.com/aaaaaaaa-0000-4000-8000-000000000001")
BOARD = RoomUri("ma-chan://contoso.com/aaaaaaaa-0000-4000-8000-000000000002")
IT = CategoryUri("ma-cat://contoso.com/bbbbbbbb-0000-4000-8000-000000000001")
ROOT = CategoryUri("ma-cat://contoso.com/bbbbbbbb-0000-4000-8000-000000000000")
ALICE = Participant(
    SipUri("sip:alice@contoso.com"), "Alice", "cccccccc-0000-4000-8000-000000000001"
)
BOB = Participant(
    SipUri("sip:bob@contoso.com"),
    "Bob & Co.",
    "cccccccc-0000-4000-8000-000000000002",
    is_manager=True,
)
CAROL = Participant(SipUri("sip:carol@contoso.com"), "Carol", is_presenter=True)
AT = datetime(2013, 8, 3, 17, 5, 9, 123456, UTC)

OPS_ROOM = RoomSnapshot(OPS, "Ops", "24x7", IT, participants=2, invites=True)
BOARD_ROOM = RoomSnapshot(
    BOARD,
    'The "Board"',
    "<secret>",
    IT,
    Privacy.SECRET,
    Behavior.AUDITORIUM,
    participants=1,
    keeps_history=False,
    can_post_files=True,
)
HELLO = Message(
    41, AT, BOB.uri, OPS, "hello\n<all>", author_name=BOB.name, room_name="Ops", is_alert=True
)
RICH = Message(
    42, AT, ALICE.uri, OPS, "bold", author_name="Alice", room_name="Ops", rtf=r"{\rtf1\b bold}"
)
LINKED = Message(
    44, AT, BOB.uri, OPS, '[STORY]News\n<a href="https://x.example/?a&amp;b">here</a>', "Bob", "Ops"
)
CALLED = Message(43, AT, ALICE.uri, OPS, "hello again", "Alice", "Ops", client_id="5f3c")

EVERY_WORD = HistoryQuery(
    "disk & full",
    match=Match.PHRASE,
    case_sensitive=True,
    authors=(BOB.uri, ALICE.uri),
    since=AT.replace(day=1),
    until=AT,
    limit=100,
    search_newest_first=True,
    newest_first=True,
)
FOUND = Histories(
    (HistoryResult(OPS, "Ops", (HELLO,), total=137, truncated=True), HistoryResult(BOARD))
)

Line = tuple[str, Primitive, Dialect]


def asked(name: str, data: Data) -> Line:
    return (">", Command(name, data), CLIENT)


def answered(name: str, data: Data, dialect: Dialect = SIPE) -> Line:
    return ("<", Reply(name, data, "4711", 1), dialect)


def refused(name: str, error: ErrorCode, data: Data = Nothing()) -> Line:  # noqa: B008
    return ("<", Reply.refusing(Command(name), "4711", error, data=data), SIPE)


def noticed(name: str, data: Data, dialect: Dialect = SIPE) -> Line:
    return ("<", Notice(name, data), dialect)


ROSTER = (RosterEntry(ALICE, MEMBER), RosterEntry(BOB, MANAGER))
JOINED_OPS = Joined((JoinedRoom(OPS_ROOM, ROSTER),))
JOINED_MANY = Joined(
    (
        JoinedRoom(OPS_ROOM, ROSTER),
        JoinedRoom(BOARD_ROOM, (RosterEntry(CAROL, MEMBER | PRESENTER), ROSTER[0])),
    ),
    failed=(RoomUri("ma-chan://contoso.com/300"),),
)
INFO = ServerInfo(
    "Rooms", 8192, 65536, 999, ROOT, "dddddddd-0000-4000-8000-000000000000", AT, "contoso.com"
)
INVITED = Invitations((Invitation(7, AT, OPS_ROOM),))
EVERYTHING = RoomQuery(
    "disk full",
    "BYFILTER",
    extended=True,
    match_all=True,
    match_exact_phrase=True,
    max_results=10,
    member="sip:alice@contoso.com",
    manager="sip:bob@contoso.com",
    category=IT,
    add_in="eeeeeeee-0000-4000-8000-000000000000",
    disabled=False,
    privacy=Privacy.OPEN,
    behavior=Behavior.AUDITORIUM,
    search_invites=True,
    invites=True,
)
