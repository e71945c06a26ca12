"""Records as people read them, and without what people wrote."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.model.uri import RoomUri, SipUri
from perchat.net import trace
from perchat.net.traceview import has_document, render, without_text
from perchat.sip.message import Headers, Message, Request, Response
from perchat.xccos.encoder import encode
from perchat.xccos.primitives import Chat, Envelope
from tests.lync.transcript import recorded
from tests.net.test_trace import seen
from tests.sip.wire import TRANSCRIPTS, check_transcript

if TYPE_CHECKING:
    from collections.abc import Iterator

START = 1_767_323_045.25  # 2026-01-02T03:04:05.25Z


def post(text: str = "Good morning,\nall <of> you") -> Request:
    line = Chat(
        room=RoomUri("ma-chan://example.com/lobby"),
        author=SipUri("sip:alice@example.com"),
        text=text,
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    headers = Headers(
        [
            ("Via", "SIP/2.0/TLS 192.0.2.17:40000;branch=z9hG4bK0a1b2c"),
            ("Max-Forwards", "70"),
            ("From", "<sip:alice@example.com>;tag=a;epid=01e5f0e4a5b2"),
            ("To", "<sip:perchat@example.com>;tag=b"),
            ("Call-ID", "5d3880eb6c7d"),
            ("CSeq", "5 INFO"),
            ("Authorization", 'NTLM qop="auth", crand="37151e86", cnum="9", response="0100beef"'),
            ("Content-Type", "text/plain"),
        ]
    )
    return Request("INFO", "sip:perchat@example.com;gruu", headers, encode(Envelope("42", (line,))))


def session() -> Iterator[tuple[str, Message | str]]:
    """A sign-in of a client nobody here wrote, then a post and its receipt."""
    yield "note", "connected"
    for one in recorded("sipe-ntlm-v4.txt")[:6]:
        yield ("out" if one.from_client else "in"), one.message
    yield "out", post()
    yield (
        "in",
        Response(200, "OK", post().headers.replaced("Authorization").replaced("Max-Forwards")),
    )
    yield "note", "closed: the peer closed the connection"


@pytest.mark.requirement("R72")
def test_a_sign_in_and_a_post_as_people_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "RUN", "c0de")
    blocks = [
        str(seen(what, direction, START + number / 8))
        for number, (direction, what) in enumerate(session())
    ]
    check_transcript("trace-sign-in-and-post", "\n".join(blocks))


def test_the_page_shows_a_block_as_it_is() -> None:
    page = (TRANSCRIPTS.parents[1] / "docs" / "howto" / "report-a-bug.md").read_text("utf-8")
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    golden = (TRANSCRIPTS / "trace-sign-in-and-post.txt").read_text("utf-8")
    assert shown in golden.replace("\n\n", "\n")


def test_all_headers_are_shown_when_asked_for() -> None:
    record = seen(post()).record()
    assert "Max-Forwards" not in render(record)
    assert "Max-Forwards: 70" in render(record, all_headers=True)


def test_documents_of_the_chat_service_are_told_from_others() -> None:
    assert has_document(seen(post()).record())
    assert not has_document(seen("connected").record())
    assert not has_document(seen(recorded("sipe-ntlm-v4.txt")[7].message).record())


@given(text=st.text(min_size=1).filter(str.strip))
def test_what_people_wrote_is_left_out_when_asked(text: str) -> None:
    secret = f"K3yw0rd {text} K3yw0rd"
    shown = without_text(seen(post(secret)).record())
    assert "K3yw0rd" not in render(shown, all_headers=True)
    assert "characters hidden)" in render(shown)
    assert "ma-chan://example.com/lobby" in shown["body"]


@pytest.mark.parametrize(
    "body",
    [
        "plain secret",
        "<xccos><grpchat><chat>secret",
        "<xccos><grpchat><chat><b>secret</b></chat></grpchat></xccos>",
        "<xccos><grpchat><chat><![CDATA[</chat>secret]]></chat></grpchat></xccos>",
        "<xccos><grpchat><chat>a</chat ><rtf a='>'>secret</rtf></grpchat></xccos>",
        "<x><chat>1</chat><chat a='<'>secret</chat></x>",
        "<x><p:chat xmlns:p='urn:p'>secret</p:chat></x>",
    ],
)
def test_texts_in_bodies_of_any_form_are_left_out(body: str) -> None:
    record = seen(post()).record() | {"body": body}
    assert "secret" not in without_text(record)["body"]


def test_an_offer_holds_no_text() -> None:
    record = seen(post()).record() | {
        "body": "v=0",
        "headers": [["Content-Type", "application/sdp"]],
    }
    assert without_text(record)["body"] == "v=0"


def test_what_comes_from_strangers_does_not_steer_the_terminal() -> None:
    evil = seen(post()).record() | {"start": "INFO \x1b[2J\x07 \u202e", "body": "\x1b]0;x\x07"}
    assert not any(c in render(evil) for c in "\x1b\x07\u202e")
