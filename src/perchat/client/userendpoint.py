"""The user endpoint: signs in with a credential, over one connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.client.arguments import checked_endpoint_id, server_address
from perchat.client.connected import ConnectedEndpoint
from perchat.client.credentials import checked_credentials
from perchat.client.signedin import SignInTarget
from perchat.client.signin import UserSignIn

if TYPE_CHECKING:
    from perchat.client.credentials import Credentials
    from perchat.client.options import EndpointOptions
    from perchat.client.platform import CollaborationPlatform

__all__ = ["UserEndpoint"]


class UserEndpoint(ConnectedEndpoint[UserSignIn]):
    """
    A person, or a program acting as one, signed in with a password.

    ``async with`` signs in and out. It holds one connection of its own.
    """

    def __init__(
        self,
        platform: CollaborationPlatform,
        uri: str,
        *,
        server: str | None = None,
        port: int | None = None,
        credential: Credentials,
        endpoint_id: str | None = None,
        provision: bool = True,
        register_retries: int = 3,
        options: EndpointOptions | None = None,
    ) -> None:
        """
        Make an endpoint; nothing is sent before ``establish``.

        Args:
            platform: A running one is needed to establish.
            uri: The owner, ``sip:user@domain``.
            server: Host of a server or pool, or ``host:port``.
            port: 5061 with TLS and 5060 with TCP unless given.
            credential: How to sign in, or how to in each realm: ``{realm: credential}``, with
                ``"*"`` for any other.
            endpoint_id: Names this device among the owner's; made up without it.
            provision: Whether signing in fetches the server's settings too.
            register_retries: How often a failed refresh is repeated before giving up.
            options: Further habits.

        Raises:
            ValueError: An argument cannot be used, or TCP without ``server``.
            TypeError: An argument is of another kind.

        """
        super().__init__(
            platform,
            uri,
            provision=provision,
            register_retries=register_retries,
            options=options,
        )
        self._host, self._port = server_address(server, port, platform.transport)
        self._credential = checked_credentials(credential)
        self._epid = checked_endpoint_id(endpoint_id)

    @property
    def credential(self) -> Credentials:
        """How it signs in; a new one is used from the next challenge on."""
        return self._credential

    @credential.setter
    def credential(self, credential: Credentials) -> None:
        self._credential = credential = checked_credentials(credential)
        if self._sign_in is not None:
            self._sign_in.use(credential)

    @property
    def endpoint_id(self) -> str:
        """What tells this device from the owner's others."""
        return self._epid

    # --- how it signs in ---

    def _target(self) -> SignInTarget:
        return SignInTarget(
            uri=self._owner_uri,
            host=self._host,
            port=self._port,
            transport=self._platform.transport,
            tls=self._platform._client_tls,
            user_agent=self._options.user_agent or self._platform.user_agent,
            schemes=self._platform.allowed_auth.schemes,
            epid=self._epid,
            headers=self._options.headers,
            timers=self.timers,
            tracer=self._platform._tracer,
            resolver=self._platform.resolver,
        )

    def _new_sign_in(self, target: SignInTarget) -> UserSignIn:
        return UserSignIn(
            target,
            self._credential,
            on_lost=self._connection_lost,
            on_deregistered=self._deregistered,
        )

    def _aside(self) -> UserEndpoint:
        return UserEndpoint(
            self._platform,
            self._owner_uri,
            server=self._host,
            port=self._port if self._host is not None else None,
            credential=self._credential,
            options=self._options,
        )
