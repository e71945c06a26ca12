"""The platform: one name, one transport, and the endpoints that use them."""

from __future__ import annotations

import asyncio
import logging
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from perchat.client.credentials import AuthProtocol
from perchat.errors import StateError
from perchat.net.connector import Transport
from perchat.net.names import TrustedNames
from perchat.net.tls import Authorities

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence
    from types import TracebackType

    from perchat.client.door import Door
    from perchat.client.trustedapplication import TrustedApplication
    from perchat.net.certificates import Certificate
    from perchat.net.resolver import Resolver
    from perchat.net.tracefile import TraceFile

__all__ = ["CollaborationPlatform", "PlatformMember"]

_log = logging.getLogger("perchat.signin")


class PlatformMember(Protocol):
    """What a platform ends when it stops."""

    async def terminate(self) -> None:
        """End; never raises."""


class CollaborationPlatform:
    """
    One SIP stack of a program: start it, make endpoints, stop it.

    In client mode it listens on no port and carries user endpoints only; that of a trusted
    application listens on its port. Stopping it terminates its endpoints; it does not start
    again.

    Attributes:
        user_agent: The program's name, for the server's log; may be empty.
        transport: How its endpoints connect.
        allowed_auth: How they may prove who they are.
        resolver: Finds servers and their addresses; None is the system's.

    """

    def __init__(
        self,
        user_agent: str | None,
        *,
        transport: Transport,
        authorities: Authorities,
        allowed_auth: AuthProtocol,
        trace: Path | None = None,
        resolver: Resolver | None = None,
        application: TrustedApplication | None = None,
        door: Door | None = None,
    ) -> None:
        """Use ``CollaborationPlatform.client`` or ``.trusted`` instead."""
        if not isinstance(transport, Transport):
            raise TypeError(f"the transport is Transport.TLS or Transport.TCP, not {transport!r}")
        self.user_agent = user_agent or ""
        self.transport = transport
        self.allowed_auth = allowed_auth
        self.resolver = resolver
        self._authorities = authorities
        self._trace = trace
        self._tracer: TraceFile | None = None
        self._application = application
        self._door = door
        self._tls: ssl.SSLContext | None = None
        self._tls_of_web: ssl.SSLContext | None = None
        self._started = False
        self._stopped = False
        self._members: weakref.WeakSet[PlatformMember] = weakref.WeakSet()

    @classmethod
    def client(
        cls,
        user_agent: str | None = None,
        *,
        transport: Transport = Transport.TLS,
        ca: Path | str | None = None,
        crl: Path | str | None = None,
        allowed_auth: AuthProtocol = AuthProtocol.NTLM | AuthProtocol.KERBEROS,
        trace: Path | str | None = None,
        resolver: Resolver | None = None,
    ) -> Self:
        """
        Return a platform for user endpoints.

        Args:
            user_agent: The program's name.
            transport: TLS, unless the server's operator allows plain TCP.
            ca: PEM file of the authorities to trust; the system's without it.
            crl: PEM file of their revocation lists; then each needs one that is up to date.
            allowed_auth: Narrows what may be used to sign in.
            trace: File to append what goes over the wire to, secrets masked; for
                ``perchat trace`` to show.
            resolver: Finds servers and their addresses; the system without it.

        """
        return cls(
            user_agent,
            transport=transport,
            authorities=Authorities.of(ca, crl),
            allowed_auth=allowed_auth,
            trace=None if trace is None else Path(trace),
            resolver=resolver,
        )

    @classmethod
    def trusted(
        cls,
        application: TrustedApplication,
        *,
        trusted_names: Iterable[str] = (),
        listen: Sequence[str] = ("",),
        ca: Path | str | None = None,
        crl: Path | str | None = None,
        trace: Path | str | None = None,
    ) -> Self:
        """
        Return a platform for application endpoints, and user endpoints besides.

        Once started it listens on the application's port, with mutual TLS.

        Args:
            application: As registered with the server.
            trusted_names: Who may connect to it: host names, or ``.domain`` for all hosts
                below a domain; nobody else.
            listen: Addresses of this machine; all without it.
            ca: PEM file of the authorities to trust; the system's without it.
            crl: As with ``client``; it holds for those who connect to the application, too.
            trace: As with ``client``.

        Raises:
            ConfigurationError: A trusted name is none.
            TypeError: An argument is of another kind.

        """
        from perchat.client.door import Door  # late: users listen on no port
        from perchat.client.trustedapplication import TrustedApplication

        if not isinstance(application, TrustedApplication):
            raise TypeError(f"not a trusted application: {type(application).__name__}")
        platform = cls(
            application.user_agent,
            transport=Transport.TLS,
            authorities=Authorities.of(ca, crl),
            allowed_auth=AuthProtocol.NTLM | AuthProtocol.KERBEROS,
            trace=None if trace is None else Path(trace),
            application=application,
            door=Door(application, tuple(listen)),
        )
        platform.trust(*trusted_names)
        return platform

    @property
    def application(self) -> TrustedApplication | None:
        """The application it was made for; None for a client's."""
        return self._application

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where it listens; a client's platform nowhere."""
        return () if self._door is None else self._door.addresses

    @property
    def trusted_names(self) -> frozenset[str]:
        """Who may connect to it."""
        return frozenset() if self._door is None else self._door.trusted.entries

    def trust(self, *names: str) -> None:
        """Let more hosts connect; ConfigurationError when one is no name."""
        self._trust({*self.trusted_names, *names})

    def distrust(self, *names: str) -> None:
        """Let hosts connect no more; who is connected stays."""
        self._trust(self.trusted_names - {name.lower() for name in names})

    async def replace_certificate(self, certificate: Certificate) -> None:
        """
        Show another certificate from now on; connections that stand are left alone.

        Raises:
            StateError: The platform is a client's, or was stopped.
            TlsFailure: The certificate cannot be used; the old one stays.

        """
        if self._application is None or self._stopped:
            raise StateError("only the platform of a trusted application has a certificate")
        application = replace(self._application, certificate=certificate)
        contexts = await asyncio.to_thread(_contexts, application, self._authorities)
        self._application = application
        if self._started and self._door is not None:
            self._tls = contexts[0]
            self._door.replace(contexts[1])
        _log.info("certificate replaced by %r", certificate)

    @property
    def is_running(self) -> bool:
        """Whether endpoints may be established."""
        return self._started and not self._stopped

    @property
    def _client_tls(self) -> ssl.SSLContext | None:
        """What endpoints verify servers with; None before the start and with TCP."""
        return self._tls

    async def _web_tls(self) -> ssl.SSLContext:
        """Return what web services are verified with: the same authorities, with TCP too."""
        if self._tls is not None:
            return self._tls
        if self._tls_of_web is None:
            self._tls_of_web = await asyncio.to_thread(self._authorities.client_context)
        return self._tls_of_web

    async def start(self) -> None:
        """
        Make ready for endpoints.

        Raises:
            StateError: It was started or stopped before.
            ConfigurationError: The file of authorities or of revocation lists cannot be read, or
                the trace not written.
            TlsFailure: The application's certificate cannot be used.
            ConnectionFailure: The application's port is taken.

        """
        if self._started or self._stopped:
            raise StateError(f"the platform was {'stopped' if self._stopped else 'started'} before")
        if self._trace is not None:
            from perchat.net.tracefile import TraceFile  # late: few write one

            self._tracer = TraceFile(self._trace)
        if self._application is not None and self._door is not None:
            self._tls, inwards = await asyncio.to_thread(
                _contexts, self._application, self._authorities
            )
            await self._door.open(inwards)
        elif self.transport is Transport.TLS:
            self._tls = await asyncio.to_thread(self._authorities.client_context)
        self._started = True
        _log.debug("platform %r started, %s", self.user_agent, self.transport.name)

    async def stop(self) -> None:
        """Terminate every endpoint and free everything; never raises, may be repeated."""
        self._stopped = True
        ends = [member.terminate() for member in self._members]
        try:
            await asyncio.gather(*ends, return_exceptions=True)
        finally:  # also when this is cancelled meanwhile
            if self._door is not None:
                self._door.close()
            if self._tracer is not None:
                self._tracer.close()

    def _add(self, member: PlatformMember) -> None:
        """Take an endpoint in, to be ended with the platform (endpoints call this)."""
        self._members.add(member)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _trust(self, names: Iterable[str]) -> None:
        if self._door is None:
            if names:
                raise StateError("a client's platform lets nobody connect")
        else:
            self._door.trusted = TrustedNames(names)


def _contexts(
    application: TrustedApplication, authorities: Authorities
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what is shown outwards and inwards; TlsFailure when the certificate is no good."""
    from perchat.client.door import door_context  # late, as above

    certificate = application.certificate
    certificate.usable_as(application.fqdn)
    return authorities.client_context(certificate), door_context(certificate, authorities)
