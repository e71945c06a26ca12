"""The timers of RFC 3261 table 4, all in seconds, with the corrections of RFC 6026."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timers"]


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
