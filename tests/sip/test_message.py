"""Headers in order, looked up without case."""

from __future__ import annotations

import pytest

from perchat.errors import RemoteProtocolError
from perchat.sip.message import Headers, Request, Response

HEADERS = Headers([("Via", "a"), ("X", "1"), ("via", "b"), ("Supported", "x, y")])


def test_names_match_without_case_and_repeat() -> None:
    assert HEADERS.get("VIA") == "a"
    assert HEADERS.get_all("Via") == ("a", "b")
    assert HEADERS.get("none") is None
    assert "supported" in HEADERS
    assert 7 not in HEADERS
    assert HEADERS.repeated == {"via"}
    assert len(HEADERS) == 4


def test_replacing_keeps_the_first_place() -> None:
    replaced = HEADERS.replaced("Via", "c", "d")
    assert list(replaced) == [("Via", "c"), ("Via", "d"), ("X", "1"), ("Supported", "x, y")]
    assert list(HEADERS.replaced("via")) == [("X", "1"), ("Supported", "x, y")]
    assert list(HEADERS.replaced("New", "z"))[-1] == ("New", "z")
    assert HEADERS.plus(("New", "z")) == HEADERS.replaced("new", "z")


def test_equal_is_what_reads_alike() -> None:
    assert Headers([("a", "1")]) == Headers([("A", "1")])
    assert hash(Headers([("a", "1")])) == hash(Headers([("A", "1")]))
    assert Headers([("a", "1")]) != Headers([("a", "2")])


def test_what_is_not_there_is_said_when_asked() -> None:
    request = Request("INFO", "sip:a@b", HEADERS)
    with pytest.raises(RemoteProtocolError, match="no call-id"):
        _ = request.call_id
    assert (request.content_type, request.expires, request.contact) == ("", None, None)
    assert request.options("Supported") == ("x", "y")
    assert Response(200, "OK", Headers([("Expires", "60")])).expires == 60
