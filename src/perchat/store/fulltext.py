"""
The full-text index over what was said: kept by the writer, asked by readers.

It grows in steps behind the journal, in transactions of its own, so that no post
waits for it; ``about.indexed`` is the position it has come to. What was said after
that is compared one by one. A row's number is made of room and message, so a room
is one range; texts are not stored twice.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from perchat.batching import batches
from perchat.model.history import HistoryResult
from perchat.model.uri import RoomUri
from perchat.store.queries import MESSAGE_COLUMNS, messages_of, newest_position
from perchat.store.words import WORDS_VERSION, Sought, for_index

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from perchat.model.history import HistoryQuery

    _Row = list[Any]  # the columns of a message

__all__ = ["catch_up", "forget_room", "indexed_in_room", "put_in", "search", "take_out"]

_ROOM_BITS = 32
_TOGETHER = 16  # rooms that one statement looks through
_AT_ONCE = 2_000  # texts that are compared at a time
_LAST = (1 << _ROOM_BITS) - 1
_EPOCH = datetime.fromtimestamp(0, UTC)
_BEYOND = 2**62  # microseconds; later than anything

_SAID = """
    SELECT json_group_array(json_array(number, text)) FROM (
        SELECT (m.room << 32) + m.chat_id AS number, m.text
        FROM journal j CROSS JOIN message m ON m.room = j.room AND m.chat_id = j.chat_id
        WHERE j.kind = 1 AND j.position > ? AND j.position <= ? ORDER BY number
    )
"""
_SAID_IN_ROOM = """
    SELECT json_group_array(json_array(number, text)) FROM (
        SELECT (room << 32) + chat_id AS number, text
        FROM message WHERE room = ? AND chat_id > ? AND chat_id <= ? ORDER BY chat_id LIMIT ?
    )
"""
_SOME_SAID = """
    SELECT json_group_array(json_array(number, text)) FROM (
        SELECT (room << 32) + chat_id AS number, text FROM message
        WHERE room = ? AND chat_id <= ? AND chat_id IN (SELECT value FROM json_each(?))
        ORDER BY chat_id
    )
"""
_LAST_IN_ROOM = "SELECT max(chat_id) FROM journal WHERE kind = 1 AND room = ? AND position <= ?"
_ADD = """
    INSERT INTO said (rowid, words)
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
"""
_TAKE_AWAY = """
    INSERT INTO said (said, rowid, words)
    SELECT 'delete', json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)
"""

_BY_AUTHORS = "AND m.author IN (SELECT value FROM json_each(:authors))"
_FILTERS = """
    AND (:authors IS NULL OR m.author IN (SELECT value FROM json_each(:authors)))
    AND m.at BETWEEN :since AND :until
"""
_WORDS = """
    said MATCH :words
        AND said.rowid BETWEEN (asked.value << 32) + :first AND (asked.value << 32) + :last
"""
_WITH_WORDS_ALONE = f"""
    SELECT said.rowid - (asked.value << 32) AS chat_id FROM said
    WHERE {_WORDS} ORDER BY said.rowid {{order}} LIMIT :most
"""  # noqa: S608 - all of it is ours
_WITH_WORDS = f"""
    SELECT m.chat_id FROM said CROSS JOIN message m
        ON m.room = asked.value AND m.chat_id = said.rowid - (asked.value << 32)
    WHERE {_WORDS} {_FILTERS} ORDER BY said.rowid {{order}} LIMIT :most
"""  # noqa: S608 - all of it is ours
_FOUND = """
    SELECT json_group_array(json_array(
        asked.value,
        json((SELECT json_group_array(chat_id) FROM ({source})))
    )) FROM json_each(:rooms) AS asked
"""
_BY_ID = """
    FROM message m WHERE m.room = asked.value AND m.chat_id BETWEEN :first AND :last {filters}
"""
_BY_TIME = """
    FROM message m INDEXED BY message_at
    WHERE m.room = asked.value AND m.at BETWEEN :since AND :until {filters}
"""
_PAGES = f"""
    SELECT json_group_array(json_array(
        asked.value,
        json((
            SELECT json_group_array(json_array({MESSAGE_COLUMNS}))
            FROM (SELECT * {{shown}} LIMIT :page)
        )),
        (
            SELECT CASE WHEN {{run}} THEN min(:most, coalesce(
                (SELECT m.chat_id {{every}} ORDER BY m.{{key}} DESC, m.chat_id DESC LIMIT 1)
                - (SELECT m.chat_id {{every}} ORDER BY m.{{key}}, m.chat_id LIMIT 1) + 1, 0
            )) ELSE (SELECT count(*) FROM (SELECT 1 {{every}} LIMIT :most)) END
            FROM room r WHERE r.key = asked.value
        )
    )) FROM json_each(:rooms) AS asked
"""  # noqa: S608 - all of it is ours
"""Without words there may be much to count and little to show; a run is counted by its ends."""
_LATELY = f"""
    SELECT json_group_array(json_array(m.room, m.chat_id, m.text))
    FROM journal j CROSS JOIN message m ON m.room = j.room AND m.chat_id = j.chat_id
    WHERE j.kind = 1 AND j.position > :after AND j.position <= :upto
        AND j.room IN (SELECT value FROM json_each(:rooms))
        AND m.chat_id BETWEEN :first AND :last {_FILTERS}
"""  # noqa: S608 - all of it is ours
_MESSAGES = f"""
    SELECT json_group_array(json_array(room, {MESSAGE_COLUMNS}))
    FROM json_each(?) AS wanted CROSS JOIN message m
        ON m.room = json_extract(wanted.value, '$[0]')
        AND m.chat_id = json_extract(wanted.value, '$[1]')
"""  # noqa: S608 - our names
_TEXTS = """
    SELECT json_group_array(json_array(m.chat_id, m.text))
    FROM json_each(?) AS wanted CROSS JOIN message m
        ON m.room = ? AND m.chat_id = wanted.value
"""
# each answers with one row, since a busy event loop may take the interpreter away at every row


# --- the writer's side ----------------------------------------------------------------------


def catch_up(database: sqlite3.Connection, step: int) -> bool:
    """
    Index the next ``step`` entries, if so many wait; tell whether as many wait still.

    Runs in the caller's transaction. When words are cut in another way than when the
    index was made, it is made again from the beginning.
    """
    indexed, newest = _indexed(database), newest_position(database)
    if newest - indexed < step:
        return False
    if indexed == 0:
        database.execute("INSERT INTO said (said) VALUES ('delete-all')")
    rows = _array(database, _SAID, (indexed, indexed + step))
    database.execute(_ADD, (_rows(rows),))
    _note(database, indexed + step)
    return newest - indexed >= 2 * step


def forget_room(database: sqlite3.Connection, room: int) -> None:
    """Take the words of a room's messages out of the index, while these are still there."""
    last, done = indexed_in_room(database, room), 0
    while rows := _array(database, _SAID_IN_ROOM, (room, done, last, _AT_ONCE)):
        database.execute(_TAKE_AWAY, (_rows(rows),))
        done = rows[-1][0] - (room << _ROOM_BITS)


def indexed_in_room(database: sqlite3.Connection, room: int) -> int:
    """Return the id of the last message of a room whose words are in the index."""
    (last,) = database.execute(_LAST_IN_ROOM, (room, _indexed(database))).fetchone()
    return last or 0


def take_out(database: sqlite3.Connection, room: int, ids: str, upto: int) -> None:
    """Take the words of some messages out, ``ids`` as JSON, before their texts change."""
    rows = _array(database, _SOME_SAID, (room, upto, ids))
    database.execute(_TAKE_AWAY, (_rows(rows),))


def put_in(database: sqlite3.Connection, room: int, ids: str, upto: int) -> None:
    """Index the texts that some messages have now, those that were indexed before."""
    rows = _array(database, _SOME_SAID, (room, upto, ids))
    database.execute(_ADD, (_rows(rows),))


def _rows(rows: Iterable[tuple[int, str]]) -> str:
    """Return the rows of messages that have words, in the order the index wants them."""
    cut = ((number, for_index(text)) for number, text in rows)
    return msgspec.json.encode([row for row in cut if row[1]]).decode()


def _indexed(database: sqlite3.Connection) -> int:
    """Return the position of the last entry in the index."""
    about = dict(database.execute("SELECT name, value FROM about"))
    return about.get("indexed", 0) if about.get("words") == WORDS_VERSION else 0


def _note(database: sqlite3.Connection, indexed: int) -> None:
    database.executemany(
        "INSERT OR REPLACE INTO about VALUES (?, ?)",
        [("indexed", indexed), ("words", WORDS_VERSION)],
    )


def _array(database: sqlite3.Connection, statement: str, values: Any) -> Any:
    """Return what a statement answers with its one row of JSON."""
    (found,) = database.execute(statement, values).fetchone()
    return msgspec.json.decode(found)


# --- the reader's side ----------------------------------------------------------------------


def search(
    database: sqlite3.Connection, rooms: Sequence[RoomUri], query: HistoryQuery, most: int
) -> list[HistoryResult]:
    """See Store.search."""
    database.execute("BEGIN")
    try:
        known = _known(database, rooms)
        keys = list(known)
        found = _Search(database, query, most)
        together = batches(keys, _TOGETHER)
        return [result for some in together for result in found.results(some, known)]
    finally:
        database.execute("COMMIT")


def _known(
    database: sqlite3.Connection, rooms: Sequence[RoomUri]
) -> dict[int, tuple[RoomUri, str]]:
    """Return address and name of rooms by key, in the order given."""
    statement = "SELECT uri, key, name FROM room WHERE uri IN (SELECT value FROM json_each(?))"
    rows = {uri: row for uri, *row in database.execute(statement, (json.dumps(rooms),))}
    wanted = dict.fromkeys(room for room in rooms if room in rows)
    return {rows[room][0]: (RoomUri(room), rows[room][1]) for room in wanted}


class _Search:
    """One question, as it is put to some rooms after others."""

    def __init__(self, database: sqlite3.Connection, query: HistoryQuery, most: int) -> None:
        self._database = database
        self._query = query
        self._sought = Sought(query)
        self._limit = query.limit or most
        self._most = max(most, self._limit + 1)
        self._values = _values(query) | {"words": _expression(self._sought)}
        order = "DESC" if query.search_newest_first else "ASC"
        self._statement = (
            self._without_words(order)
            if self._sought.anything
            else _FOUND.format(source=self._with_words().format(order=order))
        )

    def _with_words(self) -> str:
        unfiltered = (None, -_BEYOND, _BEYOND)
        filters = tuple(self._values[name] for name in ("authors", "since", "until"))
        return _WITH_WORDS_ALONE if filters == unfiltered else _WITH_WORDS

    def _without_words(self, order: str) -> str:
        """Take the shortest way: by time where time was asked for, and to count, by an index."""
        filters = _BY_AUTHORS if self._values["authors"] else ""
        by_id, by_time = _BY_ID.format(filters=filters), _BY_TIME.format(filters=filters)
        timed = self._values["since"] > -_BEYOND or self._values["until"] < _BEYOND
        shown = f"{by_time} ORDER BY m.at {order}, m.chat_id {order}"
        if not timed:
            shown = f"{by_id} ORDER BY m.chat_id {order}"
        if self._query.after_id:
            every, key, run = by_id, "chat_id", "run_after < :first"
        else:
            every, key, run = by_time, "at", "run_since < :since"
        run = "FALSE" if filters else run
        return _PAGES.format(shown=shown, every=every, key=key, run=run)

    def results(
        self, rooms: Sequence[int], known: Mapping[int, tuple[RoomUri, str]]
    ) -> list[HistoryResult]:
        """Return what is found in each of some rooms."""
        pages = self._asked(rooms, self._most) if self._sought.anything else self._pages(rooms)
        return [self._result(*known[room], *page) for room, *page in pages]

    def _result(self, uri: RoomUri, name: str, rows: list[_Row], count: int) -> HistoryResult:
        messages = messages_of(uri, name, sorted(rows, reverse=self._query.newest_first))
        total = min(count, self._most)
        return HistoryResult(uri, name, tuple(messages), total, count > len(messages))

    def _pages(self, rooms: Sequence[int]) -> list[tuple[int, list[_Row], int]]:
        """Return by room, in their order, what there is to show, and how much matches."""
        found = {} if self._sought.nothing else self._found(rooms)
        wanted = [(room, one) for room, ids in found.items() for one in ids[: self._limit]]
        rows: dict[int, list[_Row]] = {}
        for room, *row in _array(self._database, _MESSAGES, (json.dumps(wanted),)):
            rows.setdefault(room, []).append(row)
        return [(room, rows.get(room, []), len(found.get(room, ()))) for room in rooms]

    def _found(self, rooms: Sequence[int]) -> dict[int, list[int]]:
        """Return the ids of what has the words, by room, in the order of the search."""
        if _indexed(self._database) == 0:
            indexed: dict[int, list[int]] = {room: [] for room in rooms}
        elif self._sought.case_sensitive:
            indexed = {room: self._compared(room) for room in rooms}
        else:
            indexed = dict(self._asked(rooms, self._most))
        lately = self._lately(rooms)
        if self._query.search_newest_first:
            return {room: lately.get(room, [])[::-1] + indexed[room] for room in rooms}
        return {room: indexed[room] + lately.get(room, []) for room in rooms}

    def _asked(self, rooms: Sequence[int], most: int, **bounds: int) -> Any:
        asked = {"rooms": json.dumps(rooms), "most": most, "page": self._limit}
        return _array(self._database, self._statement, self._values | asked | bounds)

    def _compared(self, room: int) -> list[int]:
        """Return the ids of a room whose texts have what the index cannot tell."""
        found: list[int] = []
        bounds: dict[str, int] = {}
        while len(found) < self._most:
            ((_, ids),) = self._asked([room], _AT_ONCE, **bounds)
            texts = dict(_array(self._database, _TEXTS, (json.dumps(ids), room)))
            found += [one for one in ids if self._sought.is_in(texts[one])]
            if len(ids) < _AT_ONCE:
                break
            newest_first = self._query.search_newest_first
            bounds = {"last": ids[-1] - 1} if newest_first else {"first": ids[-1] + 1}
        return found

    def _lately(self, rooms: Sequence[int]) -> dict[int, list[int]]:
        """Return the ids that the index does not have yet, by room, oldest first."""
        found: dict[int, list[int]] = {}
        after, newest = _indexed(self._database), newest_position(self._database)
        for start in range(after, newest, _AT_ONCE):
            window = {"rooms": json.dumps(rooms), "after": start, "upto": start + _AT_ONCE}
            for room, one, text in _array(self._database, _LATELY, self._values | window):
                if self._sought.is_in(text):
                    found.setdefault(room, []).append(one)
        return found


def _values(query: HistoryQuery) -> dict[str, Any]:
    """Return what a query asks besides words."""
    after = min(query.after_id or 0, _LAST)
    backwards = bool(after) and query.search_newest_first
    since, until = (None, None) if after else (query.since, query.until)
    authors = sorted({author.partition(";")[0] for author in query.authors})
    return {
        "first": 1 if backwards else after + 1,
        "last": after - 1 if backwards else _LAST,
        "since": _micros(since) if since else -_BEYOND,
        "until": _micros(until) if until else _BEYOND,
        "authors": json.dumps(authors) if authors else None,
    }


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _expression(sought: Sought) -> str:
    """Return the question as the index takes it; words hold nothing that it gives a meaning."""
    return (" AND " if sought.all else " OR ").join(f'"{one.folded}"' for one in sought.phrases)
