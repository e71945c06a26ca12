"""What goes onto the wire, to the byte, and that it comes back as it went."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.errors import ErrorCode, LocalProtocolError
from perchat.markup import Element
from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.invitation import Invitation
from perchat.model.message import Message
from perchat.model.participant import Participant
from perchat.model.service import ServerInfo
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    Data,
    Departure,
    Departures,
    Histories,
    History,
    HistorySearch,
    InvitationQuery,
    Invitations,
    Joined,
    JoinedRoom,
    Nothing,
    RecentQuery,
    RoomIds,
    RoomQuery,
    Rooms,
    RoomUris,
    RosterEntry,
    ServerInfoQuery,
    ServerInfoReply,
    ServerUri,
    Unknown,
)
from perchat.xccos.catalogue import CATALOGUE, NOTICES, REPLIES, REQUESTS, canonical
from perchat.xccos.codec import CLIENT, DOTNET, SIPE, Dialect
from perchat.xccos.decoder import decode
from perchat.xccos.encoder import encode, encode_chat
from perchat.xccos.masks import MANAGER, MEMBER, PRESENTER, is_manager, is_presenter
from perchat.xccos.primitives import Chat, Command, Envelope, Notice, Primitive, Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
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

GOLDEN: dict[str, Sequence[Line]] = {
    "requri": [
        asked("requri", Nothing()),
        answered("requri", ServerUri(SipUri("sip:chanserv@contoso.com"))),
        answered("requri", ServerUri()),
    ],
    "getserverinfo": [
        asked("getserverinfo", ServerInfoQuery("contoso.com")),
        answered("getserverinfo", ServerInfoReply(INFO)),
        answered(
            "getserverinfo",
            ServerInfoReply(replace(INFO, display_name="", room_management_url="https://x/?a&b")),
        ),
    ],
    "join": [
        asked("join", RoomIds((OPS,))),
        answered("join", JOINED_OPS),
        answered("join", JOINED_OPS, DOTNET),
        refused("join", ErrorCode.NO_SUCH_NODE),
        noticed("join", Arrivals((Arrival(BOB, ((OPS, MANAGER),)),))),
        noticed("join", Arrivals((Arrival(BOB, ((OPS, MANAGER),)),)), DOTNET),
    ],
    "bjoin": [
        asked("bjoin", RoomIds((OPS, BOARD))),
        answered("bjoin", JOINED_MANY),
        answered("bjoin", Joined()),
        noticed("bjoin", Arrivals((Arrival(ALICE, ((OPS, MEMBER), (BOARD, MEMBER))),))),
    ],
    "part": [
        asked("part", RoomUris((OPS,))),
        answered("part", RoomUris((OPS,))),
        refused("part", ErrorCode.USER_NOT_JOINED, RoomUris((OPS,))),
        noticed("part", Departures((Departure(OPS, (ALICE.uri, BOB.uri)),))),
    ],
    "chansrch": [
        asked("chansrch", RoomQuery()),
        asked("chansrch", EVERYTHING),
        answered("chansrch", Rooms((OPS_ROOM, BOARD_ROOM))),
        answered("chansrch", Rooms()),
        refused("chansrch", ErrorCode.LIMIT_EXCEEDED),
    ],
    "bccontext": [
        asked("bccontext", RecentQuery(OPS, 25)),
        answered("bccontext", History(OPS, "Ops", (HELLO, RICH))),
        answered("bccontext", History(OPS, "Ops", (HELLO,)), DOTNET),
        answered("bccontext", History(OPS, "Ops")),
    ],
    "bcbydate": [
        asked("bcbydate", HistorySearch((OPS, BOARD), EVERY_WORD)),
        asked("bcbydate", HistorySearch((OPS,), HistoryQuery("disk full", match=Match.ALL))),
        answered("bcbydate", FOUND),
        answered("bcbydate", FOUND, DOTNET),
        answered("bcbydate", Histories()),
        refused("bcbydate", ErrorCode.ERROR_PERMISSION),
    ],
    "bcbymsg": [
        asked("bcbymsg", HistorySearch((OPS,), HistoryQuery(after_id=41, limit=100))),
        asked("bcbymsg", HistorySearch((OPS,), HistoryQuery(after_id=0))),
        answered(
            "bcbymsg",
            Histories((HistoryResult(OPS, "Ops", (RICH, CALLED), truncated=True),)),
        ),
        answered("bcbymsg", Histories((HistoryResult(OPS),))),
        refused("bcbymsg", ErrorCode.ERROR_PERMISSION),
    ],
    "getinv": [
        asked("getinv", InvitationQuery(1, "contoso.com")),
        answered("getinv", INVITED),
        answered("getinv", Invitations()),
    ],
    "invite": [noticed("invite", INVITED)],
    "grpchat": [
        (">", Chat(OPS, ALICE.uri, "hi\nthere", AT.replace(microsecond=0)), CLIENT),
        (">", replace(Chat.of(RICH), id=0, author_name="", at=AT.replace(microsecond=0)), CLIENT),
        (">", Chat(OPS, ALICE.uri, "hi", AT.replace(microsecond=0), client_id="5f3c"), CLIENT),
        ("<", Chat.of(HELLO), SERVER),
        ("<", Chat.of(RICH), SERVER),
        ("<", Chat.of(CALLED), SERVER),
        refused("grpchat", ErrorCode.ERROR_PERMISSION, RoomUris((OPS,))),
    ],
    "unknown": [
        asked("frobnicate", Unknown("frobnicate", Element("data", {}, (Element("x"),)))),
        refused("frobnicate", ErrorCode.MSG_NOT_SUPPORTED),
    ],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_wire_is_as_the_transcript_has_it(name: str) -> None:
    lines = [f"{arrow} {written(primitive, dialect)}" for arrow, primitive, dialect in GOLDEN[name]]
    transcript = "\n".join(lines) + "\n"
    path = TRANSCRIPTS / f"xccos-{name}.txt"
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text(transcript, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == transcript


def written(primitive: Primitive, dialect: Dialect) -> str:
    """One document on one line; CR and LF shown as their pictures."""
    document = encode(Envelope("7962449779256900001", (primitive,)), dialect).decode()
    return document.replace("\r", "\N{SYMBOL FOR CARRIAGE RETURN}").replace(
        "\n", "\N{SYMBOL FOR LINE FEED}"
    )


def again(primitive: Primitive, dialect: Dialect) -> Primitive:
    (read,) = decode(encode(Envelope("1", (primitive,)), dialect)).primitives
    return read


@pytest.mark.parametrize("line", [line for lines in GOLDEN.values() for line in lines])
def test_what_the_transcripts_hold_comes_back(line: Line) -> None:
    _, primitive, _ = line
    assert in_order(again(primitive, SERVER)) == in_order(primitive)


def test_every_row_of_the_catalogue_has_a_transcript() -> None:
    assert {row.name for row in CATALOGUE} | {"unknown"} == set(GOLDEN)


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "envelope",
    [
        Envelope("1", ()),
        Envelope("", (Command("requri"),)),
        Envelope("1", (Command("requri"), Notice("invite", Nothing(), seqid=2))),
        Envelope("1", (Command("requri"), Command("getinv"))),
        Envelope("1", (Chat.of(HELLO), replace(Chat.of(RICH), seqid=2))),
        Envelope("1", (Chat.of(HELLO), Command("requri", seqid=2))),
        Envelope("1", (Command("join", RecentQuery(OPS, 1)),)),
        Envelope("1", (Command("frobnicate", RoomUris((OPS,))),)),
        Envelope("1", (Notice("requri", ServerUri()),)),
        Envelope("1", (Command("a", Unknown("a", Element("<"))),)),
        Envelope("1", (Chat(OPS, ALICE.uri, "hi", AT.replace(tzinfo=None)),)),
    ],
)
def test_what_peers_would_not_understand_is_not_written(envelope: Envelope) -> None:
    with pytest.raises(LocalProtocolError):
        encode(envelope)


def test_a_participant_is_not_listed_twice() -> None:
    twice = Joined((JoinedRoom(OPS_ROOM, (RosterEntry(BOB, MANAGER), RosterEntry(BOB, MEMBER))),))
    with pytest.raises(LocalProtocolError, match="twice"):
        encode(Envelope("1", (Reply("join", twice, "1", 1),)))


def test_several_of_one_kind_are_written_in_order() -> None:
    envelope = Envelope(
        "1", tuple(Reply("requri", ServerUri(), "5", n, seqid=n) for n in range(1, 4))
    )
    assert decode(encode(envelope)) == envelope


def test_an_unknown_element_is_written_as_it_came() -> None:
    unknown = Unknown("sys", Element("sys", {"a": "1"}, (Element("b"),)))
    assert again(unknown, CLIENT) == unknown


# --- the fast way ---------------------------------------------------------------------------

ANYTHING = st.text(st.characters(), max_size=40)


def cleaned(text: str) -> str:
    legal = "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
    return legal.encode(errors="ignore").decode()


@given(
    st.builds(
        Message,
        id=st.integers(0, 10**17),
        timestamp=st.datetimes(timezones=st.just(UTC)),
        author=st.sampled_from([BOB.uri, SipUri('sip:o\'neil&co@x.y;a="<"'.replace("<", "b"))]),
        room_uri=st.just(OPS),
        text=st.one_of(ANYTHING, st.text("a\r\n\0<", max_size=12)),
        author_name=ANYTHING,
        rtf=st.one_of(st.none(), ANYTHING),
        is_alert=st.booleans(),
        client_id=st.one_of(st.just(""), ANYTHING),
    )
)
def test_the_fast_way_writes_the_same_bytes_and_any_text(message: Message) -> None:
    fast = encode_chat(message, "7962449779256900001")
    assert fast == encode(Envelope("7962449779256900001", (Chat.of(message),)), SERVER)
    (chat,) = decode(fast).primitives
    assert isinstance(chat, Chat)
    ends = cleaned(message.text).replace("\r\n", "\n").replace("\r", "\n")
    assert chat.text == ends
    assert chat.author_name == cleaned(message.author_name)
    assert chat.rtf == (None if message.rtf is None else cleaned(message.rtf))
    assert (chat.id, chat.at, chat.alert) == (message.id, message.timestamp, message.is_alert)
    assert chat.client_id == cleaned(message.client_id)


def test_a_delivered_line_becomes_the_message_it_was() -> None:
    chat = again(Chat.of(RICH), SERVER)
    assert isinstance(chat, Chat)
    assert chat.message("Ops") == RICH


# --- the law: whatever is written is read the same -------------------------------------------

LEGAL = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\t\n"), max_size=15
)
WORDS = LEGAL.map(str.strip)
GUIDS = st.from_regex(r"[a-f0-9\-]{1,12}", fullmatch=True)
ROOM_URIS = st.builds(RoomUri.of, st.sampled_from(["contoso.com", "a.b"]), GUIDS)
CATEGORIES = st.builds(CategoryUri.of, st.just("contoso.com"), GUIDS)
USERS = st.from_regex(r"sip:[a-z0-9.&'$]{1,8}@[a-z]{1,5}", fullmatch=True).map(SipUri)
TIMES = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.integers(0, 10**18 - 1)
MASKS = st.integers(0, 1 << 14)
SNAPSHOTS = st.builds(
    RoomSnapshot,
    ROOM_URIS,
    LEGAL,
    LEGAL,
    st.one_of(st.none(), CATEGORIES),
    st.sampled_from(Privacy),
    st.sampled_from(Behavior),
    st.booleans(),
    NUMBERS,
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def tuples(items: SearchStrategy[T], least: int = 0) -> SearchStrategy[tuple[T, ...]]:
    return st.lists(items, min_size=least, max_size=4).map(tuple)


def rooms(least: int = 0) -> SearchStrategy[tuple[RoomUri, ...]]:
    return st.lists(ROOM_URIS, min_size=least, max_size=4, unique=True).map(tuple)


def participant(uri: SipUri, mask: int) -> Participant:
    return Participant(uri, uri.user, "guid", is_manager(mask), is_presenter(mask))


@st.composite
def joined_rooms(draw: st.DrawFn) -> JoinedRoom:
    users = draw(st.dictionaries(USERS, MASKS, max_size=4))
    entries = [RosterEntry(participant(uri, mask), mask) for uri, mask in users.items()]
    return JoinedRoom(draw(SNAPSHOTS), tuple(entries))


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    places = draw(st.lists(st.tuples(ROOM_URIS, MASKS), max_size=3).map(tuple))
    union = 0
    for _, mask in places:
        union |= mask
    return Arrival(participant(draw(USERS), union), places)


def messages(room: RoomUri, name: str) -> SearchStrategy[Message]:
    return st.builds(
        Message,
        NUMBERS,
        TIMES,
        USERS,
        st.just(room),
        LEGAL,
        LEGAL,
        st.just(name),
        st.one_of(st.none(), LEGAL),
        st.booleans(),
        LEGAL,
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    room, name = draw(ROOM_URIS), draw(LEGAL)
    return History(room, name, draw(tuples(messages(room, name))))


@st.composite
def history_results(draw: st.DrawFn) -> HistoryResult:
    room, name = draw(ROOM_URIS), draw(LEGAL)
    found = draw(tuples(messages(room, name)))
    return HistoryResult(room, name, found, draw(NUMBERS), draw(st.booleans()))


@st.composite
def history_queries(draw: st.DrawFn) -> HistoryQuery:
    """Either behind a message or between times, as the other has no effect."""
    after = draw(st.one_of(st.none(), NUMBERS))
    since, until = sorted([draw(TIMES), draw(TIMES)]) if after is None else (None, None)
    return HistoryQuery(
        draw(LEGAL),
        match=draw(st.sampled_from(Match)),
        case_sensitive=draw(st.booleans()),
        authors=draw(tuples(USERS)),
        since=draw(st.sampled_from([None, since])),
        until=draw(st.sampled_from([None, until])),
        after_id=after,
        limit=draw(st.one_of(st.none(), st.integers(1, 1000))),
        search_newest_first=draw(st.booleans()),
        newest_first=draw(st.booleans()),
    )


@st.composite
def server_infos(draw: st.DrawFn) -> ServerInfoReply:
    root = draw(CATEGORIES)
    info = ServerInfo(
        draw(LEGAL),
        draw(NUMBERS),
        draw(NUMBERS),
        draw(NUMBERS),
        root,
        draw(LEGAL),
        draw(TIMES),
        root.domain,
        draw(LEGAL),
    )
    return ServerInfoReply(info, draw(NUMBERS))


DATA: dict[type[Data], SearchStrategy[Data]] = {
    Nothing: st.just(Nothing()),
    ServerUri: st.builds(ServerUri, st.one_of(st.none(), USERS)),
    ServerInfoQuery: st.builds(ServerInfoQuery, LEGAL, NUMBERS),
    ServerInfoReply: server_infos(),
    RoomIds: st.builds(RoomIds, rooms(1)),
    Joined: st.builds(Joined, tuples(joined_rooms()), rooms()),
    RoomUris: st.builds(RoomUris, rooms(1)),
    RoomQuery: st.builds(
        RoomQuery,
        LEGAL,
        st.sampled_from(["BYNAME", "BYUSER"]),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.integers(-1, 1000),
        LEGAL,
        LEGAL,
        st.one_of(st.none(), CATEGORIES),
        LEGAL,
        st.sampled_from([None, True, False]),
        st.sampled_from([None, *Privacy]),
        st.sampled_from([None, *Behavior]),
        st.booleans(),
        st.sampled_from([None, True, False]),
    ),
    Rooms: st.builds(Rooms, tuples(SNAPSHOTS)),
    RecentQuery: st.builds(RecentQuery, ROOM_URIS, NUMBERS),
    HistorySearch: st.builds(HistorySearch, rooms(1), history_queries()),
    Histories: st.builds(Histories, tuples(history_results())),
    History: histories(),
    InvitationQuery: st.builds(InvitationQuery, NUMBERS, LEGAL),
    Invitations: st.builds(Invitations, tuples(st.builds(Invitation, NUMBERS, TIMES, SNAPSHOTS))),
    Arrivals: st.builds(Arrivals, tuples(arrivals())),
    Departures: st.builds(Departures, tuples(st.builds(Departure, ROOM_URIS, tuples(USERS)))),
}

COMMANDS: SearchStrategy[Primitive] = st.sampled_from(sorted(REQUESTS)).flatmap(
    lambda name: st.builds(Command, st.just(name), DATA[REQUESTS[name].kind], NUMBERS)
)
REPLY: SearchStrategy[Primitive] = st.sampled_from(sorted(REPLIES)).flatmap(
    lambda name: st.builds(
        Reply, st.just(name), DATA[REPLIES[name].kind], WORDS, NUMBERS, st.just(200), WORDS, NUMBERS
    )
)
REFUSALS: SearchStrategy[Primitive] = st.builds(
    Reply,
    st.sampled_from([*sorted(REPLIES), "frobnicate"]),
    st.just(Nothing()),
    WORDS,
    NUMBERS,
    st.integers(201, 999),
    WORDS,
    NUMBERS,
)
NOTICE: SearchStrategy[Primitive] = st.sampled_from(sorted(NOTICES)).flatmap(
    lambda name: st.builds(Notice, st.just(name), DATA[NOTICES[name].kind], NUMBERS)
)
CHATS: SearchStrategy[Primitive] = st.builds(
    Chat,
    ROOM_URIS,
    USERS,
    LEGAL,
    TIMES,
    st.booleans(),
    NUMBERS,
    LEGAL,
    st.one_of(st.none(), LEGAL),
    NUMBERS,
    LEGAL,
)


@given(
    st.one_of(COMMANDS, REPLY, REFUSALS, NOTICE, CHATS),
    st.sampled_from([SERVER, DOTNET]),
)
@settings(max_examples=200)
def test_whatever_is_written_is_read_the_same(primitive: Primitive, dialect: Dialect) -> None:
    assert in_order(again(primitive, dialect)) == in_order(primitive)


def in_order(primitive: Primitive) -> Primitive:
    """Rosters have no order on the wire."""
    if not isinstance(primitive, Reply) or not isinstance(primitive.data, Joined):
        return primitive
    ordered = tuple(
        replace(room, participants=tuple(sorted(room.participants, key=address)))
        for room in primitive.data.rooms
    )
    return replace(primitive, data=replace(primitive.data, rooms=ordered))


def address(entry: RosterEntry) -> str:
    return entry.participant.uri


@given(CHATS)
def test_clients_write_whole_seconds_and_lose_nothing_else(chat: Chat) -> None:
    assert again(chat, CLIENT) == replace(chat, at=chat.at.replace(microsecond=0))


@given(st.builds(Rooms, tuples(st.builds(RoomSnapshot, ROOM_URIS, ANYTHING, ANYTHING))))
def test_any_text_can_be_a_name(found: Rooms) -> None:
    reply = again(Reply("chansrch", found, "1", 1), SERVER)
    assert isinstance(reply, Reply)
    assert isinstance(reply.data, Rooms)
    assert [room.name for room in reply.data.rooms] == [cleaned(r.name) for r in found.rooms]


def test_legacy_masks_change_managers_alone() -> None:
    reply = again(Reply("join", JOINED_OPS, "1", 1), SIPE)
    assert isinstance(reply, Reply)
    assert isinstance(reply.data, Joined)
    (room,) = reply.data.rooms
    assert [entry.mask for entry in room.participants] == [3456, 12276]


def test_no_alias_is_written() -> None:
    assert canonical("INV") == "invite"
    assert canonical("getservinfo") == "getserverinfo"
    assert canonical("Frobnicate") == "frobnicate"
    with pytest.raises(LocalProtocolError):
        encode(Envelope("1", (Notice("inv", INVITED),)))
