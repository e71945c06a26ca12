"""
The fast lane of a session: framing a stream, and answering INFO without parsing it whole.

A load generator hears thousands of messages a second and has to answer each. The answer
repeats five headers as they stand (RFC 3261 §8.2.6.2) and is signed like any other
message of a Lync client ([MS-SIPAE] 3.2); nothing else of the request is read. What is
unusual, such as folded headers, is left to the whole parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.lync.signature import auth_value
from perchat.sip.header import parse_name_addr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perchat.lync.association import SecurityAssociation

__all__ = ["AnswerSigner", "Frames", "answered", "echoed"]

_END = b"\r\n\r\n"
_DIGITS = 10
_LENGTH = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*(?=\r\n|\Z)", re.IGNORECASE
)
_COMPACT = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id"}
_ECHOED = (b"via", b"from", b"to", b"call-id", b"cseq", b"timestamp")
_NAMES = {name: name for name in _ECHOED} | _COMPACT
_NEEDED = frozenset({b"via", b"from", b"to", b"call-id", b"cseq"})
_OLDEST = 2  # the version whose signatures leave the addressee out


class Frames:
    """Cuts a stream into heads and bodies; holds at most one message that is not complete."""

    def __init__(self, limit: int = 4 * 1024 * 1024) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """
        Take bytes and return the messages they complete.

        Raises:
            RemoteProtocolError: A message without length, or larger than ``limit``.

        """
        data = self._rest + data if self._rest else data
        found: list[tuple[bytes, bytes]] = []
        start, size = 0, len(data)
        while True:
            while data.startswith(b"\r\n", start):  # keep-alives, RFC 5626 §3.5.1
                start += 2
            end = data.find(_END, start)
            if end < 0:
                break
            after = end + 4 + _length(data[start:end])
            if after > size:
                break
            found.append((data[start:end], data[end + 4 : after]))
            start = after
        self._rest = data[start:]
        if len(self._rest) > self._limit:
            raise RemoteProtocolError(f"a message of more than {self._limit} bytes")
        return found


def _length(head: bytes) -> int:
    start, _, digits = head.rpartition(b"\r\nContent-Length: ")
    if start and digits.isdigit() and len(digits) < _DIGITS:  # it stands last, as is usual
        return int(digits)
    found = _LENGTH.search(head)
    if found is None:
        raise RemoteProtocolError("a message without Content-Length")
    return int(found[1])


def echoed(head: bytes) -> dict[bytes, bytes] | None:
    """Return the lines that an answer repeats, by name; None when it takes the whole parser."""
    lines: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n")[1:]:
        name = _NAMES.get(line[: line.find(b":")].rstrip().lower())
        if name is not None:
            lines[name] = lines[name] + b"\r\n" + line if name in lines else line
        elif line[:1] in (b" ", b"\t"):
            return None
    return lines if lines.keys() >= _NEEDED else None


def answered(lines: Mapping[bytes, bytes], signature: bytes = b"") -> bytes:
    """Return the 200 to a request with these lines."""
    head = b"\r\n".join(lines.values())
    return b"SIP/2.0 200 OK\r\n%b%b\r\nContent-Length: 0\r\n\r\n" % (head, signature)


class AnswerSigner:
    """
    Signs the answers in one dialog; what does not change between them is made once.

    The bytes are those of `perchat.lync.initiator.Initiator.seal`; a test holds them together.
    """

    def __init__(self, association: SecurityAssociation, random: Callable[[int], bytes]) -> None:
        self._association = association
        self._random = random
        self._key: tuple[bytes, ...] = ()
        self._before = self._after = ""
        scheme, opaque = association.scheme, association.opaque
        names = {"realm": association.realm, "targetname": association.targetname}
        head = auth_value(scheme, qop="auth", **({"opaque": opaque} if opaque else {}), **names)
        self._header = f"\r\nAuthorization: {head}, "

    def line(self, lines: Mapping[bytes, bytes]) -> bytes:
        """Return the header line, with the line break before it, for the answer to an INFO."""
        key = lines[b"from"], lines[b"to"], lines[b"call-id"]
        if key != self._key:
            self._learn(*map(_value, key))
            self._key = key
        association, nonce = self._association, self._random(4).hex()
        association.sent += 1
        number = _value(lines[b"cseq"]).split()[0]
        text = (
            f"<{association.scheme}><{nonce}><{association.sent}>{self._before}"
            f"<{int(number)}><INFO>{self._after}"
        )
        signature = association.outgoing.sign(text.encode("utf-8", "surrogateescape"))
        return (
            f'{self._header}crand="{nonce}", cnum="{association.sent}",'
            f' response="{signature.hex().upper()}"'
        ).encode()

    def _learn(self, sender: str, receiver: str, call_id: str) -> None:
        association, from_, to = (
            self._association,
            parse_name_addr(sender),
            parse_name_addr(receiver),
        )
        self._before = f"<{association.realm}><{association.targetname}><{call_id}>"
        middle = f"<{to.uri}><{to.tag}><><>" if association.version > _OLDEST else f"<{to.tag}>"
        self._after = f"<{from_.uri}><{from_.tag}>{middle}<><200>"


def _value(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape").partition(":")[2].strip()
