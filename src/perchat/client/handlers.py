"""
Handlers: events for those who would rather be called than ask.

A handler is called with one event at a time, in order, from the loop; a coroutine
function is awaited. It holds up nobody but itself, and what it raises is logged:
neither the connection nor other readers notice.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Handler"]

_log = logging.getLogger("perchat.chat")
_Event = TypeVar("_Event")
_MOST_WAITING = 1000  # events


class Handler(Generic[_Event]):
    """One kind of event, and the function that is called with it."""

    def __init__(self, kind: type[_Event], call: Callable[[_Event], object]) -> None:
        self._kind = kind
        self._call = call
        self._waiting: deque[_Event] = deque()
        self._lost = 0
        self._task: asyncio.Task[None] | None = None

    def offer(self, event: object) -> None:
        """Take an event of this kind; beyond the bound the oldest is dropped."""
        if not isinstance(event, self._kind):
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._drop()
        self._waiting.append(event)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work(), name="a handler")

    def close(self) -> None:
        """Forget what waits; a call under way ends by itself."""
        self._waiting.clear()

    def _drop(self) -> None:
        if not self._lost:
            _log.warning(
                "a handler of %s is too slow: more than %d events wait for it",
                self._kind.__name__,
                _MOST_WAITING,
            )
        self._lost += 1
        self._waiting.popleft()

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._one(self._waiting.popleft())
        finally:
            self._task = None

    async def _one(self, event: _Event) -> None:
        try:
            result = self._call(event)
            if inspect.isawaitable(result):
                await result
        except Exception:
            _log.exception("a handler of %s failed", self._kind.__name__)
