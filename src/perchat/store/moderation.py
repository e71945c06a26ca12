"""
Messages that administrators replaced or took away: what stands there now, and what stood there.

The first text of each is kept beside the messages for whoever has the database; history,
search and followers know only what is there now.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from perchat.model.message import ModeratedMessage
from perchat.store.fulltext import indexed_in_room, put_in, take_out
from perchat.store.queries import messages_of
from perchat.store.rows import KIND_FORGOTTEN, moment

if TYPE_CHECKING:
    import sqlite3

    from perchat.model.journal import MessagesModerated
    from perchat.model.uri import RoomUri

__all__ = ["UNSAY", "moderate", "originals"]

UNSAY = """
    UPDATE journal SET kind = ?2, fact = (
        SELECT CAST(json_object(
            'id', m.chat_id, 'timestamp', m.at, 'author', m.author, 'room_uri', ?1, 'text', ''
        ) AS BLOB)
        FROM message m WHERE m.room = journal.room AND m.chat_id = journal.chat_id
    )
    WHERE kind = 1 AND room = ?3
"""
"""An entry about a kept message stays, for followers, but says nothing."""

_MEANT = "room = ? AND chat_id IN (SELECT value FROM json_each(?))"
_THERE = f"SELECT json_group_array(chat_id) FROM message WHERE {_MEANT}"  # noqa: S608 - ours
_KEEP = f"""
    INSERT OR IGNORE INTO original
    SELECT room, chat_id, at, author, author_name, alert, text, rtf, client_id, 0, NULL
    FROM message WHERE {_MEANT}
"""  # noqa: S608 - all of it is ours
_NOTE = f"UPDATE original SET moderated = ?, replacement = ? WHERE {_MEANT}"  # noqa: S608 - ours
_FORGET = f"DELETE FROM original WHERE {_MEANT}"  # noqa: S608 - ours
_REPLACE = f"UPDATE message SET text = ?, rtf = NULL WHERE {_MEANT}"  # noqa: S608 - ours
_REMOVE = f"DELETE FROM message WHERE {_MEANT}"  # noqa: S608 - ours
_ORIGINALS = """
    SELECT json_group_array(json_array(
        chat_id, at, author, author_name, alert, text, rtf, client_id, moderated, replacement
    )) FROM (SELECT * FROM original WHERE room = ? ORDER BY chat_id)
"""


def moderate(
    database: sqlite3.Connection, room: int, fact: MessagesModerated, micros: int
) -> MessagesModerated:
    """Do it to those messages that are there, within the caller's transaction; return which."""
    (found,) = database.execute(_THERE, (room, json.dumps(fact.messages))).fetchone()
    ids = json.dumps(sorted(json.loads(found)))
    upto = indexed_in_room(database, room)
    take_out(database, room, ids, upto)
    if fact.originals:
        database.execute(_KEEP, (room, ids))
        database.execute(_NOTE, (micros, fact.text, room, ids))
    else:
        database.execute(_FORGET, (room, json.dumps(fact.messages)))
    if fact.text is None:
        among = " AND chat_id IN (SELECT value FROM json_each(?4))"
        database.execute(UNSAY + among, (fact.room, KIND_FORGOTTEN, room, ids))
        database.execute(_REMOVE, (room, ids))
    else:
        database.execute(_REPLACE, (fact.text, room, ids))
        put_in(database, room, ids, upto)
    return replace(fact, messages=tuple(json.loads(ids)))


def originals(database: sqlite3.Connection, uri: RoomUri) -> list[ModeratedMessage]:
    """See Store.originals."""
    found = database.execute("SELECT key, name FROM room WHERE uri = ?", (uri,)).fetchone()
    if found is None:
        return []
    (rows,) = database.execute(_ORIGINALS, (found[0],)).fetchone()
    return [_moderated(uri, found[1], *row) for row in msgspec.json.decode(rows)]


def _moderated(uri: RoomUri, name: str, *row: Any) -> ModeratedMessage:
    *message, at, text = row
    (original,) = messages_of(uri, name, [message])
    return ModeratedMessage(original, moment(at), text)
