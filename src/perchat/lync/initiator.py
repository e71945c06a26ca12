"""
The client's half of signing in ([MS-SIPAE] 3.2): one object a connection.

`answer` turns a 401 into the headers of the next REGISTER, or asks for a Kerberos
ticket first. Once the proof is made an association stands: `seal` signs what goes,
`check` what comes. The first signed answer proves that the server knows the password,
or holds the service's key, too. Signing in anew (`restart`) leaves the association
before it in use until then, so that nothing under way is lost.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NoReturn

from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    LocalProtocolError,
    RemoteProtocolError,
)
from perchat.lync import ntlm, offer
from perchat.lync.association import Check, SecurityAssociation
from perchat.lync.diagnostics import read_diagnostics
from perchat.lync.signature import auth_value, parse_auth
from perchat.sip.message import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from perchat.lync.association import Signer
    from perchat.lync.kerberos import Ticket
    from perchat.sip.message import Message

__all__ = ["KERBEROS", "NTLM", "Initiator", "TicketNeeded"]

NTLM = frozenset({"NTLM"})
KERBEROS = frozenset({"Kerberos"})

_VERSIONS = (2, 3, 4)
_SIGNED_HANDSHAKE = 4
_CLOCK_SKEW = 1013
_CHALLENGES = ("WWW-Authenticate", "Proxy-Authenticate")
_SIGNATURES = ("Authentication-Info", "Proxy-Authentication-Info")
_UNSIGNED = frozenset({401, 407})
_REMEMBERED = 64  # requests whose challenges are counted apart
_LIFETIME = 8 * 3600.0  # the longest a Lync server lets an association live
_EARLY = 300.0  # seconds before its end that it is made anew
_Reason = AuthenticationReason


class _State(Enum):
    NEW = "nothing was exchanged"
    ASKED = "an empty token went out"
    PROVED = "the proof went out"
    STANDING = "the server has shown that it knows the password"


@dataclass(frozen=True, slots=True)
class TicketNeeded:
    """
    Kerberos has to be asked: obtain a ticket, then call `Initiator.present`.

    Attributes:
        service: For whom, ``sip/host``.

    """

    service: str
    values: Mapping[str, str] = field(repr=False)
    request: Request = field(repr=False)


def offered_realms(challenge: Response) -> tuple[str, ...]:
    """Return the realms that a challenge names, in order; what cannot be read names none."""
    found: list[str] = []
    for line in _offers(challenge):
        with contextlib.suppress(RemoteProtocolError):
            found.append(parse_auth(line)[1].get("realm", ""))
    return tuple(dict.fromkeys(realm for realm in found if realm))


def _offered_schemes(challenge: Response) -> tuple[str, ...]:
    return tuple(line.split(" ", 1)[0] for line in _offers(challenge))


def _offers(challenge: Response) -> list[str]:
    return [line for name in _CHALLENGES for line in challenge.headers.get_all(name)]


class Initiator:
    """Answers challenges, signs and checks on one connection; keeps no password."""

    def __init__(
        self,
        *,
        random: Callable[[int], bytes],
        username: str = "",
        password: str = "",
        protocols: Collection[str] = NTLM,
        version: int = 4,
        workstation: str = "",
        challenge_limit: int = 5,
        lifetime: float = _LIFETIME,
    ) -> None:
        r"""
        Make one for a new connection.

        Args:
            random: As many bytes nobody can guess as it is asked for.
            username: For NTLM: ``user``, ``user@domain`` or ``DOMAIN\user``.
            password: For NTLM; it is hashed at once and not kept.
            protocols: What may be used, ``NTLM`` and ``Kerberos``.
            version: The highest one to speak: 2, 3 or 4.
            workstation: What to call this machine.
            challenge_limit: Challenges of one request before giving up.
            lifetime: Seconds an association serves at most; a ticket may end sooner.

        """
        if version not in _VERSIONS:
            raise LocalProtocolError(f"no such version of the authentication: {version}")
        self.use(username, password, protocols)
        self._random = random
        self._version = version
        self._workstation = workstation
        self._limit = challenge_limit
        self._lifetime = lifetime
        self._state = _State.NEW
        self._fresh: SecurityAssociation | None = None  # not yet confirmed by the server
        self._standing: SecurityAssociation | None = None
        self._previous: SecurityAssociation | None = None
        self._counts: dict[tuple[str, int], int] = {}
        self._register_count = 0

    def __repr__(self) -> str:
        return f"Initiator(user={self._user!r}, domain={self._domain!r})"

    @property
    def association(self) -> SecurityAssociation | None:
        """The newest one, whether the server has confirmed it or not."""
        return self._fresh or self._standing

    @property
    def established(self) -> bool:
        """Whether the server has proved itself by a good signature."""
        return self._state is _State.STANDING

    @property
    def expires_at(self) -> float | None:
        """When what stands ends, in seconds since the epoch; None while nothing does."""
        return self._standing.expires_at if self._standing else None

    @property
    def service(self) -> str:
        """For whom a ticket made what stands, ``sip/host``; empty when none did."""
        standing = self._standing
        return standing.targetname if standing and standing.scheme == offer.KERBEROS else ""

    def renewal_due(self, at: float) -> float:
        """Return in how many seconds to sign in anew; infinite while nothing stands."""
        standing = self._standing
        return float("inf") if standing is None else max(standing.renew_at - at, 0.0)

    def use(self, username: str, password: str, protocols: Collection[str]) -> None:
        """Prove ourselves by these from the next challenge on."""
        domain, _, user = username.rpartition("\\")
        self._user, self._domain = user, domain
        self._nt_hash = ntlm.nt_hash(password) if password else b""
        self._protocols = frozenset(name.upper() for name in protocols)

    def restart(self) -> None:
        """Begin a sign-in from scratch: the next REGISTER goes without credentials."""
        self._fresh = None
        self._state = _State.NEW

    def answer(
        self, challenge: Response, request: Request, at: float
    ) -> tuple[tuple[str, str], ...] | TicketNeeded:
        """
        Return the headers to repeat a challenged request with, or which ticket they need.

        For a request other than REGISTER they are empty: it is signed anew when it goes.

        Args:
            challenge: The 401 or 407.
            request: What was challenged.
            at: Seconds since the epoch.

        Raises:
            AuthenticationError: The server cannot be satisfied; ``reason`` tells why.

        """
        scheme, values = self._offered(challenge)
        self._count(challenge, request)
        token = values.get("gssapi-data", "")
        if self._state is _State.PROVED:
            skewed = read_diagnostics(challenge.headers).code == _CLOCK_SKEW
            self._fail(challenge, _Reason.CLOCK_SKEW if skewed else _Reason.INVALID_CREDENTIALS)
        if self._state is _State.STANDING and request.method != "REGISTER":
            return ()
        if scheme == offer.KERBEROS:
            self.restart()
            return TicketNeeded(values["targetname"], values, request)
        if self._state is _State.ASKED and token:
            return (self._prove(challenge, values, request, at),)
        return (self._ask(values),)

    def present(
        self, needed: TicketNeeded, ticket: Ticket, at: float
    ) -> tuple[tuple[str, str], ...]:
        """Return the headers to repeat the request with, now that there is a ticket."""
        values = needed.values
        self._fresh = self._associate(
            offer.KERBEROS,
            values,
            needed.request,
            signers=(ticket.signer, ticket.signer),
            user=ticket.principal,
            expires_at=at + min(ticket.lifetime, self._lifetime),
            at=at,
        )
        return (self._proof(self._fresh, ticket.token, values),)

    def seal(self, message: Message) -> Message:
        """Sign a message under the association, responses too; 1xx and a sign-in's start not."""
        if isinstance(message, Response) and message.status < 200:
            return message
        handshake = _handshake(message)
        association = self._sealing(message, handshake)
        if association is None:
            return message
        nonce = self._random(4).hex()
        counter, signature = association.sign(message, nonce)
        signed = {"crand": nonce, "cnum": counter, "response": signature}
        parts = _names(association) | _kept(handshake) | signed
        headers = message.headers.replaced("Authorization", auth_value(association.scheme, **parts))
        if isinstance(message, Request):
            return Request(message.method, message.uri, headers, message.body)
        return Response(message.status, message.reason, headers, message.body)

    def _sealing(
        self, message: Message, handshake: Mapping[str, str]
    ) -> SecurityAssociation | None:
        """Return what a message is signed with."""
        if handshake:
            fresh = self._fresh
            signs = fresh is not None and fresh.version >= _SIGNED_HANDSHAKE
            return fresh if signs and "response" not in handshake else None
        signing_in = isinstance(message, Request) and message.method == "REGISTER"
        if signing_in and self._state in (_State.NEW, _State.ASKED):
            return None
        return self._standing or self._fresh

    def check(self, message: Message) -> Check:
        """
        Check the server's signature.

        Without one pass: 1xx, 401, 407 and a refused REGISTER, which the server
        cannot sign, and everything as long as there is no association.
        """
        known = [one for one in (self._standing, self._previous, self._fresh) if one is not None]
        scheme, values = _signature(message)
        association = next((one for one in known if one.names(scheme, values)), None)
        if not known:
            return Check.OK
        if association is None:
            return Check.OK if _may_be_unsigned(message) else Check.MISSING
        found = association.check(
            message,
            nonce=values.get("srand", ""),
            counter=values.get("snum", ""),
            signature=values["rspauth"],
        )
        if found is Check.OK:
            self._settle(association, message, values)
        return found

    def _settle(
        self, association: SecurityAssociation, message: Message, values: Mapping[str, str]
    ) -> None:
        """Take a good signature for what it proves."""
        if association is self._fresh:
            association.opaque = values.get("opaque", "")
            self._previous, self._standing, self._fresh = self._standing, association, None
            self._state = _State.STANDING
            self._register_count = 0
        if isinstance(message, Response) and message.status >= 200:
            self._counts.pop((message.call_id, message.cseq.number), None)

    def _offered(self, challenge: Response) -> tuple[str, Mapping[str, str]]:
        """Return the first scheme that both sides speak, and what the server asks for in it."""
        parsed = [self._parsed(challenge, line) for line in _offers(challenge)]
        schemes = tuple(scheme for scheme, _ in parsed)
        if not parsed:
            self._fail(challenge, _Reason.MALFORMED_CHALLENGE)
        for scheme, values in parsed:
            spoken = _SPOKEN.get(scheme.upper())
            if spoken is not None and scheme.upper() in self._protocols:
                if not values.get("realm") or not values.get("targetname"):
                    self._fail(challenge, _Reason.MALFORMED_CHALLENGE, values, schemes)
                return spoken, values
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
        return "Authorization", auth_value(offer.NTLM, **parts)

    def _prove(
        self, challenge: Response, values: Mapping[str, str], request: Request, at: float
    ) -> tuple[str, str]:
        if not self._user or not self._nt_hash:
            self._fail(challenge, _Reason.MISSING_CREDENTIALS, values)
        try:
            token, keys = self._initiate(values, at)
        except (RemoteProtocolError, binascii.Error):
            self._fail(challenge, _Reason.MALFORMED_CHALLENGE, values)
        self._fresh = self._associate(
            offer.NTLM,
            values,
            request,
            signers=(keys.client, keys.server),
            user=self._user,
            expires_at=at + self._lifetime,
            at=at,
        )
        return self._proof(self._fresh, token, values)

    def _proof(
        self, association: SecurityAssociation, token: bytes, values: Mapping[str, str]
    ) -> tuple[str, str]:
        self._state = _State.PROVED
        data = {"gssapi_data": base64.b64encode(token).decode("ascii")}
        parts = _names(association) | data | self._spoken(values)
        return "Authorization", auth_value(association.scheme, **parts)

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
        self,
        scheme: str,
        values: Mapping[str, str],
        request: Request,
        *,
        signers: tuple[Signer, Signer],
        user: str,
        expires_at: float,
        at: float,
    ) -> SecurityAssociation:
        outgoing, incoming = signers
        return SecurityAssociation(
            opaque=values.get("opaque", ""),
            scheme=scheme,
            realm=values["realm"],
            targetname=values["targetname"],
            version=self._agreed(values),
            user=user,
            domain=self._domain,
            uri=request.from_.uri.lower(),
            outgoing=outgoing,
            incoming=incoming,
            expires_at=expires_at,
            renew_at=expires_at - min(_EARLY, (expires_at - at) / 4),
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
        realm = (values or {}).get("realm", "") or "".join(offered_realms(challenge)[:1])
        offered = f"; the server offers {', '.join(schemes)}" if schemes else ""
        raise AuthenticationError(
            f"sign-in failed: {reason.value}{offered}",
            reason=reason,
            status=challenge.status,
            realm=realm,
            protocols=schemes or _offered_schemes(challenge),
            diagnostics=read_diagnostics(challenge.headers),
            request=challenge.cseq.method,
        )


def _names(association: SecurityAssociation) -> dict[str, str]:
    opaque = {"opaque": association.opaque} if association.opaque else {}
    names = {"realm": association.realm, "targetname": association.targetname}
    return {"qop": "auth"} | opaque | names


def _handshake(message: Message) -> Mapping[str, str]:
    """Return the parameters of the header that `answer` made, if the message has it."""
    current = message.headers.get("Authorization")
    return parse_auth(current)[1] if current else {}


def _kept(handshake: Mapping[str, str]) -> dict[str, str]:
    """Return what the signed request with the proof carries besides."""
    names = ("gssapi-data", "version")
    return {name: handshake[name] for name in names if name in handshake}


def _signature(message: Message) -> tuple[str, Mapping[str, str]]:
    """Return scheme and parameters of the server's signature; empty when there is none."""
    for name in _SIGNATURES:
        for value in message.headers.get_all(name):
            scheme, values = _read(value)
            if scheme.upper() in _SPOKEN and "rspauth" in values:
                return scheme, values
    return "", {}


def _read(value: str) -> tuple[str, Mapping[str, str]]:
    try:
        return parse_auth(value)
    except RemoteProtocolError:
        return "", {}


def _may_be_unsigned(message: Message) -> bool:
    if isinstance(message, Request):
        return False
    refused_register = message.cseq.method == "REGISTER" and message.status >= 300
    return message.status < 200 or message.status in _UNSIGNED or refused_register


_SPOKEN = {name.upper(): name for name in (offer.NTLM, offer.KERBEROS)}
