"""
Staying signed in: refreshes the registration, and keeps the connection open.

A refresh that fails is repeated a few times. One that is refused for good is not.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from perchat.client.tasks import Background
from perchat.errors import AuthenticationError, ConnectionFailure, PerchatError, RegisterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.client.signedin import Granted, SignedIn

__all__ = ["Keeper"]

_log = logging.getLogger("perchat.signin")
_EARLY = 30.0  # seconds before its end that a registration is refreshed
_LEAST = 1.0  # second between refreshes
_FORBIDDEN = frozenset({301, 302, 403, 404})  # who moved is found by a sign-in anew


class Keeper:
    """Keeps one sign-in alive until it is stopped or has to give up."""

    def __init__(
        self,
        sign_in: SignedIn,
        registration: Granted,
        *,
        retries: int,
        on_trouble: Callable[[PerchatError], None],
        on_recovered: Callable[[Granted], None],
        on_given_up: Callable[[PerchatError], None],
    ) -> None:
        self._sign_in = sign_in
        self._registration = registration
        self._retries = retries
        self._on_trouble = on_trouble
        self._on_recovered = on_recovered
        self._on_given_up = on_given_up
        self._background = Background()
        self._pinger: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to refresh and to ping."""
        if self._registration.expires:
            self._background.spawn(self._refresh(), f"registration of {self._sign_in.target.uri}")
        self._ping_later()

    def stop(self) -> None:
        """Do nothing more."""
        self._background.cancel()
        if self._pinger is not None:
            self._pinger.cancel()

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._pause())
            try:
                self._registration = await self._sign_in.register()
            except ConnectionFailure:
                return  # the connection tells its end itself
            except PerchatError as error:
                self._on_trouble(error)
                if not await self._repeat(error):
                    return

    def _pause(self) -> float:
        """Return the seconds until the registration, or the proof behind it, has to be renewed."""
        expires = self._registration.expires
        due = max(self._sign_in.renewal_due(), _LEAST)
        return min(max(expires - _EARLY, expires / 2), due)

    async def _repeat(self, error: PerchatError) -> bool:
        waits = self._sign_in.target.timers.reregister or (0.0,)
        for attempt in range(self._retries):
            if _is_final(error):
                break
            await asyncio.sleep(waits[min(attempt, len(waits) - 1)])
            try:
                self._registration = await self._sign_in.register()
            except ConnectionFailure:
                return False
            except PerchatError as failure:
                error = failure
            else:
                self._on_recovered(self._registration)
                return True
        self._on_given_up(error)
        return False

    def _ping_later(self) -> None:
        delay = self._registration.keep_alive or self._sign_in.target.timers.keep_alive
        self._pinger = asyncio.get_running_loop().call_later(delay, self._ping)

    def _ping(self) -> None:
        if self._sign_in.link.is_up:
            self._sign_in.link.connection.ping()
            self._ping_later()


def _is_final(error: PerchatError) -> bool:
    if isinstance(error, AuthenticationError):
        return True
    return isinstance(error, RegisterError) and error.status in _FORBIDDEN
