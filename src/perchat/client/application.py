"""
The application endpoint: a program that acts as a user, trusted by its certificate.

It stands on a platform made by ``CollaborationPlatform.trusted``. No password is asked
for and nothing registered unless wanted; what chat endpoints do on it is the same as
on a user endpoint.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeAlias

from perchat.client.arguments import checked_endpoint_id, server_address
from perchat.client.connected import ConnectedEndpoint
from perchat.client.platform import CollaborationPlatform
from perchat.client.signedin import SignInTarget
from perchat.client.states import EndpointState, Step
from perchat.client.trustedsignin import TrustedSignIn
from perchat.errors import StateError
from perchat.model.application import checked_gruu
from perchat.net.connector import Transport

if TYPE_CHECKING:
    from perchat.client.options import EndpointOptions
    from perchat.client.trustedapplication import TrustedApplication

__all__ = ["ApplicationEndpoint", "Proxy"]

_log = logging.getLogger("perchat.signin")

Proxy: TypeAlias = tuple[str, int] | str
"""Host and port of a server or pool, or ``host:port``."""


class ApplicationEndpoint(ConnectedEndpoint[TrustedSignIn]):
    """
    A user that a trusted application acts as.

    ``async with`` establishes and terminates it. It holds one connection of its own.
    """

    def __init__(
        self,
        platform: CollaborationPlatform,
        uri: str,
        *,
        proxy: Proxy | None = None,
        proxy_certificate: str | None = None,
        register: bool = False,
        provision: bool = True,
        register_retries: int = 3,
        options: EndpointOptions | None = None,
    ) -> None:
        """
        Make an endpoint; nothing is sent before ``establish``.

        Args:
            platform: A running one is needed to establish.
            uri: ``sip:user@domain`` of a user in the server's directory, which the
                application was granted; a contact object's is refused by the server.
            proxy: The server or pool to connect to; ``set_proxy`` sets it too.
            proxy_certificate: The name its certificate carries, when that is not the host.
            register: Whether to register as a user endpoint does; chat does not need it.
            provision: Whether establishing fetches the server's settings too.
            register_retries: How often a failed refresh is repeated before giving up.
            options: Further habits.

        Raises:
            StateError: The platform is a client's, for user endpoints only.
            ValueError: An argument cannot be used.
            TypeError: An argument is of another kind.

        """
        _check_platform(platform)
        super().__init__(
            platform,
            uri,
            provision=provision,
            register_retries=register_retries,
            options=options,
        )
        self._proxy = None if proxy is None else _checked(proxy)
        self._proxy_certificate = proxy_certificate
        self._registers = register
        self._epid = checked_endpoint_id(None)

    @property
    def application(self) -> TrustedApplication:
        """Which application it is."""
        application = self._platform.application
        assert application is not None, "checked when it was made"
        return application

    @property
    def proxy(self) -> tuple[str, int] | None:
        """Where it connects to."""
        return self._proxy

    def set_proxy(self, host: str, port: int = 5061) -> None:
        """
        Set where to connect to.

        Raises:
            ValueError: No host, or no port.
            StateError: It is not idle.

        """
        if self.state is not EndpointState.IDLE:
            raise StateError(f"the endpoint is {self.state.value}: its proxy cannot change now")
        self._proxy = _checked((host, port))

    async def drain(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - a promise
        """
        Take on nothing new, let the chat endpoints on it end in their own time, and terminate.

        Args:
            timeout: Seconds after which what is still there is ended.

        Raises:
            StateError: It is not established.

        """
        if not self._machine.allows(Step.DRAIN):
            raise StateError(f"the endpoint is {self.state.value}, not established")
        self._move(Step.DRAIN)
        try:
            async with asyncio.timeout(timeout):
                for dependant in list(self._dependants):
                    await dependant._finished()
        except TimeoutError:
            _log.warning("%s was not drained within %g s", self._owner_uri, timeout)
        await self.terminate()

    # --- how it signs in ---

    def _target(self) -> SignInTarget:
        if self._proxy is None:
            raise StateError("no proxy is known: pass proxy= or call set_proxy")
        application = self.application
        host, port = self._proxy
        return SignInTarget(
            uri=self._owner_uri,
            host=host,
            port=port,
            transport=Transport.TLS,
            tls=self._platform._client_tls,
            user_agent=self._options.user_agent or application.user_agent,
            schemes=frozenset(),
            epid=self._epid,
            headers=self._options.headers,
            timers=self.timers,
            tracer=self._platform._tracer,
            server_name=self._proxy_certificate,
            resolver=self._platform.resolver,
            sent_by=f"{application.fqdn}:{application.port}",
        )

    def _new_sign_in(self, target: SignInTarget) -> TrustedSignIn:
        return TrustedSignIn(
            target,
            checked_gruu(self.application.gruu),
            registers=self._registers,
            on_lost=self._connection_lost,
            on_deregistered=self._deregistered,
        )

    def _aside(self) -> ApplicationEndpoint:
        return ApplicationEndpoint(
            self._platform,
            self._owner_uri,
            proxy=self._proxy,
            proxy_certificate=self._proxy_certificate,
            options=self._options,
        )


def _check_platform(platform: object) -> None:
    if isinstance(platform, CollaborationPlatform) and platform.application is None:
        raise StateError(
            "application endpoints need a platform made by CollaborationPlatform.trusted"
        )


def _checked(proxy: Proxy) -> tuple[str, int]:
    host, port = (proxy, None) if isinstance(proxy, str) else proxy
    found, number = server_address(host, port, Transport.TLS)
    assert found is not None, "there is a host, or it would have been refused"
    return found, number
