"""
The server's half of signing in ([MS-SIPAE] 3.3): one object a connection.

The first REGISTER is challenged. With NTLM the second asks for its challenge and the
third brings the proof; with Kerberos the second brings a ticket. Then an association
stands: what comes is checked, what goes is signed. The directory, and Kerberos, are
asked by the owner between `receive` and `complete`, or `admit`, so that nothing here
waits. A new sign-in on the same connection does not break what goes on meanwhile: the
association before it serves until the new one stands, and a little longer for what was
on its way.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from perchat.errors import LocalProtocolError, RemoteProtocolError
from perchat.lync import ntlm
from perchat.lync.address import address_of
from perchat.lync.association import Check, SecurityAssociation
from perchat.lync.diagnostics import Refused, diagnostics_header
from perchat.lync.lanestamp import LaneStamp, LaneVoucher
from perchat.lync.ntlm_message import AuthenticateMessage, NtlmTarget, challenge_message
from perchat.lync.offer import CREDENTIALS, KERBEROS, NTLM, REALM, Offer, spoken_version
from perchat.lync.verdict import (
    Accepted,
    Account,
    Challenged,
    Handshake,
    PendingChallenge,
    ProofNeeded,
    TicketShown,
    Verdict,
)
from perchat.sip.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from perchat.lync.kerberos import Ticket
    from perchat.sip.lane import Lane
    from perchat.sip.message import Message

__all__ = ["REALM", "Acceptor"]

_VERSIONS = frozenset({2, 3, 4})
_SIGNED_HANDSHAKE = 4  # from this version on the request with the proof is signed
_UNSIGNED = frozenset({401, 407})
_HANDSHAKE_FAILED = 1000
_CLOCK_SKEW = 1013
_FOREIGN_FROM = 4004
_TURNED_AWAY = {
    Check.WRONG: "The signature of the request is wrong",
    Check.REPLAYED: "The signature of the request was seen before",
    Check.EXPIRED: "The security association has expired",
}
_PROOF = re.compile(r'gssapi-data\s*+=\s*+"?[^",\s]', re.IGNORECASE)  # any, whatever it is worth
_ON_THE_WAY = 32.0  # seconds a message may take (RFC 3261 table 4, timer F)


_offer = lru_cache(maxsize=8)(Offer)  # one for all connections of a server


class Acceptor:
    """Challenges, checks and signs on one connection."""

    def __init__(
        self,
        *,
        targetname: str,
        target: NtlmTarget,
        random: Callable[[int], bytes],
        protocols: Sequence[str] = (NTLM,),
        lifetime: float = 8 * 3600,
        grace: float = 0.0,
        versions: Collection[int] = _VERSIONS,
        challenge_limit: int = 10,
    ) -> None:
        """
        Make one for a new connection.

        Args:
            targetname: This server's host name.
            target: Its names in NTLM's own form.
            random: As many bytes nobody can guess as it is asked for.
            protocols: ``NTLM`` and ``Kerberos``, what is offered, the preferred one first.
            lifetime: Seconds until a REGISTER is challenged again; a ticket may end sooner.
            grace: Seconds an association then still serves for other requests.
            versions: Of the protocol that are taken; the highest is offered.
            challenge_limit: 401 answers in a row before 403 ends it.

        """
        if not protocols or not {NTLM, KERBEROS}.issuperset(protocols):
            raise LocalProtocolError(f"not what a server can offer: {protocols}")
        self.association: SecurityAssociation | None = None
        self._previous: SecurityAssociation | None = None
        self._offer = _offer(targetname, tuple(protocols), max(versions))
        self._host = targetname
        self._target = target
        self._random = random
        self._lifetime, self._grace = lifetime, grace
        self._versions = frozenset(versions)
        self._limit = challenge_limit
        self._challenges = 0
        self._pending: PendingChallenge | None = None
        self._shown: TicketShown | None = None
        self._reply = b""

    # --- signing in ---

    def receive(self, request: Request, now: float, at: float) -> Verdict:
        """Take a request that signs in, refreshes or lacks credentials."""
        found = self._offer.credentials(request)
        if found is None:
            return self.challenge(at)
        token = found.values.get("gssapi-data")
        if token is None:
            return self._refresh(request, now, at)
        if spoken_version(found.values) not in self._versions:
            return self._refused(403, _HANDSHAKE_FAILED, "Authentication version not supported")
        if found.scheme == KERBEROS:
            return self._show(request, found.values, at)
        return self._prove(request, found.values, at) if token else self._ask(at)

    def open(self, request: Request, now: float, at: float) -> Challenged | Refused | None:
        """
        Answer a REGISTER that proves nothing while nothing stands; None: it is for `receive`.

        Nothing has to be kept of it until the next one comes (RFC 3261 §8.2.7).
        """
        if self.association is not None or _brings_proof(request):
            return None
        verdict = self.receive(request, now, at)
        return verdict if isinstance(verdict, (Challenged, Refused)) else None

    def complete(
        self, proof: ProofNeeded, account: Account | None, now: float, at: float
    ) -> Verdict:
        """
        Judge NTLM's proof by what the directory knows; None when it knows nobody.

        An unknown user costs the same work and gets the same answer as a wrong password.
        """
        stranger = self._random(16)
        nt_hash = account.nt_hash if account else stranger
        pending, message = proof.handshake.pending, proof.handshake.message
        keys = ntlm.accept(message, pending.nonce, nt_hash, challenge=pending.challenge)
        if account is None or keys is None:
            return self._failed(at)
        if account.uri.lower() != proof.uri:
            return self._foreign()
        handshake = proof.handshake
        association = SecurityAssociation(
            opaque=pending.opaque,
            scheme=NTLM,
            realm=REALM,
            targetname=self._offer.targetname(NTLM),
            version=spoken_version(handshake.values),
            user=proof.user,
            domain=proof.domain,
            uri=proof.uri,
            outgoing=keys.server,
            incoming=keys.client,
            expires_at=now + self._lifetime + self._grace,
            renew_at=now + self._lifetime,
        )
        return self._stand(association, handshake.request, handshake.values, now, at)

    def admit(self, shown: TicketShown, ticket: Ticket, uri: str, now: float, at: float) -> Verdict:
        """
        Judge a ticket that Kerberos has found good.

        Args:
            shown: What `receive` returned; overtaken by another one it is void.
            ticket: What its token held.
            uri: Whose principal it is; empty when nobody's.
            now: Seconds of the loop.
            at: Seconds since the epoch.

        """
        if self._shown is not shown:
            return self.challenge(at)
        self._shown = None
        if not uri or address_of(uri) != shown.uri:
            return self._foreign()
        association = SecurityAssociation(
            opaque=self._random(4).hex().upper(),
            scheme=KERBEROS,
            realm=REALM,
            targetname=self._offer.targetname(KERBEROS),
            version=spoken_version(shown.values),
            user=ticket.principal,
            domain="",
            uri=shown.uri,
            outgoing=ticket.signer,
            incoming=ticket.signer,
            expires_at=now + min(self._lifetime + self._grace, ticket.lifetime),
            renew_at=now + min(self._lifetime, ticket.lifetime),
        )
        verdict = self._stand(association, shown.request, shown.values, now, at)
        self._reply = ticket.token if isinstance(verdict, Accepted) else b""
        return verdict

    def decline(self, shown: TicketShown, at: float, *, skewed: bool = False) -> Verdict:
        """Answer a ticket that Kerberos has refused; ``skewed``: because the clocks differ."""
        if self._shown is shown:
            self._shown = None
        return self._failed(at, _CLOCK_SKEW if skewed else _HANDSHAKE_FAILED)

    def challenge(self, at: float) -> Challenged | Refused:
        """Ask for credentials, or refuse for good once that was done too often."""
        if not self._may_challenge():
            return self._refused(403, _HANDSHAKE_FAILED)
        return Challenged(self._offer.challenge(at))

    def turn_away(self, check: Check, at: float) -> Challenged | Refused:
        """Answer a request whose signature is missing or did not pass, and say why."""
        if check is Check.FOREIGN:
            return self._foreign()
        reason = _TURNED_AWAY.get(check)
        return self.challenge(at) if reason is None else self._failed(at, reason=reason)

    # --- signatures ---

    def check(self, message: Message, now: float) -> Check:
        """
        Check who signed a message under the association.

        A response without signature is taken as it is: its request was ours.
        """
        found = self._offer.credentials(message)
        association = self._named(found.scheme, found.values) if found else None
        if found is None or association is None:
            return Check.OK if isinstance(message, Response) else Check.MISSING
        if now >= association.expires_at:
            return Check.EXPIRED
        verdict = _check(association, message, found.values)
        if verdict is Check.OK:
            self._vouched()
            if isinstance(message, Request) and address_of(message.from_.uri) != association.uri:
                return Check.FOREIGN
        return verdict

    def seal(self, message: Message) -> Message:
        """Sign a message under the association; 1xx, 401 and 407 stay as they are."""
        association = self.association
        if association is None:
            return message
        if isinstance(message, Response) and (message.status < 200 or message.status in _UNSIGNED):
            return message
        nonce = self._random(4).hex().upper()
        counter, signature = association.sign(message, nonce)
        value = (
            f'{association.scheme} rspauth="{signature}", srand="{nonce}", snum="{counter}", '
            f"{association.named}{self._answered(message)}"
        )
        headers = message.headers.plus(("Authentication-Info", value))
        if isinstance(message, Request):
            return Request(message.method, message.uri, headers, message.body)
        return Response(message.status, message.reason, headers, message.body)

    def stamp(self, lane: Lane) -> LaneStamp:
        """Return what signs on a lane as `seal` does elsewhere, and checks as `check` does."""
        return LaneStamp(lane, lambda: self.association, random=self._random, vouched=self._vouched)

    def voucher(self, request: Request, ok: Response) -> LaneVoucher | None:
        """Return who answers for INFOs like one just found good; None for one of older keys."""
        found, association = self._offer.credentials(request), self.association
        if association is None or found is None:
            return None
        if not association.names(found.scheme, found.values):
            return None
        return LaneVoucher(
            request,
            ok,
            lambda: self.association,
            association=association,
            random=self._random,
            vouched=self._vouched,
        )

    def _vouched(self) -> None:
        """Note a good signature: the peer holds the keys, so it may be challenged again."""
        self._challenges = 0

    def _answered(self, message: Message) -> str:
        """Return Kerberos' own answer, once, on the 200 that ends the sign-in."""
        if not self._reply or isinstance(message, Request) or message.cseq.method != "REGISTER":
            return ""
        token, self._reply = base64.b64encode(self._reply).decode("ascii"), b""
        return f', gssapi-data="{token}"'

    # --- inside ---

    def _named(self, scheme: str, values: Mapping[str, str]) -> SecurityAssociation | None:
        for association in (self.association, self._previous):
            if association is not None and association.names(scheme, values):
                return association
        return None

    def _refresh(self, request: Request, now: float, at: float) -> Verdict:
        found = self.check(request, now)
        association = self.association
        if found is Check.OK and association is not None and now < association.renew_at:
            return Accepted(association.user, association.domain, association.uri, refreshed=True)
        if found is Check.FOREIGN:
            return self._foreign()
        if found is Check.EXPIRED:
            self.association = self._previous = None
        return self.challenge(at)

    def _ask(self, at: float) -> Verdict:
        """Answer the empty token with NTLM's challenge; an earlier one is void from now on."""
        if not self._may_challenge():
            return self._refused(403, _HANDSHAKE_FAILED)
        nonce, opaque = self._random(8), self._random(4).hex().upper()
        self._pending = PendingChallenge(opaque, nonce, challenge_message(self._target, nonce, at))
        token = base64.b64encode(self._pending.challenge).decode("ascii")
        return Challenged(self._offer.continuation(at, opaque=opaque, token=token))

    def _prove(self, request: Request, values: Mapping[str, str], at: float) -> Verdict:
        pending, self._pending = self._pending, None
        if pending is None or values.get("opaque") != pending.opaque:
            return self.challenge(at)
        try:
            token = base64.b64decode(values["gssapi-data"], validate=True)
            message = AuthenticateMessage.parse(token)
        except (RemoteProtocolError, binascii.Error):
            return self._failed(at)
        uri = address_of(request.from_.uri)
        handshake = Handshake(pending, message, request, values)
        return ProofNeeded(message.user, message.domain, uri, handshake)

    def _show(self, request: Request, values: Mapping[str, str], at: float) -> Verdict:
        """Take a ticket, one at a time: each costs the owner a thread."""
        try:
            token = base64.b64decode(values["gssapi-data"], validate=True)
        except binascii.Error:
            return self._failed(at)
        if not token or self._shown is not None:
            return self.challenge(at)
        self._shown = TicketShown(address_of(request.from_.uri), token, request, values)
        return self._shown

    def _stand(
        self,
        association: SecurityAssociation,
        request: Request,
        values: Mapping[str, str],
        now: float,
        at: float,
    ) -> Verdict:
        """Put a new association in place of the one before."""
        if not _handshake_is_signed(association, request, values):
            return self._failed(at)
        before, self.association = self.association, association
        self._previous = before if before and before.uri == association.uri else None
        if self._previous is not None:
            self._previous.expires_at = min(self._previous.expires_at, now + _ON_THE_WAY)
        self._challenges = 0
        return Accepted(association.user, association.domain, association.uri)

    def _may_challenge(self) -> bool:
        self._challenges += 1
        return self._challenges <= self._limit

    def _failed(
        self, at: float, error_id: int = _HANDSHAKE_FAILED, reason: str = ""
    ) -> Challenged | Refused:
        verdict = self.challenge(at)
        if isinstance(verdict, Refused):
            return verdict
        explained = diagnostics_header(error_id, reason, source=self._host)
        return Challenged((*verdict.headers, explained))

    def _foreign(self) -> Refused:
        return self._refused(403, _FOREIGN_FROM)

    def _refused(self, status: int, error_id: int, reason: str = "") -> Refused:
        return Refused(status, error_id, reason, source=self._host)


def _brings_proof(request: Request) -> bool:
    known = request.headers.by_name()
    values = (value for name in CREDENTIALS for value in known.get(name, ()))
    return any(map(_PROOF.search, values))


def _handshake_is_signed(
    association: SecurityAssociation, request: Request, values: Mapping[str, str]
) -> bool:
    """From version 4 on the request with the proof is itself signed; before, it may be."""
    if association.version < _SIGNED_HANDSHAKE and "response" not in values:
        return True
    return _check(association, request, values) is Check.OK


def _check(association: SecurityAssociation, message: Message, values: Mapping[str, str]) -> Check:
    signature = values.get("response")
    if signature is None:
        return Check.MISSING
    nonce, counter = values.get("crand", ""), values.get("cnum", "")
    return association.check(message, nonce=nonce, counter=counter, signature=signature)
