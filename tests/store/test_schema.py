from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from perchat.errors import StorageError
from perchat.model.history import HistoryQuery
from perchat.store import schema
from perchat.store.rows import ROOM
from perchat.store.sqlite import SqliteStore
from tests.store.samples import ADA, OPS, SETTLED, application, posted, room

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "chat.db"
    store = SqliteStore(path)
    await store.open()
    await store.append(*SETTLED, posted("hello"))
    await store.close()
    return path


def written(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement, values)


def content(path: Path) -> bytes:
    return path.read_bytes()


def numbers(path: Path) -> dict[str, object]:
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT name, value FROM about"))


async def test_a_new_database_carries_its_numbers(path: Path) -> None:
    about = numbers(path)
    assert about["version"] == schema.SCHEMA_VERSION
    assert about["compatible"] == schema.SCHEMA_COMPAT_VERSION


async def test_a_database_of_a_newer_program_is_refused_with_the_remedy(path: Path) -> None:
    written(path, "UPDATE about SET value = 99 WHERE name = 'compatible'")
    before = content(path)
    with pytest.raises(StorageError, match="install the newer program"):
        await SqliteStore(path).open()
    assert content(path) == before


async def test_a_newer_database_that_is_still_compatible_is_used(path: Path) -> None:
    newer = schema.SCHEMA_VERSION + 1
    written(path, "UPDATE about SET value = ? WHERE name = 'version'", newer)
    store = SqliteStore(path)
    await store.open()
    await store.append(posted("still here"))
    await store.close()
    assert numbers(path)["version"] == newer


async def test_an_older_database_is_upgraded_and_keeps_its_data(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = ("CREATE TABLE extra (name TEXT)", "INSERT INTO extra VALUES ('new')")
    _grow(monkeypatch, step)
    store = SqliteStore(path)
    await store.open()
    assert [m.text for m in await store.history(OPS, last=9)] == ["hello"]
    await store.close()
    assert numbers(path)["version"] == schema.SCHEMA_VERSION
    await store.open()  # a second time there is nothing to do
    await store.close()


def first_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a database as the first version did, with one message in it."""
    with monkeypatch.context() as older, closing(sqlite3.connect(path)) as database, database:
        older.setattr(schema, "SCHEMA_VERSION", 1)
        older.setattr(schema, "SCHEMA_COMPAT_VERSION", 1)
        schema.upgrade(database, "old")
        database.execute(
            "INSERT INTO room VALUES (1, ?, 'Ops', 1, ?)", (OPS, ROOM.encode(room().room))
        )
        database.execute("INSERT INTO message VALUES (1, 1, 0, ?, 'Ada', 0, 'hello', NULL)", (ADA,))
        database.execute("INSERT INTO journal VALUES (1, 0, 1, 1, 1, NULL)")


async def test_a_database_of_the_first_version_learns_of_applications_and_receipts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    first_version(path, monkeypatch)
    store = SqliteStore(path)
    await store.open()
    await store.append(application())
    assert (await store.snapshot()).applications == (application().application,)
    once = await store.append(posted("again", client_id="c"))
    assert await store.append(posted("again", client_id="c")) == once
    found = await store.history(OPS, last=9)
    assert [(m.id, m.text, m.client_id) for m in found] == [(1, "hello", ""), (2, "again", "c")]
    (counted,) = await store.search([OPS], HistoryQuery(limit=1))
    assert counted.total == 2
    await store.close()
    assert numbers(path)["compatible"] == schema.SCHEMA_COMPAT_VERSION


async def test_names_that_looked_alike_before_stay_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.db"
    first_version(path, monkeypatch)
    for key, uri in (("ops", "1"), ("\u043eps", "2"), ("\u043eld", "3")):
        written(path, "INSERT INTO name VALUES (?, ?)", key, uri)
    store = SqliteStore(path)
    await store.open()
    await store.close()
    with closing(sqlite3.connect(path)) as database:
        names = dict(database.execute("SELECT uri, key FROM name"))
    assert names == {"1": "ops", "2": "\u043eps", "3": "old"}


async def test_an_upgrade_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = numbers(path)
    with monkeypatch.context() as newer:
        _grow(newer, ("CREATE TABLE extra (name TEXT)", "INSERT INTO nowhere VALUES (1)"))
        with pytest.raises(StorageError, match="nowhere"):
            await SqliteStore(path).open()
    assert numbers(path) == before
    with closing(sqlite3.connect(path)) as database:
        assert (
            database.execute("SELECT * FROM sqlite_schema WHERE name = 'extra'").fetchone() is None
        )


def _grow(monkeypatch: pytest.MonkeyPatch, step: tuple[str, ...]) -> None:
    version = schema.SCHEMA_VERSION + 1
    monkeypatch.setattr(schema, "_DELTAS", {**schema._DELTAS, version: step})
    monkeypatch.setattr(schema, "SCHEMA_VERSION", version)


async def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    written(path, "CREATE TABLE theirs (name TEXT)")
    before = content(path)
    with pytest.raises(StorageError, match="not a Perchat database"):
        await SqliteStore(path).open()
    assert content(path) == before


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 100)
    with pytest.raises(StorageError, match=r"notes\.txt.*not a database"):
        await SqliteStore(path).open()
