"""
Proving who we are on one connection, with a credential that may be replaced.

Between the protocol, which waits for nothing, and Kerberos, which may wait for a KDC:
that part is done in a thread. A sign-in is made anew before it ends; should Kerberos
have no ticket then, what stands serves on to its end.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.client.credentials import SystemCredential, credential_for
from perchat.errors import AuthenticationError, AuthenticationReason
from perchat.lync.diagnostics import read_diagnostics
from perchat.lync.initiator import Initiator, TicketNeeded, offered_realms

if TYPE_CHECKING:
    from perchat.client.credentials import Credential, Credentials
    from perchat.lync.kerberos import Ticket
    from perchat.sip.message import Request, Response

__all__ = ["Proving", "wall_clock"]

_log = logging.getLogger("perchat.signin")
_PATIENCE = 30.0  # seconds before a renewal for which there was no ticket is tried again


class Proving:
    """
    A credential at work, or the one of several that is for the server's realm.

    Attributes:
        initiator: Signs and checks; the same one as long as the connection lasts.

    """

    def __init__(self, credentials: Credentials, allowed: frozenset[str], lifetime: float) -> None:
        """Take what may be used, by the names of challenges, and how long an association serves."""
        self._credential: Credential | None = None
        self._allowed = allowed
        self._not_before = 0.0
        self.initiator = Initiator(random=secrets.token_bytes, lifetime=lifetime)
        self.use(credentials)

    def use(self, credentials: Credentials) -> None:
        """Prove ourselves by other credentials from the next challenge on."""
        self._credentials = credentials
        if (one := credential_for(credentials, ())) is not None:
            self._take(one)

    def _take(self, credential: Credential) -> None:
        self._credential = credential
        protocols = credential.protocols.schemes & self._allowed
        if isinstance(credential, SystemCredential):
            self.initiator.use("", "", protocols)
        else:
            self.initiator.use(credential.username, credential.password, protocols)

    def renewal_due(self) -> float:
        """Return in how many seconds to sign in anew."""
        at = wall_clock()
        return max(self.initiator.renewal_due(at), self._not_before - at)

    async def prepare(self) -> None:
        """Before a REGISTER: begin anew where nothing stands, or what stands ends soon."""
        initiator = self.initiator
        expires_at = initiator.expires_at
        if not initiator.established or expires_at is None:
            initiator.restart()
        elif self.renewal_due() <= 0:
            try:
                await self._prove_first()
            except AuthenticationError as error:
                if (at := wall_clock()) >= expires_at:
                    raise
                self._not_before = min(at + _PATIENCE, expires_at)
                _log.warning("the sign-in cannot be renewed yet: %s", error)
            else:
                initiator.restart()

    async def answer(self, challenge: Response, request: Request) -> tuple[tuple[str, str], ...]:
        """
        Return the headers to repeat a challenged REGISTER with.

        Raises:
            AuthenticationError: The server cannot be satisfied, or there is no ticket.

        """
        self._choose(challenge)
        answer = self.initiator.answer(challenge, request, wall_clock())
        if not isinstance(answer, TicketNeeded):
            return answer
        ticket = await self._ticket(answer.service)
        _log.debug("%s has a ticket for %s", ticket.principal, answer.service)
        return self.initiator.present(answer, ticket, wall_clock())

    def _choose(self, challenge: Response) -> None:
        """Take the credential that is for who asks, where there are several."""
        realms = offered_realms(challenge)
        if not realms:
            return  # who cannot be understood is refused for that
        found = credential_for(self._credentials, realms)
        if found is None:
            raise AuthenticationError(
                f"there is no credential for the realm {realms[0]!r}",
                reason=AuthenticationReason.MISSING_CREDENTIALS,
                status=challenge.status,
                realm=realms[0],
                diagnostics=read_diagnostics(challenge.headers),
            )
        if found is not self._credential:
            self._take(found)

    async def _prove_first(self) -> None:
        """See that there is a ticket before what stands is put at risk."""
        if self.initiator.service and isinstance(self._credential, SystemCredential):
            await self._ticket(self.initiator.service)

    async def _ticket(self, service: str) -> Ticket:
        credential = self._credential
        cache = credential.cache if isinstance(credential, SystemCredential) else ""
        return await asyncio.to_thread(_obtain, service, cache)


def _obtain(service: str, cache: str) -> Ticket:
    from perchat.client import sspi  # late: with a password neither is needed
    from perchat.lync import kerberos

    how = sspi.obtain if sspi.AVAILABLE else kerberos.obtain
    return how(service, cache=cache)


def wall_clock() -> float:
    """Return the seconds since the epoch."""
    return datetime.now(UTC).timestamp()
