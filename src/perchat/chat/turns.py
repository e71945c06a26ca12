"""Going through much without holding up others."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

__all__ = ["Turn", "patiently"]

T = TypeVar("T")
_SLICE = 0.005  # seconds; a wait that nobody notices


class Turn:
    """The time that one piece of work has before everything else is due."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._until = clock() + _SLICE

    @property
    def is_over(self) -> bool:
        """Whether others are due."""
        return self._clock() >= self._until

    async def pass_on(self) -> None:
        """Let others have theirs; then it is ours again."""
        await asyncio.sleep(0)
        self._until = self._clock() + _SLICE


async def patiently(
    everything: Iterable[T], clock: Callable[[], float] = monotonic
) -> AsyncIterator[T]:
    """Yield one after the other; whenever a turn is over, others have theirs."""
    turn = Turn(clock)
    for one in everything:
        yield one
        if turn.is_over:
            await turn.pass_on()
