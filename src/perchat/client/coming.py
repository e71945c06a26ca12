"""Something that comes, goes, comes again, and is over one day; others wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Coming"]

_Value = TypeVar("_Value")


class Coming(Generic[_Value]):
    """A value that is there at times."""

    def __init__(self) -> None:
        self.now: _Value | None = None
        self._over: Callable[[], Exception] | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def come(self, value: _Value) -> None:
        """Have the value be there; those who wait get it in the order they came."""
        self.now = value
        self._wake()

    def go(self, value: _Value) -> None:
        """Have it gone, unless another one has come since."""
        if self.now is value:
            self.now = None

    def end(self, error: Callable[[], Exception]) -> None:
        """Have it never come again; whoever waits gets an ``error`` of his own."""
        self.now = None
        self._over = self._over or error
        self._wake()

    async def wait(self) -> _Value:
        """Return the value once it is there; raises what ``end`` was given."""
        while self.now is None:
            if self._over is not None:
                raise self._over()
            await self._woken()
        return self.now

    async def _woken(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
