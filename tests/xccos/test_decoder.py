"""Envelopes from strangers: what is understood, what is kept, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.errors import ErrorCode, RemoteProtocolError
from perchat.markup import MarkupLimits
from perchat.model.chatroom import RoomSnapshot
from perchat.model.explanation import Explanation
from perchat.model.message import Message
from perchat.model.participant import Participant
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    History,
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
    ServerUri,
    Unknown,
)
from perchat.xccos.decoder import decode
from perchat.xccos.primitives import Chat, Command, Envelope, Notice, Primitive, Reply

DATA = Path(__file__).parent / "data"
TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
GENERAL = RoomUri("ma-chan://example.com/647d8c4d-b4db-5709-9d36-b6ee28cbbd93")
OPS = RoomUri("ma-chan://example.com/f835dbcd-22e2-50f1-9575-1e3c604129ec")
ALICE, BOT, CAROL = (SipUri(f"sip:{name}@example.com") for name in ("alice", "bot", "carol"))


def snapshot(uri: RoomUri, name: str, description: str, participants: int) -> RoomSnapshot:
    return RoomSnapshot(
        uri,
        name,
        description,
        category=CategoryUri("ma-cat://example.com/root"),
        participants=participants,
        invites=True,
    )


def reply(name: str, data: object, number: int) -> Reply:
    assert isinstance(data, ServerUri | Invitations | Rooms | Joined | History | RoomUris)
    return Reply(name, data, f"17113486{number}", 1)


def message(number: int, at: datetime, author: SipUri, text: str) -> Message:
    return Message(number, at, author, GENERAL, text, author.user_at_host)


def line(author: SipUri, text: str, at: datetime, number: int = 0) -> Chat:
    name = author.user_at_host if number else ""
    return Chat(GENERAL, author, text, at, id=number, author_name=name)


NOVEMBER = datetime(2026, 11, 22, 11, 10, 47, tzinfo=UTC)

# A session of pidgin-sipe 1.25 with a server, in order.
SESSION: dict[str, Primitive] = {
    "01-requri-cmd": Command("requri"),
    "02-requri-rpl": reply("requri", ServerUri(SipUri("sip:pchatsrv01@example.com")), 21),
    "03-getinv-cmd": Command("getinv", InvitationQuery(1, "example.com")),
    "04-getinv-rpl": reply("getinv", Invitations(), 22),
    "05-chansrch-cmd": Command("chansrch", RoomQuery()),
    "06-chansrch-rpl": reply(
        "chansrch",
        Rooms(
            (snapshot(GENERAL, "General", "all staff", 2), snapshot(OPS, "Ops", "operations", 2))
        ),
        23,
    ),
    "07-join-cmd": Command("join", RoomIds((GENERAL,))),
    "08-join-rpl": reply(
        "join",
        Joined(
            (
                JoinedRoom(
                    snapshot(GENERAL, "General", "all staff", 3),
                    (
                        RosterEntry(Participant(BOT, "bot@example.com", is_manager=True), 12276),
                        RosterEntry(Participant(CAROL, "carol@example.com"), 3984),
                        RosterEntry(Participant(ALICE, "alice@example.com"), 3984),
                    ),
                ),
            )
        ),
        24,
    ),
    "09-join-ntc": Notice(
        "join", Arrivals((Arrival(Participant(ALICE, "alice@example.com"), ((GENERAL, 3984),)),))
    ),
    "10-bccontext-cmd": Command("bccontext", RecentQuery(GENERAL, 25)),
    "11-bccontext-rpl": reply(
        "bccontext",
        History(
            GENERAL,
            "",
            (
                message(1, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), BOT, "first & <old> message"),
                message(2, datetime(2026, 1, 2, 3, 5, 6, tzinfo=UTC), CAROL, "second old message"),
            ),
        ),
        25,
    ),
    "12-grpchat-post": line(ALICE, "hi", NOVEMBER),
    "13-grpchat-echo": line(ALICE, "hi", NOVEMBER.replace(microsecond=207_000), 3),
    "14-grpchat-bot": line(BOT, "echo: hi", NOVEMBER.replace(microsecond=509_000), 4),
    "15-part-cmd": Command("part", RoomUris((GENERAL,))),
    "16-part-rpl": reply("part", RoomUris((GENERAL,)), 27),
}


@pytest.mark.parametrize("name", SESSION)
def test_a_recorded_session_means_what_it_meant(name: str) -> None:
    envelope = decode((DATA / f"sipe-{name}.xml").read_bytes())
    assert envelope.primitives == (SESSION[name],)


def test_every_recorded_document_is_checked() -> None:
    assert {path.stem.removeprefix("sipe-") for path in DATA.glob("*.xml")} == set(SESSION)


def wrap(inner: str, root: str = 'ver="1" envid="9" xmlns="urn:parlano:xml:ns:xccos"') -> bytes:
    return f"<xccos {root}>{inner}</xccos>".encode()


def only(inner: str) -> Primitive:
    (primitive,) = decode(wrap(inner)).primitives
    return primitive


REQURI = '<cmd id="cmd:requri" seqid="1"><data/></cmd>'


PREFIXED = b"""<x:xccos xmlns:x="urn:parlano:xml:ns:xccos" ver="1" envid="9">\r
  <x:cmd id="CMD:ReqURI" seqid="1">\r
    <x:data/>\r
  </x:cmd>\r
</x:xccos>\r
"""


@pytest.mark.parametrize(
    "body",
    [
        wrap(REQURI),
        wrap(REQURI, 'xmlns="urn:parlano:xml:ns:xccos" envid="9" ver="1"'),
        wrap(REQURI, 'envid=" 9 "'),
        b"\xef\xbb\xbf" + wrap(REQURI),
        b'<?xml version="1.0" encoding="UTF-8"?>\r\n' + wrap(REQURI),
        PREFIXED,
        wrap('<cmd id="cmd:requri"/>'),
        wrap('<cmd id="requri" seqid="x"><data><new/></data></cmd>'),
    ],
)
def test_one_command_has_many_spellings(body: bytes) -> None:
    assert decode(body) == Envelope("9", (Command("requri"),))


def test_the_envelope_id_is_kept_as_written() -> None:
    body = wrap(REQURI, 'envid="007962449779256945056"')
    assert decode(body).id == "007962449779256945056"


def test_several_replies_in_one_envelope_keep_their_order_and_what_they_answer() -> None:
    envelope = decode(
        wrap(
            '<rpl id="rpl:part" seqid="1"><commandid seqid="1" envid="5"/><resp code="200">'
            'SUCCESS_OK</resp><data><chanib uri="ma-chan://d/g"/></data></rpl>'
            '<rpl id="rpl:getinv"><commandid seqid="2" envid="6"/><resp code="200"/><data/></rpl>'
        )
    )
    assert envelope.primitives == (
        Reply("part", RoomUris((RoomUri("ma-chan://d/g"),)), "5", 1),
        Reply("getinv", Invitations(), "6", 2, text="", seqid=2),
    )


def test_mixed_kinds_keep_the_document_order() -> None:
    envelope = decode(wrap(f'<sys id="s"/><ntc id="ntc:new"/>{REQURI}<fs/>'))
    kinds = [type(primitive) for primitive in envelope.primitives]
    assert kinds == [Unknown, Notice, Command, Unknown]
    assert [primitive.name for primitive in envelope.primitives] == ["sys", "new", "requri", "fs"]


@pytest.mark.parametrize("kind", ["cmd", "rpl", "ntc"])
def test_unknown_names_are_kept_with_their_data(kind: str) -> None:
    primitive = only(f'<{kind} id="{kind}:Frobnicate"><data><x y="1">z</x></data></{kind}>')
    assert isinstance(primitive, Command | Reply | Notice)
    assert primitive.name == "frobnicate"
    assert isinstance(primitive.data, Unknown)
    assert primitive.data.problem == ""
    (child,) = primitive.data.element.children
    assert (child.name, child.get("y"), child.text) == ("x", "1", "z")


@pytest.mark.parametrize(
    "command",
    [
        '<cmd id="cmd:join"><data/></cmd>',
        '<cmd id="cmd:join"><data><chanid key="0" domain="d"/></data></cmd>',
        '<cmd id="cmd:bjoin"><data><chanid key="0" domain="a b" value="g"/></data></cmd>',
        '<cmd id="cmd:part"><data><chanib/></data></cmd>',
        '<cmd id="cmd:part"/>',
        '<cmd id="cmd:bccontext"><data><bcq/></data></cmd>',
        '<cmd id="cmd:bccontext"><data><chanib uri="x"/></data></cmd>',
        '<cmd id="cmd:chansrch"><data><qib category="x"/></data></cmd>',
    ],
)
def test_unusable_arguments_are_kept_and_told(command: str) -> None:
    primitive = only(command)
    assert isinstance(primitive, Command)
    assert isinstance(primitive.data, Unknown)
    assert 0 < len(primitive.data.problem) <= 200


@pytest.mark.parametrize(
    "chat",
    [
        "<grpchat/>",
        '<grpchat id="grpchat" author="sip:a@b"><chat>x</chat></grpchat>',
        '<grpchat chanUri="ma-chan://d/g"><chat>x</chat></grpchat>',
        '<grpchat chanUri="ma-chan://d/g" author="nobody"><chat>x</chat></grpchat>',
        '<grpchat chanUri="http://d/g" author="sip:a@b"><chat>x</chat></grpchat>',
    ],
)
def test_a_line_without_room_or_author_is_kept_and_told(chat: str) -> None:
    primitive = only(chat)
    assert isinstance(primitive, Unknown)
    assert primitive.name == "grpchat"
    assert primitive.problem


def test_refusals_carry_code_and_text_and_mostly_no_data() -> None:
    primitive = only(
        '<rpl id="rpl:join"><commandid seqid="1" envid="5"/>'
        '<resp code="404"> NO_SUCH_NODE </resp><data/></rpl>'
    )
    assert primitive == Reply("join", Nothing(), "5", 1, 404, "NO_SUCH_NODE")
    assert isinstance(primitive, Reply)
    assert not primitive.succeeded
    assert primitive.error is ErrorCode.NO_SUCH_NODE


def test_an_explanation_leaves_out_what_a_newer_server_asks_besides() -> None:
    body = (
        b'<xccos ver="1" envid="1" xmlns="urn:parlano:xml:ns:xccos">'
        b'<rpl id="rpl:explain" seqid="1"><commandid seqid="1" envid="2"/>'
        b'<resp code="200">SUCCESS_OK</resp><data><chanib uri="ma-chan://example.com/g"/>'
        b'<uib uri="sip:alice@example.com" permission="0"/>'
        b'<answer id="FLY" allowed="true"/><answer id="JOIN" allowed="false" lacks="WINGS"/>'
        b'<answer id="JOIN" allowed="true"/></data></rpl></xccos>'
    )
    (one,) = decode(body).primitives
    assert isinstance(one, Reply)
    assert isinstance(one.data, Explanation)
    assert [(answer.action.name, answer.allowed) for answer in one.data.answers] == [("JOIN", True)]


def test_a_refused_post_names_its_room() -> None:
    primitive = only(
        '<rpl id="rpl:grpchat"><commandid seqid="1" envid="5"/><resp code="403">ERROR_PERMISSION'
        '</resp><data><chanib uri="ma-chan://d/g"/></data></rpl>'
    )
    room = RoomUri("ma-chan://d/g")
    assert primitive == Reply("grpchat", RoomUris((room,)), "5", 1, 403, "ERROR_PERMISSION")


def test_a_reply_may_lack_nearly_everything() -> None:
    assert only('<rpl id="rpl:requri"/>') == Reply("requri", Nothing(), "", 0, 500, "")


def test_an_error_element_is_a_reply() -> None:
    primitive = only('<err id="err:join"><commandid envid="5" seqid="1"/><resp code="501"/></err>')
    assert primitive == Reply("join", Nothing(), "5", 1, 501, "")


@pytest.mark.parametrize(
    ("alias", "name"), [("ntc:inv", "invite"), ("ntc:Invite", "invite"), ("NTC:INV", "invite")]
)
def test_aliases_get_the_name_of_their_row(alias: str, name: str) -> None:
    assert only(f'<ntc id="{alias}"><data/></ntc>') == Notice(name, Invitations())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"\xef\xbb\xbf",
        b"<xccos",
        b"<xccos ver='1'/>",
        b"<xccos envid=''/>",
        wrap("", f'envid="{"1" * 65}"'),
        b"<iq envid='1'/>",
        b"<!DOCTYPE xccos [<!ENTITY a 'b'>]><xccos envid='1'>&a;</xccos>",
        b"<xccos envid='1'>\xe9</xccos>",
        b"<xccos envid='1'>\0</xccos>",
        wrap("<cmd/>"),
        wrap("<rpl seqid='1'/>"),
        wrap("<ntc id=' '/>"),
        wrap("<cmd id='" + "x" * 65 + "'/>"),
        wrap("<data>" * 40 + "</data>" * 40),
        wrap("<cmd id='cmd:requri'>" + "<b/>" * 50_000 + "</cmd>"),
        wrap("<cmd id='" + "x" * (1 << 20) + "'/>"),
    ],
    ids=lambda body: body[:30].decode(errors="replace"),
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refusal:
        decode(body)
    assert refusal.value.status == 400


def test_limits_can_be_narrowed() -> None:
    with pytest.raises(RemoteProtocolError):
        decode(wrap(REQURI), MarkupLimits(size=50))


def decodes_or_refuses(body: bytes) -> None:
    status = 400
    try:
        decode(body)
    except RemoteProtocolError as refusal:
        status = refusal.status
    assert status == 400


DOCUMENTS = [path.read_text() for path in sorted(DATA.glob("*.xml"))] + [
    line[2:]
    for path in sorted(TRANSCRIPTS.glob("xccos-*.txt"))
    for line in path.read_text().splitlines()
]
"""Recorded and our own, every kind of data among them."""


@given(st.binary(max_size=300))
def test_noise_is_refused_politely(body: bytes) -> None:
    decodes_or_refuses(body)


@given(
    st.sampled_from(DOCUMENTS),
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.just(""), st.sampled_from("<>&\"'=/: \r\n\0-9a"), st.characters()),
    st.booleans(),
)
@settings(max_examples=200)
def test_one_changed_character_never_breaks_the_reader(
    text: str, place: float, change: str, replaces: bool
) -> None:
    at = int(place * len(text))
    changed = text[:at] + change + text[at + replaces :]
    decodes_or_refuses(changed.encode(errors="surrogatepass"))


@given(st.sampled_from(DOCUMENTS), st.data())
@settings(max_examples=200)
def test_values_of_any_length_and_kind_never_break_the_reader(
    document: str, data: st.DataObject
) -> None:
    pieces = document.encode().split(b'"')
    at = data.draw(st.integers(0, len(pieces) // 2 - 1)) * 2 + 1
    value = data.draw(st.one_of(st.text(max_size=30), st.integers().map(str)))
    pieces[at] = (
        value.encode(errors="ignore").replace(b'"', b"").replace(b"<", b"").replace(b"&", b"")
    )
    decodes_or_refuses(b'"'.join(pieces))
