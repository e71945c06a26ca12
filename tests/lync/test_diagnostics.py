from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import Diagnostics
from perchat.lync.diagnostics import (
    REASONS,
    Refused,
    diagnostics_header,
    parse_diagnostics,
    read_diagnostics,
)
from perchat.sip.message import Headers


def test_a_header_is_built_as_servers_build_it() -> None:
    assert diagnostics_header(
        20000, "Chat service busy", source="pool.example.com", component="GroupChat"
    ) == (
        "ms-diagnostics",
        '20000;reason="Chat service busy";source="pool.example.com";component="GroupChat"',
    )


def test_without_a_source_it_is_the_public_one() -> None:
    name, value = diagnostics_header(4004)
    assert name == "ms-diagnostics-public"
    assert value == f'4004;reason="{REASONS[4004]}"'


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('1000;reason="Final handshake failed";source="a.b"',
         Diagnostics(1000, "Final handshake failed", "a.b")),
        ('20000;source="a.b";reason="Chat service busy";component="GroupChat"',
         Diagnostics(20000, "Chat service busy", "a.b", attributes={"component": "GroupChat"})),
        (" 7 ; Reason = \"x;y=\\\"z\\\"\" ;flag=on",
         Diagnostics(7, 'x;y="z"', attributes={"flag": "on"})),
        ("7;reason=plain text", Diagnostics(7, "plain text")),
        ("7", Diagnostics(7)),
        ("7;garbage", Diagnostics(7)),
        ('7;reason="open', Diagnostics(7)),
        ("", Diagnostics()),
        ("none", Diagnostics()),
        ("9" * 40, Diagnostics(999999999)),
    ],
)  # fmt: skip
def test_headers_are_read_tolerantly(value: str, expected: Diagnostics) -> None:
    assert parse_diagnostics(value) == expected


def test_the_inner_header_goes_before_the_public_one() -> None:
    public = ("ms-diagnostics-public", '2;reason="b"')
    inner = ("ms-diagnostics", '1;reason="a"')
    assert read_diagnostics(Headers((public, inner))).code == 1
    found = read_diagnostics(Headers((public,)))
    assert (found.code, found.header) == (2, "ms-diagnostics-public")
    assert read_diagnostics(Headers((("ms-diagnostics", "?"), public))).code == 2
    assert not read_diagnostics(Headers())


@given(st.integers(0, 99999), st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_what_we_write_we_can_read(code: int, reason: str, source: str) -> None:
    _, value = diagnostics_header(code, reason, source=source)
    assert value.isprintable()
    found = parse_diagnostics(value)
    assert found.code == code
    if reason.isprintable() and reason:
        assert found.reason == reason


@given(st.text(max_size=100))
def test_any_text_is_read(value: str) -> None:
    parse_diagnostics(value)


def test_a_long_header_is_read_in_bounds() -> None:
    assert len(parse_diagnostics("1" + ";a=b" * 10_000).attributes) == 1
    many = "1" + "".join(f";a{number}=b" for number in range(1000))
    assert len(parse_diagnostics(many).attributes) == 32


def test_a_refusal_says_it_to_both_kinds_of_reader() -> None:
    headers = dict(Refused(403, 4004, source="a.b").headers)
    assert parse_diagnostics(headers["ms-diagnostics"]).source == "a.b"
    assert parse_diagnostics(headers["ms-diagnostics-public"]).source == ""
    assert list(dict(Refused(403, 4004).headers)) == ["ms-diagnostics-public"]
    assert Refused(488).headers == ()
