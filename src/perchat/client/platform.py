"""The platform: one name, one transport, and the endpoints that use them."""

from __future__ import annotations

import asyncio
import logging
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from perchat.client.credentials import AuthProtocol
from perchat.errors import StateError
from perchat.net.connector import Transport
from perchat.net.tls import client_context
from perchat.net.tracefile import TraceFile

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from perchat.net.trace import Tracer

__all__ = ["CollaborationPlatform", "PlatformMember"]

_log = logging.getLogger("perchat.signin")


class PlatformMember(Protocol):
    """What a platform ends when it stops."""

    async def terminate(self) -> None:
        """End; never raises."""


class CollaborationPlatform:
    """
    One SIP stack of a program: start it, make endpoints, stop it.

    In client mode it listens on no port and carries user endpoints only. Stopping it
    terminates its endpoints; it does not start again.

    Attributes:
        user_agent: The program's name, for the server's log; may be empty.
        transport: How its endpoints connect.
        allowed_auth: How they may prove who they are.

    """

    def __init__(
        self,
        user_agent: str | None,
        *,
        transport: Transport,
        ca: Path | None,
        allowed_auth: AuthProtocol,
        trace: Path | None = None,
    ) -> None:
        """Use ``CollaborationPlatform.client`` instead."""
        if not isinstance(transport, Transport):
            raise TypeError(f"the transport is Transport.TLS or Transport.TCP, not {transport!r}")
        self.user_agent = user_agent or ""
        self.transport = transport
        self.allowed_auth = allowed_auth
        self._ca = ca
        self._trace = trace
        self._tracer: TraceFile | None = None
        self._tls: ssl.SSLContext | None = None
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
        allowed_auth: AuthProtocol = AuthProtocol.NTLM | AuthProtocol.KERBEROS,
        trace: Path | str | None = None,
    ) -> Self:
        """
        Return a platform for user endpoints.

        Args:
            user_agent: The program's name.
            transport: TLS, unless the server's operator allows plain TCP.
            ca: PEM file of the authorities to trust; the system's without it.
            allowed_auth: Narrows what may be used to sign in.
            trace: File to append what goes over the wire to, secrets masked; for
                ``perchat trace`` to show.

        """
        return cls(
            user_agent,
            transport=transport,
            ca=None if ca is None else Path(ca),
            allowed_auth=allowed_auth,
            trace=None if trace is None else Path(trace),
        )

    @property
    def is_running(self) -> bool:
        """Whether endpoints may be established."""
        return self._started and not self._stopped

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What endpoints verify servers with; None before the start and with TCP."""
        return self._tls

    @property
    def tracer(self) -> Tracer | None:
        """Who is shown what goes over the wire; None without ``trace``."""
        return self._tracer

    async def start(self) -> None:
        """
        Make ready for endpoints.

        Raises:
            StateError: It was started or stopped before.
            ConfigurationError: The file of authorities cannot be read, or the trace not written.

        """
        if self._started or self._stopped:
            raise StateError(f"the platform was {'stopped' if self._stopped else 'started'} before")
        if self._trace is not None:
            self._tracer = TraceFile(self._trace)
        if self.transport is Transport.TLS:
            self._tls = await asyncio.to_thread(client_context, self._ca)
        self._started = True
        _log.debug("platform %r started, %s", self.user_agent, self.transport.name)

    async def stop(self) -> None:
        """Terminate every endpoint and free everything; never raises, may be repeated."""
        self._stopped = True
        members = list(self._members)
        await asyncio.gather(*(member.terminate() for member in members), return_exceptions=True)
        if self._tracer is not None:
            self._tracer.close()

    def add(self, member: PlatformMember) -> None:
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
