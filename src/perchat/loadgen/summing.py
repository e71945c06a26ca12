"""From what the workers found, and what was seen of the server, to the figures of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from perchat.loadgen.latency import Latencies, Timeline
from perchat.loadgen.result import Result, Second, ServerCost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from perchat.loadgen.checking import Board
    from perchat.loadgen.messages import Arrived, Heard, Outcome, Posted, Target
    from perchat.loadgen.plan import Plan
    from perchat.loadgen.watching import Look

__all__ = ["Findings", "summed"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Findings:
    """
    Everything that is known at the end.

    Attributes:
        begin: When posting began, in seconds of the monotonic clock; ``ended`` when it ended.
        looks: At the server: before the sessions came, when all were there, at the end.
        watched: All looks at the server.

    """

    arrived: Sequence[Arrived]
    posted: Sequence[Posted]
    heard: Sequence[Heard]
    outcomes: Sequence[Outcome]
    board: Board
    begin: float
    ended: float
    looks: tuple[Look | None, Look | None, Look | None]
    watched: Sequence[Look]

    @property
    def seconds(self) -> float:
        """How long was posted."""
        return max(self.ended - self.begin, 0.001)

    @property
    def present(self) -> int:
        """How many sessions came."""
        return sum(one.present for one in self.arrived)

    def audience(self) -> Counter[int]:
        """Return how many sessions were in each room."""
        found: Counter[int] = Counter()
        for one in self.heard:
            found.update(one.audience)
        return found

    def timeline(self) -> Timeline:
        """Return how long deliveries took, by second."""
        found = Timeline(self.begin)
        for one in self.outcomes:
            found.merge(one.deliveries)
        return found


def summed(
    plan: Plan, target: Target, findings: Findings, *, started: str, stopped: bool
) -> Result:
    """Return the figures."""
    timeline = findings.timeline()
    total = timeline.total()
    return Result(
        profile=plan.profile,
        server=f"{target.host}:{target.port}",
        started=started,
        stopped=stopped,
        returning=plan.returning,
        sessions=plan.seats,
        rooms=len(plan.rooms),
        seconds=round(findings.seconds, 3),
        deliveries_per_second=round(len(total) / findings.seconds, 1),
        latencies=total.summary(),
        cost=_cost(findings, len(total)),
        timeline=_seconds(findings, timeline),
        errors=_errors(findings),
        **_arrivals(findings),
        **_posts(findings),
        **_deliveries(findings),
    )


def _arrivals(findings: Findings) -> dict[str, Any]:
    return {
        "present": findings.present,
        "sign_ins": _summary(one.sign_ins for one in findings.arrived),
        "joins": _summary(one.joins for one in findings.arrived),
    }


def _posts(findings: Findings) -> dict[str, Any]:
    posted = findings.posted
    refused: Counter[int] = Counter()
    for one in posted:
        refused.update(one.refused)
    return {
        "posts": sum(one.begun for one in posted),
        "stored": sum(len(posts) for one in posted for posts in one.stored.values()),
        "refused": dict(refused),
        "unknown": sum(one.unknown for one in posted),
        "receipts": _summary(one.receipts for one in posted),
        "late": round(max((one.late for one in posted), default=0.0), 1),
    }


def _deliveries(findings: Findings) -> dict[str, Any]:
    board, audience, outcomes = findings.board, findings.audience(), findings.outcomes
    unheard = sum(  # by anybody
        board.unheard(room, posts) * audience[room]
        for one in findings.posted
        for room, posts in one.stored.items()
    )
    busiest = max((one.cpu for one in outcomes), default=0.0)
    return {
        "expected": sum(len(ids) * audience[room] for room, ids in board.ids().items()) + unheard,
        "heard": sum(one.heard for one in outcomes),
        "lost": sum(one.lost for one in outcomes) + unheard,
        "duplicated": sum(one.duplicated for one in outcomes),
        "misordered": sum(one.misordered for one in outcomes),
        "stored_twice": board.stored_twice(),
        "torn": board.torn + sum(one.torn for one in outcomes),
        "lost_sessions": sum(one.lost_sessions for one in outcomes),
        "away": _summary(one.away for one in outcomes),
        "driver_percent": round(busiest / findings.seconds * 100, 1),
    }


def _errors(findings: Findings) -> dict[str, int]:
    found: Counter[str] = Counter()
    for errors in (one.errors for part in (findings.arrived, findings.outcomes) for one in part):
        found.update(errors)
    return dict(found.most_common())


def _summary(counts: Iterable[Mapping[int, int]]) -> dict[str, float]:
    found = Latencies()
    for one in counts:
        found.merge(Latencies(one))
    return found.summary()


def _cost(findings: Findings, deliveries: int) -> ServerCost | None:
    before, settled, after = findings.looks
    if before is None or settled is None or after is None:
        return None
    used, sessions = after.cpu - settled.cpu, max(findings.present, 1)
    return ServerCost(
        cpu_percent=round(used / (after.at - settled.at) * 100, 1),
        us_per_delivery=round(used / max(deliveries, 1) * 1e6, 1),
        ms_per_sign_in=round((settled.cpu - before.cpu) / sessions * 1000, 2),
        memory=round(after.memory / _MIB, 1),
        kib_per_session=round((settled.memory - before.memory) / 1024 / sessions, 1),
    )


def _seconds(findings: Findings, timeline: Timeline) -> list[Second]:
    cpu, memory = _watched(findings)
    last = max((*timeline.seconds, int(findings.seconds)), default=0)
    return [
        _second(at, timeline.seconds.get(at) or Latencies(), cpu.get(at), memory.get(at))
        for at in range(last + 1)
    ]


def _second(at: int, heard: Latencies, cpu: float | None, memory: float | None) -> Second:
    told = heard.summary()
    return Second(
        at=at,
        deliveries=len(heard),
        p50=told["p50"],
        p99=told["p99"],
        longest=told["max"],
        cpu=cpu,
        memory=memory,
    )


def _watched(findings: Findings) -> tuple[dict[int, float], dict[int, float]]:
    """Return CPU in per cent and memory in MiB of the server, by second."""
    cpu: dict[int, float] = {}
    memory: dict[int, float] = {}
    looks = findings.watched
    for before, look in pairwise(looks):
        at, took = int(look.at - findings.begin), look.at - before.at
        if at >= 0 and took > 0.5:  # else it was a look between steps
            cpu[at] = round((look.cpu - before.cpu) / took * 100, 1)
            memory[at] = round(look.memory / _MIB, 1)
    return cpu, memory
