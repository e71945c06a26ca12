"""
Signatures for a lane: the same as `Acceptor.seal` makes and `check` takes.

Of the text that is signed only nonce, counter and CSeq change from one INFO of a
dialog to the next, so the rest is written once an association ([MS-SIPAE] 3.2). A stamp
signs what goes out and checks its answers (`perchat.sip.lane`); a voucher checks what
comes in and signs its answers (`perchat.sip.intake`).
"""

from __future__ import annotations

from binascii import hexlify, unhexlify
from typing import TYPE_CHECKING

from perchat.lync.association import Check

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.lync.association import SecurityAssociation
    from perchat.sip.lane import Lane, Proof
    from perchat.sip.message import Message, Response

__all__ = ["LaneStamp", "LaneVoucher"]

_STATUS = b"<200>"


class _Frame:
    """What is signed of one kind of message in one dialog, under one association."""

    __slots__ = ("_head", "_tail", "_texts", "association")

    def __init__(self, association: SecurityAssociation, message: Message) -> None:
        self.association = association
        self._texts = association.text.frame(message)
        self._head = f'Authentication-Info: {association.scheme} rspauth="'.encode()
        self._tail = f"{association.named}\r\n".encode()

    def line(self, number: int, nonce: bytes) -> bytes:
        """Return the header line that signs the next message; ``nonce`` in hexadecimal."""
        association = self.association
        association.sent += 1
        count = association.sent
        before, between, after = self._texts
        text = b"%b%b><%d%b%d%b" % (before, nonce, count, between, number, after)
        signature = hexlify(association.outgoing.sign(text)).upper()
        parts = (self._head, signature, nonce, count, self._tail)
        return b'%b%b", srand="%b", snum="%d", %b' % parts

    def vouches(self, number: int, proof: Proof, now: float, status: bytes = b"") -> bool:
        """Whether the peer signed it, for the first time, while the keys are good."""
        association = self.association
        if now >= association.expires_at:
            return False
        before, between, after = self._texts
        signed = (before, proof.nonce, proof.counter, between, number, after, status)
        text = b"%b%b><%b%b%d%b%b" % signed
        try:
            signature = unhexlify(proof.signature)
        except ValueError:
            return False
        return association.check_text(text, proof.counter, signature) is Check.OK


class LaneStamp:
    """The stamp of one lane, under whichever association of its connection stands."""

    __slots__ = ("_frame", "_lane", "_random", "_standing", "_vouched")

    def __init__(
        self,
        lane: Lane,
        standing: Callable[[], SecurityAssociation | None],
        *,
        random: Callable[[int], bytes],
        vouched: Callable[[], None],
    ) -> None:
        """Take who tells the association, and is told of each good signature."""
        self._lane = lane
        self._standing = standing
        self._random = random
        self._vouched = vouched
        self._frame: _Frame | None = None

    def sign(self, number: int) -> bytes:
        """Return the header line for the INFO of that CSeq; empty before a sign-in stands."""
        association, frame = self._standing(), self._frame
        if association is None:
            self._frame = None
            return b""
        if frame is None or frame.association is not association:
            frame = self._frame = _Frame(association, self._lane.request(0))
        return frame.line(number, hexlify(self._random(4)).upper())

    def vouches(self, number: int, proof: Proof, now: float) -> bool:
        """Whether the 200 to that INFO was signed by the peer, for the first time."""
        frame = self._frame
        if frame is None or not frame.vouches(number, proof, now, _STATUS):
            return False
        self._vouched()
        return True


class LaneVoucher:
    """Vouches for the INFOs of one dialog, under the association that vouched for the first."""

    __slots__ = ("_asked", "_frame", "_ok", "_random", "_standing", "_vouched")

    def __init__(
        self,
        request: Message,
        ok: Response,
        standing: Callable[[], SecurityAssociation | None],
        *,
        association: SecurityAssociation,
        random: Callable[[int], bytes],
        vouched: Callable[[], None],
    ) -> None:
        """
        Make one for INFOs like one that was found good.

        Args:
            request: The INFO.
            ok: The 200 to it.
            standing: Tells what is signed under now.
            association: What the INFO was signed under.
            random: So many bytes.
            vouched: Called at each good signature.

        """
        self._standing = standing
        self._random = random
        self._vouched = vouched
        self._asked = _Frame(association, request)
        self._ok = ok
        self._frame = _Frame(association, ok)

    def admits(self, number: int, proof: Proof | None, now: float) -> bool:
        """Whether the INFO of that CSeq was signed by the peer, for the first time."""
        asked = self._asked
        if proof is None or asked.association is not self._standing():
            return False
        if not asked.vouches(number, proof, now):
            return False
        self._vouched()
        return True

    def sign(self, number: int) -> bytes:
        """Return the header line for the 200; empty when no sign-in stands any more."""
        association = self._standing()
        if association is None:
            return b""
        if self._frame.association is not association:
            self._frame = _Frame(association, self._ok)
        return self._frame.line(number, hexlify(self._random(4)).upper())
