"""
Signatures for a lane (`perchat.sip.lane`): the same as `Acceptor.seal` makes and `check` takes.

Of the text that is signed only nonce, counter and CSeq change from one INFO of a
dialog to the next, so the rest is written once an association ([MS-SIPAE] 3.2).
"""

from __future__ import annotations

from binascii import hexlify
from typing import TYPE_CHECKING

from perchat.lync.association import Check
from perchat.lync.signature import signed_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.lync.association import SecurityAssociation
    from perchat.sip.lane import Lane, Proof

__all__ = ["LaneStamp"]

_STATUS = b"<200>"


class LaneStamp:
    """The stamp of one lane, under whichever association of its connection stands."""

    __slots__ = (
        "_association",
        "_frame",
        "_lane",
        "_random",
        "_signed_by",
        "_standing",
        "_vouched",
    )

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
        self._association: SecurityAssociation | None = None
        self._frame = (b"", b"", b"")
        self._signed_by = b"", b""

    def sign(self, number: int) -> bytes:
        """Return the header line for the INFO of that CSeq; empty before a sign-in stands."""
        association = self._standing()
        if association is not self._association:
            self._take(association)
        if association is None:
            return b""
        association.sent += 1
        count, nonce = association.sent, hexlify(self._random(4)).upper()
        before, between, after = self._frame
        text = b"%b%b><%d%b%d%b" % (before, nonce, count, between, number, after)
        signature = hexlify(association.outgoing.sign(text)).upper()
        head, tail = self._signed_by
        return b'%b%b", srand="%b", snum="%d", %b' % (head, signature, nonce, count, tail)

    def vouches(self, number: int, proof: Proof, now: float) -> bool:
        """Whether the 200 to that INFO was signed by the peer, for the first time."""
        association = self._association
        if association is None or now >= association.expires_at:
            return False
        before, between, after = self._frame
        signed = (before, proof.nonce, proof.counter, between, number, after, _STATUS)
        text = b"%b%b><%b%b%d%b%b" % signed
        counter, signature = proof.counter.decode("latin-1"), proof.signature.decode("latin-1")
        if association.check_text(text, counter, signature) is not Check.OK:
            return False
        self._vouched()
        return True

    def _take(self, association: SecurityAssociation | None) -> None:
        self._association = association
        if association is not None:
            self._frame = signed_frame(
                self._lane.request(0),
                scheme=association.scheme,
                realm=association.realm,
                targetname=association.targetname,
                version=association.version,
            )
            head = f'Authentication-Info: {association.scheme} rspauth="'
            tail = f"{association.named}\r\n"
            self._signed_by = head.encode(), tail.encode()
