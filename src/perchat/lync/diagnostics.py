"""
``ms-diagnostics``: why a request was refused, for programs and people ([MS-OCER] 2.2.1).

``ms-diagnostics`` stays within the organisation and names its source;
``ms-diagnostics-public`` may leave it and does not. What others write is read
tolerantly: a header that makes no sense tells nothing, it is not an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import Diagnostics

if TYPE_CHECKING:
    from perchat.sip.message import Headers

__all__ = ["REASONS", "Refused", "diagnostics_header", "parse_diagnostics", "read_diagnostics"]

PRIVATE = "ms-diagnostics"
PUBLIC = "ms-diagnostics-public"

REASONS = {
    1000: "Final handshake failed",
    1003: "User does not exist",
    1004: "Route set is no longer valid",
    1005: "Cannot route to destination domain",
    1006: "Error routing on client connection",
    1007: "Temporarily cannot route",
    1010: "Certificate trust with next-hop server could not be established",
    1013: "Significant time skew detected during authentication",
    2057: "The client offers msrtc-event-categories without gruu-10",
    4001: "XML parse failure",
    4003: "Remote access is not enabled for the user in the From header",
    4004: "The credentials may not act as the user in the From header",
    4005: "Destination URI either not enabled or does not exist",
    4006: "User is not in this pool",
    4010: "Endpoint identifiers are missing",
    4011: "The epid parameter is missing",
    4012: "The epid parameter is too long",
    4013: "Unexpected content type",
    4055: "The Event of a REGISTER is not registration",
    20000: "Chat service busy",
    20001: "Could not initialize session",
    20002: "Missing participant information",
    20003: "Rejected session",
    20004: "Start handling new session failed",
    20005: "End handling new session failed",
    20006: "Unknown session",
    20007: "Chat service error",
    20008: "Rejected session (inbound queue is full)",
    20009: "Rejected session (no more endpoints allowed)",
    20010: "Rejected session (principal not provisioned)",
    20011: "Rejected message (inbound queue is full)",
}

_MOST = 32  # parameters read of one header
_CODE = re.compile(r"\s*(\d{1,9})")
_PARAMETER = re.compile(r'\s*;\s*([^\s=;"]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"|([^;"]*+))')


def diagnostics_header(
    code: int, reason: str = "", *, source: str = "", **attributes: str
) -> tuple[str, str]:
    """
    Return name and value of the header that explains ``code``.

    Args:
        code: An id of [MS-OCER]; its usual reason is in :data:`REASONS`.
        reason: A sentence for people, in place of the usual one.
        source: The host that refuses. Without one the public header is built.
        attributes: Further parameters, for example ``component="GroupChat"``.

    """
    texts = {"reason": reason or REASONS.get(code, ""), "source": source, **attributes}
    values = [f"{name}={_quote(text)}" for name, text in texts.items() if text]
    return (PRIVATE if source else PUBLIC), ";".join((str(code), *values))


def parse_diagnostics(value: str, *, header: str = PRIVATE) -> Diagnostics:
    """Read the value of one header; one that makes no sense yields an empty answer."""
    start = _CODE.match(value)
    if not start:
        return Diagnostics(header=header)
    texts = dict(_parameters(value, start.end()))
    reason, source = texts.pop("reason", ""), texts.pop("source", "")
    return Diagnostics(int(start[1]), reason, source, header, texts)


def read_diagnostics(headers: Headers) -> Diagnostics:
    """Read what a response says of its refusal, the inner header before the public one."""
    for name in (PRIVATE, PUBLIC):
        value = headers.get(name)
        found = parse_diagnostics(value, header=name) if value else None
        if found:
            return found
    return Diagnostics()


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A request is answered ``status`` and nothing comes of it.

    Attributes:
        status: The SIP status.
        error_id: See :data:`REASONS`; 0 when none fits.
        reason: A sentence for people.
        extra: Headers the status asks for besides the diagnostics.

    """

    status: int
    error_id: int = 0
    reason: str = ""
    source: str = ""
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What goes into the response: clients read one header or the other."""
        if not self.error_id:
            return self.extra
        public = diagnostics_header(self.error_id, self.reason)
        if not self.source:
            return (*self.extra, public)
        private = diagnostics_header(self.error_id, self.reason, source=self.source)
        return (*self.extra, private, public)


def _parameters(value: str, at: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    while len(found) < _MOST and (match := _PARAMETER.match(value, at)):
        name, quoted, plain = match.groups()
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip()
        found.append((name.lower(), text))
        at = match.end()
    return found


def _quote(text: str) -> str:
    """Quote a text; characters that would end the header line become blanks."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    escaped = printable.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
