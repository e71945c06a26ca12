"""
The lane's other direction: a dialog's next INFO, known by its bytes.

Who talks sends INFO after INFO in one dialog, and from one to the next only the branch,
the number, the length, the signature and the body change. The first ones are read by the
parser; what they looked like is kept, with what changes cut out, and what looks the same
is taken by comparing bytes. So is its 200 written: once, and bytes are joined. Whatever is
not like it takes the ordinary road, which knows what was taken here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, TypeAlias

from perchat.sip.grammar import MAGIC_COOKIE
from perchat.sip.lane import PROOF, SIGNED, Proof, framed
from perchat.sip.message import Request, Response
from perchat.sip.parser import parse_datagram
from perchat.sip.transaction import server_key_end

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.sip.dialog import Dialog
    from perchat.sip.parser import ParserLimits

__all__ = ["LESSONS", "Intake", "Taken", "Voucher"]

_FIRST = 2  # INFOs of a dialog that are not looked at: most dialogs say little
LESSONS = 8  # that may look new before a peer is taken to have no habits
_GROWTH = 384  # bytes by which what changes may be longer than it was
_LONGEST_HEAD = 8192  # bytes; with that still shorter than a line may be


class Voucher(Protocol):
    """Answers for INFOs like one that was admitted, and signs what they are answered with."""

    def admits(self, number: int, proof: Proof | None, now: float) -> bool:
        """Whether the INFO of that CSeq may pass; a proof has to be its peer's, and new."""

    def sign(self, number: int) -> bytes:
        """Return the header line, with its line break, for the 200 to it."""


Taken: TypeAlias = "tuple[bytes, int, bytes, Proof | None, int]"
"""What is an INFO's own: branch, CSeq, body and proof; and where it ends."""


class Intake:
    """
    What comes in one dialog. Its user agent takes it; the connection has it learn.

    Attributes:
        lessons: How often it may still learn; all over again when one was known.
        dialog: Where it comes in.
        content_type: Of every body.
        voucher: Answers for it.

    """

    __slots__ = (
        "_key_end",
        "_likeness",
        "_longest",
        "_reply",
        "_seen",
        "content_type",
        "dialog",
        "lessons",
        "voucher",
    )

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self.content_type = ""
        self.voucher: Voucher | None = None
        self._seen = 0
        self.lessons = LESSONS
        self._longest = 0
        self._likeness: _Likeness | None = None
        self._reply = (b"", b"", b"")
        self._key_end = ""

    def read(self, data: bytes | bytearray, at: int) -> Taken | None:
        """Return the INFO that begins there, if it is all there and like those before."""
        if self._likeness is None or (found := self._likeness.parts(data, at)) is None:
            return None
        parts, begin = found
        end = begin + int(parts[2])
        if end > len(data) or end - begin > self._longest:
            return None
        proof = Proof(*parts[3:]) if len(parts) > _UNSIGNED else None
        return parts[0], int(parts[1]), bytes(data[begin:end]), proof, end

    def key_of(self, branch: bytes) -> str:
        """Return what an INFO's transaction is found by (`transaction.server_key`)."""
        return branch.decode() + self._key_end

    def render(self, number: int, branch: bytes) -> bytes:
        """Return the 200 to an INFO."""
        first, between, last = self._reply
        signature = b"" if self.voucher is None else self.voucher.sign(number)
        return b"%b%b%b%d%b%b%b" % (first, branch, between, number, last, signature, _NO_BODY)

    def message(self, number: int, branch: bytes) -> Response:
        """Return the same as a message; it is not signed."""
        first, between, last = self._reply
        written = b"%b%b%b%d%b%b" % (first, branch, between, number, last, _NO_BODY)
        message = parse_datagram(written)
        assert isinstance(message, Response), "it was written from one"
        return message

    def request(self, number: int, branch: bytes) -> Request:
        """Return an INFO with what its answers repeat of it, and nothing else."""
        return Request("INFO", self.dialog.local_uri, self.message(number, branch).headers)

    def wants(self, written: bytes) -> bool:
        """Whether to learn from an INFO, as it was written, that was not known."""
        self._seen += 1
        return (
            self._seen > _FIRST
            and self.lessons > 0
            and len(written) > 0
            and (self._likeness is None or not self._likeness.fits(written + _END))
        )

    def learn(self, request: Request, ok: bytes, voucher: Voucher, limits: ParserLimits) -> None:
        """
        Take an INFO that was found good, for what is to come.

        Args:
            request: As it came, with its headers as they were written.
            ok: The 200 that is sent to it, not signed.
            voucher: Answers for the next.
            limits: What the parser would take.

        """
        self.lessons -= 1
        if len(request.headers.written) + _GROWTH > min(_LONGEST_HEAD, limits.headers):
            return
        branch = request.via.branch.encode()
        likeness, reply = _Likeness.of(request, branch), _cut(ok, branch)
        if likeness is None or reply is None:
            return
        self._likeness, self._reply, self._longest = likeness, reply, limits.body
        self.voucher, self.content_type = voucher, request.content_type
        self._key_end = server_key_end(request.via.host, request.via.port, "INFO")


_END = b"\r\n\r\n"
_NO_BODY = framed(b"")
_COOKIE = MAGIC_COOKIE.encode()
_BRANCH = re.compile(_COOKIE + rb"[A-Za-z0-9\-.!%*_+`'~]{1,128}")
_NUMBER = re.compile(rb"[1-9][0-9]{0,9}")
_LENGTH = re.compile(rb"[0-9]{1,7}")
_HEX = re.compile(rb"[0-9A-Fa-f]{1,80}")
_COUNTER = re.compile(rb"[0-9]{1,20}")
_CSEQ_LINE = re.compile(rb"(?i)\r\nCSeq[ \t]*:[ \t]*([1-9][0-9]*)[ \t]+INFO[ \t]*(?=\r\n)")
_LENGTH_LINE = re.compile(rb"(?i)\r\n(?:Content-Length|l)[ \t]*:[ \t]*([0-9]+)[ \t]*(?=\r\n)")
_OWN = frozenset(("Via", "CSeq", "Content-Length", "Authorization", "Proxy-Authorization"))

_UNSIGNED = 3  # parts of an INFO that nobody signed
_Match: TypeAlias = "Callable[[bytes | bytearray, int], re.Match[bytes] | None]"
_Step: TypeAlias = "tuple[bytes, int, _Match]"

# The parts that change, and of each what it may be: always these three, and three of a proof.
_PARTS = (_BRANCH, _NUMBER, _LENGTH, _HEX, _COUNTER, _HEX)
_PROBE = (_COOKIE + b".probe", b"2147483646", b"5", b"0a", b"77", b"0b")


class _Likeness:
    """An INFO's start line and headers, with what changes cut out."""

    __slots__ = ("_last", "_order", "_steps")

    def __init__(self, head: bytes, spans: Sequence[tuple[int, int]]) -> None:
        """Take where the parts stand that change, in the order of ``_PARTS``."""
        steps, at = list[_Step](), 0
        ordered = sorted(range(len(spans)), key=lambda part: spans[part])
        for part in ordered:
            start, stop = spans[part]
            steps.append((head[at:start], start - at, _PARTS[part].match))
            at = stop
        self._steps = tuple(steps)
        self._last = head[at:]
        order = [ordered.index(part) for part in range(len(spans))]
        self._order = None if order == sorted(order) else tuple(order)

    @staticmethod
    def of(request: Request, branch: bytes) -> _Likeness | None:
        """Return the likeness of a request; None of one that is not written as most are."""
        head = request.headers.written + _END
        spans = _spans(head, branch)
        if spans is None:
            return None
        likeness = _Likeness(head, spans)
        probe = parse_datagram(likeness.filled(_PROBE[: len(spans)]) + b"probe")
        return likeness if isinstance(probe, Request) and _alike(request, probe) else None

    def filled(self, parts: Sequence[bytes]) -> bytes:
        """Return a head with these parts."""
        order = self._order or range(len(parts))
        texts = [step[0] + parts[order.index(place)] for place, step in enumerate(self._steps)]
        return b"".join((*texts, self._last))

    def fits(self, head: bytes) -> bool:
        """Whether a head is like it."""
        return self.parts(head, 0) is not None

    def parts(self, data: bytes | bytearray, at: int) -> tuple[list[bytes], int] | None:
        """Return what is the own of the INFO that begins there, and where its body does."""
        parts: list[bytes] = []
        for text, size, match in self._steps:
            if not data.startswith(text, at) or (found := match(data, at + size)) is None:
                return None
            parts.append(found[0])
            at = found.end()
        if not data.startswith(self._last, at):
            return None
        if self._order is not None:
            parts = [parts[place] for place in self._order]
        return parts, at + len(self._last)


def _spans(head: bytes, branch: bytes) -> list[tuple[int, int]] | None:
    """Return where branch, number, length and proof stand; None if that is not plain."""
    numbers, lengths = list(_CSEQ_LINE.finditer(head)), list(_LENGTH_LINE.finditer(head))
    if not _BRANCH.fullmatch(branch) or head.count(branch) != 1:
        return None
    if len(numbers) != 1 or len(lengths) != 1:
        return None
    start = head.index(branch)
    found = [(start, start + len(branch)), numbers[0].span(1), lengths[0].span(1)]
    if SIGNED.search(head):
        proof = [list(pattern.finditer(head)) for pattern in PROOF]
        if any(len(one) != 1 for one in proof):
            return None
        found += [one[0].span(1) for one in proof]
    return found


def _alike(request: Request, probe: Request) -> bool:
    """Whether two requests differ in nothing but what may change."""
    names = [name for name, _ in request.headers]
    if request.uri != probe.uri or names != [name for name, _ in probe.headers]:
        return False
    pairs = zip(request.headers, probe.headers, strict=True)
    others = {name for (name, one), (_, other) in pairs if one != other}
    branch, number = _PROBE[0].decode(), int(_PROBE[1])
    own = probe.via.branch == branch and probe.cseq.number == number and probe.body == b"probe"
    return own and others <= _OWN


def _cut(ok: bytes, branch: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return what stands before the branch of a 200, between that and its number, and after."""
    head, numbers = ok.removesuffix(_NO_BODY), list(_CSEQ_LINE.finditer(ok))
    if head.count(branch) != 1 or len(numbers) != 1 or head == ok:
        return None
    start, stop = numbers[0].span(1)
    first, found, between = head[:start].partition(branch)
    return (first, between, head[stop:]) if found else None
