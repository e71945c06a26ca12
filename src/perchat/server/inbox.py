"""
What a client asks of one session, in order and bounded.

A command has the session to itself: it starts when all before it is done, and nothing
after it starts before its end. Posts run side by side, each begun in its turn, so that
those which come together are made durable together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perchat.server.tasks import Tasks

__all__ = ["Inbox", "Work"]

Work: TypeAlias = "Callable[[], Awaitable[None]]"


class Inbox:
    """The work of one session."""

    __slots__ = ("_beside", "_name", "_quiet", "_tasks", "_waiting", "_working")

    def __init__(self, tasks: Tasks, name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._waiting: deque[tuple[Work, bool]] = deque()
        self._working = False
        self._beside = 0
        self._quiet: asyncio.Future[None] | None = None  # when nothing runs beside any more

    def __len__(self) -> int:
        """Return how much is not done."""
        return len(self._waiting) + self._beside

    def put(self, work: Work, *, alone: bool) -> None:
        """Do something in its turn; ``alone``: with nothing beside it."""
        if not alone and not self._working:
            self._start_beside(work)
            return
        self._waiting.append((work, alone))
        if not self._working:
            self._working = True
            self._tasks.spawn(self._work_off(), self._name)

    def clear(self) -> None:
        """Forget what has not begun."""
        self._waiting.clear()

    def _start_beside(self, work: Work) -> None:
        self._beside += 1
        self._tasks.spawn(self._do_beside(work), self._name)

    async def _do_beside(self, work: Work) -> None:
        try:
            await work()
        finally:
            self._beside -= 1
            if not self._beside and self._quiet is not None:
                self._quiet.set_result(None)
                self._quiet = None

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                work, alone = self._waiting.popleft()
                if alone:
                    await self._until_quiet()
                    await work()
                else:
                    self._start_beside(work)
            self._working = False
        except BaseException:  # the others have not failed
            self._tasks.spawn(self._work_off(), self._name)
            raise

    async def _until_quiet(self) -> None:
        if self._beside:
            self._quiet = asyncio.get_running_loop().create_future()
            await self._quiet
