"""
A figure, and how a call's cost is taken where what it works on takes minutes to make.

Calls whose material is made at once are measured by pyperf (`bench.micro`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Figure", "microseconds"]


@dataclass(frozen=True, slots=True)
class Figure:
    """
    What was measured.

    Attributes:
        wanted: The most it should be; None: nothing was promised.
        deviation: The standard deviation, where values were taken often enough.

    """

    name: str
    value: float
    unit: str
    wanted: float | None = None
    deviation: float | None = None


def microseconds(call: Callable[[], object], *, seconds: float = 0.25, rounds: int = 5) -> float:
    """Return the least of some rounds' mean cost of a call: the round nobody disturbed."""
    count, took = 1, 0.0
    while (took := _time(call, count)) < seconds / 10:
        count *= 2
    count = max(1, int(count * seconds / took))
    return min(_time(call, count) for _ in range(rounds)) / count * 1e6


def _time(call: Callable[[], object], count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - begun
