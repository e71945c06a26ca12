"""
How long things took: counts in steps of two per cent, which can be added up across processes.

Also kept second by second, so that a short stall in a long run is seen.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Latencies", "Timeline"]

_STEPS = 50.0  # to the power of e: each step is 2 % more than the one before


class Latencies:
    """Durations of some kind. Given and told in milliseconds, true to one per cent."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts = dict(counts or {})

    def __len__(self) -> int:
        return sum(self.counts.values())

    def add(self, milliseconds: float) -> None:
        """Count one; what is below a microsecond counts as that."""
        step = int(math.log(milliseconds * 1000) * _STEPS) if milliseconds > 0.001 else 0
        self.counts[step] = self.counts.get(step, 0) + 1

    def merge(self, other: Latencies) -> None:
        """Add another's counts."""
        for step, count in other.counts.items():
            self.counts[step] = self.counts.get(step, 0) + count

    def percentile(self, share: float) -> float:
        """Return what ``share`` per cent were not longer than; 0 of none."""
        wanted, seen = math.ceil(len(self) * share / 100), 0
        for step in sorted(self.counts):
            seen += self.counts[step]
            if seen >= wanted:
                return math.exp((step + 0.5) / _STEPS) / 1000
        return 0.0

    def summary(self) -> dict[str, float]:
        """Return how many there were, and the percentiles people ask for."""
        shares = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
        told = {name: round(self.percentile(share), 3) for name, share in shares.items()}
        return {"count": len(self), **told}


class Timeline:
    """Durations by the second in which they ended, counted from when it was made."""

    __slots__ = ("begin", "seconds")

    def __init__(self, begin: float, seconds: Mapping[int, Latencies] | None = None) -> None:
        self.begin = begin
        self.seconds = dict(seconds or {})

    def add(self, now: float, milliseconds: float) -> None:
        """Count one that ended ``now``."""
        second = int(now - self.begin)
        kept = self.seconds.get(second)
        if kept is None:
            kept = self.seconds[second] = Latencies()
        kept.add(milliseconds)

    def total(self) -> Latencies:
        """Return all of them together."""
        found = Latencies()
        for kept in self.seconds.values():
            found.merge(kept)
        return found

    def counts(self) -> dict[int, dict[int, int]]:
        """Return it as plain numbers, to be sent to another process."""
        return {second: kept.counts for second, kept in self.seconds.items()}

    def merge(self, counts: Mapping[int, Mapping[int, int]]) -> None:
        """Add what another process counted since the same moment."""
        for second, steps in counts.items():
            self.seconds.setdefault(second, Latencies()).merge(Latencies(steps))
