"""Signatures on a lane are those of the ordinary road, and are checked as strictly."""

from __future__ import annotations

import pytest

from perchat.lync.authentication import Acceptor, Check, Initiator
from perchat.sip.dialog import Dialog
from perchat.sip.lane import Lane, framed
from perchat.sip.message import Headers, Request, Response
from perchat.sip.serializer import serialize
from tests.lync.values import request, response, signed_in, signed_in_anew

BRANCH = "z9hG4bKlane."


def lane_of(server: Acceptor) -> Lane:
    asked = request("INVITE", 1)
    dialog = Dialog.of_server(asked, response(asked, 200, ("Contact", "<sip:chat@example.com>")))
    lane = Lane(
        dialog, "SIP/2.0/TLS 192.0.2.1:5061;branch=", BRANCH, [("Content-Type", "text/plain")]
    )
    lane.stamp = server.stamp(lane)
    return lane


def ok(client: Initiator, asked: Request, *extra: tuple[str, str]) -> bytes:
    """Answer as a client that signs does."""
    names = ("Via", "From", "To", "Call-ID", "CSeq")
    items = [(name, asked.headers.get(name) or "") for name in names]
    return serialize(client.seal(Response(200, "OK", Headers((*items, *extra)))))


def learned(server: Acceptor, client: Initiator) -> Lane:
    lane = lane_of(server)
    lane.pending[1] = 99.0
    lane.render(1, framed(b""))
    lane.learn(ok(client, lane.request(1)))
    del lane.pending[1]
    return lane


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_lane_signs_as_the_ordinary_road_does(version: int) -> None:
    server, _ = signed_in(version=version)
    twin, _ = signed_in(version=version)
    lane = lane_of(server)
    for number in range(1, 20):
        on_the_lane = lane.render(number, framed(b"text"))
        assert on_the_lane == serialize(twin.seal(lane.request(number, b"text")))


def test_nothing_is_signed_before_a_sign_in_stands() -> None:
    server, _ = signed_in()
    lane = lane_of(server)
    server.association = None
    assert b"Authentication-Info" not in lane.render(1, framed(b""))


def test_a_signed_answer_is_taken_once() -> None:
    server, client = signed_in()
    lane = learned(server, client)
    lane.pending[2] = lane.pending[3] = 99.0
    answer = ok(client, lane.request(2))
    assert lane.take(answer, 0, 1.0) == (len(answer), 1)
    assert lane.take(answer, 0, 1.0) == (0, 0)
    lane.pending = {2: 99.0}
    assert lane.take(answer, 0, 1.0) == (0, 0), "its count was seen before"


def test_a_forged_answer_is_not_taken() -> None:
    server, client = signed_in()
    lane = learned(server, client)
    lane.pending[2] = 99.0
    answer = ok(client, lane.request(2))
    forged = answer.replace(b'response="01', b'response="02')
    assert forged != answer
    assert lane.take(forged, 0, 1.0) == (0, 0)
    unsigned = answer[: answer.index(b"Authorization: ")] + b"Content-Length: 0\r\n\r\n"
    assert lane.take(unsigned, 0, 1.0) == (0, 0)
    assert lane.take(answer, 0, 1.0) == (len(answer), 1)


def test_an_answer_under_keys_that_have_expired_is_not_taken() -> None:
    server, client = signed_in(lifetime=100.0)
    lane = learned(server, client)
    lane.pending[2] = 99.0
    assert lane.take(ok(client, lane.request(2)), 0, 100.0) == (0, 0)


def test_a_new_sign_in_changes_the_stamp() -> None:
    server, client = signed_in()
    lane = learned(server, client)
    association = signed_in_anew(server)
    lane.pending[2] = 99.0
    lane.render(2, framed(b""))
    assert lane.take(ok(client, lane.request(2)), 0, 1.0) == (0, 0), "made with the old keys"
    sent = lane.render(3, framed(b""))
    assert association.opaque.encode() in sent


def test_what_a_client_checks_is_what_the_lane_has_signed() -> None:
    server, client = signed_in()
    lane = lane_of(server)
    data = lane.render(1, framed(b"text"))
    value = data.partition(b"Authentication-Info: ")[2].partition(b"\r\n")[0].decode()
    asked = lane.request(1, b"text")
    sealed = Request(
        asked.method, asked.uri, asked.headers.plus(("Authentication-Info", value)), asked.body
    )
    assert client.check(sealed) is Check.OK
