"""The worker processes, as their controller sees them: started, told, listened to, ended."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from perchat.errors import ConfigurationError, PerchatError
from perchat.loadgen.messages import Assignment, Progress, Seat, receive, send
from perchat.loadgen.plan import user_name
from perchat.loadgen.worker import COMMAND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from perchat.loadgen.messages import Message, Target
    from perchat.loadgen.plan import Plan

__all__ = ["Hand", "Options", "assignments", "check_files", "hands"]

_T = TypeVar("_T")
_FILES = 64  # that a worker has open besides its sessions
_PATIENCE = 5.0  # seconds for a worker to end by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    How a plan is carried out.

    Attributes:
        workers: Processes.
        concurrency: Sign-ins under way at once, over all of them.
        size: Characters of a message.
        patience: Seconds to wait for answers, and for what is on its way at the end.

    """

    workers: int = 1
    concurrency: int = 32
    size: int = 100
    patience: float = 30.0


@dataclass(eq=False, slots=True)
class Hand:
    """
    One worker.

    Attributes:
        progress: What it said last of how it goes.

    """

    process: asyncio.subprocess.Process
    progress: Progress = field(default_factory=lambda: Progress(present=0, posted=0, heard=0))
    _inbox: asyncio.Queue[Message | None] = field(default_factory=asyncio.Queue)

    async def listen(self) -> None:
        """Take what it says until it is gone."""
        reader = self.process.stdout
        assert reader is not None
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                said = await receive(reader)
                if isinstance(said, Progress):
                    self.progress = said
                else:
                    self._inbox.put_nowait(said)
        self._inbox.put_nowait(None)

    async def tell(self, message: Message) -> None:
        """Say something to it."""
        writer = self.process.stdin
        assert writer is not None
        with contextlib.suppress(ConnectionError):  # its silence will tell
            await send(writer, message)

    async def said(self, kind: type[_T]) -> _T:
        """
        Wait for it to say something of a kind.

        Raises:
            PerchatError: It has ended.

        """
        said = await self._inbox.get()
        if not isinstance(said, kind):
            raise PerchatError("a worker of the load generator has ended; see what it wrote above")
        return said

    async def end(self) -> None:
        """See that it ends."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


def check_files(plan: Plan, options: Options) -> None:
    """Raise ConfigurationError when a worker could not have as many sockets as it needs."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = -(-plan.seats // options.workers) + _FILES
    if hard != resource.RLIM_INFINITY and most > hard:
        raise ConfigurationError(
            f"{plan.seats} sessions in {options.workers} workers need {most} open files each and"
            f" {hard} are allowed: take more --workers, or raise the limit (ulimit -Hn)"
        )


def assignments(
    plan: Plan, target: Target, rooms: Sequence[str], options: Options
) -> Iterator[Assignment]:
    """Share a plan out: seats one by one, and to each worker what its seats do."""
    run, own, count = secrets.token_hex(4), plan.rooms_of(), options.workers
    for worker in range(count):
        seats = range(worker, plan.seats, count)
        mine = frozenset(seats)
        yield Assignment(
            run=run,
            target=target,
            seats=tuple(Seat(seat, user_name(seat), own[seat]) for seat in seats),
            rooms=tuple(rooms),
            posts=tuple(post for post in plan.posts if post.seat in mine),
            returns=tuple(one for one in plan.returns if one[1] in mine),
            arrivals=_arrivals(plan.sign_in_rate, seats),
            concurrency=max(options.concurrency // count, 1),
            closed=plan.closed,
            posters=tuple(seat for seat in plan.posters if seat in mine),
            seconds=plan.seconds,
            size=options.size,
            returning=plan.returning,
            patience=options.patience,
        )


def _arrivals(rate: float, seats: range) -> tuple[float, ...]:
    return tuple(seat / rate for seat in seats) if rate else ()


@contextlib.asynccontextmanager
async def hands(work: Sequence[Assignment]) -> AsyncIterator[list[Hand]]:
    """Start a worker for each assignment; at the end none is left, whatever happened."""
    started: list[Hand] = []
    try:
        for assignment in work:
            hand = Hand(await _start())
            started.append(hand)
            await hand.tell(assignment)
        yield started
    finally:
        await asyncio.gather(*(hand.end() for hand in started))


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        process_group=0,  # Ctrl-C is for us: we end them when they have told what they found
    )
