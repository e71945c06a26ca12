"""Threads for what blocks: a few, of their own, so that nobody else waits for them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Threads"]

T = TypeVar("T")


class Threads:
    """Runs functions, so many at a time; the others wait in line."""

    def __init__(self, count: int, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(count, name)

    async def run(self, act: Callable[[], T]) -> T:
        """Return what ``act`` returns, or raise what it raises."""
        return await self._loop.run_in_executor(self._pool, act)

    def close(self) -> None:
        """Begin nothing any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
