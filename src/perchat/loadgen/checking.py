"""
Was every message heard by everyone, once, and in the same order?

A session keeps the ids of what it heard in a room, eight bytes each. The server numbers
messages in the order in which they became true; so what a session heard is right when it
is that sequence, without a gap and without a step back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Board", "Faults", "faults_of"]


@dataclass(frozen=True, slots=True)
class Faults:
    """
    What went wrong with deliveries.

    Attributes:
        lost: Stored, and not heard by somebody who was there.
        duplicated: Heard again.
        misordered: Heard after something that was said later.

    """

    lost: int = 0
    duplicated: int = 0
    misordered: int = 0

    def __add__(self, other: Faults) -> Faults:
        return Faults(
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.misordered + other.misordered,
        )


def faults_of(heard: array[int], expected: Sequence[int], *, since: int = 0) -> Faults:
    """
    Hold what one session heard in one room against what was said there.

    Args:
        heard: Ids in the order in which they came.
        expected: All ids of the room, ascending.
        since: Ids up to this one it need not have heard: it came later.

    """
    if len(heard) == len(expected) and all(map(int.__eq__, heard, expected)):
        return Faults()
    known = frozenset(heard)
    lost = sum(one > since and one not in known for one in expected)
    seen: set[int] = set()
    newest = misordered = 0
    for one in heard:
        if one not in seen:
            seen.add(one)
            misordered += one < newest
            newest = max(newest, one)
    return Faults(lost, len(heard) - len(known), misordered)


class Board:
    """
    Which message of a room is which post, as the sessions of this process heard it.

    Attributes:
        rooms: By room: post by id.
        torn: Messages that said to different sessions what different posts are.

    """

    def __init__(self) -> None:
        self.rooms: dict[int, dict[int, int]] = {}
        self.torn = 0

    def note(self, room: int, message: int, post: int) -> None:
        """Take note of what somebody heard."""
        known = self.rooms.setdefault(room, {}).setdefault(message, post)
        self.torn += known != post

    def merge(self, rooms: Mapping[int, Mapping[int, int]]) -> None:
        """Add what another process heard."""
        for room, posts in rooms.items():
            for message, post in posts.items():
                self.note(room, message, post)

    def ids(self) -> dict[int, list[int]]:
        """Return the ids of each room, ascending."""
        return {room: sorted(posts) for room, posts in self.rooms.items()}

    def stored_twice(self) -> int:
        """Return how many posts became more than one message."""
        return sum(len(posts) - len(set(posts.values())) for posts in self.rooms.values())

    def unheard(self, room: int, posts: Iterable[int]) -> int:
        """Return how many of these posts nobody heard."""
        return len(set(posts) - set(self.rooms.get(room, {}).values()))
