"""
The server's half of signing in ([MS-SIPAE] 3.3): one object a connection.

The first REGISTER is challenged, the second asks for NTLM's challenge, the
third brings the proof. Then an association stands: what comes is checked, what
goes is signed. The directory is asked by the owner, between `receive` and
`complete`, so that nothing here waits.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.lync import ntlm
from perchat.lync.association import Check, SecurityAssociation
from perchat.lync.diagnostics import Refused, diagnostics_header
from perchat.lync.ntlm_message import AuthenticateMessage, NtlmTarget, challenge_message
from perchat.lync.signature import auth_value, parse_auth, quoted
from perchat.lync.verdict import (
    Accepted,
    Account,
    Challenged,
    Handshake,
    PendingChallenge,
    ProofNeeded,
    Verdict,
)
from perchat.sip.message import Request, Response
from perchat.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from perchat.sip.message import Message

__all__ = ["Acceptor", "REALM"]

REALM = "SIP Communications Service"
SCHEME = "NTLM"
_OLDEST_VERSION = 2  # what an absent version means
_SIGNED_HANDSHAKE = 4  # from this version on the request with the proof is signed
_UNSIGNED = frozenset({401, 407})
_CREDENTIALS = ("Authorization", "Proxy-Authorization")
_HANDSHAKE_FAILED = 1000
_FOREIGN_FROM = 4004


class Acceptor:
    """Challenges, checks and signs on one connection."""

    def __init__(
        self,
        *,
        targetname: str,
        target: NtlmTarget,
        random: Callable[[int], bytes],
        lifetime: float = 8 * 3600,
        versions: Collection[int] = (2, 3, 4),
        challenge_limit: int = 10,
    ) -> None:
        """
        Make one for a new connection.

        Args:
            targetname: This server's host name.
            target: Its names in NTLM's own form.
            random: As many bytes nobody can guess as it is asked for.
            lifetime: Seconds until an association has to be made anew.
            versions: Of the protocol that are taken; the highest is offered.
            challenge_limit: 401 answers in a row before 403 ends it.

        """
        self.association: SecurityAssociation | None = None
        self._targetname = targetname
        self._target = target
        self._random = random
        self._lifetime = lifetime
        self._versions = frozenset(versions)
        self._limit = challenge_limit
        self._challenges = 0
        self._pending: PendingChallenge | None = None
        self._tail = (
            f'qop="auth", targetname={quoted(targetname)}, realm={quoted(REALM)}'  # of each seal
        )

    def receive(self, request: Request, now: float, at: float) -> Verdict:
        """
        Take a request that signs in, refreshes or lacks credentials.

        A REGISTER without credentials gives up the association that stands.
        """
        values = self._credentials(request)
        if values is None:
            if request.method == "REGISTER":
                self.association = None
            return self.challenge(at)
        token = values.get("gssapi-data")
        if token is None:
            return self._refresh(request, now, at)
        return self._prove(request, values, at) if token else self._ask(values, at)

    def complete(
        self, proof: ProofNeeded, account: Account | None, now: float, at: float
    ) -> Verdict:
        """
        Judge the proof by what the directory knows; None when it knows nobody.

        An unknown user costs the same work and gets the same answer as a wrong password.
        """
        stranger = self._random(16)
        nt_hash = account.nt_hash if account else stranger
        pending, message = proof.handshake.pending, proof.handshake.message
        keys = ntlm.accept(message, pending.nonce, nt_hash, challenge=pending.challenge)
        if account is None or keys is None:
            return self._failed(at)
        if _address(account.uri) != proof.uri:
            return self._foreign()
        association = self._associate(proof, keys, now)
        if not self._handshake_is_signed(association, proof):
            return self._failed(at)
        self.association = association
        self._challenges = 0
        return Accepted(proof.user, proof.domain, proof.uri)

    def challenge(self, at: float) -> Challenged | Refused:
        """Ask for credentials, or refuse for good once that was done too often."""
        if not self._may_challenge():
            return self._refused(403, _HANDSHAKE_FAILED)
        return Challenged((_date(at), self._scheme_line()))

    def check(self, message: Message, now: float) -> Check:
        """
        Check who signed a message under the association.

        A response without signature is taken as it is: its request was ours.
        """
        values = self._credentials(message)
        association = self.association
        if association is None or values is None or not association.names(values):
            return Check.OK if isinstance(message, Response) else Check.MISSING
        if now >= association.expires_at:
            return Check.EXPIRED
        found = _check(association, message, values)
        if found is Check.OK:
            self._challenges = 0
            if isinstance(message, Request) and _address(message.from_.uri) != association.uri:
                return Check.FOREIGN
        return found

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
            f'{SCHEME} rspauth="{signature}", srand="{nonce}", snum="{counter}", '
            f'opaque="{association.opaque}", {self._tail}'
        )
        headers = message.headers.plus(("Authentication-Info", value))
        if isinstance(message, Request):
            return Request(message.method, message.uri, headers, message.body)
        return Response(message.status, message.reason, headers, message.body)

    def _credentials(self, message: Message) -> Mapping[str, str] | None:
        """Return the credentials meant for us; damaged ones count as none."""
        for name in _CREDENTIALS:
            for value in message.headers.get_all(name):
                values = _read(value)
                if values is not None and self._is_meant(values):
                    return values
        return None

    def _is_meant(self, values: Mapping[str, str]) -> bool:
        realm, targetname = values.get("realm", REALM), values.get("targetname", self._targetname)
        return realm == REALM and targetname == self._targetname

    def _refresh(self, request: Request, now: float, at: float) -> Verdict:
        found = self.check(request, now)
        association = self.association
        if found is Check.OK and association is not None:
            return Accepted(association.user, association.domain, association.uri, refreshed=True)
        if found is Check.FOREIGN:
            return self._foreign()
        if found is Check.EXPIRED:
            self.association = None
        return self.challenge(at)

    def _ask(self, values: Mapping[str, str], at: float) -> Verdict:
        """Answer the empty token with NTLM's challenge; an earlier one is void from now on."""
        if _version(values) not in self._versions:
            return self._refused(403, _HANDSHAKE_FAILED, "Authentication version not supported")
        if not self._may_challenge():
            return self._refused(403, _HANDSHAKE_FAILED)
        nonce, opaque = self._random(8), self._random(4).hex().upper()
        self._pending = PendingChallenge(opaque, nonce, challenge_message(self._target, nonce, at))
        token = base64.b64encode(self._pending.challenge).decode("ascii")
        return Challenged((_date(at), self._scheme_line(opaque=opaque, gssapi_data=token)))

    def _prove(self, request: Request, values: Mapping[str, str], at: float) -> Verdict:
        pending, self._pending = self._pending, None
        if pending is None or values.get("opaque") != pending.opaque:
            return self.challenge(at)
        if _version(values) not in self._versions:
            return self._refused(403, _HANDSHAKE_FAILED, "Authentication version not supported")
        try:
            token = base64.b64decode(values["gssapi-data"], validate=True)
            message = AuthenticateMessage.parse(token)
        except (RemoteProtocolError, binascii.Error):
            return self._failed(at)
        uri = _address(request.from_.uri)
        handshake = Handshake(pending, message, request, values)
        return ProofNeeded(message.user, message.domain, uri, handshake)

    def _associate(
        self, proof: ProofNeeded, keys: ntlm.NtlmKeys, now: float
    ) -> SecurityAssociation:
        return SecurityAssociation(
            opaque=proof.handshake.pending.opaque,
            scheme=SCHEME,
            realm=REALM,
            targetname=self._targetname,
            version=_version(proof.handshake.values),
            user=proof.user,
            domain=proof.domain,
            uri=proof.uri,
            outgoing=keys.server,
            incoming=keys.client,
            expires_at=now + self._lifetime,
        )

    def _handshake_is_signed(self, association: SecurityAssociation, proof: ProofNeeded) -> bool:
        """From version 4 on the request with the proof is itself signed; before, it may be."""
        values = proof.handshake.values
        if association.version < _SIGNED_HANDSHAKE and "response" not in values:
            return True
        return _check(association, proof.handshake.request, values) is Check.OK

    def _may_challenge(self) -> bool:
        self._challenges += 1
        return self._challenges <= self._limit

    def _failed(self, at: float) -> Verdict:
        verdict = self.challenge(at)
        if isinstance(verdict, Refused):
            return verdict
        explained = diagnostics_header(_HANDSHAKE_FAILED, source=self._targetname)
        return Challenged((*verdict.headers, explained))

    def _foreign(self) -> Refused:
        return self._refused(403, _FOREIGN_FROM)

    def _refused(self, status: int, error_id: int, reason: str = "") -> Refused:
        return Refused(status, error_id, reason, source=self._targetname)

    def _scheme_line(self, **first: str) -> tuple[str, str]:
        names = {"realm": REALM, "targetname": self._targetname}
        if first:
            names = dict(reversed(names.items()))
        value = auth_value(SCHEME, **first, **names, version=str(max(self._versions)))
        return "WWW-Authenticate", value


def _read(value: str) -> Mapping[str, str] | None:
    try:
        scheme, values = parse_auth(value)
    except RemoteProtocolError:
        return None
    return values if scheme.upper() == SCHEME else None


def _check(association: SecurityAssociation, message: Message, values: Mapping[str, str]) -> Check:
    signature = values.get("response")
    if signature is None:
        return Check.MISSING
    nonce, counter = values.get("crand", ""), values.get("cnum", "")
    return association.check(message, nonce=nonce, counter=counter, signature=signature)


def _version(values: Mapping[str, str]) -> int:
    text = values.get("version", "")
    if not text:
        return _OLDEST_VERSION
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 else 0


def _address(uri: str) -> str:
    """Return the address-of-record as directories compare it."""
    return parse_uri(uri).address.lower()


def _date(at: float) -> tuple[str, str]:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return "Date", moment.removesuffix("+00:00") + "Z"
