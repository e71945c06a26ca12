"""What only a file can do: survive, fill up, and be shared by processes."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.errors import StateError, StorageError
from perchat.model.journal import JournalEntry, MessagePosted, ParticipantJoined
from perchat.store.sqlite import SqliteSettings, SqliteStore
from perchat.store.transaction import TOLD_SECONDS
from tests.store.samples import ADA, OPS, SETTLED, posted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CHILD = """
import asyncio, sys
from perchat.store.sqlite import SqliteStore
from tests.store.samples import posted

async def send(store):
    while True:
        (entry,) = await store.append(posted("x" * 200))
        print(entry.fact.message.id, entry.position, flush=True)

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    await asyncio.gather(*(send(store) for _ in range(8)))

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    async with _opened(SqliteStore(path)) as store:
        await store.append(*SETTLED)
        yield store


@asynccontextmanager
async def _opened(store: SqliteStore) -> AsyncIterator[SqliteStore]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def ids(entries: list[JournalEntry]) -> list[int]:
    return [e.fact.message.id for e in entries if isinstance(e.fact, MessagePosted)]


# one process after another


async def test_what_was_appended_is_there_after_opening_again(path: Path) -> None:
    async with _opened(SqliteStore(path)) as first:
        appended = [await first.append(fact) for fact in SETTLED]
        appended.append(await first.append(posted("hello"), ParticipantJoined(OPS, ADA, "s", "n")))
        snapshot = await first.snapshot()
    async with _opened(SqliteStore(path)) as second:
        assert await second.read(0) == [entry for entries in appended for entry in entries]
        assert await second.snapshot() == snapshot
        assert ids(await second.append(posted("again"))) == [2]


async def test_only_the_owner_may_read_the_file(store: SqliteStore, path: Path) -> None:
    assert {p.stat().st_mode & 0o777 for p in path.parent.iterdir()} == {0o600}


async def test_an_open_store_is_not_opened_twice(store: SqliteStore) -> None:
    with pytest.raises(StateError):
        await store.open()


async def test_a_closed_store_says_so(store: SqliteStore) -> None:
    await store.close()
    with pytest.raises(StorageError, match="closed"):
        await store.append(posted("x"))
    with pytest.raises(StorageError, match="closed"):
        await store.read(0)
    await store.close()


async def test_closing_finishes_what_was_appended(path: Path) -> None:
    async with asyncio.TaskGroup() as tasks, _opened(SqliteStore(path)) as store:
        await store.append(*SETTLED)
        waiting = [tasks.create_task(store.append(posted(str(n)))) for n in range(500)]
        await asyncio.sleep(0)
    assert [ids(done.result()) for done in waiting] == [[n] for n in range(1, 501)]


async def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"missing/chat\.db.*No such file"):
        await SqliteStore(tmp_path / "missing" / "chat.db").open()


# under load


async def test_more_appends_than_the_limit_are_refused_as_busy(path: Path) -> None:
    settings = SqliteSettings(append_limit=10)
    async with _opened(SqliteStore(path, settings=settings)) as store:
        await store.append(*SETTLED)
        calls = (store.append(posted("x")) for _ in range(30))
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [r for r in results if isinstance(r, StorageError)]
        assert len(refused) == 20
        assert "busy" in str(refused[0])
        assert ids(await store.append(posted("later"))) == [11]


async def test_more_reads_than_the_limit_are_refused_as_busy(path: Path) -> None:
    async with _opened(SqliteStore(path, settings=SqliteSettings(read_limit=5))) as store:
        calls = (store.position() for _ in range(20))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(r, StorageError) for r in results) == 15
        assert await store.position() == 0


async def test_who_does_not_wait_is_refused_there_and_then_when_the_store_is_busy(
    path: Path,
) -> None:
    async with _opened(SqliteStore(path, settings=SqliteSettings(append_limit=3))) as store:
        await store.append(*SETTLED)
        told: list[object] = []
        for _ in range(3):
            store.append_then(told.append, posted("x"))
        with pytest.raises(StorageError, match="busy"):
            store.append_then(told.append, posted("one too many"))
        assert ids(await _told(store, posted("later"), after=told)) == [4]
        assert len(told) == 3


async def _told(
    store: SqliteStore, fact: MessagePosted, *, after: list[object]
) -> list[JournalEntry]:
    async with asyncio.timeout(5):
        while not after:
            await asyncio.sleep(0)
    return await store.append(fact)


async def test_who_fails_when_told_harms_no_other(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("deaf")

    store.append_then(fail, posted("first"))
    assert ids(await store.append(posted("second"))) == [2]
    assert "nobody took what became of an append" in caplog.text


async def test_a_cancelled_append_leaves_the_store_in_order(store: SqliteStore) -> None:
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(store.append(posted("cancelled")))
        await asyncio.sleep(0)
        first.cancel()
    assert ids(await store.append(posted("next"))) == [2]
    assert [m.text for m in await store.history(OPS, last=9)] == ["cancelled", "next"]


async def test_text_that_cannot_be_stored_is_refused_alone(store: SqliteStore) -> None:
    good, bad = await asyncio.gather(
        store.append(posted("good")), store.append(posted("\ud800")), return_exceptions=True
    )
    assert isinstance(bad, StorageError)
    assert isinstance(good, list)
    assert ids(await store.append(posted("next"))) == [2]


# shared with another process


async def test_entries_of_another_process_are_found_by_reading_on(
    store: SqliteStore, path: Path
) -> None:
    await store.append(posted("mine"))
    async with _opened(SqliteStore(path)) as other:
        await other.append(posted("theirs"))
        start = len(SETTLED)
        assert ids(await store.read(start + 1)) == [2]
        assert await store.position() == start + 2
        await store.append(posted("mine again"))
        assert ids(await store.read(start)) == ids(await other.read(start)) == [1, 2, 3]


@examples(max_examples=20)
@given(turns=st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=12))
async def test_two_stores_on_one_file_make_one_gapless_order(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[bool, int]]
) -> None:
    path = tmp_path_factory.mktemp("two") / "chat.db"
    small = SqliteSettings(ring=4, group_limit=3)
    async with (
        _opened(SqliteStore(path, settings=small)) as one,
        _opened(SqliteStore(path, settings=small)) as two,
    ):
        await one.append(*SETTLED)
        calls = [
            (two if second else one).append(*[posted(f"{n}") for _ in range(size)])
            for n, (second, size) in enumerate(turns)
        ]
        appended = [entry for entries in await asyncio.gather(*calls) for entry in entries]
        for store in (one, two):
            seen = await _follow(store, len(SETTLED))
            assert seen == sorted(appended, key=lambda entry: entry.position)
            assert ids(seen) == list(range(1, len(appended) + 1))
            assert all(b.position == a.position + 1 for a, b in pairwise(seen))


async def _follow(store: SqliteStore, after: int) -> list[JournalEntry]:
    seen: list[JournalEntry] = []
    while batch := await store.read(after, limit=3):
        seen += batch
        after = batch[-1].position
    return seen


async def test_two_processes_may_create_the_file_at_once(path: Path) -> None:
    stores = [SqliteStore(path) for _ in range(6)]
    await asyncio.gather(*(store.open() for store in stores))
    identities = {(await store.snapshot()).database for store in stores}
    assert len(identities) == 1
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_lock_held_too_long_is_told_and_survived(path: Path) -> None:
    async with _opened(SqliteStore(path, settings=SqliteSettings(patience=0.05))) as store:
        await store.append(*SETTLED)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="another process"):
            await store.append(posted("x"))
        holder.execute("COMMIT")
        holder.close()
        assert ids(await store.append(posted("y"))) == [1]


# when the disk is full


@contextmanager
def no_room(path: Path, spare: int) -> Iterator[None]:
    """Let no file grow: the kernel refuses writes beyond the log's size and a little."""
    log = path.with_name(path.name + "-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("spare", [0, 2_000, 9_000])
async def test_on_a_full_disk_nothing_is_stored_and_all_are_told(
    store: SqliteStore, path: Path, spare: int
) -> None:
    await store.append(posted("before"))
    before = await store.snapshot()
    with no_room(path, spare):
        calls = (store.append(posted("x" * 5_000)) for _ in range(20))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, StorageError) for result in results)
        assert "disk" in str(results[0])
        assert await store.snapshot() == before
    assert ids(await store.append(posted("after"))) == [2]
    assert [m.text for m in await store.history(OPS, last=9)] == ["before", "after"]
    with sqlite3.connect(path) as checked:
        assert checked.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    checked.close()


# when the process dies


async def test_every_acknowledged_message_survives_the_end_of_the_process(path: Path) -> None:
    async with _opened(SqliteStore(path)) as store:
        await store.append(*SETTLED)
    acknowledged = await _killed_after(400, path)
    async with _opened(SqliteStore(path)) as store:
        entries = await store.read(0, limit=100_000)
        assert [e.position for e in entries] == list(range(1, len(entries) + 1))
        stored = {e.fact.message.id: e.position for e in entries if type(e.fact) is MessagePosted}
        assert list(stored) == list(range(1, len(stored) + 1))
        assert acknowledged.items() <= stored.items()
        assert [m.id for m in await store.history(OPS, last=100_000)] == list(stored)


async def _killed_after(count: int, path: Path) -> dict[int, int]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        CHILD,
        str(path),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["src", ".", *sys.path])},
    )
    assert child.stdout is not None
    lines = [await child.stdout.readline() for _ in range(count)]
    child.send_signal(signal.SIGKILL)
    rest, _ = await child.communicate()
    whole = b"".join(lines) + rest[: rest.rfind(b"\n") + 1]
    pairs = (line.split() for line in whole.splitlines())
    return {int(message): int(position) for message, position in pairs}


# what is told but not kept


async def test_the_text_of_a_message_that_is_not_kept_goes_after_its_time(path: Path) -> None:
    now = [1_700_000_000.0]
    settings = SqliteSettings(ring=0)
    async with _opened(SqliteStore(path, settings=settings, clock=lambda: now[0])) as store:
        await store.append(*SETTLED)
        await store.append(posted("whispered", kept=False, rtf="{whispered}"))
        now[0] += TOLD_SECONDS + 1
        await store.append(posted("later", kept=False))
        facts = [entry.fact for entry in await store.read(len(SETTLED))]
    texts = [(f.message.text, f.message.rtf, f.kept) for f in facts if type(f) is MessagePosted]
    assert texts == [("", None, False), ("later", None, False)]
