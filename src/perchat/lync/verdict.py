"""
What an acceptor makes of a request that signs in, and what it asks the directory for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from perchat.lync.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.lync.ntlm_message import AuthenticateMessage
    from perchat.sip.message import Request

__all__ = [
    "Accepted",
    "Account",
    "Challenged",
    "Handshake",
    "PendingChallenge",
    "ProofNeeded",
    "TicketShown",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class Account:
    """
    What the directory knows of a user.

    Attributes:
        uri: The address-of-record, the only one these credentials may act as.
        nt_hash: See :func:`perchat.lync.ntlm.nt_hash`.

    """

    uri: str
    nt_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """
    The user is who he says he is.

    Attributes:
        user: As typed, or the Kerberos principal.
        domain: As typed; empty when none was.
        uri: The account's address-of-record.
        refreshed: Whether an association that stood before was used.

    """

    user: str
    domain: str
    uri: str
    refreshed: bool = False


@dataclass(frozen=True, slots=True)
class Challenged:
    """Answer 401 with these headers, unsigned."""

    headers: tuple[tuple[str, str], ...]
    status: int = 401


@dataclass(frozen=True, slots=True)
class ProofNeeded:
    """
    The directory has to be asked: find the account, then call `Acceptor.complete`.

    Attributes:
        user: As typed: an account name, or ``user@domain``.
        domain: As typed; empty when none was.
        uri: The address-of-record in From, lower case.

    """

    user: str
    domain: str
    uri: str
    handshake: Handshake = field(repr=False)


@dataclass(frozen=True, slots=True)
class TicketShown:
    """
    Kerberos has to be asked: open the token, then call `Acceptor.admit` or `Acceptor.decline`.

    Attributes:
        uri: The address-of-record in From, lower case.
        token: What the client sent.

    """

    uri: str
    token: bytes = field(repr=False)
    request: Request = field(repr=False)
    values: Mapping[str, str] = field(repr=False)


Verdict: TypeAlias = Accepted | Challenged | ProofNeeded | TicketShown | Refused


@dataclass(frozen=True, slots=True)
class PendingChallenge:
    """The challenge that is out, for one answer; named by its opaque."""

    opaque: str
    nonce: bytes = field(repr=False)
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Handshake:
    """What `complete` needs of the request that carried the proof."""

    pending: PendingChallenge
    message: AuthenticateMessage
    request: Request
    values: Mapping[str, str]
