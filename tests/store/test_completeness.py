"""Whoever takes entries away from a database is noticed when it is opened."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest

from perchat.errors import DatabaseIncomplete
from perchat.store.nodefile import marks
from perchat.store.sqlite import SqliteSettings, SqliteStore
from tests.store.samples import SETTLED, posted

if TYPE_CHECKING:
    from pathlib import Path

COPIED = len(SETTLED)


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """Make a database of which there is an older copy, ``chat.old``."""
    file = tmp_path / "chat.db"
    store = SqliteStore(file)
    await store.open()
    await store.append(*SETTLED)
    await store.close()
    shutil.copy(file, tmp_path / "chat.old")
    return file


async def written(file: Path, count: int = 3, *, killed: bool = True) -> None:
    """Run a server that writes; a killed one leaves its mark, and says no more."""
    store = SqliteStore(file)
    await store.open()
    await store.claim("one")
    await store.append(*[posted(str(number)) for number in range(count)])
    path = file.with_name("chat.db.one.node")
    left = path.read_bytes()
    await store.close()
    if killed:
        path.write_bytes(left)


def restore(file: Path) -> None:
    shutil.copy(file.with_suffix(".old"), file)


async def opened(file: Path, *, accept_loss: bool = False) -> int:
    store = SqliteStore(file, settings=SqliteSettings(accept_loss=accept_loss))
    await store.open()
    try:
        return await store.position()
    finally:
        await store.close()


async def test_nothing_is_said_of_a_database_that_has_all(file: Path) -> None:
    await written(file)
    assert await opened(file) == COPIED + 3


async def test_what_is_missing_is_counted(file: Path) -> None:
    await written(file)
    restore(file)
    with pytest.raises(DatabaseIncomplete) as refused:
        await opened(file)
    assert refused.value.missing == 3
    for words in (f"ends at entry {COPIED}, but had {COPIED + 3}", "3 entries are missing"):
        assert words in str(refused.value)


async def test_what_is_accepted_once_is_not_asked_again(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await written(file)
    restore(file)
    with caplog.at_level(logging.WARNING):
        assert await opened(file, accept_loss=True) == COPIED
    assert "3 entries are missing" in caplog.text
    assert await opened(file) == COPIED


async def test_a_copy_put_there_after_an_orderly_end_is_told_and_taken(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await written(file, killed=False)
    restore(file)
    with caplog.at_level(logging.WARNING):
        assert await opened(file) == COPIED
    assert "this is an older copy" in caplog.text


async def test_another_database_in_its_place_is_none_of_the_marks_business(file: Path) -> None:
    await written(file)
    file.unlink()
    assert await opened(file) == 0


async def test_entries_of_other_processes_count_as_well(file: Path) -> None:
    await written(file)
    other = SqliteStore(file)
    await other.open()
    await other.append(posted("by another"))
    await other.close()
    assert await opened(file) == COPIED + 4
    assert [mark.written for mark in marks(file)] == [COPIED + 3]


async def test_what_a_server_followed_counts_though_another_process_wrote_it(file: Path) -> None:
    server, other = SqliteStore(file), SqliteStore(file)
    await server.open()
    await other.open()
    await server.claim("one")
    (entry,) = await other.append(posted("by another"))
    server.note_followed(entry.position)
    path = file.with_name("chat.db.one.node")
    left = path.read_bytes()
    await other.close()
    await server.close()
    path.write_bytes(left)
    restore(file)
    with pytest.raises(DatabaseIncomplete, match="1 entries are missing"):
        await opened(file)
    assert await opened(file, accept_loss=True) == COPIED
    assert await opened(file) == COPIED


async def test_a_loss_under_a_server_that_runs_cannot_be_accepted(file: Path) -> None:
    running = SqliteStore(file)
    await running.open()
    await running.claim("one")
    await running.append(posted("on"))
    for name in ("chat.db", "chat.db-wal", "chat.db-shm"):
        file.with_name(name).unlink()
    restore(file)
    with pytest.raises(DatabaseIncomplete, match="node one"):
        await opened(file, accept_loss=True)
    await running.close()
