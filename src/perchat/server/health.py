"""
How a running server does: is the loop late, does anything pile up, who is there.

Lateness is what everybody notices at once, whatever causes it: a timer that should fire
now fires when whatever holds the loop lets go. The other figures tell where to look.
Nothing here runs where the settings switch it off.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from perchat.errors import StorageError
from perchat.server.files import FileFigures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.server.services import Services
    from perchat.store.base import Store

__all__ = ["Health", "Lateness", "Reading"]

_log = logging.getLogger(__name__)
_TICK = 0.1  # seconds between looks at the loop
_KEPT = 600  # looks: the last minute
_UNKNOWN = -1


class Lateness:
    """How late the loop was in the last minute, by a timer that should fire every tick."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque(maxlen=_KEPT)

    def add(self, seconds: float) -> None:
        """Take note of one look."""
        self._seen.append(max(seconds, 0.0))

    def percentiles(self, *shares: float) -> tuple[float, ...]:
        """Return, in milliseconds, what these shares of the looks were not above."""
        seen = sorted(self._seen)
        return tuple(_share(seen, share) for share in shares)


def _share(seen: Sequence[float], share: float) -> float:
    return round(seen[min(int(len(seen) * share), len(seen) - 1)] * 1000, 1) if seen else 0.0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """
    The server at a moment.

    Attributes:
        lag_p50_ms: How late the loop was in the last minute, in the middle.
        lag_p99_ms: The same for the worst in a hundred looks.
        lag_max_ms: The same for the worst of all.
        connections: Open, signed in or not.
        unauthenticated: Those of them that have not signed in.
        unauthenticated_pauses_total: Times that such a one, beyond its share, was not read from.
        unauthenticated_dropped_total: Such connections closed to make room for others.
        unauthenticated_refused_total: New connections turned away, too many waiting before them.
        sign_ins_failed_total: Wrong names and passwords since the start.
        sign_ins_held_off_total: Sign-ins not looked at, as too many before them had failed.
        file_connections_closed_total: Unfinished connections for files, closed to make room.
        file_connections_refused_total: Connections for files, answered 503.
        file_unfinished_bytes: What uploads under way have announced.
        file_uploads_ended_total: Uploads that stood still and were ended to make room.
        file_uploads_refused_total: Uploads for which there was no room.
        sessions: Open chat sessions.
        joined: Rooms that sessions are in, each counted for each session.
        sessions_paused_total: Times that a session, beyond its elements, was not read from.
        outbox_waiting: Messages that wait behind what their clients have not answered yet.
        outbox_longest: The most of them for one session.
        overruns_total: Sessions ended since the start because their clients did not keep up.
        removals_total: Sessions since the start that another process took out of their rooms.
        inbox_waiting: Commands and posts that wait for their turn, over all sessions.
        journal: Position of the newest entry that was delivered.
        journal_behind: Entries that are stored and not delivered; -1 when the store does not tell.
        tasks: Works under way that nobody waits for.
        signatures_per_second: Messages signed, since the reading before.

    """

    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    connections: int
    unauthenticated: int
    unauthenticated_pauses_total: int
    unauthenticated_dropped_total: int
    unauthenticated_refused_total: int
    sign_ins_failed_total: int
    sign_ins_held_off_total: int
    file_connections_closed_total: int
    file_connections_refused_total: int
    file_unfinished_bytes: int
    file_uploads_ended_total: int
    file_uploads_refused_total: int
    sessions: int
    joined: int
    sessions_paused_total: int
    outbox_waiting: int
    outbox_longest: int
    overruns_total: int
    removals_total: int
    inbox_waiting: int
    journal: int
    journal_behind: int
    tasks: int
    signatures_per_second: float


class Health:
    """Reads a server's health; `run` has to run meanwhile."""

    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store
        self._lateness = Lateness()
        self._signed: dict[int, int] = {}
        self._read_at = asyncio.get_running_loop().time()

    async def run(self, log_seconds: int = 0) -> None:
        """Watch the loop without end; with ``log_seconds`` write a reading to the log so often."""
        loop = asyncio.get_running_loop()
        due = loop.time() + log_seconds
        while True:
            expected = loop.time() + _TICK
            await asyncio.sleep(_TICK)
            self._lateness.add(loop.time() - expected)
            if log_seconds and loop.time() >= due:
                due = loop.time() + log_seconds
                _log.info("health: %s", _line(await self.read()))

    async def read(self) -> Reading:
        """Look now; it takes microseconds for each session."""
        services = self._services
        sessions = services.fanout.sessions
        waiting = [len(session.outbox) for session in sessions]
        middle, most, worst = self._lateness.percentiles(0.5, 0.99, 1.0)
        behind = await self._behind()
        files = services.files.figures if services.files else FileFigures()
        return Reading(
            lag_p50_ms=middle,
            lag_p99_ms=most,
            lag_max_ms=worst,
            connections=len(services.connections),
            unauthenticated=len(services.quota),
            unauthenticated_pauses_total=services.quota.pauses,
            unauthenticated_dropped_total=services.quota.dropped,
            unauthenticated_refused_total=services.quota.refused,
            sign_ins_failed_total=services.backoff.failed_total,
            sign_ins_held_off_total=services.backoff.held_off_total,
            file_connections_closed_total=files.connections_closed,
            file_connections_refused_total=files.connections_refused,
            file_unfinished_bytes=files.unfinished_bytes,
            file_uploads_ended_total=files.uploads_ended,
            file_uploads_refused_total=files.uploads_refused,
            sessions=len(sessions),
            joined=sum(len(services.chat.joined(one.user.uri, one.id)) for one in sessions),
            sessions_paused_total=services.decoding.pauses,
            outbox_waiting=sum(waiting),
            outbox_longest=max(waiting, default=0),
            overruns_total=services.fanout.overruns,
            removals_total=services.fanout.removals,
            inbox_waiting=sum(session.waiting for session in sessions),
            journal=services.chat.position,
            journal_behind=behind,
            tasks=len(services.tasks),
            signatures_per_second=self._signatures(),
        )

    async def _behind(self) -> int:
        try:
            newest = await self._store.position()
        except StorageError:
            return _UNKNOWN
        return max(newest - self._services.chat.position, 0)

    def _signatures(self) -> float:
        """Return how many messages were signed a second, on the connections that are open."""
        before, now = self._signed, asyncio.get_running_loop().time()
        self._signed = {id(one): one.sign_in.signed for one in self._services.connections}
        grown = (count - before.get(key, 0) for key, count in self._signed.items())
        seconds, self._read_at = now - self._read_at, now
        return round(sum(one for one in grown if one > 0) / seconds, 1) if seconds > 0 else 0.0


def _line(reading: Reading) -> str:
    return " ".join(f"{name}={value:g}" for name, value in msgspec.structs.asdict(reading).items())
