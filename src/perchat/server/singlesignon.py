"""
Single sign-on: the service's Kerberos key, and whose principal is which user.

Made once when the server starts, so that a missing key is told then and not to the
first user.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from perchat.lync.kerberos import PrincipalMap, TicketAcceptor

if TYPE_CHECKING:
    from perchat.lync.kerberos import Ticket
    from perchat.server.config import ServerConfig

__all__ = ["SingleSignOn"]


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """What a server needs to sign users in by their tickets."""

    tickets: TicketAcceptor
    principals: PrincipalMap

    @classmethod
    def of(cls, config: ServerConfig) -> Self | None:
        """
        Return it as the settings say; None when Kerberos is not offered.

        Raises:
            ConfigurationError: The key is not in the keytab, or the library is missing.

        """
        settings = config.sign_in
        if "kerberos" not in settings.protocols:
            return None
        realm = settings.kerberos_realm or config.domain.upper()
        keytab = str(config.path(settings.keytab))
        return cls(
            TicketAcceptor(keytab, f"sip/{config.host_name}@{realm}"),
            PrincipalMap(realm, config.domain, settings.kerberos_users),
        )

    async def open(self, token: bytes) -> Ticket:
        """
        Open a client's token; Kerberos reads files meanwhile, so it is done in a thread.

        Raises:
            TicketRefused: See `TicketAcceptor.accept`.

        """
        return await asyncio.to_thread(self.tickets.accept, token)
