"""
Where a trusted application listens: mutual TLS, for names that it trusts and nobody else.

Servers of a pool may connect to their applications. Chat needs nothing of that, as
everything comes by the connection that the application opened; who is admitted can see
that it is there.
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from perchat.errors import ConnectionFailure
from perchat.net.connection import ConnectionSettings
from perchat.net.listener import listen
from perchat.net.names import TrustedNames
from perchat.net.tls import ReloadableContext, server_context
from perchat.sip.events import RequestReceived
from perchat.sip.useragent import UserAgentSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.client.trustedapplication import TrustedApplication
    from perchat.net.certificates import Certificate
    from perchat.net.connection import Connection
    from perchat.net.listener import Listener
    from perchat.net.tls import Authorities
    from perchat.sip.events import Event

__all__ = ["Door", "door_context"]

_log = logging.getLogger("perchat.signin")
_IDLE = 900.0  # seconds without a byte
_ALLOW = ("OPTIONS",)


class Door:
    """
    The listening sockets of one application.

    Attributes:
        trusted: Who may come in.

    """

    def __init__(self, application: TrustedApplication, addresses: Sequence[str]) -> None:
        self.trusted = TrustedNames()
        self._application = application
        self._addresses = addresses
        self._listeners: list[Listener] = []
        self._visitors: set[_Visitor] = set()
        self._context: ReloadableContext | None = None

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where it listens now."""
        return tuple(listener.address for listener in self._listeners)

    async def open(self, context: ssl.SSLContext) -> None:
        """
        Listen on every address.

        Raises:
            ConnectionFailure: An address or port is taken; then it listens nowhere.

        """
        self._context = ReloadableContext(context)
        try:
            for address in self._addresses:
                self._listeners.append(await self._listen(address, self._context))
        except BaseException:
            self.close()
            raise

    def replace(self, context: ssl.SSLContext) -> None:
        """Show another certificate to who comes from now on; who is in stays."""
        if self._context is not None:
            self._context.replace(context)

    def close(self) -> None:
        """Let nobody in and send everybody away; safe to repeat."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for visitor in list(self._visitors):
            visitor.leave()

    # --- inside ---

    async def _listen(self, address: str, context: ReloadableContext) -> Listener:
        application = self._application
        return await listen(
            lambda: _Visitor(self.trusted, self._visitors),
            address,
            application.port,
            agent=lambda _: UserAgentSettings(
                via=f"TLS {application.fqdn}:{application.port}",
                server=application.user_agent,
                allow=_ALLOW,
            ),
            tls=context,
            settings=ConnectionSettings(idle_timeout=_IDLE),
        )


class _Visitor:
    """One connection that somebody opened to us."""

    def __init__(self, trusted: TrustedNames, visitors: set[_Visitor]) -> None:
        self._trusted = trusted
        self._visitors = visitors
        self._connection: Connection

    def connection_made(self, connection: Connection) -> None:
        """Admit it or not."""
        self._connection = connection
        self._visitors.add(self)
        names = ", ".join(sorted(connection.peer_names)) or "a certificate without names"
        if self._trusted.match(connection.peer_names) is None:
            _log.warning("connection from %s refused, not trusted: %s", connection.peername, names)
            connection.abort(ConnectionFailure("not trusted"))
        else:
            _log.info("connection from %s admitted: %s", connection.peername, names)

    def events_received(self, events: Sequence[Event]) -> None:
        """Say that we are there; everything else was refused by the user agent."""
        for event in events:
            if isinstance(event, RequestReceived):
                self._connection.respond(event.transaction, 200)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self._visitors.discard(self)
        _log.debug("connection from %s is over: %s", self._connection.peername, error)

    def leave(self) -> None:
        """Hang up."""
        self._connection.close()


def door_context(certificate: Certificate, authorities: Authorities) -> ssl.SSLContext:
    """Return a context that asks everybody for a certificate of these authorities."""
    ca, crl = authorities.ca, authorities.crl
    if ca is not None:
        return server_context(certificate, client_ca=ca, require_client=True, crl=crl)
    context = server_context(certificate, crl=crl)
    context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
