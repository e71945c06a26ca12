"""
Telling followers that the journal may have grown.

A wake-up carries no content and may be lost: behind it stands a slow poll, so
losing one costs latency and never an entry.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

__all__ = ["LocalWakeup", "Wakeup"]


class Wakeup(Protocol):
    """Wakes whoever waits, on this node and possibly on others."""

    @property
    def count(self) -> int:
        """How often it was woken; read it before reading the journal."""

    def wake(self) -> None:
        """Tell all followers to read."""

    async def wait(self, seen: int, within: float) -> None:
        """Return once ``count`` is not ``seen`` any more, or after so many seconds."""


class LocalWakeup:
    """Wakes followers in this process, on the event loop they share."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def count(self) -> int:
        """See Wakeup.count."""
        return self._count

    def wake(self) -> None:
        """See Wakeup.wake."""
        self._count += 1
        for waiter in self._waiting:
            _end(waiter)
        self._waiting.clear()

    async def wait(self, seen: int, within: float) -> None:
        """See Wakeup.wait."""
        if self._count != seen:
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.add(waiter)
        timer = loop.call_later(within, _end, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting.discard(waiter)


def _end(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
