"""The fast lane says what the whole stack would say."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import RemoteProtocolError
from perchat.loadgen.frames import AnswerSigner, Frames, answered, echoed
from perchat.lync.association import SecurityAssociation
from perchat.lync.initiator import Initiator
from perchat.lync.ntlm import NtlmKeys
from perchat.lync.ntlm_message import NtlmFlags
from perchat.sip.compose import response_to
from perchat.sip.message import Request
from perchat.sip.parser import parse_datagram
from perchat.sip.serializer import serialize

BODY = b"<xccos/>"
HEAD = b"""\
INFO sip:127.0.0.1:40000;transport=tcp SIP/2.0\r
v: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK77\r
Via: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK78\r
Max-Forwards: 70\r
From: "The pool" <sip:perchat@example.com>;tag=pool-1\r
To: <sip:alice@example.com>;tag=a1;epid=cf0b98\r
Call-ID: 6f1a6a5e@host\r
CSeq: 17 INFO\r
Timestamp: 5.4\r
Content-Type: text/plain\r
Content-Length: 8"""


def request() -> Request:
    message = parse_datagram(HEAD + b"\r\n\r\n" + BODY)
    assert isinstance(message, Request)
    return message


def lines() -> dict[bytes, bytes]:
    found = echoed(HEAD)
    assert found is not None
    return found


def association(version: int) -> SecurityAssociation:
    keys = NtlmKeys.derive(bytes(range(16)), NtlmFlags.KEY_128 | NtlmFlags.KEY_EXCH)
    return SecurityAssociation(
        opaque="0A0B",
        scheme="NTLM",
        realm="SIP Communications Service",
        targetname="sip.example.com",
        version=version,
        user="alice",
        domain="",
        uri="sip:alice@example.com",
        outgoing=keys.client,
        incoming=keys.server,
    )


@given(st.lists(st.integers(0, 3 * (len(HEAD) + 14)), max_size=8))
def test_it_does_not_matter_how_the_stream_is_cut(cuts: list[int]) -> None:
    stream = b"\r\n" + (HEAD + b"\r\n\r\n" + BODY) * 3
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    frames = Frames()
    found = [one for start, end in pairwise(places) for one in frames.feed(stream[start:end])]
    assert found == [(HEAD, BODY)] * 3


def test_a_message_whose_end_cannot_be_told_ends_the_stream() -> None:
    with pytest.raises(RemoteProtocolError, match="Content-Length"):
        Frames().feed(b"INFO sip:a SIP/2.0\r\nCSeq: 1 INFO\r\n\r\n")
    with pytest.raises(RemoteProtocolError, match="Content-Length"):
        Frames().feed(b"INFO sip:a SIP/2.0\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
    with pytest.raises(RemoteProtocolError, match="100 bytes"):
        Frames(limit=100).feed(b"x" * 101)


def test_the_answer_has_what_the_whole_stack_would_send() -> None:
    assert parse_datagram(answered(lines())) == parse_datagram(
        serialize(response_to(request(), 200, "OK"))
    )


@pytest.mark.parametrize("version", [2, 3, 4])
def test_the_answer_is_signed_as_the_whole_stack_would_sign(version: int) -> None:
    def random(count: int) -> bytes:
        return bytes(range(count))

    initiator = Initiator(random=random, username="alice", password="x")
    initiator._standing = association(version)
    expected = initiator.seal(response_to(request(), 200, "OK"))
    signer = AnswerSigner(association(version), random)
    found = parse_datagram(answered(lines(), signer.line(lines())))
    assert found == parse_datagram(serialize(expected))


def test_each_answer_has_a_number_of_its_own() -> None:
    signer = AnswerSigner(association(4), bytes)
    assert b'cnum="1"' in signer.line(lines())
    assert b'cnum="2"' in signer.line(lines())


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"Max-Forwards: 70", b"Subject: two\r\n lines"),
        HEAD.replace(b"CSeq", b"X-CSeq"),
        b"INFO sip:a SIP/2.0",
    ],
)
def test_what_is_unusual_is_left_to_the_whole_stack(head: bytes) -> None:
    assert echoed(head) is None
