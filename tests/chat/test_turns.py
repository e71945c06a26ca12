"""Going through much: in order, and others do not wait until all is done."""

from __future__ import annotations

import asyncio

from perchat.chat.turns import patiently


class Clock:
    """Time that passes with what is worked on, and what others did in theirs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.others: list[int] = []

    async def go_through(self, count: int, seconds: float) -> list[int]:
        done: list[int] = []
        other = asyncio.ensure_future(self._live(done))  # noqa: TID251 - a bystander
        async for one in patiently(range(count), lambda: self.now):
            done.append(one)
            self.now += seconds
        other.cancel()
        return done

    async def _live(self, done: list[int]) -> None:
        while True:
            self.others.append(len(done))
            await asyncio.sleep(0)


async def test_whoever_waits_has_a_turn_whenever_five_milliseconds_are_over() -> None:
    clock = Clock()
    assert await clock.go_through(20, seconds=0.001) == list(range(20))
    assert clock.others == [5, 10, 15, 20]


async def test_each_that_takes_long_lets_others_in_behind_it() -> None:
    clock = Clock()
    await clock.go_through(3, seconds=1.0)
    assert clock.others == [1, 2, 3]


async def test_little_is_done_in_one_go() -> None:
    clock = Clock()
    await clock.go_through(20, seconds=0.0001)
    assert clock.others == []
