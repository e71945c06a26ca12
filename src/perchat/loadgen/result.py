"""What a run came to: figures for people and programs, and whether anything was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Faultless", "Result", "Second", "ServerCost"]


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """
    One second of the run.

    Attributes:
        at: Seconds after the beginning.
        deliveries: Messages heard, over all sessions.
        p50: Milliseconds from when a post was due to when it was heard; with p99 and longest.
        cpu: Of the server, in per cent of one core; None when it was not looked at.
        memory: Of the server, MiB.

    """

    at: int
    deliveries: int
    p50: float
    p99: float
    longest: float
    cpu: float | None = None
    memory: float | None = None


class ServerCost(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the server used.

    Attributes:
        cpu_percent: Of one core, while messages were posted.
        us_per_delivery: Microseconds of CPU, everything the server did meanwhile included.
        ms_per_sign_in: Milliseconds of CPU for a sign-in with its joins.
        memory: MiB at the end.
        kib_per_session: Memory that came with the sessions, a session.

    """

    cpu_percent: float
    us_per_delivery: float
    ms_per_sign_in: float
    memory: float
    kib_per_session: float


Faultless = ("lost", "duplicated", "misordered", "stored_twice", "torn")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """
    A whole run.

    Attributes:
        sessions: That were wanted.
        present: That came.
        sign_ins: Milliseconds from connecting to the open dialog, as count and percentiles.
        joins: Milliseconds to join all rooms of a session.
        posts: That were begun.
        stored: That the server has confirmed.
        refused: By status.
        unknown: Whose fate nobody knows.
        receipts: Milliseconds from when a post was due to its confirmation.
        expected: Deliveries that had to be.
        heard: Deliveries that were.
        deliveries_per_second: While posting.
        latencies: Milliseconds from when a post was due to when it was heard.
        lost: Deliveries that did not come, not even within the patience after the last receipt.
        duplicated: Deliveries that came again.
        misordered: Deliveries after later ones.
        stored_twice: Posts that became several messages.
        torn: Messages that were not the same to everybody.
        lost_sessions: Sessions that ended without our doing.
        away: Milliseconds that lost sessions were away.
        returning: Whether losing sessions is part of the profile.
        late: The most milliseconds a post was begun after it was due: the driver's own fault.
        driver_percent: CPU of the busiest worker while posting, in per cent of a core.
        errors: What went wrong, how often.
        stopped: Whether it was ended early.

    """

    profile: str
    server: str
    started: str
    sessions: int
    present: int
    rooms: int
    seconds: float
    sign_ins: dict[str, float]
    joins: dict[str, float]
    posts: int
    stored: int
    refused: dict[int, int]
    unknown: int
    receipts: dict[str, float]
    expected: int
    heard: int
    deliveries_per_second: float
    latencies: dict[str, float]
    lost: int
    duplicated: int
    misordered: int
    stored_twice: int
    torn: int
    lost_sessions: int
    away: dict[str, float]
    returning: bool
    late: float
    driver_percent: float
    cost: ServerCost | None
    errors: dict[str, int]
    stopped: bool
    timeline: list[Second]

    def problems(self) -> list[str]:
        """Return what must not be, in words; empty when all was right."""
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        for name in Faultless:
            if count := getattr(self, name):
                yield f"{count} {name.replace('_', ' ')}"
        if self.present < self.sessions and not self.stopped:
            yield f"{self.sessions - self.present} sessions did not come"
        if self.refused:
            yield f"{sum(self.refused.values())} posts refused"
        if self.unknown:
            yield f"{self.unknown} posts of unknown fate"
        if self.lost_sessions and not self.returning:
            yield f"{self.lost_sessions} sessions lost"
        if self.returning and (missing := self.errors.get("a session did not come back")):
            yield f"{missing} sessions did not come back"

    def json(self) -> bytes:
        """Return it as JSON, with what was wrong in words."""
        fields = {**msgspec.to_builtins(self), "problems": self.problems()}
        return msgspec.json.format(msgspec.json.encode(fields), indent=2)
