"""Messages the tests of this floor share, among them what pidgin-sipe 1.25 really sends."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from perchat.sip.message import Request, Response
from perchat.sip.parser import Damaged, parse_datagram
from perchat.sip.useragent import UserAgent, UserAgentSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.sip.message import Message

__all__ = [
    "CLIENT",
    "SERVER",
    "agent",
    "bytes_of",
    "message_of",
    "numbered",
    "parsed",
    "request_of",
    "sipe_ack",
    "sipe_bye",
    "sipe_info",
    "sipe_invite",
    "sipe_ok",
    "sipe_register",
    "sipe_subscribe",
    "status_of",
]

CLIENT = UserAgentSettings("TLS 192.0.2.17:40000", user_agent="Perchat client")
SERVER = UserAgentSettings("TLS 192.0.2.1:5061", server="Perchat server")

_POOL = "sip:lync.example.com@example.com;gruu;opaque=srvr:HomeServer:xyz"
_GRUU = "sip:alice@example.com;opaque=user:epid:aa30972d48fe40608d6c14;gruu"
_PRODUCT = "Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)"
_SIGNED = (
    'NTLM qop="auth", opaque="33AABB58", realm="SIP Communications Service", '
    'targetname="lync.example.com", crand="2c254fa5", cnum="9", '
    'response="010000009B6DBC75DC7C6C8964000000"'
)


def numbered(prefix: str = "") -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers):04x}"


def agent(settings: UserAgentSettings = SERVER, prefix: str = "") -> UserAgent:
    return UserAgent(settings, new_id=numbered(prefix))


def bytes_of(head: str, body: str = "") -> bytes:
    """Return a message from lines; blank lines at the ends and indentation do not count."""
    lines = [line.strip() for line in head.strip().splitlines()]
    content = body.encode()
    return "\r\n".join([*lines, "", ""]).encode() + content


def message_of(head: str, body: str = "") -> Message:
    message = parse_datagram(bytes_of(head, body))
    assert not isinstance(message, Damaged), message
    return message


def parsed(data: bytes) -> Request:
    message = parse_datagram(data)
    assert isinstance(message, Request), message
    return message


def request_of(head: str, body: str = "") -> Request:
    message = message_of(head, body)
    assert isinstance(message, Request)
    return message


def sipe_register(number: int = 1, branch: str = "z9hG4bK549421598834C57DB0F2") -> bytes:
    return bytes_of(f"""
        REGISTER sip:example.com SIP/2.0
        Via: SIP/2.0/tcp 127.0.0.1:57494;branch={branch}
        From: <sip:alice@example.com>;tag=4629258754;epid=cf0b98dadeb9
        To: <sip:alice@example.com>
        Max-Forwards: 70
        CSeq: {number} REGISTER
        User-Agent: {_PRODUCT}
        Call-ID: A6A0g6EFDa06A1iA907m2D3Dt8A5Fb3FABx09DBx
        Contact: <sip:127.0.0.1:57494;transport=tcp;ms-opaque=d3470f2e1d>;methods="INVITE, \
MESSAGE, INFO, SUBSCRIBE, OPTIONS, BYE, CANCEL, NOTIFY, ACK, REFER, BENOTIFY";proxy=replace;\
+sip.instance="<urn:uuid:b7878522-d7fe-5c33-b30d-265f6618ae78>"
        Supported: gruu-10, adhoclist, msrtc-event-categories, com.microsoft.msrtc.presence
        Event: registration
        Allow-Events: presence
        ms-keep-alive: UAC;hop-hop=yes
        Content-Length: 0
        """)


def sipe_subscribe() -> bytes:
    return bytes_of(f"""
        SUBSCRIBE sip:alice@example.com SIP/2.0
        Via: SIP/2.0/tcp 127.0.0.1:57494;branch=z9hG4bK880FB01A8D9EB25B6F08
        From: <sip:alice@example.com>;tag=5692041900;epid=cf0b98dadeb9
        To: <sip:alice@example.com>
        Max-Forwards: 70
        CSeq: 1 SUBSCRIBE
        User-Agent: {_PRODUCT}
        Call-ID: 9403gBBC7a96D2i656Dm59B2t0D59bEBACxDD20x
        Event: vnd-microsoft-roaming-contacts
        Accept: application/vnd-microsoft-roaming-contacts+xml
        Supported: com.microsoft.autoextend
        Supported: ms-benotify
        Proxy-Require: ms-benotify
        Supported: ms-piggyback-first-notify
        Supported: ms-ucs
        Contact: <{_GRUU}>
        Content-Length: 0
        Authorization: {_SIGNED}
        """)


_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=message 15060 sip null\r\na=accept-types:text/plain text/html image/gif\r\n"
)


def sipe_invite() -> bytes:
    return bytes_of(
        f"""
        INVITE sip:pchatsrv01@example.com SIP/2.0
        Via: SIP/2.0/tcp 127.0.0.1:57494
        From: <sip:alice@example.com>;tag=2878942565;epid=cf0b98dadeb9
        To: <sip:pchatsrv01@example.com>
        Max-Forwards: 70
        CSeq: 1 INVITE
        User-Agent: {_PRODUCT}
        Call-ID: 70DDg9375a3D6FiE3AAm3DB6t1FB0b904Ax61DEx
        Supported: ms-sender
        Contact: <{_GRUU}>
        Content-Type: application/sdp
        Content-Length: {len(_SDP)}
        Authorization: {_SIGNED}
        """,
        _SDP,
    )


def _in_dialog(method: str, number: int, tag: str, extra: str = "", body: str = "") -> bytes:
    return bytes_of(
        f"""
        {method} {_POOL} SIP/2.0
        Via: SIP/2.0/tcp 127.0.0.1:57494
        From: <sip:alice@example.com>;tag=2878942565;epid=cf0b98dadeb9
        To: <sip:pchatsrv01@example.com>;tag={tag}
        Max-Forwards: 70
        CSeq: {number} {method}
        User-Agent: {_PRODUCT}
        Call-ID: 70DDg9375a3D6FiE3AAm3DB6t1FB0b904Ax61DEx{extra}
        Content-Length: {len(body.encode())}
        Authorization: {_SIGNED}
        """,
        body,
    )


def sipe_ack(tag: str) -> bytes:
    return _in_dialog("ACK", 1, tag)


def sipe_info(number: int, tag: str, body: str) -> bytes:
    return _in_dialog("INFO", number, tag, "\nContent-Type: text/plain", body)


def sipe_bye(number: int, tag: str) -> bytes:
    return _in_dialog("BYE", number, tag)


def sipe_ok(request: Request) -> bytes:
    """Answer as the client does: Content-Length before User-Agent, signed."""
    headers = request.headers
    return bytes_of(f"""
        SIP/2.0 200 OK
        Via: {headers.get("Via")}
        From: {headers.get("From")}
        To: {headers.get("To")}
        Call-ID: {headers.get("Call-ID")}
        CSeq: {headers.get("CSeq")}
        Contact: <{_GRUU}>
        Content-Length: 0
        User-Agent: {_PRODUCT}
        Authorization: {_SIGNED}
        """)


def status_of(message: Message) -> int:
    assert isinstance(message, Response)
    return message.status
