"""
The client's half of signing in ([MS-SIPAE] 3.2): one object a connection.

`answer` turns a 401 into the headers of the next REGISTER. Once the proof is
made an association stands: `seal` signs what goes, `check` what comes. The
first signed answer proves that the server knows the password too.
"""

from __future__ import annotations

import base64
import binascii
from enum import Enum
from typing import TYPE_CHECKING, NoReturn

from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    LocalProtocolError,
    RemoteProtocolError,
)
from perchat.lync import ntlm
from perchat.lync.association import Check, SecurityAssociation
from perchat.lync.diagnostics import read_diagnostics
from perchat.lync.signature import auth_value, parse_auth
from perchat.sip.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from perchat.sip.message import Message

__all__ = ["Initiator", "NTLM"]

NTLM = frozenset({"NTLM"})

_SCHEME = "NTLM"
_VERSIONS = (2, 3, 4)
_SIGNED_HANDSHAKE = 4
_CLOCK_SKEW = 1013
_CHALLENGES = ("WWW-Authenticate", "Proxy-Authenticate")
_SIGNATURES = ("Authentication-Info", "Proxy-Authentication-Info")
_UNSIGNED = frozenset({401, 407})
_REMEMBERED = 64  # requests whose challenges are counted apart
_Reason = AuthenticationReason


class _State(Enum):
    NEW = "nothing was exchanged"
    ASKED = "an empty token went out"
    PROVED = "the proof went out"
    STANDING = "the server has shown that it knows the password"


class Initiator:
    """Answers challenges, signs and checks on one connection; keeps no password."""

    def __init__(
        self,
        *,
        username: str,
        password: str,
        random: Callable[[int], bytes],
        protocols: Collection[str] = NTLM,
        version: int = 4,
        workstation: str = "",
        challenge_limit: int = 5,
    ) -> None:
        r"""
        Make one for a new connection.

        Args:
            username: ``user``, ``user@domain`` or ``DOMAIN\user``.
            password: It is hashed at once and not kept.
            random: As many bytes nobody can guess as it is asked for.
            protocols: What may be used; only NTLM can be.
            version: The highest one to speak: 2, 3 or 4.
            workstation: What to call this machine.
            challenge_limit: Challenges of one request before giving up.

        """
        if version not in _VERSIONS:
            raise LocalProtocolError(f"no such version of the authentication: {version}")
        domain, _, user = username.rpartition("\\")
        self.association: SecurityAssociation | None = None
        self._user, self._domain = user, domain
        self._nt_hash = ntlm.nt_hash(password) if password else b""
        self._random = random
        self._protocols = frozenset(name.upper() for name in protocols)
        self._version = version
        self._workstation = workstation
        self._limit = challenge_limit
        self._state = _State.NEW
        self._counts: dict[tuple[str, int], int] = {}
        self._register_count = 0

    def __repr__(self) -> str:
        return f"Initiator(user={self._user!r}, domain={self._domain!r})"

    @property
    def established(self) -> bool:
        """Whether the server has proved itself by a good signature."""
        return self._state is _State.STANDING

    def restart(self) -> None:
        """Forget the association: the next REGISTER goes without credentials."""
        self.association = None
        self._state = _State.NEW

    def answer(
        self, challenge: Response, request: Request, at: float
    ) -> tuple[tuple[str, str], ...]:
        """
        Return the headers to repeat a challenged request with.

        For a request other than REGISTER they are empty: it is signed anew when it goes.

        Args:
            challenge: The 401 or 407.
            request: What was challenged.
            at: Seconds since the epoch.

        Raises:
            AuthenticationError: The server cannot be satisfied; ``reason`` tells why.

        """
        values = self._offer(challenge)
        self._count(challenge, request)
        token = values.get("gssapi-data", "")
        if self._state is _State.PROVED:
            skewed = read_diagnostics(challenge.headers).code == _CLOCK_SKEW
            self._fail(challenge, _Reason.CLOCK_SKEW if skewed else _Reason.INVALID_CREDENTIALS)
        if self._state is _State.STANDING and request.method != "REGISTER":
            return ()
        if self._state is _State.ASKED and token:
            return (self._prove(challenge, values, request, at),)
        return (self._ask(values),)

    def seal(self, message: Message) -> Message:
        """Sign a message under the association, responses too; 1xx and REGISTER's start not."""
        association = self.association
        if association is None or (isinstance(message, Response) and message.status < 200):
            return message
        current = message.headers.get("Authorization")
        handshake = parse_auth(current)[1] if current else {}
        if handshake and (association.version < _SIGNED_HANDSHAKE or "response" in handshake):
            return message
        nonce = self._random(4).hex()
        counter, signature = association.sign(message, nonce)
        signed = {"crand": nonce, "cnum": counter, "response": signature}
        value = auth_value(_SCHEME, **(_names(association) | _kept(handshake) | signed))
        headers = message.headers.replaced("Authorization", value)
        if isinstance(message, Request):
            return Request(message.method, message.uri, headers, message.body)
        return Response(message.status, message.reason, headers, message.body)

    def check(self, message: Message) -> Check:
        """
        Check the server's signature.

        Without one pass: 1xx, 401, 407 and a refused REGISTER, which the server
        cannot sign, and everything as long as there is no association.
        """
        association = self.association
        if association is None:
            return Check.OK
        values = _signature(message)
        if values is None or not association.names(values):
            return Check.OK if _may_be_unsigned(message) else Check.MISSING
        found = association.check(
            message,
            nonce=values.get("srand", ""),
            counter=values.get("snum", ""),
            signature=values["rspauth"],
        )
        if found is Check.OK:
            self._settle(message)
        return found

    def _settle(self, message: Message) -> None:
        """Take a good signature for what it proves."""
        if self._state is _State.PROVED:
            self._state = _State.STANDING
            self._register_count = 0
        if isinstance(message, Response) and message.status >= 200:
            self._counts.pop((message.call_id, message.cseq.number), None)

    def _offer(self, challenge: Response) -> Mapping[str, str]:
        """Return what the server asks for in a scheme that both sides speak."""
        offers = [offer for name in _CHALLENGES for offer in challenge.headers.get_all(name)]
        parsed = [self._parsed(challenge, offer) for offer in offers]
        schemes = tuple(scheme for scheme, _ in parsed)
        if not parsed:
            self._fail(challenge, _Reason.MALFORMED_CHALLENGE)
        for scheme, values in parsed:
            if scheme.upper() == _SCHEME and _SCHEME in self._protocols:
                if not values.get("realm") or not values.get("targetname"):
                    self._fail(challenge, _Reason.MALFORMED_CHALLENGE, values, schemes)
                return values
        return self._fail(challenge, _Reason.NO_COMMON_PROTOCOLS, parsed[0][1], schemes)

    def _parsed(self, challenge: Response, offer: str) -> tuple[str, Mapping[str, str]]:
        try:
            return parse_auth(offer)
        except RemoteProtocolError:
            return self._fail(challenge, _Reason.MALFORMED_CHALLENGE)

    def _count(self, challenge: Response, request: Request) -> None:
        """Bound the challenges of a sign-in, and of each other request."""
        if request.method == "REGISTER":
            self._register_count += 1
            count = self._register_count
        else:
            key = request.call_id, request.cseq.number
            count = self._counts.pop(key, 0) + 1
            self._counts[key] = count
            if len(self._counts) > _REMEMBERED:
                del self._counts[next(iter(self._counts))]
        if count > self._limit:
            self._fail(challenge, _Reason.TOO_MANY_CHALLENGES)

    def _ask(self, values: Mapping[str, str]) -> tuple[str, str]:
        self.restart()
        self._state = _State.ASKED
        names = {"realm": values["realm"], "targetname": values["targetname"]}
        parts = {"qop": "auth"} | names | {"gssapi_data": ""} | self._spoken(values)
        return "Authorization", auth_value(_SCHEME, **parts)

    def _prove(
        self, challenge: Response, values: Mapping[str, str], request: Request, at: float
    ) -> tuple[str, str]:
        if not self._user or not self._nt_hash:
            self._fail(challenge, _Reason.MISSING_CREDENTIALS, values)
        try:
            token, keys = self._initiate(values, at)
        except (RemoteProtocolError, binascii.Error):
            self._fail(challenge, _Reason.MALFORMED_CHALLENGE, values)
        self.association = self._associate(values, keys, request)
        self._state = _State.PROVED
        data = {"gssapi_data": base64.b64encode(token).decode("ascii")}
        parts = _names(self.association) | data | self._spoken(values)
        return "Authorization", auth_value(_SCHEME, **parts)

    def _initiate(self, values: Mapping[str, str], at: float) -> tuple[bytes, ntlm.NtlmKeys]:
        return ntlm.initiate(
            base64.b64decode(values["gssapi-data"], validate=True),
            user=self._user,
            domain=self._domain,
            nt_hash=self._nt_hash,
            client_nonce=self._random(8),
            session_key=self._random(16),
            workstation=self._workstation,
            at=at,
        )

    def _associate(
        self, values: Mapping[str, str], keys: ntlm.NtlmKeys, request: Request
    ) -> SecurityAssociation:
        return SecurityAssociation(
            opaque=values.get("opaque", ""),
            scheme=_SCHEME,
            realm=values["realm"],
            targetname=values["targetname"],
            version=self._agreed(values),
            user=self._user,
            domain=self._domain,
            uri=request.from_.uri.lower(),
            outgoing=keys.client,
            incoming=keys.server,
        )

    def _agreed(self, values: Mapping[str, str]) -> int:
        text = values.get("version", "2")
        offered = int(text) if text.isascii() and text.isdigit() and len(text) == 1 else 2
        return max(2, min(self._version, offered))

    def _spoken(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the version to speak; to a server that names none, neither do we."""
        return {"version": str(self._agreed(values))} if "version" in values else {}

    def _fail(
        self,
        challenge: Response,
        reason: AuthenticationReason,
        values: Mapping[str, str] | None = None,
        schemes: tuple[str, ...] = (),
    ) -> NoReturn:
        self.restart()
        realm = (values or {}).get("realm", "")
        offered = f"; the server offers {', '.join(schemes)}" if schemes else ""
        raise AuthenticationError(
            f"sign-in failed: {reason.value}{offered}",
            reason=reason,
            status=challenge.status,
            realm=realm,
            protocols=schemes,
            diagnostics=read_diagnostics(challenge.headers),
            request=challenge.cseq.method,
        )


def _names(association: SecurityAssociation) -> dict[str, str]:
    return {
        "qop": "auth",
        "opaque": association.opaque,
        "realm": association.realm,
        "targetname": association.targetname,
    }


def _kept(handshake: Mapping[str, str]) -> dict[str, str]:
    """Return what the signed request with the proof carries besides."""
    names = ("gssapi-data", "version")
    return {name: handshake[name] for name in names if name in handshake}


def _signature(message: Message) -> Mapping[str, str] | None:
    for name in _SIGNATURES:
        for value in message.headers.get_all(name):
            values = _read(value)
            if values is not None:
                return values
    return None


def _read(value: str) -> Mapping[str, str] | None:
    try:
        scheme, values = parse_auth(value)
    except RemoteProtocolError:
        return None
    return values if scheme.upper() == _SCHEME and "rspauth" in values else None


def _may_be_unsigned(message: Message) -> bool:
    if isinstance(message, Request):
        return False
    refused_register = message.cseq.method == "REGISTER" and message.status >= 300
    return message.status < 200 or message.status in _UNSIGNED or refused_register
