"""
A worker process: does its part of the load and says what came of it.

Standard input and output are the line to the controller. When the line breaks, the
controller is gone and there is nobody to measure for: the process ends.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import sys
from typing import TYPE_CHECKING, TypeVar

from perchat.errors import LocalProtocolError
from perchat.loadgen.crowd import Crowd
from perchat.loadgen.messages import (
    Arrived,
    Assignment,
    Begin,
    Expect,
    Heard,
    Outcome,
    Posted,
    Progress,
    Stop,
    Verify,
    receive,
    send,
)

if TYPE_CHECKING:
    from perchat.loadgen.messages import Message

__all__ = ["COMMAND", "main"]

_T = TypeVar("_T")
COMMAND = (sys.executable, "-c", "from perchat.loadgen.worker import main; main()")
"""What starts a worker."""


class _Done(Exception):
    """There is no more to do; ends what runs beside."""


class _Worker:
    """The course of one worker, and its ear for the controller."""

    def __init__(
        self, assignment: Assignment, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._crowd = Crowd(assignment)
        self._reader = reader
        self._writer = writer
        self._orders: asyncio.Queue[Message] = asyncio.Queue()

    async def run(self) -> None:
        """Arrive, post, wait, tell, leave; each step when the controller says so."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                group.create_task(self._report())
                await self._course(group)
                raise _Done
        except* _Done:
            pass

    async def _course(self, group: asyncio.TaskGroup) -> None:
        crowd = self._crowd
        await crowd.arrive(group)
        await self._say(_arrived(crowd))
        gc.collect()
        gc.freeze()  # what is there stays: no pauses to look through it
        begin = await self._ordered(Begin)
        before = _cpu()
        await crowd.post(begin.at)
        spent = _cpu() - before
        await self._say(_posted(crowd))
        await crowd.hear((await self._ordered(Expect)).counts)
        await self._say(Heard(board=crowd.board.rooms, audience=crowd.audience()))
        await self._say(_outcome(crowd, (await self._ordered(Verify)).ids, spent))
        crowd.leave()
        await asyncio.sleep(0)  # what was said last is on its way

    async def _ordered(self, kind: type[_T]) -> _T:
        order = await self._orders.get()
        if not isinstance(order, kind):
            raise LocalProtocolError(f"{type(order).__name__} came, not {kind.__name__}")
        return order

    async def _listen(self) -> None:
        while True:
            try:
                order = await receive(self._reader)
            except (EOFError, ConnectionError):
                raise _Done from None
            if isinstance(order, Stop):
                self._crowd.stop()
            else:
                self._orders.put_nowait(order)

    async def _report(self) -> None:
        crowd = self._crowd
        while True:
            await asyncio.sleep(1.0)
            progress = Progress(present=crowd.present, posted=crowd.posted, heard=crowd.heard)
            await self._say(progress)

    async def _say(self, message: Message) -> None:
        try:
            await send(self._writer, message)
        except ConnectionError:
            raise _Done from None


def _arrived(crowd: Crowd) -> Arrived:
    errors = dict(crowd.errors)
    crowd.errors.clear()
    return Arrived(
        present=crowd.present,
        sign_ins=crowd.sign_ins.counts,
        joins=crowd.joins.counts,
        errors=errors,
    )


def _posted(crowd: Crowd) -> Posted:
    return Posted(
        begun=crowd.posted,
        stored=crowd.stored,
        refused=dict(crowd.refused),
        unknown=crowd.unknown,
        late=crowd.late,
        receipts=crowd.receipts.counts,
    )


def _outcome(crowd: Crowd, ids: dict[int, list[int]], cpu: float) -> Outcome:
    faults = crowd.faults(ids)
    return Outcome(
        heard=crowd.heard,
        lost=faults.lost,
        duplicated=faults.duplicated,
        misordered=faults.misordered,
        torn=crowd.board.torn,
        lost_sessions=crowd.lost_sessions,
        deliveries=crowd.deliveries.counts(),
        away=crowd.away.counts,
        errors=dict(crowd.errors),
        cpu=cpu,
    )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _work() -> None:
    loop = asyncio.get_running_loop()
    reader, unread = asyncio.StreamReader(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(unread), sys.stdout
    )
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        assignment = await receive(reader)
    except EOFError:
        return  # the controller went before it said anything
    if not isinstance(assignment, Assignment):
        raise LocalProtocolError("a worker is told first what to do")
    await _Worker(assignment, reader, writer).run()


def main() -> None:
    """Work as a worker process; Ctrl-C is for the controller."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_work())
