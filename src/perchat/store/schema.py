"""
The database's shape, as numbered steps that only ever go forward.

``SCHEMA_VERSION`` is what this program makes; ``SCHEMA_COMPAT_VERSION`` is the oldest
program that can still work on it. A newer program takes the missing steps in one
transaction; a program older than the database's compatibility refuses to touch it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from perchat.errors import StorageError
from perchat.model.name import name_key

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

__all__ = ["APPLICATION_ID", "SCHEMA_COMPAT_VERSION", "SCHEMA_VERSION", "upgrade"]

APPLICATION_ID = 0x50636874
"""Marks a file as ours in the SQLite header: ``Pcht``."""

SCHEMA_VERSION = 10
SCHEMA_COMPAT_VERSION = 10

_NEVER = -(2**62) - 1  # microseconds; before anything that is asked for

_FIRST = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    # Text is stored once: an entry about a kept message names the message.
    """
    CREATE TABLE journal (
        position INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        room INTEGER,
        chat_id INTEGER,
        fact BLOB
    ) STRICT
    """,
    "CREATE INDEX journal_told ON journal (at) WHERE kind = 2",
    """
    CREATE TABLE message (
        room INTEGER NOT NULL,
        chat_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        author TEXT NOT NULL,
        author_name TEXT NOT NULL,
        alert INTEGER NOT NULL,
        text TEXT NOT NULL,
        rtf TEXT,
        PRIMARY KEY (room, chat_id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE category (uri TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE room (
        key INTEGER PRIMARY KEY,
        uri TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        last_chat_id INTEGER NOT NULL DEFAULT 0,
        value BLOB NOT NULL
    ) STRICT
    """,
    # Rooms and categories share one space of names.
    "CREATE TABLE name (key TEXT PRIMARY KEY, uri TEXT NOT NULL UNIQUE) STRICT, WITHOUT ROWID",
    """
    CREATE TABLE role (
        room INTEGER NOT NULL,
        role TEXT NOT NULL,
        principal TEXT NOT NULL,
        PRIMARY KEY (room, role, principal)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE user (
        uri TEXT PRIMARY KEY,
        login TEXT NOT NULL,
        guid TEXT NOT NULL,
        value BLOB NOT NULL,
        secret BLOB
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX user_login ON user (login)",
    """
    CREATE TABLE participant (
        room INTEGER NOT NULL,
        user TEXT NOT NULL,
        session TEXT NOT NULL,
        node TEXT NOT NULL,
        PRIMARY KEY (room, user, session)
    ) STRICT, WITHOUT ROWID
    """,
)

_APPLICATIONS = (
    """
    CREATE TABLE application (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID
    """,
)

_RECEIPTS = (
    "ALTER TABLE message ADD COLUMN client_id TEXT",
    # Which post became which entry, so that one that is sent again is known.
    """
    CREATE TABLE receipt (
        position INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        room INTEGER NOT NULL,
        author TEXT NOT NULL,
        client_id TEXT NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX receipt_post ON receipt (author, room, client_id)",
)

_PRINCIPALS = (
    """
    CREATE TABLE user_group (uri TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE membership (
        holder TEXT NOT NULL,
        member TEXT NOT NULL,
        PRIMARY KEY (holder, member)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX membership_member ON membership (member, holder)",
    """
    CREATE TABLE add_in (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, value BLOB NOT NULL)
    STRICT, WITHOUT ROWID
    """,
    'ALTER TABLE role ADD COLUMN "by" TEXT',
    "ALTER TABLE role ADD COLUMN at INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX role_principal ON role (principal)",
    """
    CREATE TABLE invitation (
        user TEXT NOT NULL,
        id INTEGER NOT NULL,
        room INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (user, id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX invitation_room ON invitation (room, user)",
    # The last number a user was given, also when that invitation is gone.
    "CREATE TABLE invited (user TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    """
    CREATE TABLE preference (
        user TEXT NOT NULL,
        label TEXT NOT NULL,
        version INTEGER NOT NULL,
        data TEXT NOT NULL,
        PRIMARY KEY (user, label)
    ) STRICT, WITHOUT ROWID
    """,
    # Names that look alike were different names before; those stay as they are.
    "UPDATE OR IGNORE name SET key = name_key(key)",
)

_FULLTEXT = (
    # Grows behind the journal (see fulltext): of an older database, from the beginning on.
    "CREATE VIRTUAL TABLE said USING fts5(words, content='', columnsize=0, tokenize='ascii')",
    "INSERT INTO about VALUES ('indexed', 0)",
)

_MODERATION = (
    # What an administrator replaced or took away, as it was posted.
    """
    CREATE TABLE original (
        room INTEGER NOT NULL,
        chat_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        author TEXT NOT NULL,
        author_name TEXT NOT NULL,
        alert INTEGER NOT NULL,
        text TEXT NOT NULL,
        rtf TEXT,
        client_id TEXT,
        moderated INTEGER NOT NULL,
        replacement TEXT,
        PRIMARY KEY (room, chat_id)
    ) STRICT, WITHOUT ROWID
    """,
)

_JOURNAL_OF_ROOM = (
    # What is taken away with a room, or moderated in it, is found without reading everything.
    "CREATE INDEX journal_room ON journal (room, chat_id) WHERE room IS NOT NULL",
)

_MESSAGES_BY_TIME = (
    # A day among millions of messages is found without reading those before it.
    "CREATE INDEX message_at ON message (room, at)",
)

_RUNS = (
    # Where messages follow one another without a gap, and not back in time, they are counted
    # by their numbers: those behind run_after, and no other is later than run_since.
    "ALTER TABLE room ADD COLUMN run_after INTEGER NOT NULL DEFAULT 0",
    f"ALTER TABLE room ADD COLUMN run_since INTEGER NOT NULL DEFAULT {_NEVER}",
    f"""
    UPDATE room SET run_after = last_chat_id, run_since =
        coalesce((SELECT max(at) FROM message WHERE room = key), {_NEVER})
    """,  # noqa: S608 - ours
    f"""
    CREATE TRIGGER message_begins_a_run BEFORE INSERT ON message
    WHEN NOT EXISTS (
        SELECT 1 FROM message
        WHERE room = new.room AND chat_id = new.chat_id - 1 AND at <= new.at
    )
    BEGIN
        UPDATE room SET run_after = new.chat_id - 1, run_since =
            coalesce((SELECT max(at) FROM message WHERE room = new.room), {_NEVER})
        WHERE key = new.room;
    END
    """,  # noqa: S608 - ours
    """
    CREATE TRIGGER message_breaks_a_run AFTER DELETE ON message
    BEGIN
        UPDATE room SET run_after = old.chat_id, run_since = max(run_since, old.at)
        WHERE key = old.room AND run_after < old.chat_id;
    END
    """,
)

_ADMINISTRATORS = (
    """
    CREATE TABLE administrator (
        user TEXT NOT NULL,
        role TEXT NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (user, role)
    ) STRICT, WITHOUT ROWID
    """,
    # Who did what is found without reading what was said between.
    "CREATE INDEX journal_administered ON journal (position) WHERE kind = 27",
)

_DELTAS: Mapping[int, Sequence[str]] = {
    1: _FIRST,
    2: _APPLICATIONS,
    3: _RECEIPTS,
    4: _PRINCIPALS,
    5: _FULLTEXT,
    6: _MODERATION,
    7: _JOURNAL_OF_ROOM,
    8: _MESSAGES_BY_TIME,
    9: _RUNS,
    10: _ADMINISTRATORS,
}
"""Statements by the version they lead to; never changed once released."""


def upgrade(database: sqlite3.Connection, name: str) -> None:
    """
    Bring a database to this program's version, within the caller's transaction.

    Raises:
        StorageError: The file is something else, or too new; ``name`` is told.

    """
    version = _version(database, name)
    if version >= SCHEMA_VERSION:
        return
    database.create_function("name_key", 1, name_key, deterministic=True)
    for step in range(version + 1, SCHEMA_VERSION + 1):
        for statement in _DELTAS[step]:
            database.execute(statement)
    if version == 0:
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute("INSERT INTO about VALUES ('database', ?)", (str(uuid.uuid4()),))
    numbers = [("version", SCHEMA_VERSION), ("compatible", SCHEMA_COMPAT_VERSION)]
    database.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", numbers)


def _version(database: sqlite3.Connection, name: str) -> int:
    (marked,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if marked == 0 and tables == 0:
        return 0
    if marked != APPLICATION_ID:
        raise StorageError(f"{name} is not a Perchat database; name another file")
    numbers = dict(database.execute("SELECT name, value FROM about"))
    if numbers["compatible"] > SCHEMA_VERSION:
        raise StorageError(
            f"{name} was written by a newer Perchat (schema {numbers['version']}, usable from "
            f"{numbers['compatible']} on; this program knows {SCHEMA_VERSION}): install the newer "
            "program, or restore the copy made before the upgrade"
        )
    return int(numbers["version"])
