"""
The one thread of a process that writes to its database, and commits in groups.

Whatever waits when a transaction begins shares it, and with it the price of
making it durable. Another process may hold the write lock; that is waited for.
What stays behind the journal, the full-text index, catches up between the groups.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from perchat.errors import PerchatError, StorageError
from perchat.store.fulltext import catch_up
from perchat.store.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perchat.store.base import Clock, Receipts

__all__ = ["Job", "Writer", "failure"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_REMEDIES = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written; check its space and health",
    sqlite3.SQLITE_BUSY: "another process keeps the database locked; see which one",
    sqlite3.SQLITE_LOCKED: "another process keeps the database locked; see which one",
    sqlite3.SQLITE_READONLY: "the database may not be written; check owner and permissions",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened; check path and permissions",
    sqlite3.SQLITE_CORRUPT: "the database is damaged; restore a copy",
    sqlite3.SQLITE_NOTADB: "the file is not a database; name another one",
}


def failure(error: sqlite3.Error, name: str) -> StorageError:
    """Return what to tell people about a failure of the database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return StorageError(f"{name}: {_REMEDIES.get(code, 'unexpected failure')} ({error})")


class Job(Generic[T]):
    """
    Something to do in a transaction, and who is told what came of it.

    Attributes:
        work: Runs on the writer's thread; raises PerchatError to be refused alone.
        told: Called on the event loop with the outcome.
        outcome: What it returned, or why it was not done.

    """

    __slots__ = ("outcome", "told", "work")

    def __init__(
        self, work: Callable[[Transaction], T], told: Callable[[T | PerchatError], None]
    ) -> None:
        self.work = work
        self.told = told
        self.outcome: T | PerchatError | None = None

    def settle(self) -> None:
        """Tell; on the event loop."""
        try:
            self.told(self.outcome)  # type: ignore[arg-type]  # None may be a T
        except Exception:  # theirs; the others of the group are told all the same
            _log.exception("nobody took what became of an append")


def _entries(job: Job[object]) -> int:
    """Return how many journal entries a job has made."""
    return len(job.outcome) if isinstance(job.outcome, list) else 0


class Writer:
    """
    Runs jobs in groups until it is closed.

    Args:
        database: The connection; only this object's thread uses it from now on.
        name: What to call the database in errors.
        clock: Seconds since the epoch.
        group_limit: The most jobs one transaction takes.
        receipts: How long posts are known by their authors' ids.
        index_step: Entries after which the full-text index follows.
        settled: Called on the writer's thread with each group whose outcomes stand.

    """

    def __init__(
        self,
        database: sqlite3.Connection,
        *,
        name: str,
        clock: Clock,
        group_limit: int,
        receipts: Receipts,
        index_step: int,
        settled: Callable[[Sequence[Job[object]]], None],
    ) -> None:
        self._database = database
        self._name = name
        self._clock = clock
        self._group_limit = group_limit
        self._receipts = receipts
        self._settled = settled
        self._index_step = index_step
        self._taken = 0
        self._jobs: queue.SimpleQueue[Job[object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="perchat-writer", daemon=True)
        self._thread.start()

    def submit(self, *jobs: Job[object]) -> None:
        """Let jobs take part in the next transaction."""
        for job in jobs:
            self._jobs.put(job)

    def close(self) -> None:
        """Run what was submitted, then let go of the database; blocks."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        group: list[Job[object]] | None = []
        behind = self._catch_up()
        while (group := self._next_group(wait=not behind)) is not None:
            if group:
                self._commit(group)
                self._settled(group)
            self._taken += sum(map(_entries, group))
            behind = (behind or self._taken >= self._index_step) and self._catch_up()
        self._database.close()

    def _next_group(self, *, wait: bool) -> list[Job[object]] | None:
        """Return all jobs that wait, at least one if told to; None when it was the end."""
        group: list[Job[object]] = []
        with suppress(queue.Empty):
            while len(group) < self._group_limit:
                job = self._jobs.get(block=wait and not group)
                if job is None and not group:
                    return None
                if job is None:
                    self._jobs.put(None)  # the end stays the end
                    break
                group.append(job)
        return group

    def _catch_up(self) -> bool:
        """Let the index follow by a step; tell whether there is another one to take."""
        self._taken = 0
        try:
            with self._transaction():
                return catch_up(self._database, self._index_step)
        except Exception as error:  # searches read what it lacks
            _log.warning("%s: the index stays behind: %s", self._name, error)
            return False

    def _commit(self, group: Sequence[Job[object]]) -> None:
        try:
            self._transact(group)
        except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError) as error:
            self._refuse(group, error)
        except sqlite3.Error as error:
            for job in group:
                job.outcome = failure(error, self._name)
        except Exception as error:
            self._refuse(group, error)

    def _refuse(self, group: Sequence[Job[object]], error: Exception) -> None:
        """One job is at fault: all of them are tried one by one."""
        if len(group) > 1:
            for job in group:
                self._commit([job])
        elif isinstance(error, PerchatError):
            group[0].outcome = error
        else:
            group[0].outcome = StorageError(f"{self._name}: cannot be stored: {error}")

    def _transact(self, group: Sequence[Job[object]]) -> None:
        with self._transaction():
            transaction = Transaction(self._database, round(self._clock() * 1e6), self._receipts)
            for job in group:
                job.outcome = job.work(transaction)
            transaction.finish()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # some failures roll back by themselves
                self._database.execute("ROLLBACK")
            raise
