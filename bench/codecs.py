"""What one message costs between the socket and the rooms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.lync.ntlm import NtlmKeys
from perchat.lync.ntlm_message import NtlmFlags
from perchat.model.message import Message
from perchat.model.uri import RoomUri, SipUri
from perchat.sip.message import Request
from perchat.sip.parser import StreamParser
from perchat.sip.serializer import serialize
from perchat.xccos.decoder import decode
from perchat.xccos.encoder import encode_chat

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "Good morning, everybody. The release is at noon; questions before eleven, please. " * 3
LINE = Message(
    id=4711,
    timestamp=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    author=SipUri("sip:alice@example.com"),
    author_name="Alice",
    room_uri=RoomUri("ma-chan://example.com/0f8fad5b-d9cb-469f-a165-70867728950e"),
    text=TEXT,
)
BODY = encode_chat(LINE, "4711")
SIGNATURE = (
    'NTLM rspauth="01000000693C6ED9D7AEA96364000000", srand="904D600F", snum="17", '
    'opaque="BCDC0C9D", qop="auth", targetname="sip.example.com", '
    'realm="SIP Communications Service"'
)
INFO = (
    "INFO sip:alice@example.com;opaque=user:epid:x8K2n1;gruu SIP/2.0\r\n"
    "Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1f0e7b2c9d\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:perchat@example.com>;tag=7384150BEDD94A02\r\n"
    "To: <sip:alice@example.com>;tag=2510835193;epid=01e5f0e4a5b2\r\n"
    "Call-ID: A6A0g6EFDa06A1iA907m2D3Dt8A5Fb3FABx09DBx\r\n"
    "CSeq: 17 INFO\r\n"
    f"Authentication-Info: {SIGNATURE}\r\n"
    "Content-Type: text/plain\r\n"
    f"Content-Length: {len(BODY)}\r\n"
    "\r\n"
).encode() + BODY
KEYS = NtlmKeys.derive(bytes(range(16)), NtlmFlags(0x62988255))
SIGNED = f"<NTLM><904D600F><17>{'<SIP Communications Service>' * 5}".encode()


def stations() -> dict[str, Callable[[], object]]:
    """Return each station by name, at work on one INFO that carries a line of a room."""
    parser = StreamParser()
    (message,) = parser.feed(INFO)
    assert isinstance(message, Request), "the bench's own message is damaged"
    return {
        "SIP: parse": lambda: parser.feed(INFO),
        "SIP: serialize": lambda: serialize(message),
        "XCCOS: decode": lambda: decode(BODY),
        "XCCOS: encode": lambda: encode_chat(LINE, "4711"),
        "NTLM: sign": lambda: KEYS.sign_server(SIGNED),
    }
