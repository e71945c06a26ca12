"""
Kerberos as [MS-SIPAE] uses it: one token there, none back, then GSS-API signatures.

The client's first ``gssapi-data`` is a Kerberos AP-REQ in the frame of RFC 4121 §4.1,
not wrapped in SPNEGO, for the service ``sip/host`` that the challenge names. Mutual
authentication is not asked for: the server's signature on its 200 shows that it holds
the service's key, and version 4 signs the REGISTER that carries the token already.

What pidgin-sipe 1.25 sends and takes, and what we therefore do: REGISTER 2 names no
``opaque``, its signature (version 4) covers the text without one; the server gives the
``opaque`` with its signed 200, and every later message names it. No AP-REP is expected.

Signatures are GSS_GetMIC over the text of `perchat.lync.signature`, in hexadecimal; 28
bytes with AES. Messages overtake each other, so sequence and replay detection are left
to the counters of `perchat.lync.association`.

The library ``gssapi`` is loaded when it is first needed. `obtain` and
`TicketAcceptor.accept` may read files and ask a KDC: call them in a thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    ConfigurationError,
    LocalProtocolError,
    PerchatError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.lync.association import Signer

__all__ = [
    "KerberosSigner",
    "PrincipalMap",
    "Ticket",
    "TicketAcceptor",
    "TicketRefused",
    "checked_service",
    "obtain",
]

_SERVICE = re.compile(r"sip/[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,253})")
_ERROR_BITS = 0xFFFF0000  # routine and calling errors; the rest is supplementary (RFC 2744 §3.9.1)
_CREDENTIALS_EXPIRED = 11 << 16
_NO_CREDENTIALS = 7 << 16
_PROTOCOL_ERRORS = 0x96C73A00  # where the codes of RFC 4120 §7.5.9 begin in minor codes
_NO_SUCH_CLIENT, _NO_SUCH_SERVICE = _PROTOCOL_ERRORS + 6, _PROTOCOL_ERRORS + 7
_TICKET_EXPIRED, _CLOCK_SKEW = _PROTOCOL_ERRORS + 32, _PROTOCOL_ERRORS + 37
_Reason = AuthenticationReason


class KerberosSigner:
    """A security context, both directions of it: makes and checks signatures."""

    __slots__ = ("_context",)

    def __init__(self, context: Any) -> None:
        self._context = context

    def sign(self, text: bytes) -> bytes:
        """
        Return the signature of ``text``.

        Raises:
            LocalProtocolError: The context has ended.

        """
        try:
            signature: bytes = self._context.get_signature(text)
        except _gssapi().exceptions.GSSError as error:
            raise LocalProtocolError(f"the Kerberos context cannot sign: {_text(error)}") from error
        return signature

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether the other side made ``signature`` for ``text``, in whatever order."""
        try:
            self._context.verify_signature(text, signature)
        except _gssapi().exceptions.GSSError as error:
            return not error.maj_code & _ERROR_BITS  # right, but late or seen before
        return True


@dataclass(frozen=True, slots=True)
class Ticket:
    """
    What one side holds once a ticket has served.

    Attributes:
        principal: Who signs in, ``name@REALM``.
        token: What the other side needs; a server has nothing to say unless it is asked to.
        lifetime: Seconds until it ends.
        signer: Signs for this side and checks the other.

    """

    principal: str
    token: bytes = field(repr=False)
    lifetime: float
    signer: Signer = field(repr=False)


class TicketRefused(PerchatError):
    """A client's ticket is not accepted; ``skewed``: because the clocks differ."""

    def __init__(self, message: str, *, skewed: bool = False) -> None:
        super().__init__(message)
        self.skewed = skewed


def obtain(service: str, *, cache: str = "") -> Ticket:
    """
    Turn the logged-on user's ticket into a token for a service; asks nobody for a password.

    Args:
        service: ``sip/host``, as a challenge names it. Other services are not served, so
            that a server cannot collect tickets for somebody else.
        cache: A ticket cache, ``FILE:/path``; the environment's without it.

    Raises:
        AuthenticationError: MISSING_CREDENTIALS without a valid ticket,
            NO_AUTHENTICATING_AUTHORITY when no KDC answers for the service, CLOCK_SKEW,
            MALFORMED_CHALLENGE for a service that is none of SIP.

    """
    checked_service(service)
    try:
        gssapi = _gssapi()
    except ImportError as error:
        _fail(_Reason.MISSING_CREDENTIALS, _not_installed(error))
    try:
        return _initiate(gssapi, service, cache)
    except gssapi.exceptions.GSSError as error:
        raise _explained(error, service) from error


def checked_service(service: str) -> None:
    """Raise MALFORMED_CHALLENGE for a service that is none of SIP; see ``obtain``."""
    if not _SERVICE.fullmatch(service):
        _fail(_Reason.MALFORMED_CHALLENGE, f"the server asks for a ticket for {service[:80]!r}")


def _initiate(gssapi: Any, service: str, cache: str) -> Ticket:
    mech = gssapi.MechType.kerberos
    # The empty realm lets the KDC say where the service is, and DNS is not asked for its name.
    name = gssapi.Name(f"{service}@", gssapi.NameType.kerberos_principal)
    store = {"ccache": cache} if cache else None
    credentials = gssapi.Credentials(usage="initiate", mechs=[mech], store=store)
    flags = gssapi.RequirementFlag.integrity
    context = gssapi.SecurityContext(
        name=name, creds=credentials, mech=mech, flags=flags, usage="initiate"
    )
    token = context.step()
    principal, lifetime = str(context.initiator_name), float(context.lifetime)
    return Ticket(principal, token, lifetime, KerberosSigner(context))


class TicketAcceptor:
    """A service's key, and what it opens."""

    def __init__(self, keytab: str, principal: str) -> None:
        """
        Take the key of ``principal``, ``sip/host@REALM``, from a keytab.

        Raises:
            ConfigurationError: It is not there, or the library is not installed.

        """
        try:
            self._gssapi = _gssapi()
        except ImportError as error:
            raise ConfigurationError(_not_installed(error)) from error
        mech = self._gssapi.MechType.kerberos
        name = self._gssapi.Name(principal, self._gssapi.NameType.kerberos_principal)
        try:
            self._credentials = self._gssapi.Credentials(
                name=name, usage="accept", mechs=[mech], store={"keytab": f"FILE:{keytab}"}
            )
        except self._gssapi.exceptions.GSSError as error:
            raise ConfigurationError(
                f"no Kerberos key for {principal} in {keytab}: {_text(error)}"
            ) from error

    def accept(self, token: bytes) -> Ticket:
        """
        Open a client's token.

        Raises:
            TicketRefused: It is damaged, for another service, expired or seen before.

        """
        context = self._gssapi.SecurityContext(creds=self._credentials, usage="accept")
        context.__DEFER_STEP_ERRORS__ = False  # the library's: tell of an error when it happens
        try:
            answer = context.step(token)
            principal, lifetime = str(context.initiator_name), float(context.lifetime)
        except self._gssapi.exceptions.GSSError as error:
            raise TicketRefused(_text(error), skewed=error.min_code == _CLOCK_SKEW) from error
        except ValueError as error:
            raise TicketRefused(f"a principal nobody can read: {error}") from error
        if not context.complete:
            raise TicketRefused("one token has to be enough")
        return Ticket(principal, answer or b"", lifetime, KerberosSigner(context))


@dataclass(frozen=True, slots=True)
class PrincipalMap:
    """
    Which principal is which user.

    Case does not matter in a name: some KDCs spell it as the user typed it.

    Attributes:
        realm: Whose principals ``name@REALM`` are ``sip:name@domain``.
        domain: The SIP domain.
        users: Principals that are somebody else, and whose: ``asmith@CORP`` is ``alice``.

    """

    realm: str
    domain: str
    users: Mapping[str, str] = field(default_factory=dict)

    def address(self, principal: str) -> str:
        """Return the address-of-record; empty for a service, a host, or a foreign realm."""
        name, _, realm = principal.rpartition("@")
        user = self.users.get(principal)
        if user is None:
            user = name if realm == self.realm and _PERSON.fullmatch(name) else ""
        return f"sip:{user}@{self.domain}".lower() if user else ""


_PERSON = re.compile(r"[\w.\-]+")


def _gssapi() -> Any:
    """Return the library; it is large, and most programs do without."""
    return import_module("gssapi")


def _not_installed(error: ImportError) -> str:
    return f"Kerberos needs the library gssapi: pip install 'perchat[kerberos]' ({error})"


def _explained(error: Any, service: str) -> AuthenticationError:
    """Tell what a person can do about it."""
    if error.maj_code & _ERROR_BITS in (_NO_CREDENTIALS, _CREDENTIALS_EXPIRED):
        reason, advice = _Reason.MISSING_CREDENTIALS, "log on with: kinit"
    else:
        reason, advice = _ADVICE.get(error.min_code, _OTHERWISE)
    return _error(reason, f"no Kerberos ticket for {service}: {_text(error)}; {advice}")


_OTHERWISE = (
    _Reason.NO_AUTHENTICATING_AUTHORITY,
    "check that the KDC can be reached (krb5.conf, network), and log on again with: kinit",
)
_ADVICE = {
    _TICKET_EXPIRED: (_Reason.MISSING_CREDENTIALS, "log on again with: kinit"),
    _NO_SUCH_CLIENT: (_Reason.MISSING_CREDENTIALS, "log on again with: kinit"),
    _CLOCK_SKEW: (_Reason.CLOCK_SKEW, "set this machine's clock"),
    _NO_SUCH_SERVICE: (
        _Reason.NO_AUTHENTICATING_AUTHORITY,
        "the administrator has to make that principal and its keytab",
    ),
}


def _fail(reason: AuthenticationReason, text: str) -> NoReturn:
    raise _error(reason, text)


def _error(reason: AuthenticationReason, text: str) -> AuthenticationError:
    return AuthenticationError(text, reason=reason, protocols=("Kerberos",))


def _text(error: Any) -> str:
    """Return the library's sentence without its numbers."""
    sentences = [*error.get_all_statuses(error.maj_code, True)]
    if error.min_code:
        sentences = [*error.get_all_statuses(error.min_code, False)] or sentences
    return "; ".join(sentences).rstrip(".")
