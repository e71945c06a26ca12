"""One message goes out and no more."""

from __future__ import annotations

import pytest

from perchat.errors import LocalProtocolError
from perchat.sip.message import Headers, Request, Response
from perchat.sip.serializer import serialize


def test_content_length_is_counted_and_last() -> None:
    message = Request("INFO", "sip:a@b", Headers([("content-length", "7"), ("X", "ü")]), b"1234")
    assert serialize(message) == (
        "INFO sip:a@b SIP/2.0\r\nX: ü\r\nContent-Length: 4\r\n\r\n1234".encode()
    )


def test_content_length_is_counted_in_its_short_spelling_too() -> None:
    message = Request("INFO", "sip:a@b", Headers([("l", "7"), ("L", "8")]), b"1234")
    assert serialize(message) == b"INFO sip:a@b SIP/2.0\r\nContent-Length: 4\r\n\r\n1234"


def test_a_reason_is_always_sent() -> None:
    assert serialize(Response(486, "", Headers())).startswith(b"SIP/2.0 486 Busy Here\r\n")
    assert serialize(Response(499, "", Headers())).startswith(b"SIP/2.0 499 Request Failed\r\n")


EVIL = ["a\r\nB: c", "a\nB", "a\rB", "a\0b", "\ud800"]


@pytest.mark.parametrize("text", EVIL)
@pytest.mark.parametrize(
    "build",
    [
        lambda text: Request("INFO", "sip:a@b", Headers([("X", text)])),
        lambda text: Request("INFO", "sip:a@b", Headers([(text, "x")])),
        lambda text: Request("INFO", f"sip:{text}", Headers()),
        lambda text: Request(text, "sip:a@b", Headers()),
        lambda text: Response(200, text, Headers()),
    ],
    ids=["value", "name", "uri", "method", "reason"],
)
def test_nothing_is_smuggled(build, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LocalProtocolError):
        serialize(build(text))


@pytest.mark.parametrize(
    "message",
    [
        Request("", "sip:a@b", Headers()),
        Request("INFO", "", Headers()),
        Request("INFO", "sip:a b", Headers()),
        Response(99, "", Headers()),
        Response(700, "", Headers()),
        Request("INFO", "sip:a@b", Headers([("", "x")])),
        Request("INFO", "sip:a@b", Headers([("a:b", "x")])),
    ],
)
def test_what_is_no_message_is_not_sent(message: Request | Response) -> None:
    with pytest.raises(LocalProtocolError):
        serialize(message)
