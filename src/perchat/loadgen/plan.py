"""
The profiles: what each is made of, worked out ahead as numbers.

``model`` is the published user model of Lync Server 2013 Persistent Chat for 80,000
users, to be scaled: rooms of 30, 150 and 16,000, each user in 12, 2 and 2 of them, 24
messages and 10 sign-ins a second. The same numbers always give the same plan.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError
from perchat.loadgen.messages import Post

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_KEPT", "Plan", "Room", "loss", "model", "morning", "room", "user_name"]

_USERS = 80_000
_LAYERS = ((30, 32_000, 22.22, "small"), (150, 1_067, 1.67, "medium"))
_LARGE_SIZE, _LARGE_ROOMS, _LARGE_RATE = 16_000, 10, 0.15
_SIGN_INS = 10.0
_MOST_POSTS = 1_000_000
_MOST_SEATS = 100_000
MOST_KEPT = 50_000_000  # deliveries that can be checked, eight bytes each
_POSTERS = 5
_ROLL_CALL = 100.0  # posts a second, one a room, after a morning


def user_name(number: int) -> str:
    """Return the login name of a seat."""
    return f"load{number:06d}"


@dataclass(frozen=True, slots=True)
class Room:
    """A room by name, and who is in it."""

    name: str
    seats: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    A whole run.

    Attributes:
        seats: How many sessions, each of a user of its own.
        posts: In the order of time; empty with ``closed``.
        returns: When which seats sign out and in again.
        sign_in_rate: Sign-ins a second; 0: as fast as the server answers.
        closed: Posts that each of ``posters`` keeps under way; 0: by ``posts``.
        returning: Whether lost sessions come back.
        crash_at: Seconds after the beginning at which the server is to be lost.

    """

    profile: str
    seats: int
    rooms: tuple[Room, ...]
    seconds: float
    posts: tuple[Post, ...] = ()
    returns: tuple[tuple[float, int], ...] = ()
    sign_in_rate: float = 0.0
    closed: int = 0
    posters: tuple[int, ...] = ()
    returning: bool = False
    crash_at: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.seats <= _MOST_SEATS:
            raise ConfigurationError(f"{self.seats} sessions; 1 to {_MOST_SEATS} can be had")
        if len(self.posts) > _MOST_POSTS:
            raise ConfigurationError(f"{len(self.posts)} posts; at most {_MOST_POSTS} can be made")
        if self.deliveries > MOST_KEPT:
            raise ConfigurationError(
                f"{self.deliveries} deliveries; at most {MOST_KEPT} can be checked:"
                " make it shorter or smaller"
            )

    @property
    def deliveries(self) -> int:
        """How many deliveries the posts will be."""
        return sum(len(self.rooms[post.room].seats) for post in self.posts)

    def rooms_of(self) -> list[tuple[int, ...]]:
        """Return for each seat the numbers of its rooms."""
        found: list[list[int]] = [[] for _ in range(self.seats)]
        for number, room in enumerate(self.rooms):
            for seat in room.seats:
                found[seat].append(number)
        return [tuple(rooms) for rooms in found]


def room(sessions: int, rate: float, closed: int, seconds: float) -> Plan:
    """One room with everybody in it; ``closed`` posts always under way, or ``rate`` a second."""
    posters = tuple(range(min(_POSTERS, sessions)))
    return Plan(
        profile="room",
        seats=sessions,
        rooms=(Room("Load room", tuple(range(sessions))),),
        seconds=seconds,
        posts=() if closed else tuple(_even(rate, seconds, posters)),
        closed=-(-closed // len(posters)),
        posters=posters if closed else (),
    )


def loss(sessions: int, rate: float, seconds: float) -> Plan:
    """One room whose server is lost in the middle; everybody comes back and catches up."""
    posters = tuple(range(min(_POSTERS, sessions)))
    return Plan(
        profile="loss",
        seats=sessions,
        rooms=(Room("Load room", tuple(range(sessions))),),
        seconds=seconds,
        posts=tuple(_even(rate, seconds, posters)),
        returning=True,
        crash_at=seconds / 2,
    )


def model(factor: float, times: float, seconds: float) -> Plan:
    """The published model, ``factor`` of its users, with ``times`` its posts and sign-ins."""
    chance, seats = random.Random(2013), max(round(_USERS * factor), 2)  # noqa: S311 - a plan
    rooms: list[Room] = []
    posts: list[Post] = []
    stay = range(max(seats - seats // 10, 1))  # the others come and go
    for size, count, rate, kind in _LAYERS:
        own = _rooms(f"Load {kind}", size, round(count * factor), seats, chance)
        posts += _random_posts(own, len(rooms), rate * factor * times, seconds, stay, chance)
        rooms += own
    large, count = round(_LARGE_SIZE * factor), max(round(_LARGE_ROOMS * factor), 1)
    own = _rooms("Load large", large, count, seats, chance)
    posts += _random_posts(own, len(rooms), _LARGE_RATE * factor * times, seconds, stay, chance)
    rooms += own
    goers = [seat for seat in range(seats) if seat not in stay] or [seats - 1]
    leaving = _moments(_SIGN_INS * factor * times, seconds, chance)
    returns = tuple((at, goers[n % len(goers)]) for n, at in enumerate(leaving))
    return Plan(
        profile="model",
        seats=seats,
        rooms=tuple(rooms),
        seconds=seconds,
        posts=tuple(sorted(posts, key=lambda post: post.at)),
        returns=returns,
    )


def morning(users: int, joins: int, room_size: int, rate: float) -> Plan:
    """Everybody signs in and joins ``joins`` rooms; then a message in each room is a roll call."""
    chance = random.Random(2013)  # noqa: S311 - a plan
    rooms = _rooms(
        "Load morning", min(room_size, users), -(-users * joins // room_size), users, chance
    )
    posts = [
        Post(number / _ROLL_CALL, number, chance.choice(one.seats))
        for number, one in enumerate(rooms)
    ]
    return Plan(
        profile="morning",
        seats=users,
        rooms=tuple(rooms),
        seconds=len(rooms) / _ROLL_CALL,
        posts=tuple(posts),
        sign_in_rate=rate,
    )


def _even(rate: float, seconds: float, posters: tuple[int, ...]) -> Iterator[Post]:
    if rate * seconds > _MOST_POSTS:
        raise ConfigurationError(f"{rate:g} posts/s for {seconds:g} s are more than {_MOST_POSTS}")
    for number in range(int(rate * seconds)):
        yield Post(number / rate, 0, posters[number % len(posters)])


def _rooms(name: str, size: int, count: int, seats: int, chance: random.Random) -> list[Room]:
    """Fill rooms from the shuffled seats, round by round, so that all have as many of them."""
    size = max(min(size, seats), 1)
    dealt, rooms = _dealt(seats, chance), []
    left: list[int] = []
    for number in range(count):
        found: dict[int, None] = {}
        twice: list[int] = []  # where one round ends and the next begins
        while len(found) < size:
            seat = left.pop(0) if left else next(dealt)
            if seat in found:
                twice.append(seat)
            found[seat] = None
        left = twice + left
        rooms.append(Room(f"{name} {number + 1}", tuple(sorted(found))))
    return rooms


def _dealt(seats: int, chance: random.Random) -> Iterator[int]:
    while True:
        order = list(range(seats))
        chance.shuffle(order)
        yield from order


def _random_posts(
    rooms: list[Room],
    first: int,
    rate: float,
    seconds: float,
    stay: range,
    chance: random.Random,
) -> Iterator[Post]:
    for at in _moments(rate if rooms else 0.0, seconds, chance):
        number = chance.randrange(len(rooms))
        seats = rooms[number].seats
        yield Post(
            at, first + number, chance.choice([one for one in seats if one in stay] or seats)
        )


def _moments(rate: float, seconds: float, chance: random.Random) -> list[float]:
    """Return moments as they fall when nobody knows of the others (a Poisson process)."""
    if rate * seconds > _MOST_POSTS:
        raise ConfigurationError(f"{rate:g} a second for {seconds:g} s are more than {_MOST_POSTS}")
    found: list[float] = []
    at = 0.0
    while rate > 0 and (at := at + chance.expovariate(rate)) < seconds:
        found.append(at)
    return found
