"""A run renews what its sessions hold as a crowd of real clients does: all the time, a few each."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise

from perchat.loadgen.renewals import PERIOD, renew

CROWD = 8
LASTS = 600.0  # seconds, a registration


class Clock:
    """Time that passes while somebody sleeps, until the test is over."""

    def __init__(self, end: float) -> None:
        self.now = 0.0
        self._end = end

    async def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.0)
        if self.now >= self._end:
            raise asyncio.CancelledError


class Seat:
    """A session that notes when it was renewed, which takes a while."""

    def __init__(self, clock: Clock, takes: float = 0.0) -> None:
        self.renewed: list[float] = []
        self._clock = clock
        self._takes = takes

    def refresh(self) -> None:
        self.renewed.append(self._clock.now)
        self._clock.now += self._takes


async def renewed(clock: Clock, *seats: Seat) -> list[float]:
    """Return when any of them was renewed, until the clock ends."""
    with contextlib.suppress(asyncio.CancelledError):
        await renew(seats, clock=lambda: clock.now, sleep=clock.sleep)
    return sorted(at for seat in seats for at in seat.renewed)


async def test_renewals_of_a_crowd_are_spread_evenly_over_time() -> None:
    clock = Clock(3 * PERIOD)
    moments = await renewed(clock, *(Seat(clock) for _ in range(CROWD)))
    assert len(moments) == 3 * CROWD
    assert {after - before for before, after in pairwise(moments)} == {PERIOD / CROWD}


async def test_everybody_is_renewed_long_before_it_is_too_late() -> None:
    clock = Clock(10 * PERIOD)
    seats = [Seat(clock) for _ in range(CROWD)]
    await renewed(clock, *seats)
    for seat in seats:
        times = [0.0, *seat.renewed, clock.now]
        assert max(after - before for before, after in pairwise(times)) < LASTS / 2


async def test_a_renewal_that_takes_its_time_makes_no_later_one_later() -> None:
    clock = Clock(2 * PERIOD)
    last = Seat(clock)
    await renewed(clock, Seat(clock, takes=30.0), last)
    assert last.renewed == [PERIOD / 2, PERIOD * 3 / 2]


async def test_who_is_alone_is_renewed_once_in_a_period_and_nobody_never() -> None:
    clock = Clock(2 * PERIOD)
    assert await renewed(clock, Seat(clock)) == [0.0, PERIOD]
    assert await renewed(Clock(2 * PERIOD)) == []
