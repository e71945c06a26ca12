"""
The life of a local endpoint that has one connection of its own, however it signs in.

A failed sign-in leaves it idle, to be tried again. A lost connection ends it; a
refresh of the registration that fails is repeated first.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from perchat.client.endpoint import LocalEndpoint
from perchat.client.events import EndpointReason
from perchat.client.failures import endpoint_reason
from perchat.client.keeper import Keeper
from perchat.client.options import EndpointOptions, check_headers
from perchat.client.redirects import Redirects
from perchat.client.signedin import SignedIn
from perchat.client.signinresult import SignInResult
from perchat.client.states import EndpointState, Step
from perchat.errors import (
    ConnectionFailure,
    OperationFailure,
    PerchatError,
    RegisterError,
    StateError,
)
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.client.platform import CollaborationPlatform
    from perchat.client.signedin import Granted, SignInTarget
    from perchat.lync.provisioning import Provisioning

__all__ = ["ConnectedEndpoint"]

_OPEN = frozenset({EndpointState.ESTABLISHED, EndpointState.REESTABLISHING})
_LIVE = _OPEN | {EndpointState.DRAINING}
_SignIn = TypeVar("_SignIn", bound=SignedIn)


class ConnectedEndpoint(LocalEndpoint, Generic[_SignIn]):
    """What user and application endpoints have in common."""

    def __init__(
        self,
        platform: CollaborationPlatform,
        uri: str,
        *,
        provision: bool,
        register_retries: int,
        options: EndpointOptions | None,
    ) -> None:
        super().__init__(platform, uri, options or EndpointOptions())
        self._provision = provision
        self._retries = register_retries
        self._sign_in: _SignIn | None = None
        self._registration: Granted | None = None
        self._settings: Provisioning | None = None
        self._keeper: Keeper | None = None
        self._why = (EndpointReason.CONNECTION_LOST, "")
        self._over = asyncio.Event()

    @property
    def endpoint_uri(self) -> SipUri:
        """The device's own address; the owner's while it is not signed in."""
        gruu = self._registration.gruu if self._registration else ""
        return SipUri(gruu) if gruu else self._owner_uri

    @property
    def _signed_in(self) -> _SignIn:
        """The connection that chat endpoints use; StateError while there is none."""
        if self.state not in _OPEN or self._sign_in is None:
            raise StateError(f"the local endpoint is {self.state.value}, not established")
        return self._sign_in

    async def establish(self, headers: Mapping[str, str] | None = None) -> SignInResult:
        """
        Connect, register, and fetch the settings; returns the server's final answer.

        Cancelled or failed, it leaves nothing open and the endpoint idle.

        Args:
            headers: Added to the requests that sign in.

        Raises:
            StateError: The platform does not run, or the endpoint is not idle.
            ValueError: A header that the stack sets itself.
            ServerDiscoveryError: No server is known.
            ConnectionFailure: Unreachable, refused or cut.
            TlsFailure: The server cannot be trusted; ``reason`` tells why.
            AuthenticationError: The credential, or the server, was not accepted.
            RegisterError: Refused for another reason.
            PublishSubscribeError: The settings were refused.
            OperationTimeout: No answer in time.

        """
        check_headers(headers or {})
        self._check_can_establish()
        self._move(Step.BEGIN)
        try:
            sign_in, registration = await self._go_through(headers or {})
        except BaseException as error:
            await self._establish_failed(error)
            raise
        self._move(Step.SUCCEED)
        return self._stay(sign_in, registration)

    async def terminate(self) -> None:
        """End the chat endpoints on it, sign out, close; never raises, may be repeated."""
        if not self._machine.allows(Step.END):
            if self.state is EndpointState.TERMINATING:
                await self._over.wait()
            return
        self._move(Step.END)
        if self._keeper is not None:
            self._keeper.stop()
        try:
            if self._sign_in is not None:
                await self._sign_out(self._sign_in)
        finally:
            self._finish()

    async def provisioning(self, *, refresh: bool = False) -> Provisioning:
        """
        Return the server's settings for the owner, as fetched at sign-in or anew.

        Before the endpoint is established they are fetched over a sign-in of its own.

        Raises:
            StateError: The endpoint is terminated.
            ProvisioningError: What came makes no sense.
            RealTimeError: As ``establish``.

        """
        if self._settings is not None and not refresh:
            return self._settings
        if self.state is EndpointState.IDLE:
            self._settings = await self._ask_aside()
        else:
            self._settings = await self._signed_in.provisioning()
        return self._settings

    # --- how it signs in ---

    @abstractmethod
    def _target(self) -> SignInTarget:
        """Return who signs in where; raises where that cannot be tried."""

    @abstractmethod
    def _new_sign_in(self, target: SignInTarget) -> _SignIn:
        """Return what connects and registers."""

    @abstractmethod
    def _aside(self) -> ConnectedEndpoint[_SignIn]:
        """Return another endpoint of the same owner, to ask for settings."""

    # --- signing in ---

    def _check_can_establish(self) -> None:
        if not self._platform.is_running:
            raise StateError("the platform is not running: start it first")
        if not self._machine.allows(Step.BEGIN):
            raise StateError(f"the endpoint is {self.state.value}, not idle")

    async def _go_through(self, headers: Mapping[str, str]) -> tuple[_SignIn, Granted]:
        sign_in, registration = await self._register(headers)
        self._registration = registration
        if self._provision:
            self._settings = await sign_in.provisioning()
        self._check_still_wanted()
        return sign_in, registration

    async def _register(self, headers: Mapping[str, str]) -> tuple[_SignIn, Granted]:
        """Register, where the registrar sends us if need be."""
        redirects, target = Redirects(self._options.redirects), self._target()
        while True:
            self._check_still_wanted()
            sign_in = self._sign_in = self._new_sign_in(target)
            await sign_in.connect()
            try:
                return sign_in, await sign_in.register(headers)
            except RegisterError as error:
                target = redirects.onwards(sign_in, error)
            await sign_in.link.close(self.timers.goodbye)

    def _check_still_wanted(self) -> None:
        if self.state is not EndpointState.ESTABLISHING:
            raise OperationFailure("the endpoint was terminated meanwhile", reason="terminated")

    async def _establish_failed(self, error: BaseException) -> None:
        sign_in, self._sign_in = self._sign_in, None
        try:
            if sign_in is not None:
                await sign_in.link.close(self.timers.goodbye)
        finally:
            if self.state is EndpointState.ESTABLISHING:
                self._move(Step.FAIL, endpoint_reason(error), str(error))

    def _stay(self, sign_in: _SignIn, registration: Granted) -> SignInResult:
        self._keeper = Keeper(
            sign_in,
            registration,
            retries=self._retries,
            on_trouble=self._in_trouble,
            on_recovered=self._recovered,
            on_given_up=lambda error: self._drop(
                endpoint_reason(error, EndpointReason.REFRESH_FAILED), error
            ),
        )
        self._keeper.start()
        return SignInResult.of(registration.response, sign_in.server)

    async def _ask_aside(self) -> Provisioning:
        if not self._platform.is_running:
            raise StateError("the platform is not running: start it first")
        async with self._aside() as aside:
            return await aside.provisioning()

    # --- the end ---

    def _in_trouble(self, error: PerchatError) -> None:
        if self.state is EndpointState.ESTABLISHED:
            self._move(Step.LOSE, EndpointReason.REFRESH_FAILED, str(error))

    def _recovered(self, registration: Granted) -> None:
        self._registration = registration
        if self.state is EndpointState.REESTABLISHING:
            self._move(Step.RECOVER, EndpointReason.REFRESH_SUCCEEDED)

    def _deregistered(self, why: str) -> None:
        text = f"the server ended the registration: {why}".rstrip(": ")
        self._drop(EndpointReason.DEREGISTERED, ConnectionFailure(text))

    def _drop(self, reason: EndpointReason, error: Exception) -> None:
        """Cut the connection, for a reason of ours; all that stands on it ends with it."""
        if self._sign_in is not None and self.state in _LIVE:
            self._why = (reason, str(error))
            self._sign_in.link.fail(error)

    def _connection_lost(self, error: Exception) -> None:
        if self.state not in _LIVE:
            return  # whoever signs in or out is told by what he awaits
        reason, message = self._why
        self._move(Step.END, reason, message or str(error))
        self._finish()

    async def _sign_out(self, sign_in: _SignIn) -> None:
        for dependant in list(self._dependants):
            await dependant._hang_up()
        if sign_in.link.is_up and self._registration is not None:
            with contextlib.suppress(PerchatError):
                await sign_in.unregister()
        await sign_in.link.close(self.timers.goodbye)

    def _finish(self) -> None:
        if self._keeper is not None:
            self._keeper.stop()
        if self._sign_in is not None:
            self._sign_in.link.fail(ConnectionFailure("the endpoint is terminated"))
        self._keeper = self._sign_in = self._registration = None
        self._move(Step.ENDED)
        self._over.set()
