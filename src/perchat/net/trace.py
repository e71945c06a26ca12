"""
Seeing the wire: what a connection carried, as a record without secrets.

A record is plain data (one JSON object), so that it can be kept, filtered and sent with
a bug report. What proves who somebody is (proofs, tickets, signatures, passwords) is
masked before anything else happens: no record ever holds it. Of a header that carries
credentials only the parameters known to be harmless are shown.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from perchat.net.traceview import render
from perchat.sip.message import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.sip.message import Message

__all__ = ["Record", "Seen", "Tracer", "masked_header", "masked_text"]

Record: TypeAlias = dict[str, Any]

RUN = secrets.token_hex(2)  # tells the connections of one process from those of the next
BODY_SHOWN = 65536  # characters; the rest of a body is counted, not kept
SECRET = "***"  # noqa: S105 - what is shown instead

_CREDENTIALS = frozenset(
    {
        "authorization",
        "authentication-info",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "www-authenticate",
    }
)
_HARMLESS = frozenset(  # [MS-SIPAE] 2.2; all others are masked
    {
        "algorithm",
        "cnum",
        "crand",
        "opaque",
        "qop",
        "realm",
        "snum",
        "srand",
        "stale",
        "targetname",
        "version",
    }
)
# Each begins where a word does: begun within one, it would read a long word once a character.
_PARAMETER = re.compile(r'(?<![\w-])([\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+)')
_BEFORE_AT = re.compile(r"(?<![^@\s<>;])[^@\s<>;]+@")
_USER = re.compile(r"sips?:[^:]+:", re.IGNORECASE)
_NAMED = re.compile(
    r"(?i)\b(passw(?:or)?d|pwd|secret|token)((?:\s*[=:]\s*)|>)(\"[^\"]*\"|'[^']*'|[^\s<>\"']+)"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """
    One message on the wire, or a note about the connection.

    Attributes:
        at: Seconds since the epoch.
        connection: The connection's number in this process.
        direction: ``in``, ``out``, or ``note``.
        local: Our address and port.
        peer: The other end's.
        secure: Whether it went through TLS.
        what: The message, or the note's words.

    """

    at: float
    connection: int
    direction: str
    local: tuple[str, int]
    peer: tuple[str, int]
    secure: bool
    what: Message | str

    def record(self) -> Record:
        """Return it as plain data, secrets masked."""
        common: Record = {
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(timespec="microseconds"),
            "connection": f"{RUN}-{self.connection}",
            "direction": self.direction,
            "local": _shown(self.local),
            "peer": _shown(self.peer),
            "tls": self.secure,
        }
        if isinstance(self.what, str):
            return common | {"note": masked_text(self.what)}
        return common | _of_message(self.what)

    def __str__(self) -> str:
        return render(self.record())


Tracer: TypeAlias = "Callable[[Seen], None]"


def masked_header(name: str, value: str) -> str:
    """Return a header's value without what proves who somebody is."""
    if name.lower() not in _CREDENTIALS:
        return masked_text(value)
    scheme, _, rest = value.strip().partition(" ")
    found = _PARAMETER.findall(rest)
    shown = [f"{key}={_masked_parameter(key, text)}" for key, text in found]
    return f"{scheme} {', '.join(shown) or SECRET}" if rest else SECRET


def masked_text(text: str) -> str:
    """Return any text without passwords in addresses or under their name."""
    text = _BEFORE_AT.sub(_without_password, text) if "@" in text else text
    return _NAMED.sub(rf"\1\2{SECRET}", text)


def _without_password(found: re.Match[str]) -> str:
    """Return a word that ends in its only @ with what stands between user and host masked."""
    user = _USER.search(found[0], 0, len(found[0]) - 2)  # at least one character is a password
    return f"{found[0][: user.end()]}{SECRET}@" if user else found[0]


def _masked_parameter(name: str, text: str) -> str:
    if name.lower() in _HARMLESS:
        return text
    return f'"{SECRET}({len(text.strip(chr(34)))})"'  # the length tells a cut token from a whole


def _of_message(message: Message) -> Record:
    start = (
        f"{message.method} {message.uri} SIP/2.0"
        if isinstance(message, Request)
        else f"SIP/2.0 {message.status} {message.reason}"
    )
    return {
        "transaction": _transaction(message),
        "call": message.call_id,
        "start": masked_text(start),
        "headers": [[name, masked_header(name, value)] for name, value in message.headers],
        "body": _body(message.body),
    }


def _transaction(message: Message) -> str:
    """Return a short id that request and answers share, at both ends."""
    branch = message.via.branch or f"{message.via} {message.call_id} {message.cseq.number}"
    method = "INVITE" if message.cseq.method == "ACK" else message.cseq.method
    return hashlib.sha256(f"{branch} {method}".encode()).hexdigest()[:8]


def _body(body: bytes) -> str:
    text = body.decode("utf-8", "backslashreplace")
    more = len(text) - BODY_SHOWN
    return masked_text(text[:BODY_SHOWN]) + (f"\n(and {more} characters)" if more > 0 else "")


def _shown(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
