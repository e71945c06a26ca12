"""
What a client asks of one session, in order and bounded.

A command has the session to itself: it starts when all before it is done, and nothing
after it starts before its end. Posts run side by side, each begun in its turn, so that
those which come together are made durable together. A command is a task; a post is too
small for one, and says itself when it is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from perchat.server.tasks import Tasks

__all__ = ["Act", "Inbox", "Waiting", "Work"]

_log = logging.getLogger(__name__)

Work: TypeAlias = "Callable[[], Coroutine[object, None, None]]"
Act: TypeAlias = "Callable[[], None]"
Waiting: TypeAlias = "Work | tuple[object, Act]"
"""A command's work, or the name of a post and how it begins."""


class Inbox:
    """The work of one session."""

    __slots__ = ("_beside", "_name", "_quiet", "_tasks", "_waiting", "_working")

    def __init__(self, tasks: Tasks, name: str) -> None:
        self._tasks = tasks
        self._name = name
        self._waiting: deque[Waiting] = deque()
        self._working = False
        self._beside: set[object] = set()
        self._quiet: asyncio.Future[None] | None = None  # when nothing runs beside any more

    def __len__(self) -> int:
        """Return how much is not done."""
        return len(self._waiting) + len(self._beside)

    def put(self, work: Work, *, at_once: bool = False) -> None:
        """Do something in its turn, with nothing beside it; ``at_once``: it awaits nothing."""
        if at_once and not self._working and not self:
            _finish(work())
            return
        self._waiting.append(work)
        if not self._working:
            self._working = True
            self._tasks.spawn(self._work_off(), self._name)

    def put_next(self, works: Sequence[Waiting]) -> None:
        """Have work that came of the one under way done before all that waits."""
        self._waiting.extendleft(reversed(works))

    def begin(self, name: object, act: Act) -> None:
        """Begin something in its turn, now if it may; it lasts until ``ended`` is told its name."""
        if self._working:
            self._waiting.append((name, act))
        else:
            self._begin(name, act)

    def ended(self, name: object) -> None:
        """Take note that what was begun is done; harmless when that is known."""
        self._beside.discard(name)
        if not self._beside and self._quiet is not None:
            self._quiet.set_result(None)
            self._quiet = None

    def clear(self) -> None:
        """Forget what has not begun."""
        self._waiting.clear()

    def _begin(self, name: object, act: Act) -> None:
        self._beside.add(name)
        try:
            act()
        except Exception:  # the others have not failed
            _log.exception("%s failed", self._name)
            self.ended(name)

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                one = self._waiting.popleft()
                if isinstance(one, tuple):
                    self._begin(*one)
                else:
                    await self._until_quiet()
                    await one()
            self._working = False
        except BaseException:  # the others have not failed
            self._tasks.spawn(self._work_off(), self._name)
            raise

    async def _until_quiet(self) -> None:
        if self._beside:
            self._quiet = asyncio.get_running_loop().create_future()
            await self._quiet


def _finish(work: Coroutine[object, None, None]) -> None:
    """Run what awaits nothing to its end, without a task."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("something awaits that was to be done at once")
