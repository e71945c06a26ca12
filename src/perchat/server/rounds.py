"""
Telling many, a slice a turn.

A room of thousands takes tenths of a second to tell. Whoever is not in it must not
wait for that, so a large audience is told in slices between which everything else has
its turn, and several large rooms take turns. Within a room what is said first is told
first. What is behind is bounded: beyond, the journal is not read on until some is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.model.uri import RoomUri
    from perchat.server.session import ChatSession

__all__ = ["Rounds"]

_log = logging.getLogger(__name__)
_AT_ONCE = 200  # so many sessions are told there and then
_SLICE = 200  # things told in one turn; with their answers, some ten milliseconds
_BEHIND = 64  # things to tell before the journal waits


@dataclass(slots=True)
class _Round:
    """What to tell, whom, and how many of them know it already."""

    audience: Sequence[ChatSession]
    ends: list[Callable[[ChatSession], bytes]]
    told: int = 0


class Rounds:
    """What the rooms of this node are being told."""

    def __init__(self, belonging: Callable[[RoomUri], Callable[[ChatSession], bool]]) -> None:
        """Take what returns who is to hear a room still, asked when they are told."""
        self._belonging = belonging
        self._rooms: dict[RoomUri, deque[_Round]] = {}
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
        """Tell sessions of a room what ``end_for`` returns, behind what they are being told."""
        behind = self._rooms.get(room)
        if behind is None and len(audience) <= _AT_ONCE:
            for session in audience:
                session.outbox.put(end_for(session))
            return
        if behind is None:
            behind = self._rooms[room] = deque()
        self._count += 1
        if behind and not behind[-1].told and behind[-1].audience == audience:
            behind[-1].ends.append(end_for)  # told in one go: one write a connection
        else:
            behind.append(_Round(audience, [end_for]))
        self._due.set()
        if self._count >= _BEHIND:
            self._room_for_more.clear()

    async def room_for_more(self) -> None:
        """Wait until not too much is behind."""
        await self._room_for_more.wait()

    async def run(self) -> None:
        """Make the rounds until cancelled."""
        while True:
            await self._due.wait()
            for room in tuple(self._rooms):
                self._tell_some(room, self._rooms[room])
                await asyncio.sleep(0)
            if not self._rooms:
                self._due.clear()

    def _tell_some(self, room: RoomUri, behind: deque[_Round]) -> None:
        current = behind[0]
        start = current.told
        current.told += max(1, _SLICE // len(current.ends))
        belongs = self._belonging(room)
        for session in current.audience[start : current.told]:
            try:
                if belongs(session):
                    for end_for in current.ends:
                        session.outbox.put(end_for(session))
            except Exception:
                _log.exception("session %s was not told of %s", session.id, room)
        if current.told >= len(current.audience):
            behind.popleft()
            self._count -= len(current.ends)
            self._room_for_more.set()
        if not behind:
            del self._rooms[room]
