"""The timers of RFC 3261 table 4, all in seconds, with the corrections of RFC 6026."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

__all__ = ["Alarms", "Timers"]


@dataclass(frozen=True, slots=True)
class Timers:
    """
    What the transaction timers derive from.

    Attributes:
        t1: Estimate of the round trip.
        t2: Longest pause between retransmissions.
        t4: How long a message may linger in the network.
        reliable: Over TCP and TLS nothing is resent and nothing lingers.

    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    reliable: bool = True

    @property
    def give_up(self) -> float:
        """Timers B, F, H, L and M: 64*T1, 32 seconds by default."""
        return 64 * self.t1

    @property
    def absorb_responses(self) -> float:
        """Timer D: how long copies of a refusal of INVITE may still arrive."""
        return 0.0 if self.reliable else max(32.0, self.give_up)

    @property
    def absorb_requests(self) -> float:
        """Timer J: how long copies of a request may still arrive."""
        return 0.0 if self.reliable else self.give_up

    @property
    def linger(self) -> float:
        """Timers I and K."""
        return 0.0 if self.reliable else self.t4


class Alarms:
    """
    Who wants to be woken when: one time each, the latest word counts.

    Attributes:
        changed: Whether `next` may return something else than it did last.

    """

    __slots__ = ("_heap", "_when", "changed")

    def __init__(self) -> None:
        self.changed = True
        self._when: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def set(self, who: str, when: float | None) -> None:
        """Wake ``who`` at ``when``; None: not at all."""
        if self._when.get(who) == when:
            return
        self.changed = True
        if when is None:
            del self._when[who]
        else:
            self._when[who] = when
            heapq.heappush(self._heap, (when, who))
        if len(self._heap) > 64 + 2 * len(self._when):
            self._heap = sorted((when, who) for who, when in self._when.items())

    def next(self) -> float | None:
        """Return the earliest time asked for."""
        self.changed = False
        while self._heap and self._when.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> list[str]:
        """Return who is to be woken by now, in order, and forget them."""
        names: list[str] = []
        while (when := self.next()) is not None and when <= now:
            name = heapq.heappop(self._heap)[1]
            del self._when[name]
            names.append(name)
        return names
