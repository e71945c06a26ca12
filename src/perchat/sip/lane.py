"""
The lane for the many: INFO after INFO in one dialog, without a message built for each.

A room of a thousand is a thousand dialogs, and each is told the same. What differs
between two INFOs of a dialog is CSeq, branch and signature, so their head is written
once and bytes are joined (RFC 3261 §12.2.1.1). What comes back differs as little: a 200
like the last one but for its numbers is known by comparing bytes. Whatever is not like
it takes the ordinary road, where its request is found here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from perchat.sip.serializer import serialize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.sip.dialog import Dialog
    from perchat.sip.message import Message, Request

__all__ = [
    "PROOF",
    "SIGNED",
    "Lane",
    "Lanes",
    "Letter",
    "Proof",
    "Road",
    "Stamp",
    "framed",
    "message_of",
]

_LESSONS = 8  # answers that may look new before a peer is taken to have no habits
_PROOF_ENDS = 80  # where the quote behind a part of a proof has to stand


class Proof(NamedTuple):
    """What a signed answer is vouched for by, as it stands there."""

    nonce: bytes
    counter: bytes
    signature: bytes


class Stamp(Protocol):
    """Signs what goes out in one lane and vouches for its answers."""

    def sign(self, number: int) -> bytes:
        """Return the header line, with its line break, for the INFO of that CSeq."""

    def vouches(self, number: int, proof: Proof, now: float) -> bool:
        """Whether the 200 to that INFO was signed by the peer, for the first time."""


def framed(body: bytes) -> bytes:
    """Return the end of a message: Content-Length and what it counts."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Lane:
    """
    One dialog's lane. Its owner opens it; the user agent sends and receives.

    Attributes:
        dialog: Where it leads.
        branch: What the branches of its requests begin with.
        pending: When to give up on an INFO, by its CSeq; in the order sent.
        armed: Whether an alarm is set for the first of them.
        stamp: What signs; its owner puts it here, and without it nothing is signed.

    """

    __slots__ = (
        "_between",
        "_first",
        "_items",
        "_last",
        "_lessons",
        "_likeness",
        "_target",
        "_via",
        "armed",
        "branch",
        "dialog",
        "pending",
        "stamp",
    )

    def __init__(
        self, dialog: Dialog, via: str, branch: str, items: Sequence[tuple[str, str]]
    ) -> None:
        """Take a Via up to its branch, and what every INFO carries besides."""
        self.dialog = dialog
        self.branch = branch
        self.pending: dict[int, float] = {}
        self.armed = False
        self.stamp: Stamp | None = None
        self._via = via
        self._items = tuple(items)
        self._likeness: _Likeness | None = None
        self._lessons = _LESSONS
        self._write_head()

    def request(self, number: int, body: bytes = b"") -> Request:
        """Return the INFO with that CSeq as a message; it is not signed."""
        via = f"{self._via}{self.branch}{number}"
        return self.dialog.numbered("INFO", number, via, self._items, body)

    def message(self, number: int, end: bytes) -> Request:
        """Return the same for ``end``, which is `framed`."""
        return self.request(number, end.partition(b"\r\n\r\n")[2])

    def render(self, number: int, end: bytes) -> bytes:
        """Return the INFO with that CSeq; ``end`` is `framed`."""
        if self._target is not self.dialog.remote_target:
            self._write_head()
        signature = b"" if self.stamp is None else self.stamp.sign(number)
        return b"%b%d%b%d%b%b%b" % (
            self._first,
            number,
            self._between,
            number,
            self._last,
            signature,
            end,
        )

    def take(self, data: bytes | bytearray, at: int, now: float) -> tuple[int, int]:
        """Take the answers to the oldest INFOs that begin here; return their end and number."""
        likeness, pending, count = self._likeness, self.pending, 0
        while pending and likeness is not None:
            number = next(iter(pending))
            end, proof = likeness.read(data, at, number)
            if not end or (proof is not None and not self._vouched(number, proof, now)):
                break
            del pending[number]
            at, count = end, count + 1
        return at, count

    def number_of(self, branch: str) -> int | None:
        """Return which waiting INFO has that branch."""
        if not branch.startswith(self.branch):
            return None
        digits = branch[len(self.branch) :]
        number = int(digits) if digits.isascii() and digits.isdigit() else 0
        return number if number in self.pending else None

    def learn(self, answer: bytes) -> None:
        """Take a 200 of this lane, just received and found good, for what is to come."""
        if self._lessons:
            self._lessons -= 1
            self._likeness = _Likeness.of(answer, self.branch)

    def _vouched(self, number: int, proof: Proof, now: float) -> bool:
        return self.stamp is not None and self.stamp.vouches(number, proof, now)

    def _write_head(self) -> None:
        self._target = self.dialog.remote_target
        head = serialize(self.request(0))[: -len(framed(b""))]
        first, _, rest = head.partition(self.branch.encode() + b"0\r\n")
        self._first = first + self.branch.encode()
        between, _, last = rest.partition(b"\r\nCSeq: 0 INFO\r\n")
        self._between = b"\r\n" + between + b"\r\nCSeq: "
        self._last = b" INFO\r\n" + last


class Road(Protocol):
    """What writes a letter when it leaves: a lane its INFOs, an intake the 200s to its own."""

    def render(self, number: int, own: bytes, /) -> bytes:
        """Return the message with that CSeq, signed; ``own`` is the rest that is not known."""

    def message(self, number: int, own: bytes, /) -> Message:
        """Return the same as a message; it is not signed."""


Letter: TypeAlias = "tuple[Road, int, bytes]"


def message_of(one: Message | Letter) -> Message:
    """Return what is to be sent as a message; a letter's is not signed."""
    if isinstance(one, tuple):
        road, number, own = one
        return road.message(number, own)
    return one


class Lanes:
    """The lanes of one connection."""

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def add(self, lane: Lane) -> None:
        """Have a lane found from now on."""
        self._lanes[lane.dialog.id] = lane

    def get(self, dialog: str) -> Lane | None:
        """Return a dialog's lane."""
        return self._lanes.get(dialog)

    def alarmed_by(self, branch: str) -> Lane | None:
        """Return the lane of that name in the list of alarms."""
        return next((lane for lane in self._lanes.values() if lane.branch == branch), None)

    def drop(self, dialog: str) -> None:
        """Forget a dialog's lane, if it has one."""
        self._lanes.pop(dialog, None)

    def waiting(self, branch: str) -> tuple[Lane, int] | None:
        """Return the lane and the number of the INFO with that branch, if it waits."""
        for lane in self._lanes.values():
            if (number := lane.number_of(branch)) is not None:
                return lane, number
        return None

    def take(
        self, data: bytes | bytearray, at: int, now: float
    ) -> tuple[int, list[tuple[Lane, int]]]:
        """Take the answers that begin there; return where they end, and how many."""
        taken: list[tuple[Lane, int]] = []
        last, size = at - 1, len(data)
        while last < at < size:
            last = at
            for lane in self._lanes.values():
                at, count = lane.take(data, at, now)
                if count:
                    taken.append((lane, count))
        return at, taken

    def learn(self, answer: bytes) -> None:
        """Take an answer, received and found good, for what is to come on its lane."""
        for lane in self._lanes.values():
            if lane.branch.encode() in answer:
                lane.learn(answer)


_CSEQ = re.compile(rb"\r\nCSeq[ \t]*:[ \t]*([0-9]+)[ \t]+INFO\r\n", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9]+")
SIGNED = re.compile(rb"\r\n(?:Proxy-)?Authorization[ \t]*:", re.IGNORECASE)
PROOF = (  # in the order of Proof
    re.compile(rb'\bcrand="([0-9A-Fa-f]+)"'),
    re.compile(rb'\bcnum="([0-9]+)"'),
    re.compile(rb'\bresponse="([0-9A-Fa-f]+)"'),
)
_PIGGYBACK = b"ms-piggyback"


class _Likeness:
    """An answer with its numbers, and what it was signed with, cut out."""

    __slots__ = ("_proof", "_texts")

    def __init__(self, texts: Sequence[tuple[bytes, int]], proof: Sequence[int]) -> None:
        """
        Take what stands around the parts of the proof, and in which order those stand.

        Each text comes with how often the number of the INFO is to be put into it.
        """
        self._texts = tuple(texts)
        self._proof = tuple(proof)

    @staticmethod
    def of(answer: bytes, branch: str) -> _Likeness | None:
        """Return the likeness of a 200 without body; None of one that says more."""
        found = answer.find(branch.encode())
        numbered = _DIGITS.match(answer, found + len(branch)) if found >= 0 else None
        sequence, signed = _CSEQ.search(answer), SIGNED.search(answer)
        if numbered is None or sequence is None or _PIGGYBACK in answer.lower():
            return None
        proof = [pattern.search(answer) for pattern in PROOF] if signed else []
        spans = [part.span(1) for part in proof if part is not None]
        if numbered[0] != sequence[1] or len(spans) != len(proof):
            return None
        order = sorted(spans)
        texts = _around(answer, (numbered.span(), sequence.span(1)), order)
        return _Likeness(texts, [order.index(span) for span in spans])

    def read(self, data: bytes | bytearray, at: int, number: int) -> tuple[int, Proof | None]:
        """Return where the answer to that INFO ends, 0 if this is none, and its proof."""
        parts: list[bytes] = []
        for template, numbers in self._texts:
            text = template % ((number,) * numbers)
            if not data.startswith(text, at):
                return 0, None
            at += len(text)
            if len(parts) < len(self._proof):
                stop = data.find(b'"', at, at + _PROOF_ENDS)
                if stop < 0:
                    return 0, None
                parts.append(bytes(data[at:stop]))
                at = stop
        if not parts:
            return at, None
        nonce, counter, signature = self._proof
        return at, Proof(parts[nonce], parts[counter], parts[signature])


def _around(
    answer: bytes, numbers: Sequence[tuple[int, int]], parts: Sequence[tuple[int, int]]
) -> list[tuple[bytes, int]]:
    """Return the texts between the parts, with ``%d`` where a number stood."""
    texts, begin = list[tuple[bytes, int]](), 0
    for stop, after in (*parts, (len(answer), len(answer))):
        within = sorted(span for span in numbers if begin <= span[0] < stop)
        pieces, at = list[bytes](), begin
        for start, end in within:
            pieces.append(answer[at:start].replace(b"%", b"%%"))
            at = end
        pieces.append(answer[at:stop].replace(b"%", b"%%"))
        texts.append((b"%d".join(pieces), len(within)))
        begin = after
    return texts
