"""Presence across connections: published again and subscribed to again on each new one."""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING, TypeVar

from perchat.client.presence import PresenceServices
from perchat.errors import PerchatError, PublishSubscribeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.lives import Lives
    from perchat.client.presenceview import PresenceView
    from perchat.client.signedin import SignedIn
    from perchat.model.presence import Availability

__all__ = ["LivingPresence"]

_log = logging.getLogger("perchat.chat")
_Result = TypeVar("_Result")


class LivingPresence(PresenceServices):
    """The presence of the user of a chat that outlives its connections."""

    def __init__(self, lives: Lives) -> None:
        super().__init__()
        self._lives = lives
        self._wanted: tuple[Availability, str] | None = None
        self._views: weakref.WeakSet[PresenceView] = weakref.WeakSet()

    async def publish(self, availability: Availability, note: str = "") -> None:
        """Let others see it on this connection and those after it, see ``PresenceServices``."""
        await super().publish(availability, note)
        self._wanted = (availability, note)

    async def renew(self, chat: PersistentChatEndpoint) -> None:
        """Publish and subscribe on a new connection what was published and subscribed to."""
        self._versions.clear()
        try:
            sign_in = chat.endpoint._signed_in
            if self._wanted is not None:
                await self._publish(sign_in, *self._wanted)
            for view in list(self._views):
                if not view.is_closed:
                    await self._open(sign_in, view)
        except PerchatError as error:  # of a lost connection another one is on its way
            _log.warning("presence was not taken up again: %s", error)

    # --- inside ---

    async def _open(self, sign_in: SignedIn, view: PresenceView) -> None:
        await super()._open(sign_in, view)
        self._views.add(view)

    async def _on(self, work: Callable[[SignedIn], Awaitable[_Result]]) -> _Result:
        async def attempt(
            chat: PersistentChatEndpoint,
        ) -> tuple[_Result, None] | tuple[None, PublishSubscribeError]:
            try:
                return await work(chat.endpoint._signed_in), None
            except PublishSubscribeError as error:  # an answer, and no lost connection
                return None, error

        async with self._lives.patience("presence"):
            result, refused = await self._lives.through(attempt)
        if refused is not None:
            raise refused
        return result  # type: ignore[return-value]  # one of them is there
