"""Invitations, those that the service kept first, then those that come, each once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from perchat.client.streams import EventStream
    from perchat.model.invitation import Invitation

__all__ = ["InvitationStream"]

_REMEMBERED = 1000  # ids of stored ones, which may come by themselves, too


class InvitationStream:
    """An async iterator over invitations from the moment it was made."""

    def __init__(
        self,
        live: EventStream[Invitation],
        since: int | None,
        stored: Callable[[int], Awaitable[list[Invitation]]],
    ) -> None:
        """Go on from ``since``, if given; ``stored`` returns a page of what follows an id."""
        self._live = live
        self._since = since
        self._stored = stored
        self._kept: deque[Invitation] = deque()
        self._told: deque[int] = deque(maxlen=_REMEMBERED)

    @property
    def lost(self) -> int:
        """How many were dropped because nobody read them in time."""
        return self._live.lost

    def close(self) -> None:
        """Stop listening; safe to repeat."""
        self._kept.clear()
        self._live.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Invitation:
        while self._since is not None and len(self._kept) <= 1:  # before the last one is told,
            await self._next_page(self._since)  # so that nobody asks once the chat is over
        if self._kept:
            return self._kept.popleft()
        return await self._next_live()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def _next_page(self, since: int) -> None:
        page = await self._stored(since)
        self._kept.extend(page)
        self._told.extend(invitation.id for invitation in page)
        self._since = page[-1].id if page else None

    async def _next_live(self) -> Invitation:
        while True:
            invitation = await anext(self._live)
            if invitation.id not in self._told:
                return invitation
