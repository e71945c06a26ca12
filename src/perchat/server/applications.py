"""
Who vouches for a connection: a certificate that is registered, or a sign-in.

A trusted application is asked for no password. Its certificate has been verified by
TLS; its first request has to name what is registered, and each one a user that the
application was granted. What claims to be an application's and is not is refused with
the reason; everything else is an ordinary client's, whatever certificate it shows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from perchat.lync.application import ApplicationClaim, Distrust, sender
from perchat.lync.diagnostics import Refused
from perchat.model.name import fold
from perchat.model.uri import SipUri
from perchat.net.connection import Admission
from perchat.server.trust import AtTheirWord
from perchat.sip.compose import response_to
from perchat.sip.message import Request
from perchat.sip.status import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from perchat.model.application import RegisteredApplication
    from perchat.model.principal import User
    from perchat.net.connection import Connection
    from perchat.server.services import Services
    from perchat.server.signin import SignIn
    from perchat.sip.intake import Voucher
    from perchat.sip.message import Message, Response

__all__ = ["Doubt", "PeerGuard", "judge"]

_log = logging.getLogger("perchat.signin")
_UNANSWERED = frozenset({"ACK", "CANCEL"})
_NOT_ENABLED = 4005
_ASSERTED = frozenset(  # what servers assert to each other, and clients may not
    {
        "p-asserted-identity",
        "p-preferred-identity",
        "ms-asserted-verification-level",
        "ms-edge-proxy-message-trust",
        "ms-application-via",
        "ms-routing-phase",
        "ms-user-data",
    }
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a claim is not believed: the kind, and a sentence with the values at fault."""

    kind: Distrust
    detail: str


def judge(
    claim: ApplicationClaim,
    names: Collection[str],
    applications: Iterable[RegisteredApplication],
) -> RegisteredApplication | Doubt:
    """
    Return the application that a claim is true of, or what is wrong with it.

    Args:
        claim: What the request says.
        names: The host names of the peer's verified certificate.
        applications: The register.

    """
    shown = ", ".join(sorted(names))
    if not names:
        return Doubt(Distrust.NO_CERTIFICATE, "No certificate was shown, which applications need")
    known = [one for one in applications if not one.certificate_names.isdisjoint(names)]
    if not known:
        text = f"No application is registered with a certificate for {shown}"
        return Doubt(Distrust.UNKNOWN_CERTIFICATE, text)
    called = [one for one in known if one.is_called(claim.products)]
    if not called:
        said = " ".join(claim.products) or "no name"
        text = f"The User-Agent names {said}, but the certificate for {shown} is registered for "
        return Doubt(Distrust.UNKNOWN_APPLICATION, text + ", ".join(one.name for one in known))
    application = next((one for one in called if one.gruu == claim.gruu), called[0])
    return _difference(claim, application) or application


def _difference(claim: ApplicationClaim, registered: RegisteredApplication) -> Doubt | None:
    told = (
        (Distrust.WRONG_HOST, "Via names host", claim.host, registered.fqdn),
        (Distrust.WRONG_PORT, "Via names port", claim.port, registered.port),
        (Distrust.WRONG_GRUU, "Contact is", _canonical(claim.gruu), registered.gruu),
    )
    for kind, what, given, wanted in told:
        if given != wanted:
            text = f"{what} {given}, but {registered.name} is registered with {wanted}"
            return Doubt(kind, text)
    return None


class PeerGuard:
    """
    The guard of one connection, before its sign-in.

    Attributes:
        application: Which one was admitted; None for an ordinary client.

    """

    def __init__(
        self,
        services: Services,
        connection: Connection,
        sign_in: SignIn,
        *,
        admitted: Callable[[], None],
    ) -> None:
        """Take ``admitted``, called once, when an application is."""
        self.application: RegisteredApplication | None = None
        self._services = services
        self._connection = connection
        self._sign_in = sign_in
        self._admitted = admitted
        self._claim: ApplicationClaim | None = None

    def close(self) -> None:
        """Let go of who is told: the connection is over."""
        self._admitted = _nobody

    # --- the guard ---

    def admit(self, message: Message, now: float) -> Admission:
        """Let pass what the certificate vouches for, or else the sign-in."""
        if self.application is not None:
            admission = self._trusted(message)
        elif isinstance(message, Request) and (claim := self._claim_of(message)):
            admission = self._judge(message, claim)
        else:
            admission = self._sign_in.admit(message, now)
        return _without_assertions(admission)

    def seal(self, message: Message) -> Message:
        """Sign what goes out to ordinary clients; TLS is enough for applications."""
        return message if self.application is not None else self._sign_in.seal(message)

    def voucher(self, request: Request, ok: Response) -> Voucher | None:
        """Return who answers for INFOs like one of an ordinary client's, with the 200 to it."""
        if self.application is not None:
            return None
        if self._sign_in.trusted:
            return AtTheirWord(self._registered, sender(request))
        return self._sign_in.voucher(request, ok)

    def _registered(self) -> str:
        """Return who may speak here without more than a registration."""
        user = self._sign_in.user
        return "" if user is None or self.application is not None else user.uri

    # --- for the front end ---

    def user_of(self, request: Request) -> User | None:
        """Return in whose name an admitted request was sent."""
        if self.application is None:
            return self._sign_in.user
        found = self._identity(self.application, sender(request))
        return None if isinstance(found, Refused) else found

    def may_act_as(self, user: User) -> bool:
        """Whether a session of this user may go on, by the register and directory as they are."""
        if self.application is None:
            return True
        return not isinstance(self._identity(self.application, user.uri), Refused)

    def recheck(self) -> str:
        """Take the register as it is now; return why the connection has to end, if so."""
        if self.application is None or self._claim is None:
            return ""
        name = self.application.name
        current = self._services.chat.state.applications.get(fold(name))
        if current is None:
            return f"the application {name} is registered no more"
        found = judge(self._claim, self._connection.peer_names, (current,))
        if isinstance(found, Doubt):
            return f"the application {name} is registered otherwise now: {found.detail}"
        self.application = found
        return ""

    # --- inside ---

    def _claim_of(self, request: Request) -> ApplicationClaim | None:
        if self._sign_in.stands or request.method in _UNANSWERED:
            return None
        return ApplicationClaim.of(request)

    def _judge(self, request: Request, claim: ApplicationClaim) -> Admission:
        found = judge(
            claim, self._connection.peer_names, self._services.chat.state.applications.values()
        )
        if isinstance(found, Doubt):
            return self._refuse(request, self._refused(found))
        user = self._identity(found, claim.user)
        if isinstance(user, Refused):
            return self._refuse(request, user)
        self.application, self._claim = found, claim
        _log.info(
            "application %s admitted from %s by its certificate for %s, as %s",
            found.name,
            self._connection.peername[0],
            ", ".join(sorted(self._connection.peer_names)),
            user.uri,
        )
        self._admitted()
        return Admission(request)

    def _trusted(self, message: Message) -> Admission:
        if not isinstance(message, Request) or message.method in _UNANSWERED:
            return Admission(message)
        assert self.application is not None, "checked by the caller"
        user = self._identity(self.application, sender(message))
        return self._refuse(message, user) if isinstance(user, Refused) else Admission(message)

    def _identity(self, application: RegisteredApplication, address: str) -> User | Refused:
        user = self._user(address)
        if user is None:
            text = (
                f"{address} is not a user: the address that an application acts as has to be"
                " that of a user in the directory, not of a contact object; use a user's"
            )
            return self._refused(Doubt(Distrust.NOT_A_USER, text))
        if user.uri not in application.identities:
            text = f"The application {application.name} was not granted to act as {user.uri}"
            return self._refused(Doubt(Distrust.NOT_GRANTED, text))
        if not user.enabled:
            return Refused(403, _NOT_ENABLED, source=self._services.config.host_name)
        return user

    def _user(self, address: str) -> User | None:
        try:
            return self._services.chat.user(SipUri(address))
        except ValueError:
            return None

    def _refused(self, doubt: Doubt) -> Refused:
        return doubt.kind.refused(doubt.detail, source=self._services.config.host_name)

    def _refuse(self, request: Request, refused: Refused) -> Admission:
        _log.warning(
            "not trusted as an application's, %s of %s from %s: %s",
            request.method,
            request.from_.uri,
            self._connection.peername[0],
            refused.reason or f"{refused.error_id}",
        )
        if refused.error_id == Distrust.NO_CERTIFICATE:
            return Admission(answer=self._sign_in.challenge(request, refused.headers))
        answer = response_to(
            request,
            refused.status,
            reason_of(refused.status),
            tag=self._services.random(8).hex(),
            headers=refused.headers,
        )
        return Admission(answer=answer)


def _nobody() -> None:
    """Tell nobody."""


def _canonical(gruu: str) -> str:
    try:
        return SipUri(gruu)
    except ValueError:
        return gruu


def _without_assertions(admission: Admission) -> Admission:
    message = admission.message
    if not isinstance(message, Request) or message.method == "INFO":  # nobody reads any there
        return admission
    headers = message.headers
    if _ASSERTED.isdisjoint(headers.by_name()):
        return admission
    for name in _ASSERTED:
        headers = headers.replaced(name)
    return Admission(replace(message, headers=headers))
