"""Rooms are told what was said: in order, the large ones without making anybody else wait."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from perchat.model.uri import RoomUri
from perchat.server.rounds import Rounds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from perchat.server.session import ChatSession

BIG = RoomUri("ma-chan://example.com/big")
SMALL = RoomUri("ma-chan://example.com/small")
OTHER = RoomUri("ma-chan://example.com/other")


@dataclass(slots=True)
class Heard:
    """Stands where a session does, and writes down what it is told."""

    id: str
    lines: list[bytes] = field(default_factory=list)
    writes: int = 0
    broken: bool = False
    with_others: bool = False

    def tell(self, lines: Sequence[bytes], *, with_others: bool = False) -> None:
        self.with_others = with_others
        if self.broken:
            raise RuntimeError("this session is broken")
        self.lines += lines
        self.writes += 1


class House:
    """Rounds, and a clock by which telling one session takes 50 microseconds."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        ticks = itertools.count()
        self.rounds = Rounds(
            lambda _room: lambda session: session.id not in self.gone,
            clock=lambda: next(ticks) * 50e-6,
        )

    def put(self, room: RoomUri, people: Sequence[Heard], line: bytes) -> None:
        sessions = cast("Sequence[ChatSession]", people)
        self.rounds.put(room, sessions, cast("Callable[[ChatSession], bytes]", lambda _: line))

    def tell(self, room: RoomUri, people: Sequence[Heard], line: bytes) -> None:
        self.put(room, people, line)
        self.rounds.begin()


def people(count: int) -> list[Heard]:
    return [Heard(f"s{number}") for number in range(count)]


@contextlib.asynccontextmanager
async def house() -> AsyncIterator[House]:
    house = House()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(house.rounds.run())
        yield house
        running.cancel()


async def until(done: Callable[[], bool]) -> int:
    turns = 0
    while not done():
        await asyncio.sleep(0)
        turns += 1
        assert turns < 100_000
    return turns


async def test_a_small_room_is_told_at_once() -> None:
    async with house() as here:
        few = people(75)
        here.tell(SMALL, few, b"1")
        assert all(one.lines == [b"1"] for one in few)


async def test_what_comes_together_is_one_write_for_each() -> None:
    async with house() as here:
        few = people(75)
        for line in (b"1", b"2", b"3"):
            here.put(SMALL, few, line)
        assert not any(one.lines for one in few), "more may come"
        here.rounds.begin()
        assert all(one.lines == [b"1", b"2", b"3"] and one.writes == 1 for one in few)


async def test_a_large_room_that_keeps_up_is_written_to_together() -> None:
    async with house() as here:
        few, many = people(75), people(500)
        here.tell(SMALL, few, b"1")
        here.tell(BIG, many, b"1")
        assert [few[0].with_others, many[0].with_others] == [False, True]
        for line in (b"2", b"3"):
            here.put(BIG, many, line)
        here.rounds.begin()
        assert not many[0].with_others, "it is behind: there is no core to spare"


async def test_a_small_room_does_not_wait_for_a_large_one() -> None:
    async with house() as here:
        many, few = people(16_000), people(3)
        here.tell(BIG, many, b"1")
        assert not many[1_000].lines, "30 milliseconds are over"
        here.tell(SMALL, few, b"2")
        assert all(one.lines == [b"2"] for one in few)
        turns = await until(lambda: all(one.lines for one in many))
        assert turns >= 16_000 // 1_000, "others have had their turn in between"


async def test_what_is_said_first_is_told_first() -> None:
    async with house() as here:
        many = people(1_000)
        for line in (b"1", b"2", b"3"):
            here.tell(BIG, many, line)
        here.tell(BIG, many[:1], b"only you")
        await until(lambda: len(many[-1].lines) == 3 and len(many[0].lines) == 4)
        assert all(one.lines[:3] == [b"1", b"2", b"3"] for one in many)
        assert many[0].lines[3] == b"only you"


async def test_large_rooms_take_turns() -> None:
    async with house() as here:
        first, second = people(8_000), people(800)
        here.tell(BIG, first, b"1")
        here.tell(OTHER, second, b"2")
        await until(lambda: bool(second[-1].lines))
        assert not first[-1].lines


async def test_who_has_left_meanwhile_is_not_told() -> None:
    async with house() as here:
        many = people(1_000)
        here.tell(BIG, many, b"1")
        assert many[300].lines
        here.gone.add("s999")
        await until(lambda: bool(many[998].lines))
        assert not many[999].lines


async def test_one_broken_session_costs_nobody_else_a_line() -> None:
    async with house() as here:
        many = people(1_000)
        many[500].broken = True
        here.tell(BIG, many, b"1")
        await until(lambda: bool(many[-1].lines))
        assert sum(len(one.lines) for one in many) == 999


async def test_the_journal_waits_when_too_much_is_behind() -> None:
    async with house() as here:
        many = people(1_000)
        for count in range(200):
            async with asyncio.timeout(5):
                await here.rounds.room_for_more()
            assert not here.rounds.is_full
            here.tell(BIG, many, b"%d" % count)
        behind = 200 - len(many[0].lines)
        assert behind <= 64, "it did not run ahead"
        await until(lambda: len(many[-1].lines) == 200)
        assert many[-1].lines == [b"%d" % count for count in range(200)]
