"""
Bytes to messages, from a stream or a datagram (RFC 3261 §7.5, §18.3).

Only sound messages come out: required fields present, single where they have to be,
readable and in range. A message that can be framed but is not sound comes out as
`Damaged`, which knows the answer it deserves; the stream goes on behind it. When the
end of a message cannot be told, or a limit is broken, the stream ends: `StreamBroken`.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from perchat.errors import RemoteProtocolError
from perchat.sip.grammar import BLANK, NAMES, decimal, holds_control, is_token
from perchat.sip.header import (
    parse_contacts,
    parse_cseq,
    parse_name_addr,
    parse_name_addrs,
    parse_vias,
)
from perchat.sip.message import Headers, Message, Request, Response, grouped
from perchat.sip.status import reason_of
from perchat.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "PING",
    "Damaged",
    "ParserLimits",
    "Ping",
    "StreamBroken",
    "StreamParser",
    "parse_datagram",
]


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What a peer may send; bytes, but for ``header_count``."""

    start_line: int = 8192
    header_line: int = 16384
    header_count: int = 128
    headers: int = 65536
    body: int = 1_048_576


@dataclass(frozen=True, slots=True)
class Ping:
    """The double line break that keeps a connection open (RFC 5626 §3.5.1)."""


PING: Final = Ping()


@dataclass(frozen=True, slots=True)
class Damaged:
    """
    A message whose end was found but which cannot be taken for sound.

    Attributes:
        status: What to answer with.
        reason: What is wrong with it.
        request: Whether it was meant as a request.
        method: Its method, empty when that could not be read.
        headers: What could be read of its headers.

    """

    status: int
    reason: str
    request: bool
    method: str
    headers: Headers

    def response(self) -> Response | None:
        """Return the answer; None for what is not answered or names no way back."""
        if not self.request or self.method == "ACK" or "Via" not in self.headers:
            return None
        items = [("Via", value) for value in self.headers.get_all("Via")]
        for name in ("From", "To", "Call-ID", "CSeq"):
            value = self.headers.get(name)
            if value is not None:
                items.append((name, self._tagged(value) if name == "To" else value))
        return Response(self.status, reason_of(self.status), Headers(items))

    def _tagged(self, value: str) -> str:
        """Add a tag that is the same whenever the same message comes (§8.2.6.2)."""
        try:
            to = parse_name_addr(value)
        except RemoteProtocolError:
            return value
        seed = "\n".join((self.headers.get("Call-ID") or "", self.headers.get("Via") or ""))
        mark = zlib.crc32(seed.encode("utf-8", "surrogateescape"))
        return value if to.tag or "tag" in to.params else f"{value};tag={mark:08x}"


class StreamBroken(RemoteProtocolError):
    """
    The stream cannot be read on; answer if there is something to answer, and close it.

    Attributes:
        response: The answer, when the request at fault named a way back.
        completed: What the same bytes completed before the fault.

    """

    def __init__(
        self, message: str, *, status: int = 400, response: Response | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.response = response
        self.completed: list[Message | Damaged | Ping] = []


@dataclass(slots=True)
class _Head:
    """Start line and headers, with the first fault found in them."""

    start: str
    headers: Headers
    fault: str
    size: int
    surplus: bool = False  # there are more headers than may be, and they were not read

    def damaged(self, status: int, reason: str) -> Damaged:
        request = self.start[:4].upper() != "SIP/"
        method = self.start.partition(" ")[0] if request else ""
        return Damaged(status, reason, request, method, self.headers)

    def broken(self, status: int, reason: str) -> StreamBroken:
        return StreamBroken(reason, status=status, response=self.damaged(status, reason).response())


_END = b"\r\n\r\n"
_SLICE = 65536
_FOLD = re.compile(r"\r\n[ \t]+")
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+", re.IGNORECASE)
_CALL_ID = re.compile(r"[^\x00-\x20\x7f]+")


class StreamParser:
    """
    Cuts a stream into messages. Holds at most one message, within its limits.

    Attributes:
        limits: How large a message may be; may be changed between two calls of ``feed``.

    """

    def __init__(
        self,
        limits: ParserLimits = ParserLimits(),  # frozen
        skim: Callable[[bytearray, bool], int] | None = None,
    ) -> None:
        """
        Make one for a new stream.

        Args:
            limits: How large a message may be.
            skim: Takes what it knows where a message begins, and returns how many bytes; is
                told whether a message that was completed before is still to be returned.

        """
        self.limits = limits
        self._skim = skim
        self._buffer = bytearray()
        self._searched = 0  # of the buffer, for the end of the head
        self._head: _Head | None = None  # read already; the buffer starts with its body
        self._length = 0
        self._broken: StreamBroken | None = None

    @property
    def held(self) -> int:
        """How many bytes of an unfinished message are kept."""
        return len(self._buffer) + (0 if self._head is None else self._head.size)

    @property
    def pending(self) -> bool:
        """Whether a message has begun and is not complete; the answer to a ping is none."""
        return self._head is not None or not _END.startswith(self._buffer)

    def feed(self, data: bytes) -> list[Message | Damaged | Ping]:
        """
        Take bytes from the network and return what they complete, in order.

        Raises:
            StreamBroken: The stream cannot be read on; what came before is in it.

        """
        if self._broken:
            raise StreamBroken(str(self._broken), status=self._broken.status)
        done: list[Message | Damaged | Ping] = []
        try:
            for start in range(0, len(data), _SLICE):
                self._buffer += data[start : start + _SLICE] if len(data) > _SLICE else data
                while self._buffer and (item := self._next(overtaking=bool(done))) is not None:
                    done.append(item)
        except StreamBroken as error:
            self._buffer, self._head, self._broken = bytearray(), None, error
            error.completed = done
            raise
        return done

    def _next(self, *, overtaking: bool) -> Message | Damaged | Ping | None:
        if self._head is None:
            if self._skim is not None:
                self._leave_out(self._skim(self._buffer, overtaking))
            ping = self._skip_line_breaks()
            if ping or not self._read_head():
                return ping
        if self._head is None or len(self._buffer) < self._length:
            return None
        head, body = self._head, bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._head, self._searched = None, 0
        return _build(head, body)

    def _leave_out(self, known: int) -> None:
        if known:
            del self._buffer[:known]
            self._searched = 0

    def _skip_line_breaks(self) -> Ping | None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):
            if buffer.startswith(_END):
                del buffer[:4]
                return PING
            if _END.startswith(buffer):
                return None  # may still become a ping
            del buffer[:2]
        return None

    def _read_head(self) -> bool:
        """Take the head off the buffer if all of it is there."""
        end = self._buffer.find(_END, self._searched)
        if end < 0:
            self._check_growth()
            return False
        if end > self.limits.headers:
            raise StreamBroken("headers too large", status=513)
        head = _parse_head(bytes(self._buffer[:end]), self.limits)
        del self._buffer[: end + 4]
        _check_limits(head, self.limits)
        self._length = _stream_length(head, self.limits)
        self._head = head
        return True

    def _check_growth(self) -> None:
        size, limits = len(self._buffer), self.limits
        if size > limits.start_line and self._buffer.find(b"\r\n", 0, limits.start_line + 2) < 0:
            raise StreamBroken("start line too long", status=414)
        if size > limits.headers + len(_END):
            raise StreamBroken("headers too large", status=513)
        self._searched = max(0, size - len(_END) + 1)


def parse_datagram(
    data: bytes,
    limits: ParserLimits = ParserLimits(),  # frozen
) -> Message | Damaged:
    """
    Read a datagram, which holds one message (§18.3).

    Bytes beyond Content-Length are dropped; without one the body is all there is.
    """
    data = data.lstrip(b"\r\n")
    text, _, body = data.partition(_END)
    head = _parse_head(text, limits)
    try:
        _check_limits(head, limits)
        length = _content_length(head)
    except RemoteProtocolError as error:
        return head.damaged(error.status, str(error))
    if length is not None and length > len(body):
        return head.damaged(400, f"body is shorter than Content-Length: {len(body)} < {length}")
    if len(body) > limits.body:
        return head.damaged(513, "body too large")
    return _build(head, body[:length])


def _parse_head(data: bytes, limits: ParserLimits) -> _Head:
    """Read a head, as far as its headers are not more than may be."""
    text = data.decode("utf-8", "surrogateescape")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    start, *lines = text.split("\r\n", limits.header_count + 1)
    surplus = len(lines) > limits.header_count
    del lines[limits.header_count :]
    fault = _stray_characters(" ".join((start, *lines)))
    items: list[tuple[str, str]] = []
    fields: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        known = NAMES.get(name) or _other_name(name)
        if not colon or known is None:
            fault = fault or f"bad header line: {line[:60]!r}"
        elif not fault or not holds_control(line):
            full, key = known
            value = value.strip(BLANK)
            items.append((full, value))
            fields.append((key, value))
    return _Head(start, Headers(items, grouped(fields, {}), data), fault, len(data), surplus)


def _other_name(name: str) -> tuple[str, str] | None:
    name = name.rstrip(BLANK)
    return NAMES.get(name) or ((name, name.lower()) if is_token(name) else None)


def _stray_characters(text: str) -> str:
    """Return what is wrong with the characters of a head, its line breaks left out."""
    if "\r" in text or "\n" in text:
        return "stray line break"
    return "stray NUL" if "\0" in text and holds_control(text) else ""


def _check_limits(head: _Head, limits: ParserLimits) -> None:
    if len(head.start) > limits.start_line:
        raise head.broken(414, "start line too long")
    if head.surplus:
        raise head.broken(513, f"more than {limits.header_count} headers")
    if head.size > limits.header_line and any(
        len(value) > limits.header_line for _, value in head.headers
    ):
        raise head.broken(513, f"header longer than {limits.header_line}")


def _content_length(head: _Head) -> int | None:
    values = head.headers.by_name().get("content-length")
    if values is None:
        return None
    if len(values) > 1 and len(set(values)) > 1:
        raise RemoteProtocolError("Content-Length differs from Content-Length")
    return decimal(values[0], "Content-Length")


def _stream_length(head: _Head, limits: ParserLimits) -> int:
    try:
        length = _content_length(head)
    except RemoteProtocolError as error:
        raise head.broken(error.status, str(error)) from None
    if length is None:
        raise head.broken(400, "no Content-Length")  # required on streams, §20.14
    if length > limits.body:
        raise head.broken(513, f"body of {length} bytes is too large")
    return length


def _build(head: _Head, body: bytes) -> Message | Damaged:
    if head.fault:
        return head.damaged(400, head.fault)
    try:
        message = _start(head, body)
        _check(message)
    except RemoteProtocolError as error:
        return head.damaged(error.status, str(error))
    return message


def _start(head: _Head, body: bytes) -> Message:
    if head.start[:4].upper() == "SIP/":
        return _response(head, body)
    method, _, rest = head.start.partition(" ")
    uri, _, version = rest.partition(" ")
    _check_version(version)
    if not is_token(method):
        raise RemoteProtocolError(f"bad method: {method[:40]!r}")
    if parse_uri(uri).headers:  # they have no place there, §19.1.1
        raise RemoteProtocolError(f"headers in Request-URI: {uri[:60]!r}")
    return Request(method, uri, head.headers, body)


def _response(head: _Head, body: bytes) -> Response:
    version, _, rest = head.start.partition(" ")
    _check_version(version)
    code, _, reason = rest.partition(" ")
    status = decimal(code, "status", 699)
    if status < 100 or len(code) != 3:
        raise RemoteProtocolError(f"bad status: {code!r}")
    return Response(status, reason.strip(BLANK), head.headers, body)


def _check_version(version: str) -> None:
    if version == "SIP/2.0" or version.upper() == "SIP/2.0":
        return
    known = _VERSION.fullmatch(version) is not None
    raise RemoteProtocolError(f"bad version: {version[:40]!r}", status=505 if known else 400)


def _call_id(text: str) -> str:
    if not _CALL_ID.fullmatch(text):
        raise RemoteProtocolError(f"bad Call-ID: {text[:60]!r}")
    return text


def _max_forwards(text: str) -> int:
    return decimal(text, "Max-Forwards", 255)


def _expires(text: str) -> int:
    return decimal(text, "Expires")


_SINGLE = frozenset(  # more than one of these has no meaning, §7.3.1
    ("call-id", "content-length", "content-type", "cseq", "expires", "from", "max-forwards", "to")
)
_Readers: TypeAlias = "Sequence[tuple[str, Callable[[str], object]]]"
_REQUIRED: _Readers = (
    ("via", parse_vias),
    ("call-id", _call_id),
    ("from", parse_name_addr),
    ("to", parse_name_addr),
    ("cseq", parse_cseq),
)
_OPTIONAL: _Readers = (
    ("max-forwards", _max_forwards),
    ("expires", _expires),
    ("contact", parse_contacts),
    ("route", parse_name_addrs),
    ("record-route", parse_name_addrs),
)


def _check(message: Message) -> None:
    """Read once what later code reads without asking."""
    headers, index = message.headers, message.headers.by_name()
    if (repeated := headers.repeated) and (twice := repeated & _SINGLE):
        raise RemoteProtocolError(f"repeated: {', '.join(sorted(twice))}")
    headers.read_all(_REQUIRED)
    for value in index["via"][1:]:
        parse_vias(value)
    method = message.cseq.method
    if isinstance(message, Request) and method != message.method:
        raise RemoteProtocolError(f"CSeq of {method} in {message.method}")
    for name, read in _OPTIONAL:
        if name in index:
            for value in index[name]:
                read(value)
