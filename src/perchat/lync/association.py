"""
A security association: what two sides hold once a sign-in has succeeded ([MS-SIPAE] 3.1.1).

It signs what goes out and checks what comes in, on one connection. Each side
counts the messages it signs; a count that was seen before is a replay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from perchat.lync.signature import SignedText, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.sip.message import Message

__all__ = ["Check", "CounterWindow", "SecurityAssociation", "Signer"]

_COUNTER_DIGITS = 10


class Check(Enum):
    """What became of a message's signature."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    FOREIGN = "foreign"
    """Signed well, but From names somebody else than who signed in."""


class Signer(Protocol):
    """
    Makes and checks signatures, one way or both.

    It keeps no count: the same text always has a good signature, in whatever order.
    """

    def sign(self, text: bytes) -> bytes:
        """Return the signature of ``text``."""

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` belongs to ``text``."""


class CounterWindow:
    """
    Remembers which counters were seen; messages may overtake each other within its width.

    What is older than the window counts as seen.
    """

    __slots__ = ("_all", "_highest", "_seen", "_width")

    def __init__(self, width: int = 256) -> None:
        self._width = width
        self._all = (1 << width) - 1
        self._highest = 0
        self._seen = 0  # bit n stands for the counter n below the highest

    def add(self, counter: int) -> bool:
        """Whether ``counter`` is new; it is not the next time."""
        behind = self._highest - counter
        if counter < 1 or behind >= self._width:
            return False
        if behind < 0:
            kept = self._seen << -behind if -behind < self._width else 0
            self._seen = kept & self._all | 1
            self._highest = counter
            return True
        if self._seen >> behind & 1:
            return False
        self._seen |= 1 << behind
        return True


@dataclass(slots=True)
class SecurityAssociation:
    """
    The keys of one sign-in with their counters; shows nothing of the keys.

    Attributes:
        opaque: The server's name for it; empty while a client has not heard it yet.
        scheme: ``NTLM`` or ``Kerberos``.
        realm: Part of what is signed.
        targetname: Part of what is signed.
        version: Of the authentication protocol: 2, 3 or 4.
        user: As typed, or the principal.
        domain: As typed; empty when none was.
        uri: The address-of-record that signed in, lower case.
        expires_at: In the owner's seconds: a server's of the loop, a client's of the day.
        renew_at: When to make the next one; before the end.
        named: What ends each header with a signature: which association it is of.
        text: What its signatures cover.

    """

    opaque: str
    scheme: str
    realm: str
    targetname: str
    version: int
    user: str
    domain: str
    uri: str
    outgoing: Signer = field(repr=False)
    incoming: Signer = field(repr=False)
    expires_at: float = float("inf")
    renew_at: float = float("inf")
    sent: int = 0
    named: str = field(init=False)
    text: SignedText = field(init=False, repr=False)
    _window: CounterWindow = field(default_factory=CounterWindow, repr=False)

    def __post_init__(self) -> None:
        target, realm = quoted(self.targetname), quoted(self.realm)
        self.named = f'opaque="{self.opaque}", qop="auth", targetname={target}, realm={realm}'
        self.text = SignedText(
            scheme=self.scheme,
            realm=self.realm,
            targetname=self.targetname,
            version=self.version,
        )

    def sign(self, message: Message, nonce: str) -> tuple[str, str]:
        """Sign the next message; return its counter and its signature in hexadecimal."""
        self.sent += 1
        counter = str(self.sent)
        signature = self.outgoing.sign(self.text.of(message, nonce, counter))
        return counter, signature.hex().upper()

    def check(self, message: Message, *, nonce: str, counter: str, signature: str) -> Check:
        """Check a signature the other side made, and that it is the first of its count."""
        text = self.text.of(message, nonce, counter)
        return self.check_text(text, counter, _bytes(signature))

    def check_text(self, text: bytes, counter: str | bytes, signature: bytes) -> Check:
        """Do the same when the text that was signed is known; ``counter`` is part of it."""
        number = int(counter) if _is_counter(counter) else 0
        if not number or not self.incoming.verify(text, signature):
            return Check.WRONG
        return Check.OK if self._window.add(number) else Check.REPLAYED

    def names(self, scheme: str, values: Mapping[str, str]) -> bool:
        """Whether a header with this scheme and these parameters speaks of this association."""
        return (
            (scheme == self.scheme or scheme.upper() == self.scheme.upper())
            and (not self.opaque or values.get("opaque") == self.opaque)
            and values.get("realm", self.realm) == self.realm
            and values.get("targetname", self.targetname) == self.targetname
        )


def _is_counter(text: str | bytes) -> bool:
    return text.isdigit() and text.isascii() and len(text) <= _COUNTER_DIGITS


def _bytes(signature: str) -> bytes:
    try:
        return bytes.fromhex(signature)
    except ValueError:
        return b""
