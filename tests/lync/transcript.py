"""
Reads recorded sessions: what a client and a server nobody here wrote sent each other.

Each file holds messages under ``#### number direction``, with LF for CR LF and
bodies as text. Bodies are not covered by signatures, so their line ends do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perchat.sip.message import Headers, Message, Request, Response

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Recorded:
    """One message and who sent it."""

    number: int
    from_client: bool
    message: Message

    @property
    def name(self) -> str:
        start = self.message.cseq.method if isinstance(self.message, Response) else "request"
        return f"{self.number} {start}"


def recorded(name: str) -> list[Recorded]:
    """Read a session in order."""
    parts = (_DATA / name).read_text(encoding="utf-8").split("#### ")[1:]
    return [_recorded(part) for part in parts]


def _recorded(part: str) -> Recorded:
    title, _, text = part.partition("\n")
    number, _, direction = title.partition(" ")
    return Recorded(int(number), direction == "C->S", message_of(text))


def message_of(text: str) -> Message:
    """Read one message written with LF."""
    head, _, body = text.rstrip("\n").partition("\n\n")
    start, *lines = head.split("\n")
    pairs = (line.partition(":") for line in lines)
    headers = Headers((name, value.strip()) for name, _, value in pairs)
    first, second, third = start.split(" ", 2)
    if first == "SIP/2.0":
        return Response(int(second), third, headers, body.encode())
    return Request(first, second, headers, body.encode())
