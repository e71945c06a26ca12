"""
Telling a room what was said: to everybody at once, or as much as a slice of time holds.

A room of thousands takes tenths of a second to tell. Whoever is not in it must not
wait for that: when a slice is used up everything else has its turn, and several large
rooms take turns. Within a room what is said first is told first, and what came
together leaves in one write a client. What is behind is bounded: beyond, the journal
is not read on until some is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.model.uri import RoomUri
    from perchat.server.session import ChatSession

__all__ = ["Rounds"]

_log = logging.getLogger(__name__)
_SLICE = 0.03  # seconds that a room is told before everything else has its turn
_MANY = 128  # sessions whose connections write together, the second core with them
_BEHIND = 64  # things to tell before the journal waits


@dataclass(slots=True)
class _Round:
    """What to tell, whom, and how many of them know it already."""

    audience: Sequence[ChatSession]
    ends: list[Callable[[ChatSession], bytes]]
    told: int = 0


class Rounds:
    """What the rooms of this node are being told."""

    def __init__(
        self,
        belonging: Callable[[RoomUri], Callable[[ChatSession], bool]],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take what returns who is to hear a room still, asked when they are told."""
        self._belonging = belonging
        self._clock = clock
        self._rooms: dict[RoomUri, deque[_Round]] = {}
        self._fresh: list[RoomUri] = []  # of which nothing was told
        self._count = 0
        self._due = asyncio.Event()
        self._room_for_more = asyncio.Event()
        self._room_for_more.set()

    def put(
        self,
        room: RoomUri,
        audience: Sequence[ChatSession],
        end_for: Callable[[ChatSession], bytes],
    ) -> None:
        """Have sessions of a room told what ``end_for`` returns, after all that was put before."""
        behind = self._rooms.get(room)
        if behind is None:
            behind = self._rooms[room] = deque()
            self._fresh.append(room)
        if behind and not behind[-1].told and behind[-1].audience == audience:
            behind[-1].ends.append(end_for)  # told in one go: one write a connection
        else:
            behind.append(_Round(audience, [end_for]))
        self._count += 1
        if self._count >= _BEHIND:
            self._room_for_more.clear()

    def begin(self) -> None:
        """Tell what was put since, as far as a slice for each room goes."""
        fresh, self._fresh = self._fresh, []
        for room in fresh:
            self._tell_some(room, self._rooms[room])
        if self._rooms:
            self._due.set()

    def __contains__(self, room: object) -> bool:
        """Whether something that was put for a room was not told to everybody."""
        return room in self._rooms

    @property
    def is_full(self) -> bool:
        """Whether so much is behind that nothing should be put."""
        return self._count >= _BEHIND

    async def room_for_more(self) -> None:
        """Wait until not too much is behind."""
        await self._room_for_more.wait()

    async def run(self) -> None:
        """Make the rounds until cancelled."""
        while True:
            await self._due.wait()
            for room in tuple(self._rooms):
                await asyncio.sleep(0)
                self._tell_some(room, self._rooms[room])
            if not self._rooms:
                self._due.clear()

    def _tell_some(self, room: RoomUri, behind: deque[_Round]) -> None:
        belongs, clock = self._belonging(room), self._clock
        until = clock() + _SLICE
        while behind:
            current = behind[0]
            # Only while the room keeps up: a machine that is behind has no core to spare.
            with_others = len(current.ends) == 1 and len(current.audience) >= _MANY
            for session in current.audience[current.told :] if current.told else current.audience:
                current.told += 1
                if belongs(session):
                    self._tell(session, room, current.ends, with_others=with_others)
                if clock() >= until:
                    break
            if current.told < len(current.audience):
                return
            self._done(behind.popleft())
        del self._rooms[room]

    def _tell(
        self,
        session: ChatSession,
        room: RoomUri,
        ends: Sequence[Callable[[ChatSession], bytes]],
        *,
        with_others: bool,
    ) -> None:
        try:
            session.tell([end_for(session) for end_for in ends], with_others=with_others)
        except Exception:
            _log.exception("session %s was not told of %s", session.id, room)

    def _done(self, told: _Round) -> None:
        self._count -= len(told.ends)
        if self._count < _BEHIND:
            self._room_for_more.set()
