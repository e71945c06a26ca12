"""
What every local endpoint is: somebody, on a platform, in a state.

Chat endpoints stand on any of them, whichever way it signed in.
"""

from __future__ import annotations

import logging
import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, Self

from perchat.client.arguments import checked_owner
from perchat.client.events import EndpointReason, EndpointStateChanged
from perchat.client.observed import Observed
from perchat.client.platform import CollaborationPlatform
from perchat.client.states import ENDPOINT_TABLE, EndpointState, StateMachine, Step
from perchat.client.streams import DEFAULT_BUFFER, Broadcast, EventStream, Overflow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from perchat.client.options import ClientTimers, EndpointOptions
    from perchat.client.signedin import SignedIn
    from perchat.client.signinresult import SignInResult
    from perchat.lync.provisioning import Provisioning
    from perchat.model.uri import SipUri

__all__ = ["Dependant", "LocalEndpoint"]

_log = logging.getLogger("perchat.signin")


class Dependant(Protocol):
    """What stands on a local endpoint and ends before it does."""

    async def _hang_up(self) -> None:
        """End; never raises."""

    async def _finished(self) -> None:
        """Wait until what it has begun is over."""


class LocalEndpoint(Observed):
    """What chat endpoints stand on, whichever way it signed in."""

    def __init__(self, platform: CollaborationPlatform, uri: str, options: EndpointOptions) -> None:
        if not isinstance(platform, CollaborationPlatform):
            raise TypeError(f"not a platform: {platform!r}")
        self._owner_uri = checked_owner(uri)
        self._platform = platform
        self._options = options
        self._machine = StateMachine(ENDPOINT_TABLE, EndpointState.IDLE)
        self._changes: Broadcast[EndpointStateChanged] = Broadcast()
        self._dependants: weakref.WeakSet[Dependant] = weakref.WeakSet()
        platform._add(self)

    @property
    def state(self) -> EndpointState:
        """Where it is; already true when an event tells of it."""
        return self._machine.state

    @property
    def platform(self) -> CollaborationPlatform:
        """The platform it was made on."""
        return self._platform

    @property
    def options(self) -> EndpointOptions:
        """What it was made with."""
        return self._options

    @property
    def timers(self) -> ClientTimers:
        """How long things may take here."""
        return self._options.timers

    @property
    def owner_uri(self) -> SipUri:
        """The user's address-of-record."""
        return self._owner_uri

    @property
    def domain(self) -> str:
        """The user's SIP domain."""
        return self._owner_uri.domain

    def _sources(self) -> tuple[Broadcast[Any], ...]:
        return (self._changes,)

    def state_changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[EndpointStateChanged]:
        """Return every change of state from now on; ends after TERMINATED."""
        return self._changes.stream(lambda change: change, limit=limit, overflow=overflow)

    @property
    @abstractmethod
    def _signed_in(self) -> SignedIn:
        """The connection that chat endpoints use; StateError while there is none."""

    @abstractmethod
    async def establish(self, headers: Mapping[str, str] | None = None) -> SignInResult:
        """Sign in."""

    @abstractmethod
    async def terminate(self) -> None:
        """Sign out; never raises, may be repeated."""

    @abstractmethod
    async def provisioning(self, *, refresh: bool = False) -> Provisioning:
        """Return the server's settings for the owner."""

    def _add(self, dependant: Dependant) -> None:
        """Take in what has to end before this does (chat endpoints call this)."""
        self._dependants.add(dependant)

    async def __aenter__(self) -> Self:
        await self.establish()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.terminate()

    def _move(
        self, step: Step, reason: EndpointReason = EndpointReason.NONE, message: str = ""
    ) -> None:
        previous = self._machine.state
        state = self._machine.take(step)
        _log.info("%s is %s%s", self._owner_uri, state.value, f": {message}" if message else "")
        self._changes.publish(EndpointStateChanged(previous, state, reason, message))
        if state is EndpointState.TERMINATED:
            self._changes.end()
