"""
Whether a database has all that was written to it, as far as the files of its nodes tell.

What was committed last is in the write-ahead log until SQLite copies it into the database. A
server that is killed leaves that log behind; who deletes it, or puts an older copy of the
database there, takes entries away that were acknowledged, and SQLite cannot know.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from perchat.errors import DatabaseIncomplete
from perchat.store import queries
from perchat.store.nodefile import marks, settle

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from perchat.store.nodefile import Mark

__all__ = ["check", "log_of"]

_log = logging.getLogger(__name__)


def log_of(file: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of a database."""
    return file.with_name(f"{file.name}-wal")


def check(database: sqlite3.Connection, file: Path, *, logged: bool, accept: bool) -> str:
    """
    Return the GUID of a database that is complete, or taken as it is with ``accept``.

    ``logged`` says whether its write-ahead log was there before it was opened.

    Raises:
        DatabaseIncomplete: It ends before what a node knew to be in it.

    """
    known = marks(file)  # before the position: a node that runs writes on meanwhile
    guid = queries.identity(database)
    newest = queries.newest_position(database)
    missed = [mark for mark in known if mark.database == guid and mark.written > newest]
    if not missed:
        return guid
    most = max(missed, key=lambda mark: (not mark.ended, mark.written))
    text = _told(file, most, newest, logged=logged)
    if most.ended:  # nothing was left in a log: somebody put a copy there, and knows
        _log.warning("%s", text)
    elif accept and not most.runs:
        _log.warning("%s; accepted", text)
        settle(file, newest)
    else:
        raise DatabaseIncomplete(
            f"{text}. Put it back; or go on without those entries, as after restoring a copy:"
            " perchat serve --accept-loss",
            missing=most.written - newest,
        )
    return guid


def _told(file: Path, mark: Mark, newest: int, *, logged: bool) -> str:
    what = "this is an older copy" if logged or mark.ended else f"{log_of(file).name} is missing"
    return (
        f"{file} ends at entry {newest}, but had {mark.written} when {mark.node} was last seen:"
        f" {mark.written - newest} entries are missing; {what}"
    )
