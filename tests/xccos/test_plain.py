"""A post read by its pattern is what reading the document in full makes of it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perchat.errors import RemoteProtocolError
from perchat.markup import MarkupLimits, escape, escape_attribute
from perchat.xccos.decoder import decode
from perchat.xccos.plain import plain_line
from perchat.xccos.primitives import Envelope

IN_FULL = MarkupLimits(elements=49_999)  # not the usual limits: read without the pattern
ROOM = 'chanUri="ma-chan://example.com/ab-1"'
AUTHOR = 'author="sip:alice@example.com"'


def document(
    text: str = "hello", line: str = f"{ROOM} {AUTHOR}", head: str = 'envid="7"', more: str = ""
) -> str:
    return f"<xccos {head}><grpchat {line}><chat>{text}</chat>{more}</grpchat></xccos>"


def in_full(body: bytes) -> Envelope | None:
    try:
        return decode(body, IN_FULL)
    except RemoteProtocolError:
        return None


def agrees(body: bytes) -> None:
    quickly = plain_line(body)
    assert quickly is None or quickly == in_full(body)


_VALUES = st.one_of(
    st.sampled_from(
        ("1", "true", " ", "", "sip:a@b.c", "a@b.c", "ma-chan://b.c/d", "2026-01-02T03:04:05Z")
    ),
    st.text(max_size=8),
)
_NAMES = st.sampled_from(
    [
        "id",
        "seqid",
        "chanUri",
        "chanuri",
        "author",
        "authdisp",
        "alert",
        "chatId",
        "ts",
        "clientId",
        "clientid",
        "x:ts",
        "xmlns",
        "xmlns:xsi",
        "envid",
        "ver",
        "other",
    ]
)
_PAIRS = st.lists(
    st.tuples(_NAMES, _VALUES).map(lambda pair: f'{pair[0]}="{escape_attribute(pair[1])}"'),
    max_size=6,
).map(" ".join)
_TEXTS = st.one_of(
    st.text(max_size=20).map(escape),
    st.text(st.sampled_from("ab]>&;\r\n\t\x7f\u2028\ufffe😀"), max_size=8),
    st.sampled_from(("&amp;lt;", "&#13;", "&lt;b&gt;&quot;&apos;", "<!-- -->", "]]>", "&nbsp;")),
)


@given(_TEXTS, _PAIRS, _PAIRS, st.one_of(st.just(""), _TEXTS.map("<rtf>{}</rtf>".format)))
@settings(max_examples=300)
def test_the_pattern_reads_what_the_reader_reads(
    text: str, head: str, line: str, more: str
) -> None:
    for known in (f"{ROOM} {AUTHOR}", ""):
        both = f"{known} {line}".strip()
        named = f'envid="7" {head}'.strip()
        agrees(document(text, both, named, more).encode(errors="surrogatepass"))


@given(
    st.floats(0, 1, exclude_max=True),
    st.one_of(st.just(""), st.sampled_from("<>&\"'=/: \r\n\0-9a]"), st.characters()),
    st.booleans(),
)
@settings(max_examples=300)
@example(0.0, "\ufeff", False)
def test_one_changed_character_makes_no_difference(
    place: float, change: str, replaces: bool
) -> None:
    text = document("a &amp; b", f'{ROOM} {AUTHOR} seqid="2" ts="2026-01-02T03:04:05Z"')
    at = int(place * len(text))
    agrees((text[:at] + change + text[at + replaces :]).encode(errors="surrogatepass"))


@pytest.mark.parametrize(
    "body",
    [
        document(),
        document("a &lt;b&gt; &amp;amp; c\r\nd\re"),
        document("größer 😀", more="<rtf>{\\rtf1 x}</rtf>"),
        document("", f'alert="true" {AUTHOR} clientId="c1" {ROOM} ts="2026-01-02T03:04:05.5Z"'),
        document("x", head='ver="1" envid=" 9 " xmlns="urn:parlano:xml:ns:xccos"'),
    ],
)
def test_what_clients_write_takes_the_quick_way(body: str) -> None:
    quickly = plain_line(body.encode())
    assert quickly is not None
    assert quickly == in_full(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        document(line=f"{ROOM} {AUTHOR} {ROOM.replace('ab', 'cd')}"),  # not well-formed
        document(line=f"{ROOM.lower()} {AUTHOR}"),
        document(line=AUTHOR),
        document(line=f'chanUri="elsewhere" {AUTHOR}'),
        document(head='envid=""'),
        document(head=f'envid="{"9" * 65}"'),
        document("]]>"),
        document("&#10;"),
        document("\ufffe"),
        document("a<b/>c"),
        f"<?xml version='1.0'?>{document()}",
    ],
)
def test_anything_else_is_left_to_the_reader(body: str) -> None:
    assert plain_line(body.encode()) is None
