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
    """Ours is to be at most ``most`` times, or at least ``least`` times, what a peer's is."""

    figure: str
    size: int
    peer: str
    most: float = 0.0
    least: float = 0.0
    ours: str = "perchat"


GOALS = (
    Goal("CPU/delivery, max", 150, "prosody", most=0.45),
    Goal("CPU/delivery, max", 150, "ejabberd", most=0.9),
    Goal("CPU/delivery, max", 1000, "prosody", most=0.45),
    Goal("CPU/delivery, max", 1000, "ejabberd", most=0.9),
    Goal("CPU/delivery, rate", 150, "prosody", most=0.45),
    Goal("CPU/delivery, rate", 150, "ejabberd", most=1.0),
    Goal("CPU/delivery, max", 150, "ejabberd-tls", most=0.8, ours="perchat-tls"),
    Goal("CPU/delivery, rate", 150, "ejabberd-tls", most=1.0, ours="perchat-tls"),
    Goal("deliveries/s, max", 150, "ejabberd", least=1.3),
    Goal("deliveries/s, max", 150, "prosody", least=2.2),
    Goal("deliveries/s, max", 1000, "ejabberd", least=1.3),
    Goal("deliveries/s, max", 1000, "prosody", least=2.2),
    Goal("p99, rate", 30, "ejabberd", most=1.5),
    Goal("p99, rate", 150, "ejabberd", most=1.5),
    Goal("p99, rate", 150, "prosody", most=0.5),
    Goal("p99, rate", 1000, "ejabberd", most=1.0),
    Goal("p50, rate", 30, "ejabberd", most=1.0),
    Goal("p50, rate", 150, "ejabberd", most=1.0),
    Goal("p50, rate", 1000, "ejabberd", most=1.0),
    Goal("last page p50", 2, "ejabberd", most=0.7),
    Goal("last page p50", 2, "prosody-nodelay", most=0.4),
    Goal("middle page p50", 2, "ejabberd", most=0.7),
    Goal("CPU/post", 2, "prosody", most=0.4),
    Goal("posts/s", 2, "prosody", least=2.0),
    Goal("RSS/session", 1000, "prosody", most=1.0),
    Goal("CPU/login", 1000, "ejabberd", most=1.0, ours="perchat-ntlm"),
    Goal("CPU/login", 1000, "prosody", most=0.25, ours="perchat-ntlm"),
    Goal("CPU/join", 1000, "ejabberd", most=0.2),
)


def verdicts(found: Iterable[Row]) -> Iterator[str]:
    """Return a line for each goal that this run can judge."""
    known = {(row.peer, row.size): row.values for row in found}
    for goal in GOALS:
        own = known.get((goal.ours, goal.size), {}).get(goal.figure)
        other = known.get((goal.peer, goal.size), {}).get(goal.figure)
        if own is not None and other:
            yield _verdict(goal, own / other)


def _verdict(goal: Goal, share: float) -> str:
    reached = share <= goal.most if goal.most else share >= goal.least
    bound = f"at most {goal.most:g}" if goal.most else f"at least {goal.least:g}"
    what = f"{goal.figure}, {goal.size} members: {share:.2f} x {goal.peer}"
    return f"  {'reached' if reached else 'MISSED ':<8} {what}, wanted {bound}"
