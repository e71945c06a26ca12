"""
What we want to be, next to others: shares of what the same run measured of them.

Ratios hold on any machine; the peers are the yardstick. A goal whose peer was not
measured in this run says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bench.peers.results import Row

__all__ = ["GOALS", "Goal", "verdicts"]


@dataclass(frozen=True, slots=True)
class Goal:
    """
    Ours is to be at most ``most`` times, or at least ``least`` times, what a peer's is.

    With ``than`` the peer's is that of a room of another size.
    """

    figure: str
    size: int
    peer: str
    most: float = 0.0
    least: float = 0.0
    ours: str = "perchat"
    than: int = 0


GOALS = (
    *(Goal("CPU/delivery, max", size, "ejabberd", most=0.45) for size in (150, 1000)),
    *(Goal("CPU/delivery, max", size, "py-uvloop-real", most=1.6) for size in (150, 1000)),
    Goal("CPU/delivery, max", 150, "ejabberd", most=0.75, ours="perchat-ntlm"),
    Goal("CPU/delivery, max", 150, "ejabberd-tls", most=0.7, ours="perchat-tls"),
    *(Goal("deliveries/s, max", size, "ejabberd", least=1.8) for size in (150, 1000)),
    *(Goal("p50, rate", size, "ejabberd", most=1.0) for size in (30, 150, 1000)),
    *(Goal("p99, rate", size, "ejabberd", most=1.0) for size in (30, 150, 1000)),
    Goal("CPU/post", 2, "prosody", most=0.3),
    Goal("posts/s", 2, "prosody", least=4.0),
    Goal("last page p50", 2, "ejabberd", most=0.3),
    Goal("middle page p50", 2, "ejabberd", most=0.3),
    Goal("RSS/session", 1000, "prosody", most=0.5),
    Goal("RSS/session", 1000, "prosody-tls", most=0.9, ours="perchat-tls"),
    Goal("CPU/login", 1000, "ejabberd", most=1.0, ours="perchat-ntlm"),
    Goal("CPU/delivery, max", 1000, "perchat", most=1.2, than=150),
    Goal("CPU/delivery, max", 150, "perchat-20-rooms", most=1.1, ours="perchat-20000-rooms"),
)


def verdicts(found: Iterable[Row]) -> Iterator[str]:
    """Return a line for each goal that this run can judge."""
    known = {(row.peer, row.size): row.values for row in found}
    for goal in GOALS:
        own = known.get((goal.ours, goal.size), {}).get(goal.figure)
        other = known.get((goal.peer, goal.than or goal.size), {}).get(goal.figure)
        if own is not None and other:
            yield _verdict(goal, own / other)


def _verdict(goal: Goal, share: float) -> str:
    reached = share <= goal.most if goal.most else share >= goal.least
    bound = f"at most {goal.most:g}" if goal.most else f"at least {goal.least:g}"
    peer = f"{goal.peer} at {goal.than}" if goal.than else goal.peer
    what = f"{goal.figure}, {goal.size} members: {share:.2f} x {peer}"
    return f"  {'reached' if reached else 'MISSED ':<8} {what}, wanted {bound}"
