"""
The seats of one worker process: they arrive, post on time, are lost and come back.

The load is open: a post is due when it is due, whether those before it were answered or
not, and what a receiver measures counts from then. So a server that stalls cannot hide it
by slowing its clients down.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perchat.errors import PerchatError, RealTimeError
from perchat.loadgen.checking import Board, Faults
from perchat.loadgen.latency import Latencies, Timeline
from perchat.loadgen.participant import Participant
from perchat.loadgen.plan import MOST_KEPT
from perchat.loadgen.renewals import renew
from perchat.model.uri import RoomUri
from perchat.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from perchat.loadgen.messages import Assignment, Post

__all__ = ["Crowd"]

_log = logging.getLogger("perchat.loadgen")
_LOOK = 0.05  # seconds between looks whether all has been heard
_BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds, times something between a half and one
_UNDER_WAY = 20_000  # posts without a receipt; what is due beyond is counted as unknown
_STORED = 200


class Crowd:
    """
    What the seats of one process share, and their common course.

    Attributes:
        deliveries: How long messages took from when they were due.
        sign_ins: How long it took from connecting to the dialog.
        joins: How long it took to join all rooms.
        heard: Deliveries in all.

    """

    def __init__(self, assignment: Assignment) -> None:
        self.target = assignment.target
        self.run, self.run_bytes = assignment.run, assignment.run.encode()
        self.size, self.patience = assignment.size, assignment.patience
        self.random = secrets.token_bytes
        self.rooms = tuple(map(RoomUri, assignment.rooms))
        self.numbers = {uri.encode(): number for number, uri in enumerate(self.rooms)}
        self.tls = client_context(_path(self.target.ca)) if self.target.tls else None
        self.board = Board()
        self.heard = self.posted = self.lost_sessions = self.unknown = 0
        self.sign_ins, self.joins, self.receipts = Latencies(), Latencies(), Latencies()
        self.away = Latencies()
        self.deliveries = Timeline(0.0)
        self.errors: Counter[str] = Counter()
        self.refused: Counter[int] = Counter()
        self.stored: dict[int, list[int]] = {}
        self.late = 0.0
        self._assignment = assignment
        self._chance = random.Random(assignment.run)  # noqa: S311 - for pauses
        self._participants = {seat.number: Participant(seat, self) for seat in assignment.seats}
        self._group: asyncio.TaskGroup
        self._coming_back: set[int] = set()
        self._leaving = False
        self._stopping = asyncio.Event()

    # the course

    @property
    def present(self) -> int:
        """How many are in their rooms."""
        return sum(one.present.is_set() for one in self._participants.values())

    async def arrive(self, group: asyncio.TaskGroup) -> None:
        """Bring everybody in; whoever cannot come is counted among the errors."""
        self._group = group
        work, begun = self._assignment, asyncio.get_running_loop().time()
        waiting = iter(list(enumerate(self._participants.values())))

        async def bring() -> None:
            for place, participant in waiting:
                due = begun + work.arrivals[place] if work.arrivals else begun
                if not await self._due(due):
                    return
                await self._tried(participant.arrive())

        async with asyncio.TaskGroup() as arriving:
            for _ in range(len(work.seats) if work.arrivals else work.concurrency):
                arriving.create_task(bring())
        clock = asyncio.get_running_loop().time
        group.create_task(renew(self._participants.values(), clock=clock))

    async def post(self, begin: float) -> None:
        """Make all posts, from the moment ``begin`` on, and wait for their receipts."""
        work = self._assignment
        self.deliveries = Timeline(begin, self.deliveries.seconds)
        async with asyncio.TaskGroup() as group:
            for at, seat in work.returns:
                group.create_task(self._leave_and_return(begin + at, seat))
            if work.closed:
                for seat in work.posters:
                    for _ in range(work.closed):
                        group.create_task(self._keep_posting(seat, begin))
            else:
                group.create_task(self._post_on_time(work.posts, begin))

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping.set()

    async def hear(self, counts: Mapping[int, int]) -> None:
        """Wait until everybody has heard as many messages, or until patience ends."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.patience
        while loop.time() < end and not self._all_heard(counts):  # noqa: ASYNC110 - an event
            await asyncio.sleep(_LOOK)  # would cost every delivery

    def leave(self) -> None:
        """Sign everybody out."""
        self._leaving = True
        for participant in self._participants.values():
            participant.leave()

    # findings

    def audience(self) -> dict[int, int]:
        """Return how many of these seats are in each room."""
        return dict(Counter(room for seat in self._assignment.seats for room in seat.rooms))

    def faults(self, ids: Mapping[int, Sequence[int]]) -> Faults:
        """Hold what everybody heard against what was said."""
        found = Faults()
        for participant in self._participants.values():
            found += participant.faults(ids)
        return found

    def _all_heard(self, counts: Mapping[int, int]) -> bool:
        return not self._coming_back and all(
            participant.count(room) >= counts.get(room, 0)
            for participant in self._participants.values()
            for room in participant.seat.rooms
        )

    # posting

    async def _post_on_time(self, posts: Sequence[Post], begin: float) -> None:
        under_way = 0

        async def post(one: Post, due: float) -> None:
            nonlocal under_way
            under_way += 1
            try:
                await self._post(one.seat, one.room, due)
            finally:
                under_way -= 1

        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            for one in posts:
                due = begin + one.at
                if not await self._due(due):
                    return
                self.late = max(self.late, (loop.time() - due) * 1000)
                if under_way < _UNDER_WAY:
                    group.create_task(post(one, due))
                else:
                    self.unknown += 1
                    self.errors["too many posts under way"] += 1

    async def _keep_posting(self, seat: int, begin: float) -> None:
        loop, end = asyncio.get_running_loop(), begin + self._assignment.seconds
        room = self._participants[seat].seat.rooms[0]
        await self._due(begin)
        while loop.time() < end and not self._stopping.is_set():
            if self.heard > MOST_KEPT:
                self.errors["ended early: more deliveries than can be checked"] += 1
                return
            if not await self._post(seat, room, loop.time()):
                return

    async def _post(self, seat: int, room: int, due: float) -> bool:
        """Post until it is known what became of it; whether it was stored."""
        participant, loop = self._participants[seat], asyncio.get_running_loop()
        post, end = participant.next_post(), due + self.patience
        self.posted += 1
        while True:
            try:
                status = await participant.say(room, post, due)
                break
            except RealTimeError as error:
                if not self._assignment.returning or loop.time() > end:
                    self._unknown(error)
                    return False
            if not await self._is_back(participant, end - loop.time()):
                self._unknown("a poster did not come back")
                return False
        self.receipts.add((loop.time() - due) * 1000)
        if status == _STORED:
            self.stored.setdefault(room, []).append(post)
        else:
            self.refused[status] += 1
        return status == _STORED

    async def _is_back(self, participant: Participant, patience: float) -> bool:
        try:
            async with asyncio.timeout(max(patience, 0.0)):
                await participant.present.wait()
        except TimeoutError:
            return False
        return True

    def _unknown(self, why: object) -> None:
        self.unknown += 1
        self.errors[f"a post's fate is unknown: {why}"] += 1

    # coming and going

    def lost(self, participant: Participant, reason: str) -> None:
        """Take note that a session ended without our doing; it comes back if it may."""
        if self._leaving:
            return
        self.lost_sessions += 1
        self.errors[f"a session was lost: {reason}"] += 1
        number = participant.seat.number
        if self._assignment.returning and number not in self._coming_back:
            self._coming_back.add(number)
            self._group.create_task(self._bring_back(participant))

    async def _bring_back(self, participant: Participant) -> None:
        loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        since = participant.lost_at or begun
        end, pauses = begun + self.patience, iter(_BACK_OFF)
        pause = 0.0
        while not participant.present.is_set() and loop.time() < end and not self._leaving:
            pause = next(pauses, _BACK_OFF[-1])
            await asyncio.sleep(pause * (0.5 + self._chance.random() / 2))
            await self._tried(participant.return_(), count=False)
        self._coming_back.discard(participant.seat.number)
        if participant.present.is_set():
            self.away.add((loop.time() - since) * 1000)
        elif not self._leaving:
            self.errors["a session did not come back"] += 1

    async def _leave_and_return(self, at: float, seat: int) -> None:
        if await self._due(at):
            participant = self._participants[seat]
            participant.leave()
            await self._tried(participant.return_())

    async def _tried(self, coming: Coroutine[Any, Any, None], *, count: bool = True) -> None:
        try:
            await coming
        except PerchatError as error:
            _log.info("%s", error)
            if count:
                self.errors[str(error)] += 1

    async def _due(self, moment: float) -> bool:
        """Wait until ``moment``; False when the course was stopped meanwhile."""
        try:
            async with asyncio.timeout_at(moment):
                await self._stopping.wait()
        except TimeoutError:
            return True
        return False


def _path(name: str) -> Path | None:
    return Path(name) if name else None
