"""
Share an HTTP service's connections between addresses; unfinished ones give way.

Opening a connection and saying nothing, or half a request, costs a stranger nothing. So
who has not asked for anything yet, or not to its end, keeps a place only while there is
room: of the address that has most of them the oldest is closed for a newcomer. A request
that has arrived whole is always answered.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from perchat.net.quota import network_of
from perchat.net.ratelog import RateLimitedLog

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["HttpShares", "Phase"]

_log = logging.getLogger("perchat.net")

Member = TypeVar("Member", bound="Hashable")


class Phase(IntEnum):
    """How far a connection is; the first give way before the second, the last never."""

    IDLE = 0
    RECEIVING = 1
    ANSWERING = 2


@dataclass(slots=True)
class _Place:
    key: str
    phase: Phase
    since: int


class HttpShares(Generic[Member]):
    """
    The connections of one service.

    Attributes:
        closed: How many were closed to make room.
        refused: How many were answered 503, as every place was answering somebody.
        log: Where that is said, now and then.

    """

    def __init__(self, connections: int, of_one_address: int) -> None:
        """Take the bounds, in open connections."""
        self._most = connections
        self._most_of_one = of_one_address
        self._places: dict[Member, _Place] = {}
        self._counts: dict[str, int] = {}
        self._order = itertools.count()
        self.closed = self.refused = 0
        self.log = RateLimitedLog()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._places)

    def enter(self, member: Member, host: str) -> tuple[list[Member], bool]:
        """
        Take in a new connection.

        Returns:
            Who has to be closed for it, and whether it has a place; without one it is to be
            answered 503, and gives way to the next.

        """
        key = network_of(host)
        self._places[member] = _Place(key, Phase.IDLE, next(self._order))
        self._counts[key] = self._counts.get(key, 0) + 1
        giving_way: list[Member] = []
        while self._crowded(key) and (one := self._next_to_go(member, key)) is not None:
            self.leave(one)
            giving_way.append(one)
        placed = not self._crowded(key)
        self._count(host, len(giving_way), placed=placed)
        return giving_way, placed

    def move(self, member: Member, phase: Phase) -> None:
        """Take note of how far a connection is; harmless when it is not here any more."""
        place = self._places.get(member)
        if place is not None and place.phase is not phase:
            place.phase, place.since = phase, next(self._order)

    def leave(self, member: Member) -> None:
        """Let one go; safe to repeat."""
        place = self._places.pop(member, None)
        if place is None:
            return
        self._counts[place.key] -= 1
        if not self._counts[place.key]:
            del self._counts[place.key]

    def _crowded(self, key: str) -> bool:
        return len(self._places) > self._most or self._counts[key] > self._most_of_one

    def _next_to_go(self, new: Member, key: str) -> Member | None:
        """Return who goes first of the unfinished: of this address if that has too many."""
        found = [
            (-self._counts[place.key], place.phase, place.since, member)
            for member, place in self._places.items()
            if member is not new and place.phase is not Phase.ANSWERING
        ]
        if self._counts[key] > self._most_of_one:
            own = [one for one in found if self._places[one[3]].key == key]
            found = own or (found if len(self._places) > self._most else [])
        return min(found, key=lambda one: one[:3])[3] if found else None

    def _count(self, host: str, closed: int, *, placed: bool) -> None:
        self.closed += closed
        if closed:
            self.log.write(
                _log,
                logging.WARNING,
                "closed",
                "unfinished HTTP connections closed: too many are open, and %s opened another",
                host,
            )
        if not placed:
            self.refused += 1
            self.log.write(
                _log,
                logging.WARNING,
                "refused",
                "HTTP connection of %s refused: too many are busy",
                host,
            )
