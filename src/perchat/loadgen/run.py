"""
A run from beginning to end: everybody arrives, posts are made, all is heard, all is checked.

Each step begins when every worker has ended the one before. Ending it early shortens the
steps and leaves none out, so that also half a run is measured and checked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from perchat.loadgen.checking import Board
from perchat.loadgen.crew import assignments, hands
from perchat.loadgen.messages import (
    Arrived,
    Begin,
    Expect,
    Heard,
    Outcome,
    Posted,
    Stop,
    Verify,
)
from perchat.loadgen.summing import Findings, summed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from perchat.loadgen.crew import Hand, Options
    from perchat.loadgen.messages import Message, Target
    from perchat.loadgen.plan import Plan
    from perchat.loadgen.result import Result
    from perchat.loadgen.watching import Watch

__all__ = ["Director", "run_load"]

_T = TypeVar("_T")
_LEAD = 0.3  # seconds from the word to the first post
_TELLING = 2.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Director:
    """
    Who accompanies a run.

    Attributes:
        watch: Looks at the server.
        tell: Is told how it goes, a line at a time.
        stop: Set by who wants it to end early.
        crash: Loses the server, and has it come back; None: that is somebody else's work.

    """

    watch: Watch
    tell: Callable[[str], None]
    stop: asyncio.Event
    crash: Callable[[], Awaitable[None]] | None = None


async def run_load(
    plan: Plan, target: Target, rooms: Sequence[str], options: Options, director: Director
) -> Result:
    """
    Carry out a plan and return what came of it, also when it was stopped early.

    Args:
        plan: What to do.
        target: Where.
        rooms: The addresses of the plan's rooms, in its order.
        options: How.
        director: Who accompanies it.

    Raises:
        PerchatError: A worker process ended.

    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    work = list(assignments(plan, target, rooms, options))
    async with hands(work) as crew, asyncio.TaskGroup() as group:
        run = _Run(plan, crew, director)
        beside = [group.create_task(one) for one in run.beside()]
        try:
            findings = await run.through(group)
        finally:
            for task in beside:
                task.cancel()
    stopped = director.stop.is_set()
    return summed(plan, target, findings, started=started, stopped=stopped)


class _Run:
    def __init__(self, plan: Plan, crew: Sequence[Hand], director: Director) -> None:
        self._plan = plan
        self._crew = crew
        self._director = director
        self._step = "arriving"

    def beside(self) -> list[Coroutine[Any, Any, None]]:
        """Return what goes on all the time."""
        return [
            *(hand.listen() for hand in self._crew),
            self._director.watch.run(),
            self._pass_stop_on(),
            self._tell_progress(),
        ]

    async def through(self, group: asyncio.TaskGroup) -> Findings:
        watch, loop = self._director.watch, asyncio.get_running_loop()
        before = watch.look()
        arrived = await self._all_say(Arrived)
        settled = watch.look()
        begin = loop.time() + _LEAD
        crash = group.create_task(self._lose_server(begin))
        posted = await self._next("posting", Begin(begin), Posted)
        ended = loop.time()
        heard = await self._next("hearing", Expect(_counts(posted)), Heard)
        after = watch.look()
        crash.cancel()
        board = Board()
        for one in heard:
            board.merge(one.board)
        outcomes = await self._next("checking", Verify(board.ids()), Outcome)
        looks = (before, settled, after)
        return Findings(arrived, posted, heard, outcomes, board, begin, ended, looks, watch.looks)

    async def _next(self, step: str, order: Message, kind: type[_T]) -> list[_T]:
        self._step = step
        for hand in self._crew:
            await hand.tell(order)
        return await self._all_say(kind)

    async def _all_say(self, kind: type[_T]) -> list[_T]:
        return [await hand.said(kind) for hand in self._crew]

    async def _lose_server(self, begin: float) -> None:
        at, crash = self._plan.crash_at, self._director.crash
        if at is None:
            return
        await asyncio.sleep(begin + at - asyncio.get_running_loop().time())
        if crash is None:
            self._director.tell("now is the moment: end the server, and start it again")
        else:
            self._director.tell("the server is killed, and started again")
            await crash()

    async def _pass_stop_on(self) -> None:
        await self._director.stop.wait()
        self._director.tell("ending; what was measured is told")
        for hand in self._crew:
            await hand.tell(Stop())

    async def _tell_progress(self) -> None:
        while True:
            await asyncio.sleep(_TELLING)
            said = [hand.progress for hand in self._crew]
            present, posted = sum(p.present for p in said), sum(p.posted for p in said)
            heard = sum(p.heard for p in said)
            self._director.tell(
                f"{self._step}: {present} of {self._plan.seats} sessions,"
                f" {posted} posts, {heard} deliveries"
            )


def _counts(posted: Sequence[Posted]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in posted:
        for room, posts in one.stored.items():
            counts[room] = counts.get(room, 0) + len(posts)
    return counts
