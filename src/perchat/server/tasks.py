"""Work that nobody waits for: owned by one group, so that none is lost or left over."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from perchat.chat.refusal import Refusal
from perchat.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

__all__ = ["Tasks"]

_log = logging.getLogger(__name__)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Tasks:
    """Starts coroutines in a group; one that fails is logged and harms no other."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, None], what: str) -> None:
        """Run ``coroutine``; ``what`` names it in the log."""
        task = self._group.create_task(_shielded(coroutine, what), name=what)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def insist(self, act: Callable[[], Awaitable[object]], what: str) -> None:
        """Run ``act`` until the store lets it through, pausing longer each time."""
        self.spawn(_insist(act, what), what)

    def __len__(self) -> int:
        return len(self._running)

    async def idle(self) -> None:
        """Wait until nothing runs, also not what was started meanwhile."""
        while self._running:
            await asyncio.wait(list(self._running))

    def names(self) -> list[str]:
        """Return what runs, for the log."""
        return sorted(task.get_name() for task in self._running)

    def cancel(self) -> None:
        """Stop what still runs."""
        for task in self._running:
            task.cancel()


async def _shielded(coroutine: Coroutine[Any, Any, None], what: str) -> None:
    try:
        await coroutine
    except Exception:
        _log.exception("%s failed", what)


async def _insist(act: Callable[[], Awaitable[object]], what: str) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            problem = await act()
        except StorageError as error:
            problem = error
        if not isinstance(problem, (Refusal, StorageError)):
            return
        _log.warning("%s: trying again in %.1f s: %s", what, pause, problem)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
