"""What goes onto the wire, to the byte, and that it comes back as it went."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.errors import LocalProtocolError
from perchat.markup import Element
from perchat.model.chatroom import RoomSnapshot
from perchat.model.message import Message
from perchat.model.uri import SipUri
from perchat.xccos.blocks import (
    Joined,
    JoinedRoom,
    Nothing,
    RecentQuery,
    Rooms,
    RoomUris,
    RosterEntry,
    ServerUri,
    Unknown,
)
from perchat.xccos.catalogue import CATALOGUE, canonical
from perchat.xccos.chat import write_chat, write_message
from perchat.xccos.codec import CLIENT, DOTNET, SIPE, Dialect
from perchat.xccos.decoder import decode
from perchat.xccos.encoder import encode, encode_chat
from perchat.xccos.masks import MANAGER, MEMBER
from perchat.xccos.primitives import Chat, Command, Envelope, Notice, Primitive, Reply
from tests.xccos.basics import ROOM_URIS, tuples
from tests.xccos.golden import EVERYDAY
from tests.xccos.golden_administering import ADMINISTERING
from tests.xccos.golden_management import MANAGEMENT
from tests.xccos.samples import (
    ALICE,
    AT,
    BOB,
    HELLO,
    INVITED,
    JOINED_OPS,
    OPS,
    OPS_ROOM,
    RICH,
    SERVER,
    Line,
)
from tests.xccos.strategies import CHATS, COMMANDS, NOTICE, REFUSALS, REPLY

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
GOLDEN = EVERYDAY | MANAGEMENT | ADMINISTERING


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


MESSAGES = st.builds(
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


@given(
    MESSAGES, st.sampled_from(["grpchat", "msg"]), st.sampled_from(["", "grpchat"]), st.booleans()
)
def test_a_past_line_is_written_the_same_the_fast_way(
    message: Message, name: str, marker: str, plain: bool
) -> None:
    dialect = replace(SERVER, plain_links=plain)
    slow = write_chat(Chat.of(message), dialect, name, marker)
    assert write_message(message, name, marker, plain_links=plain) == slow


@given(MESSAGES)
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
