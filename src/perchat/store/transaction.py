"""
Facts becoming rows: what happens between BEGIN and COMMIT.

Journal and message rows are collected and written by few statements, since every
statement is a chance for the event loop to take the interpreter away.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from perchat.batching import batches
from perchat.model.journal import (
    CategoryChanged,
    CategoryRemoved,
    Fact,
    JournalEntry,
    MessagePosted,
    MessagesModerated,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    RoomRemoved,
    UsersInvited,
)
from perchat.model.message import Message
from perchat.model.name import name_key
from perchat.model.preference import Preference
from perchat.store import queries
from perchat.store.base import Receipts
from perchat.store.decisions import (
    check_empty,
    check_version,
    decided_room,
    name_taken,
    nothing_there,
)
from perchat.store.directoryrows import DIRECTORY_CHANGES
from perchat.store.fulltext import forget_room
from perchat.store.moderation import UNSAY, moderate
from perchat.store.rows import (
    CATEGORY,
    KIND_FORGOTTEN,
    KIND_KEPT,
    KIND_TOLD,
    MESSAGE,
    ROOM,
    moment,
    row_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from perchat.model.uri import RoomUri, SipUri

__all__ = ["TOLD_SECONDS", "Transaction"]

TOLD_SECONDS = 3600
"""How long the text of a message that is not kept stays readable for followers."""

_JOURNAL = ("INSERT INTO journal", 6)
_MESSAGE = ("INSERT INTO message", 9)
_RECEIPT = ("INSERT OR REPLACE INTO receipt", 5)  # one whose time is over may stand there
_INVITE = """
    INSERT INTO invitation (room, at, user, id)
    SELECT ?, ?, u.uri, coalesce((SELECT last FROM invited WHERE user = u.uri), 0) + 1
    FROM json_each(?) AS named JOIN user u ON u.uri = named.value
    WHERE NOT EXISTS (SELECT 1 FROM invitation i WHERE i.user = u.uri AND i.room = ?)
    RETURNING user, id
"""
_SILENCE = """
    UPDATE journal
    SET kind = ?, fact = CAST(json_set(CAST(fact AS TEXT), '$.text', '', '$.rtf', NULL) AS BLOB)
    WHERE kind = 2
"""
"""An entry about a message that is not kept stays, for followers, but says nothing."""
_ROOM = """
    SELECT key, name, last_chat_id, (SELECT max(position) FROM journal) FROM room WHERE uri = ?
"""
_UNKNOWN = -1
_ROWS = 32  # of one statement; each number has one of its own, all of them prepared soon


@dataclass(slots=True)
class _RoomRow:
    key: int
    name: str
    last_id: int
    counted: bool = False


class Transaction:
    """
    Takes facts between the caller's BEGIN IMMEDIATE and COMMIT.

    Args:
        database: In a transaction that holds the write lock, so that positions and
            message ids given here are in the order of commits.
        micros: The time now, microseconds since the epoch.
        receipts: How long posts are known by their authors' ids.

    """

    def __init__(
        self,
        database: sqlite3.Connection,
        micros: int,
        receipts: Receipts = Receipts(),  # noqa: B008 - frozen
    ) -> None:
        self._database = database
        self._micros = micros
        self._at = micros / 1e6
        self._timestamp = moment(micros)
        self._kept = receipts
        self._posted: dict[tuple[str, int, str], JournalEntry] = {}
        self._position = _UNKNOWN
        self._rooms: dict[RoomUri, _RoomRow] = {}
        self._journal: list[tuple[Any, ...]] = []
        self._messages: list[tuple[Any, ...]] = []

    def take(self, facts: Sequence[Fact]) -> list[JournalEntry]:
        """Change the tables by facts, in order; raises what Store.append documents."""
        return [self._take(fact) for fact in facts]

    def keep_secret(self, user: SipUri, secret: bytes) -> None:
        """Keep a user's secret."""
        done = self._database.execute(
            "UPDATE user SET secret = ? WHERE uri = ?", (secret, str(user))
        )
        if done.rowcount != 1:
            raise nothing_there("user", user)

    def keep_preference(
        self, user: SipUri, label: str, data: str, expected: int | None
    ) -> Preference:
        """Keep a bundle of a user's; raises what Store.set_preference documents."""
        if not self._database.execute("SELECT 1 FROM user WHERE uri = ?", (user,)).fetchone():
            raise nothing_there("user", user)
        known = queries.preference(self._database, user, label)
        check_version(known, expected)
        kept = Preference(label, known.version + 1 if known else 1, data)
        self._database.execute(
            "INSERT OR REPLACE INTO preference VALUES (?, ?, ?, ?)",
            (user, label, kept.version, data),
        )
        return kept

    def finish(self) -> None:
        """Write what was collected; COMMIT comes next."""
        _insert(self._database, _JOURNAL, self._journal)
        _insert(self._database, _MESSAGE, self._messages)
        if self._posted:
            self._keep_receipts()
        counted = [(row.last_id, row.key) for row in self._rooms.values() if row.counted]
        self._database.executemany("UPDATE room SET last_chat_id = ? WHERE key = ?", counted)
        if any(row[2] == KIND_TOLD for row in self._journal):
            self._forget()

    def _keep_receipts(self) -> None:
        rows = [
            (entry.position, self._micros, room, author, client_id)
            for (author, room, client_id), entry in self._posted.items()
        ]
        _insert(self._database, _RECEIPT, rows)
        oldest = self._database.execute(
            "SELECT position, at FROM receipt ORDER BY position LIMIT ?", (2 * len(rows),)
        ).fetchall()
        over = [position for position, at in oldest if not self._stands(position, at)]
        if over:
            self._database.execute("DELETE FROM receipt WHERE position <= ?", (over[-1],))

    def _stands(self, position: int, at: int) -> bool:
        young = at > self._micros - self._kept.seconds * 1_000_000
        return young and position > self._newest() - self._kept.entries

    def _forget(self) -> None:
        self._database.execute(
            f"{_SILENCE} AND at < ?",
            (KIND_FORGOTTEN, self._micros - TOLD_SECONDS * 1_000_000),
        )

    def _take(self, fact: Fact) -> JournalEntry:
        if type(fact) is MessagePosted:
            return self._post(fact)
        if change := DIRECTORY_CHANGES.get(type(fact)):
            change(self._database, fact)
        else:
            fact = self._CHANGES[type(fact)](self, fact) or fact
        return self._enter(fact, *row_of(fact))

    def _enter(
        self,
        fact: Fact,
        kind: int,
        stored: bytes | None,
        room: int | None = None,
        chat_id: int | None = None,
    ) -> JournalEntry:
        self._position = self._newest() + 1
        self._journal.append((self._position, self._micros, kind, room, chat_id, stored))
        return JournalEntry(self._position, self._at, fact)

    def _newest(self) -> int:
        """Return the newest position; a group of posts has it from its first room."""
        if self._position == _UNKNOWN:
            found = self._database.execute("SELECT max(position) FROM journal").fetchone()
            self._position = found[0] or 0
        return self._position

    def _post(self, fact: MessagePosted) -> JournalEntry:
        given = fact.message
        room = self._room(given.room_uri)
        post = (given.author, room.key, given.client_id)
        if given.client_id and (earlier := self._earlier(*post)):
            return earlier
        room.last_id += 1
        room.counted = True
        message = Message(
            room.last_id,
            self._timestamp,
            given.author,
            given.room_uri,
            given.text,
            given.author_name,
            room.name,
            given.rtf,
            given.is_alert,
            given.client_id,
        )
        entry = self._enter_message(MessagePosted(message, fact.kept), room.key)
        if given.client_id:
            self._posted[post] = entry
        return entry

    def _earlier(self, author: str, room: int, client_id: str) -> JournalEntry | None:
        """Return the entry that a post sent again became the first time."""
        if known := self._posted.get((author, room, client_id)):
            return known
        row = self._database.execute(
            "SELECT position, at FROM receipt WHERE author = ? AND room = ? AND client_id = ?",
            (author, room, client_id),
        ).fetchone()
        if row is None or not self._stands(*row):
            return None
        return queries.entries(self._database, row[0] - 1, 1)[0]

    def _enter_message(self, posted: MessagePosted, room: int) -> JournalEntry:
        message = posted.message
        if not posted.kept:
            return self._enter(posted, KIND_TOLD, MESSAGE.encode(message), room, message.id)
        self._messages.append(
            (
                room,
                message.id,
                self._micros,
                message.author,
                message.author_name,
                message.is_alert,
                message.text,
                message.rtf,
                message.client_id or None,
            )
        )
        return self._enter(posted, KIND_KEPT, None, room, message.id)

    def _room(self, uri: RoomUri) -> _RoomRow:
        row = self._rooms.get(uri)
        if row is None:
            found = self._database.execute(_ROOM, (uri,)).fetchone()
            if found is None:
                raise nothing_there("room", uri)
            *known, newest = found
            row = self._rooms[uri] = _RoomRow(*known)
            if self._position == _UNKNOWN:
                self._position = newest or 0
        return row

    def _join(self, fact: ParticipantJoined) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO participant VALUES (?, ?, ?, ?)",
            (self._room(fact.room).key, fact.user, fact.session, fact.node),
        )

    def _part(self, fact: ParticipantParted) -> None:
        self._database.execute(  # the room may be no more
            "DELETE FROM participant WHERE user = ? AND session = ?"
            " AND room = (SELECT key FROM room WHERE uri = ?)",
            (fact.user, fact.session, fact.room),
        )

    def _start(self, fact: NodeStarted) -> None:
        self._database.execute("DELETE FROM participant WHERE node = ?", (fact.node,))

    def _change_room(self, fact: RoomChanged) -> Fact:
        found = self._database.execute(
            "SELECT value FROM room WHERE uri = ?", (fact.room.uri,)
        ).fetchone()
        fact = decided_room(fact, ROOM.decode(found[0]) if found else None, self._timestamp)
        room = fact.room
        category = self._database.execute(
            "SELECT 1 FROM category WHERE uri = ?", (room.category,)
        ).fetchone()
        if category is None:
            raise nothing_there("category", str(room.category))
        self._name(room.name, room.uri)
        self._database.execute(
            "INSERT INTO room (uri, name, value) VALUES (?, ?, ?)"
            " ON CONFLICT (uri) DO UPDATE SET name = excluded.name, value = excluded.value",
            (room.uri, room.name, ROOM.encode(room)),
        )
        if room.uri in self._rooms:
            self._rooms[room.uri].name = room.name
        return fact

    def _remove_room(self, fact: RoomRemoved) -> None:
        key = self._room(fact.room).key
        self._finish_room(key)
        forget_room(self._database, key)
        self._database.execute(UNSAY, (fact.room, KIND_FORGOTTEN, key))
        self._database.execute(f"{_SILENCE} AND room = ?", (KIND_FORGOTTEN, key))
        self._database.execute("DELETE FROM room WHERE key = ?", (key,))  # it is given again
        for table in ("message", "original", "role", "participant", "invitation", "receipt"):
            self._database.execute(f"DELETE FROM {table} WHERE room = ?", (key,))  # noqa: S608
        self._database.execute("DELETE FROM name WHERE uri = ?", (fact.room,))
        self._database.execute("UPDATE journal SET room = NULL WHERE room = ?", (key,))
        del self._rooms[fact.room]

    def _moderate(self, fact: MessagesModerated) -> Fact:
        key = self._room(fact.room).key
        self._write_collected()
        return moderate(self._database, key, fact, self._micros)

    def _write_collected(self) -> None:
        _insert(self._database, _JOURNAL, self._journal)
        _insert(self._database, _MESSAGE, self._messages)
        self._journal, self._messages = [], []

    def _finish_room(self, key: int) -> None:
        """Write what was collected, so that a room can be taken away with all of it."""
        self._write_collected()
        self._posted = {post: entry for post, entry in self._posted.items() if post[1] != key}

    def _change_category(self, fact: CategoryChanged) -> None:
        category = fact.category
        self._name(category.name, category.uri)
        self._database.execute(
            "INSERT OR REPLACE INTO category VALUES (?, ?)",
            (category.uri, CATEGORY.encode(category)),
        )

    def _remove_category(self, fact: CategoryRemoved) -> None:
        (rooms,) = self._database.execute(
            "SELECT count(*) FROM room WHERE CAST(value AS TEXT) ->> 'category' = ?",
            (fact.category,),
        ).fetchone()
        check_empty(fact.category, rooms)
        self._database.execute("DELETE FROM category WHERE uri = ?", (fact.category,))
        self._database.execute("DELETE FROM name WHERE uri = ?", (fact.category,))

    def _name(self, name: str, uri: str) -> None:
        key = name_key(name)
        holder = self._database.execute("SELECT uri FROM name WHERE key = ?", (key,)).fetchone()
        if holder is not None and holder[0] != uri:
            raise name_taken(name)
        self._database.execute(
            "INSERT INTO name VALUES (?, ?) ON CONFLICT (uri) DO UPDATE SET key = excluded.key",
            (key, uri),
        )

    def _grant(self, fact: RolesGranted) -> None:
        key = self._room(fact.room).key
        self._database.executemany(
            "INSERT OR IGNORE INTO role VALUES (?, ?, ?, ?, ?)",
            [(key, fact.role.value, one, fact.by, self._micros) for one in fact.principals],
        )

    def _revoke(self, fact: RolesRevoked) -> None:
        key = self._room(fact.room).key
        self._database.executemany(
            "DELETE FROM role WHERE room = ? AND role = ? AND principal = ?",
            [(key, fact.role.value, principal) for principal in fact.principals],
        )

    def _invite(self, fact: UsersInvited) -> Fact:
        key = self._room(fact.room).key
        users = json.dumps(list(dict.fromkeys(fact.users)))
        rows = self._database.execute(_INVITE, (key, self._micros, users, key)).fetchall()
        given = dict(rows)
        self._database.executemany("INSERT OR REPLACE INTO invited VALUES (?, ?)", rows)
        new = tuple(user for user in dict.fromkeys(fact.users) if user in given)
        return UsersInvited(fact.room, new, tuple(given[user] for user in new))

    _CHANGES: ClassVar[dict[type, Callable[..., Fact | None]]] = {
        ParticipantJoined: _join,
        ParticipantParted: _part,
        NodeStarted: _start,
        RoomChanged: _change_room,
        RoomRemoved: _remove_room,
        CategoryChanged: _change_category,
        CategoryRemoved: _remove_category,
        RolesGranted: _grant,
        RolesRevoked: _revoke,
        UsersInvited: _invite,
        MessagesModerated: _moderate,
    }


def _insert(
    database: sqlite3.Connection, table: tuple[str, int], rows: list[tuple[Any, ...]]
) -> None:
    for part in batches(rows, _ROWS):
        database.execute(_statement(*table, len(part)), tuple(chain.from_iterable(part)))


@cache
def _statement(beginning: str, columns: int, rows: int) -> str:
    row = f"({','.join('?' * columns)})"
    return f"{beginning} VALUES {','.join([row] * rows)}"
