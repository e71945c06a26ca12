"""
The store of one machine: an SQLite file, written ahead, durable at every commit.

Several processes may have it open. Within one, a single thread writes and a few
read; the newest entries written here stay in memory for those who follow.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from perchat.errors import PerchatError, StateError, StorageError
from perchat.model.journal import MessagesModerated, RoomRemoved, UserChanged
from perchat.store import completeness, fulltext, memberships, moderation, queries
from perchat.store.base import COUNTED, LOOK_AGAIN, Receipts, RunningNode, system_clock
from perchat.store.nodefile import NodeFile, running, wake
from perchat.store.schema import upgrade
from perchat.store.writer import Job, Writer, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.model.changes import Changes
    from perchat.model.chatroom import Role
    from perchat.model.history import HistoryQuery, HistoryResult
    from perchat.model.journal import Fact, JournalEntry
    from perchat.model.message import Message, ModeratedMessage
    from perchat.model.preference import Preference
    from perchat.model.principal import Group, User
    from perchat.model.uri import RoomUri, SipUri
    from perchat.store.base import Clock, GivenInvitation, Snapshot, Told
    from perchat.store.transaction import Transaction

__all__ = ["SqliteSettings", "SqliteStore"]

T = TypeVar("T")
_ANOTHER_TRY = 0.01  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteSettings:
    """
    How much of what.

    Attributes:
        append_limit: Appends that may wait at once; beyond, the store is busy.
        read_limit: Reads that may wait at once; beyond, the store is busy.
        group_limit: The most appends that share one transaction.
        ring: The newest entries kept in memory for followers.
        readers: Threads that read.
        patience: Seconds to wait for another process to let go of the file.
        accept_loss: Whether to go on where entries are missing that were written once.
        follow_seconds: Seconds for which an append waits at most until the servers that run on
            the database have followed it; 0 for a server itself.
        receipts: How long posts are known by their authors' ids.
        index_step: Journal entries after which the full-text index follows; a search compares
            what was said since then one by one.

    """

    append_limit: int = 10_000
    read_limit: int = 10_000
    group_limit: int = 256
    ring: int = 10_000
    readers: int = 2
    patience: float = 5.0
    accept_loss: bool = False
    follow_seconds: float = 0.0
    receipts: Receipts = Receipts()  # noqa: RUF009 - frozen
    index_step: int = 512


class SqliteStore:
    """
    A Store in an SQLite file, which is created when missing, for its owner alone.

    Args:
        path: The file; SQLite keeps two more beside it while it is open.
        clock: Seconds since the epoch.

    Attributes:
        behind: The servers that had not followed in time when something was last appended.

    """

    def __init__(
        self,
        path: Path | str,
        *,
        settings: SqliteSettings = SqliteSettings(),
        clock: Clock = system_clock,
    ) -> None:
        self._path = Path(path).resolve()  # by one name for everybody, as its files beside it
        self._settings = settings
        self._clock = clock
        self._ring: deque[JournalEntry] = deque(maxlen=settings.ring)
        self._writer: Writer | None = None
        self._readers: _Readers | None = None
        self._appending = 0
        self._fresh: list[Job[object]] = []
        self._node: NodeFile | None = None
        self._database = ""
        self.behind: tuple[RunningNode, ...] = ()

    # life

    async def open(self) -> None:
        """See Store.open."""
        if self._writer is not None:
            raise StateError("the store is open already")
        self._loop = asyncio.get_running_loop()
        database = await asyncio.to_thread(self._open)
        self._writer = Writer(
            database,
            name=str(self._path),
            clock=self._clock,
            group_limit=self._settings.group_limit,
            receipts=self._settings.receipts,
            index_step=self._settings.index_step,
            settled=self._settled,
        )
        self._readers = _Readers(self._path, self._settings)

    async def close(self) -> None:
        """See Store.close."""
        self._hand_over()
        writer, readers = self._writer, self._readers
        self._writer = self._readers = None
        if writer is None or readers is None:
            return
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(readers.close)
        if self._node is not None:  # last: until now nobody may take its place
            self._node.close()
            self._node = None
        self._ring.clear()
        await asyncio.sleep(0)  # those who wait for the last group are told first

    def _open(self) -> sqlite3.Connection:
        logged = completeness.log_of(self._path).exists()  # opening the database makes it
        try:
            self._path.touch(mode=0o600)
            database = _connect(self._path, self._settings.patience)
            try:
                _prepare(database, str(self._path), self._settings.patience)
                self._database = completeness.check(
                    database, self._path, logged=logged, accept=self._settings.accept_loss
                )
            except BaseException:
                database.close()
                raise
        except sqlite3.Error as error:
            raise failure(error, str(self._path)) from error
        except OSError as error:
            raise StorageError(f"{self._path}: {os.strerror(error.errno or 0)}") from error
        return database

    # the servers that run on it

    async def claim(self, node: str) -> None:
        """See Store.claim."""
        one = RunningNode(node, os.getpid(), self._clock())
        written = await self.position()
        self._node = await NodeFile.claim(self._path, one, database=self._database, written=written)

    async def nodes(self) -> list[RunningNode]:
        """See Store.nodes."""
        return running(self._path)

    def note_followed(self, position: int) -> None:
        """See Store.note_followed."""
        if self._node is not None:
            self._node.note_followed(position)

    async def grown(self) -> None:
        """See Store.grown."""
        if self._node is None:
            raise StateError("the store is claimed for no node")
        await self._node.woken()

    async def followed(self, position: int, within: float) -> list[RunningNode]:
        """See Store.followed."""
        give_up, woken = self._loop.time() + within, set[str]()
        while behind := [one for one in running(self._path) if one.followed < position]:
            if self._loop.time() >= give_up:
                return behind
            for one in behind:
                if one.node not in woken:
                    woken.add(one.node)
                    wake(self._path, one.node)
            await asyncio.sleep(LOOK_AGAIN)
        return []

    # writing

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        """See Store.append."""
        return await self._follow(await self._write(lambda transaction: transaction.take(facts)))

    def append_then(self, told: Told, *facts: Fact) -> None:
        """See Store.append_then."""
        self._submit(Job(lambda transaction: transaction.take(facts), told))

    async def enroll(
        self, *accounts: tuple[User, bytes | None], facts: Sequence[Fact] = ()
    ) -> list[JournalEntry]:
        """See Store.enroll."""

        def all_of_them(transaction: Transaction) -> list[JournalEntry]:
            entries = transaction.take([UserChanged(user) for user, _ in accounts] + [*facts])
            for user, secret in accounts:
                if secret is not None:
                    transaction.keep_secret(user.uri, secret)
            return entries

        return await self._follow(await self._write(all_of_them))

    async def set_secret(self, user: SipUri, secret: bytes, *facts: Fact) -> None:
        """See Store.set_secret."""

        def both(transaction: Transaction) -> list[JournalEntry]:
            transaction.keep_secret(user, secret)
            return transaction.take(facts)

        await self._follow(await self._write(both))

    async def _follow(self, entries: list[JournalEntry]) -> list[JournalEntry]:
        """Wait until others have followed what was appended; once in vain is enough."""
        if self._settings.follow_seconds and entries:
            within = 0.0 if self.behind else self._settings.follow_seconds
            self.behind = tuple(await self.followed(entries[-1].position, within))
        return entries

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        waiter: asyncio.Future[T] = self._loop.create_future()
        self._submit(Job(work, partial(_settle, waiter)))
        return await waiter

    def _submit(self, job: Job[T]) -> None:
        if self._writer is None:
            raise StorageError(f"{self._path}: the store is closed")
        if self._appending >= self._settings.append_limit:
            raise StorageError(f"{self._path}: busy, {self._appending} appends are waiting")
        self._appending += 1
        if not self._fresh:
            self._loop.call_soon(self._hand_over)
        self._fresh.append(job)  # type: ignore[arg-type]  # a Job gives what it takes

    def _hand_over(self) -> None:
        """Let all that came in this turn of the loop be one group, not the first alone."""
        fresh, self._fresh = self._fresh, []
        if self._writer is not None:
            self._writer.submit(*fresh)

    def _settled(self, group: Sequence[Job[object]]) -> None:
        if self._node is not None and (written := _newest(group)):
            self._node.note_written(written)
        try:
            self._loop.call_soon_threadsafe(self._settle, group)
        except RuntimeError:  # the loop was closed without closing the store
            return

    def _settle(self, group: Sequence[Job[object]]) -> None:
        self._appending -= len(group)
        for job in group:
            if isinstance(job.outcome, list):
                self._remember(job.outcome)
        for job in group:
            job.settle()

    def _remember(self, entries: list[JournalEntry]) -> None:
        ring = self._ring
        for entry in entries:
            if ring and entry.position <= ring[-1].position:
                continue  # a post that was sent again
            if ring and entry.position != ring[-1].position + 1:
                ring.clear()  # another process wrote in between
            ring.append(entry)
            if isinstance(entry.fact, (RoomRemoved, MessagesModerated)):
                ring.clear()  # what was said there is read from the disk, where it is gone

    async def set_preference(
        self, user: SipUri, label: str, data: str, *, expected: int | None = None
    ) -> Preference:
        """See Store.set_preference."""
        return await self._write(
            lambda transaction: transaction.keep_preference(user, label, data, expected)
        )

    # reading

    async def read(self, after: int, limit: int = 1000) -> list[JournalEntry]:
        """See Store.read."""
        ring = self._ring
        if ring and ring[0].position <= after + 1 <= ring[-1].position:
            behind = ring[-1].position - after  # mostly few: they are taken from the end
            return [ring[place] for place in range(-behind, min(limit - behind, 0))]
        return await self._read(lambda database: queries.entries(database, after, limit))

    def has_told(self, after: int) -> bool:
        """See Store.has_told."""
        return bool(self._ring) and self._ring[-1].position == after

    async def position(self) -> int:
        """See Store.position."""
        return await self._read(queries.newest_position)

    async def snapshot(self) -> Snapshot:
        """See Store.snapshot."""
        return await self._read(queries.snapshot)

    async def outline(self, *rooms: str) -> Snapshot:
        """See Store.outline."""
        return await self._read(lambda database: queries.outline(database, rooms))

    async def history(
        self, room: RoomUri, *, last: int, before: int | None = None, after: int | None = None
    ) -> list[Message]:
        """See Store.history."""
        return await self._read(
            lambda database: queries.history(database, room, last, before, after)
        )

    async def history_after(self, room: RoomUri, after: int, limit: int) -> list[Message]:
        """See Store.history_after."""
        return await self._read(
            lambda database: queries.history_after(database, room, after, limit)
        )

    async def search(
        self, rooms: Sequence[RoomUri], query: HistoryQuery, *, most: int = COUNTED
    ) -> list[HistoryResult]:
        """See Store.search."""
        return await self._read(lambda database: fulltext.search(database, rooms, query, most))

    async def originals(self, room: RoomUri) -> list[ModeratedMessage]:
        """See Store.originals."""
        return await self._read(lambda database: moderation.originals(database, room))

    async def administered(self, after: int, limit: int) -> list[JournalEntry]:
        """See Store.administered."""
        return await self._read(lambda database: queries.administered(database, after, limit))

    async def users(self, after: str = "", limit: int | None = None) -> list[User]:
        """See Store.users."""
        return await self._read(lambda database: queries.users(database, after, limit))

    async def groups(self) -> list[Group]:
        """See Store.groups."""
        return await self._read(queries.groups)

    def groups_of(self, user: str) -> list[str]:
        """See Store.groups_of."""
        return self._now(lambda database: memberships.groups_of(database, user))

    async def members(self, group: str) -> list[str]:
        """See Store.members."""
        return await self._read(lambda database: memberships.members(database, group))

    async def held_by(self, principals: Sequence[str]) -> list[str]:
        """See Store.held_by."""
        return await self._read(lambda database: memberships.held_by(database, principals))

    async def role_entries(self, room: RoomUri, role: Role) -> list[tuple[str, Changes]]:
        """See Store.role_entries."""
        return await self._read(lambda database: queries.role_entries(database, room, role))

    async def invitations(self, user: SipUri, after: int, limit: int) -> list[GivenInvitation]:
        """See Store.invitations."""
        return await self._read(lambda database: queries.invitations(database, user, after, limit))

    async def preference(self, user: SipUri, label: str) -> Preference | None:
        """See Store.preference."""
        return await self._read(lambda database: queries.preference(database, user, label))

    async def find_users(self, login: str) -> list[User]:
        """See Store.find_users."""
        return await self._read(lambda database: queries.users_called(database, login))

    def secret(self, user: SipUri) -> bytes | None:
        """See Store.secret."""
        return self._now(lambda database: queries.secret_of(database, user))

    def _now(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Ask from the event loop itself what takes no longer than handing it over."""
        if self._readers is None:
            raise StorageError(f"{self._path}: the store is closed")
        return self._readers.now(query)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if self._readers is None:
            raise StorageError(f"{self._path}: the store is closed")
        return await self._readers.run(query)


def _newest(group: Sequence[Job[object]]) -> int:
    """Return the newest position that a group made; 0 when it made none."""
    made = (job.outcome for job in group)
    return max((one[-1].position for one in made if isinstance(one, list) and one), default=0)


def _settle(waiter: asyncio.Future[T], outcome: T | PerchatError) -> None:
    if waiter.done():  # who waited was cancelled
        return
    if isinstance(outcome, PerchatError):
        waiter.set_exception(outcome)
    else:
        waiter.set_result(outcome)


class _Readers:
    """A few threads, each with a connection of its own."""

    def __init__(self, path: Path, settings: SqliteSettings) -> None:
        self._path = path
        self._settings = settings
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._waiting = 0
        self._pool = ThreadPoolExecutor(settings.readers, "perchat-reader")

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if self._waiting >= self._settings.read_limit:
            raise StorageError(f"{self._path}: busy, {self._waiting} reads are waiting")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, query)
        finally:
            self._waiting -= 1

    def now(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Ask in the thread that calls."""
        return self._run(query)

    def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return query(self._connection())
        except sqlite3.Error as error:
            raise failure(error, str(self._path)) from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = _connect(self._path, self._settings.patience)
            connection.execute("PRAGMA query_only = ON")
            self._all.append(connection)
        return connection

    def close(self) -> None:
        self._pool.shutdown()
        for connection in self._all:
            connection.close()


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=256
    )


def _prepare(database: sqlite3.Connection, name: str, patience: float) -> None:
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA journal_size_limit = 67108864")  # what a burst leaves behind
    database.execute("BEGIN IMMEDIATE")
    try:
        upgrade(database, name)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    _write_ahead(database, patience)  # only once it is known to be ours


def _write_ahead(database: sqlite3.Connection, patience: float) -> None:
    """Switch to the write-ahead log; SQLite itself does not wait for others who do the same."""
    give_up = time.monotonic() + patience
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_ANOTHER_TRY)
        else:
            return
