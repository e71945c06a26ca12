"""
REGISTER: authenticate, bind, refresh; and the guard that holds others to it.

One object a connection. Until the sign-in stands only REGISTER and OPTIONS are
heard; afterwards every request has to be signed by whom it claims to be from.
"""

from __future__ import annotations

import asyncio
import logging
import math
from functools import lru_cache
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError, RemoteProtocolError, StorageError
from perchat.lync.application import sender
from perchat.lync.authentication import (
    Accepted,
    Acceptor,
    Account,
    Challenged,
    Check,
    ProofNeeded,
    TicketShown,
)
from perchat.lync.diagnostics import Refused
from perchat.lync.kerberos import TicketRefused
from perchat.lync.ntlm import NtlmTarget
from perchat.lync.registration import Registration, registered_headers
from perchat.model.name import fold
from perchat.model.uri import SipUri
from perchat.net.connection import Admission
from perchat.net.quota import network_of
from perchat.server.backoff import Attempt
from perchat.sip.compose import response_to
from perchat.sip.message import Request, Response
from perchat.sip.registrar import Binding
from perchat.sip.status import reason_of
from perchat.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.lync.authentication import Verdict
    from perchat.model.principal import User
    from perchat.net.connection import Connection
    from perchat.server.config import ServerConfig
    from perchat.server.services import Services
    from perchat.sip.events import RequestReceived
    from perchat.sip.intake import Voucher
    from perchat.sip.lane import Lane, Stamp
    from perchat.sip.message import Message

__all__ = ["SignIn"]

_log = logging.getLogger("perchat.signin")
_UNAUTHENTICATED = frozenset({"REGISTER", "OPTIONS", "NEGOTIATE"})
_UNANSWERED = frozenset({"ACK", "CANCEL"})
_FOREIGN_FROM = 4004
_NOT_ENABLED = 4005
_UNAVAILABLE = 1007  # temporarily cannot route
_REGISTRAR = 4000  # user services, no closer id is published


_target = lru_cache(maxsize=8)(NtlmTarget.of)  # one for all connections of a server


class SignIn:
    """
    The sign-in on one connection, and its guard.

    Attributes:
        user: Who signed in; None until then, and after signing out.
        under_way: Whether a REGISTER was challenged and the answer is awaited. Meanwhile
            legacy clients can check no signature, neither by the old keys nor by new ones.
        trusted: Whether the settings take who is there at their word; set once, first.

    """

    def __init__(
        self,
        services: Services,
        *,
        signed_in: Callable[[Binding], None],
        signed_out: Callable[[Binding], None],
    ) -> None:
        """Take ``signed_in``, called at each success, and ``signed_out``, when it is given up."""
        config = services.config
        self.user: User | None = None
        self.under_way = False
        self.trusted = False
        self._services = services
        self._signed_in = signed_in
        self._signed_out = signed_out
        self._acceptor = Acceptor(
            targetname=config.host_name,
            target=_target(config.host_name, config.domain),
            random=services.random,
            protocols=config.sign_in.schemes,
            lifetime=config.sign_in.association_lifetime,
            grace=_grace(config),
            challenge_limit=config.sign_in.challenge_limit,
        )

    @property
    def stands(self) -> bool:
        """Whether somebody signed in: what is sent now is signed, or taken at their word."""
        return self._acceptor.association is not None or (self.trusted and self.user is not None)

    @property
    def signed(self) -> int:
        """Messages signed under the association that stands."""
        association = self._acceptor.association
        return 0 if association is None else association.sent

    def close(self) -> None:
        """Let go of who is told: the connection is over."""
        self._signed_in = self._signed_out = _nobody

    def recheck(self) -> str:
        """Return why who signed in may not stay, by the directory as it is; else nothing."""
        if self.user is None:
            return ""
        known = self._services.chat.user(self.user.uri)
        if known is None:
            return "the user was removed from the directory"
        return "" if known.enabled else "the user was disabled"

    # --- the guard ---

    def admit(self, message: Message, now: float) -> Admission:
        """Let pass what is signed by its sender, and what needs no signature."""
        if isinstance(message, Request) and message.method in _UNAUTHENTICATED:
            opened = self._opened(message, now) if message.method == "REGISTER" else None
            return Admission(message) if opened is None else Admission(answer=opened)
        if self.trusted:
            return self._admit_trusted(message)
        check = self._acceptor.check(message, now)
        if check is Check.OK:
            return Admission(message)
        said = ("not admitted (%s): %s", check.value, _name(message))
        if self.user is None:
            self._services.quota.log.write(_log, logging.INFO, "not admitted", *said)
        else:
            _log.info(*said)
        if isinstance(message, Response) or message.method in _UNANSWERED:
            return Admission()
        return Admission(answer=self._turned_away(message, check))

    def _opened(self, request: Request, now: float) -> Response | None:
        """Return the challenge to a first REGISTER, if there is nothing else to say of it."""
        if self.trusted or self.user is not None:
            return None
        if "Require" in request.headers or not parse_uri(request.uri).is_sip:
            return None  # the user agent may know a better answer
        verdict = self._acceptor.open(request, now, self._services.clock())
        if verdict is None:
            return None
        self.under_way = isinstance(verdict, Challenged)
        return self._answer(request, verdict.status, verdict.headers)

    def _admit_trusted(self, message: Message) -> Admission:
        """Let pass, unsigned, what a registered user sends in that user's name."""
        if isinstance(message, Response) or message.method in _UNANSWERED:
            return Admission(message)
        host = self._services.config.host_name
        if self.user is None:
            refused = Refused(403, _REGISTRAR, "Nobody has registered here", source=host)
        elif sender(message) != self.user.uri:
            refused = Refused(403, _FOREIGN_FROM, source=host)
        else:
            return Admission(message)
        _log.info("not admitted, though trusted: %s", _name(message))
        return Admission(answer=self._answer(message, refused.status, refused.headers))

    def seal(self, message: Message) -> Message:
        """Sign what goes out."""
        return self._acceptor.seal(message)

    def stamp(self, lane: Lane) -> Stamp | None:
        """Return what signs on a lane as soon as a sign-in stands; None if none ever will."""
        return None if self.trusted else self._acceptor.stamp(lane)

    def voucher(self, request: Request, ok: Response) -> Voucher | None:
        """Return who answers for INFOs like one that was signed, and signs their 200s."""
        return self._acceptor.voucher(request, ok)

    def challenge(self, request: Request, why: Sequence[tuple[str, str]] = ()) -> Response:
        """Return the answer that asks for a sign-in, with headers that say why."""
        verdict = self._acceptor.challenge(self._services.clock())
        return self._answer(request, verdict.status, (*verdict.headers, *why))

    def _turned_away(self, request: Request, check: Check) -> Response:
        verdict = self._acceptor.turn_away(check, self._services.clock())
        return self._answer(request, verdict.status, verdict.headers)

    def _answer(
        self, request: Request, status: int, headers: Sequence[tuple[str, str]]
    ) -> Response:
        tag = self._services.random(8).hex()
        return response_to(request, status, reason_of(status), tag=tag, headers=headers)

    # --- REGISTER ---

    def register(self, connection: Connection, event: RequestReceived) -> None:
        """Take a REGISTER; it is answered now, or when Kerberos has been asked."""
        if self.trusted:
            self._take_at_word(connection, event)
            return
        now = asyncio.get_running_loop().time()
        verdict = self._acceptor.receive(event.request, now, self._services.clock())
        if isinstance(verdict, TicketShown):
            self._services.tasks.spawn(self._open(connection, event, verdict), "sign-in")
            return
        if isinstance(verdict, ProofNeeded):
            verdict = self._prove(connection, event, verdict, now)
        self._conclude(connection, event, verdict)

    def register_trusted(self, connection: Connection, event: RequestReceived, user: User) -> None:
        """Take a REGISTER that needs no proof, as an application's that was admitted."""
        self._accept(connection, event, Accepted(user.name, user.uri.domain, user.uri))

    def _take_at_word(self, connection: Connection, event: RequestReceived) -> None:
        """Take a REGISTER for whom it names, whatever proof it brings or lacks."""
        address = sender(event.request)
        name, _, domain = address.partition(":")[2].rpartition("@")
        known = self.user is not None and self.user.uri == address
        if not known:
            _log.info("%s is taken at their word, from %s", address, connection.peername[0])
        self._accept(connection, event, Accepted(name, domain, address, refreshed=known))

    def _prove(
        self, connection: Connection, event: RequestReceived, proof: ProofNeeded, now: float
    ) -> Verdict:
        """Have NTLM's proof judged by what the directory knows."""
        try:
            account = self._account(proof)
        except (ConfigurationError, StorageError) as error:
            _log.error("sign-in as %s not possible now: %s", proof.uri, error)
            return Refused(503, _UNAVAILABLE, source=self._services.config.host_name)
        attempt = self._attempt(connection, event, proof)
        if wait := self._services.backoff.wait(attempt, now):
            return self._held_off(attempt, wait)
        verdict = self._acceptor.complete(proof, account, now, self._services.clock())
        if isinstance(verdict, Accepted):
            self._services.backoff.succeeded(attempt)
        elif not (isinstance(verdict, Refused) and verdict.error_id == _FOREIGN_FROM):
            self._note_failure(proof, attempt, now)
        return verdict

    def _attempt(
        self, connection: Connection, event: RequestReceived, proof: ProofNeeded
    ) -> Attempt:
        """Return whose password is tried: that of the name that was typed, not of From."""
        device = event.request.from_.params.get("epid") or ""
        account = self._meant(proof) or f"{proof.domain}\\{proof.user}".lower()
        return Attempt(account, network_of(connection.peername[0]), device)

    def _held_off(self, attempt: Attempt, wait: float) -> Refused:
        seconds = math.ceil(wait)
        self._services.quota.log.write(
            _log,
            logging.WARNING,
            "held off",
            "sign-in as %s held off, too many wrong passwords, from %s: for %d s",
            attempt.account,
            attempt.network,
            seconds,
        )
        return Refused(
            503,
            _UNAVAILABLE,
            f"Too many wrong passwords; try again in {seconds} seconds",
            source=self._services.config.host_name,
            extra=(("Retry-After", str(seconds)),),
        )

    def _note_failure(self, proof: ProofNeeded, attempt: Attempt, now: float) -> None:
        wait = self._services.backoff.failed(attempt, now)
        _log.warning(
            "sign-in as %s refused, wrong user or password, from %s%s",
            proof.uri,
            attempt.network,
            f": the next attempt has to wait {wait:g} s" if wait else "",
        )

    async def _open(
        self, connection: Connection, event: RequestReceived, shown: TicketShown
    ) -> None:
        """Have Kerberos judge a ticket; the one answer says what the client may know."""
        loop, clock = asyncio.get_running_loop(), self._services.clock
        single_sign_on = self._services.single_sign_on
        if single_sign_on is None:
            raise TypeError("Kerberos was offered without a key")
        try:
            ticket = await single_sign_on.open(shown.token)
        except TicketRefused as error:
            verdict = self._acceptor.decline(shown, clock(), skewed=error.skewed)
            _log.warning(
                "sign-in as %s refused, Kerberos says: %s, from %s",
                shown.uri,
                error,
                connection.peername[0],
            )
        else:
            uri = single_sign_on.principals.address(ticket.principal)
            verdict = self._acceptor.admit(shown, ticket, uri, loop.time(), clock())
            if not isinstance(verdict, Accepted):
                _log.warning("sign-in of %s as %s refused", ticket.principal, shown.uri)
        self._conclude(connection, event, verdict)

    def _account(self, proof: ProofNeeded) -> Account | None:
        """Return what the directory knows of whom the typed names mean."""
        uri = self._meant(proof)
        if uri is None:
            return None
        user = self._user(uri)
        if user is not None and user.service:
            return None  # also where it once had a password
        secret = self._services.directory.secret(uri)
        return None if secret is None else Account(uri, secret)

    def _meant(self, proof: ProofNeeded) -> SipUri | None:
        r"""Return whom the typed names mean: ``user``, ``DOMAIN\user`` or ``user@domain``."""
        domain = self._services.config.domain
        name, at, typed = proof.user.partition("@")
        if at and typed.lower() != domain:
            return None
        if proof.domain.lower() not in ("", domain, domain.partition(".")[0][:15]):
            return None
        try:
            return SipUri(f"sip:{fold(name)}@{domain}")
        except ValueError:
            return None

    def _conclude(self, connection: Connection, event: RequestReceived, verdict: Verdict) -> None:
        self.under_way = isinstance(verdict, Challenged)
        match verdict:
            case Accepted():
                self._accept(connection, event, verdict)
            case Challenged() | Refused():
                connection.respond(event.transaction, verdict.status, headers=verdict.headers)
            case ProofNeeded() | TicketShown():
                raise TypeError("a proof has to be completed first")

    def _accept(self, connection: Connection, event: RequestReceived, accepted: Accepted) -> None:
        """Bind who proved it; whom the directory here does not have yet, it may have by now."""
        user = self._user(accepted.uri)
        if user is not None and user.enabled:
            self._admit_user(connection, event, accepted)
        else:
            self._services.tasks.spawn(self._accept_late(connection, event, accepted), "sign-in")

    async def _accept_late(
        self, connection: Connection, event: RequestReceived, accepted: Accepted
    ) -> None:
        await self._services.fanout.read_on()
        self._admit_user(connection, event, accepted)

    def _admit_user(
        self, connection: Connection, event: RequestReceived, accepted: Accepted
    ) -> None:
        limits = self._services.config.sign_in
        granted = limits.registration_expires
        try:
            registration = Registration.parse(event.request, default=granted, most=granted)
        except RemoteProtocolError as error:
            registration = Refused(error.status, reason=str(error))
        user = self._user(accepted.uri)
        if isinstance(registration, Refused):
            refusal: Refused | None = registration
        elif user is None or not user.enabled:
            refusal = Refused(403, _NOT_ENABLED, source=self._services.config.host_name)
        else:
            refusal = self._bind(connection, event, user, registration, accepted)
        if refusal is not None:
            _log.warning("sign-in of %s refused: %s", accepted.uri, refusal.reason)
            connection.respond(event.transaction, refusal.status, headers=refusal.headers)

    def _user(self, address: str) -> User | None:
        try:
            return self._services.chat.user(SipUri(address))
        except ValueError:  # no address of a user
            return None

    def _bind(
        self,
        connection: Connection,
        event: RequestReceived,
        user: User,
        registration: Registration,
        accepted: Accepted,
    ) -> Refused | None:
        now = asyncio.get_running_loop().time()
        binding = _binding(event.request, registration, now)
        try:
            self._services.registrar.register(binding, now)
        except RemoteProtocolError as error:
            host = self._services.config.host_name
            return Refused(error.status, _REGISTRAR, str(error), source=host)
        if self.user is not None and self.user.uri != user.uri:
            self._signed_out(binding)  # nothing of one user is left to the next
        self.user = user
        if not accepted.refreshed:
            agent = event.request.headers.get("User-Agent") or "an unnamed program"
            _log.info(
                "%s signed in from %s with %s over %s",
                user.uri,
                connection.peername[0],
                agent,
                "TLS" if connection.is_tls else "TCP",
            )
        headers = registered_headers(
            registration,
            keep_alive=self._services.config.sign_in.keep_alive,
            refreshed=accepted.refreshed,
        )
        connection.respond(event.transaction, 200, headers=headers)
        if registration.expires:
            self._signed_in(binding)
        else:
            _log.info("%s signed out", user.uri)
            self._signed_out(binding)
        return None


def _nobody(_binding: Binding) -> None:
    """Tell nobody."""


def _grace(config: ServerConfig) -> float:
    """
    Return for how many seconds an association that is due is still good for other requests.

    Clients renew only when a REGISTER is challenged, so they need time until their next one.
    """
    return 2.0 * config.sign_in.registration_expires


def _binding(request: Request, registration: Registration, now: float) -> Binding:
    return Binding(
        aor=registration.aor,
        contact=registration.contact,
        instance=registration.instance,
        call_id=request.call_id,
        cseq=request.cseq.number,
        expires_at=now + registration.expires,
    )


def _name(message: Message) -> str:
    if isinstance(message, Request):
        return f"{message.method} of {message.from_.uri}"
    return f"{message.status} to {message.cseq.method}"
