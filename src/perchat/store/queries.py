"""Reading the tables back; each function runs on a reader's connection."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from perchat.model.changes import Changes
from perchat.model.chatroom import Role
from perchat.model.journal import (
    Fact,
    JournalEntry,
    MessagePosted,
    ParticipantJoined,
    RolesGranted,
)
from perchat.model.message import Message
from perchat.model.name import fold
from perchat.model.preference import Preference
from perchat.model.uri import RoomUri
from perchat.store.base import GivenInvitation, Snapshot
from perchat.store.memberships import among_groups
from perchat.store.rows import (
    ADD_IN,
    ADMINISTRATOR,
    APPLICATION,
    CATEGORY,
    GROUP,
    KIND_ADMINISTERED,
    KIND_FORGOTTEN,
    KIND_KEPT,
    KIND_TOLD,
    MESSAGE,
    ROOM,
    USER,
    fact_of,
    moment,
    sip_uri,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from perchat.model.addin import AddIn
    from perchat.model.administration import AdministratorGrant
    from perchat.model.application import RegisteredApplication
    from perchat.model.principal import Group, User
    from perchat.model.uri import SipUri

__all__ = [
    "MESSAGE_COLUMNS",
    "administered",
    "entries",
    "groups",
    "history",
    "history_after",
    "invitations",
    "messages_of",
    "newest_position",
    "outline",
    "preference",
    "role_entries",
    "secret_of",
    "snapshot",
    "users",
    "users_called",
]

_ROLES = """
    SELECT r.uri, role, json_group_array(principal) FROM room r JOIN role ON r.key = role.room
    WHERE ? OR r.uri IN (SELECT value FROM json_each(?))
    GROUP BY role.room, role ORDER BY r.uri, role
"""
_BIGGEST = 2**63 - 1

_ENTRIES = """
    SELECT j.position, j.at, j.kind, j.fact, r.uri, r.name,
           m.chat_id, m.at, m.author, m.author_name, m.alert, m.text, m.rtf, m.client_id
    FROM journal j
    LEFT JOIN room r ON r.key = j.room
    LEFT JOIN message m ON m.room = j.room AND m.chat_id = j.chat_id
    WHERE j.position > ? ORDER BY j.position LIMIT ?
"""

MESSAGE_COLUMNS = "chat_id, at, author, author_name, alert, text, rtf, client_id"

_HISTORY = f"""
    SELECT json_group_array(json_array({MESSAGE_COLUMNS}))
    FROM (
        SELECT * FROM message
        WHERE room = ? AND chat_id < ? AND chat_id > ? ORDER BY chat_id {{order}} LIMIT ?
    )
"""  # noqa: S608 - our names
"""One row for all, since a busy event loop may take the interpreter away at every row."""
_NEWEST, _OLDEST = _HISTORY.format(order="DESC"), _HISTORY.format(order="ASC")


def entries(database: sqlite3.Connection, after: int, limit: int) -> list[JournalEntry]:
    """See Store.read."""
    return [
        JournalEntry(position, at / 1e6, _fact(kind, stored, uri, name, row))
        for position, at, kind, stored, uri, name, *row in database.execute(
            _ENTRIES, (after, limit)
        ).fetchall()
    ]


def _fact(kind: int, stored: bytes, uri: str, name: str, row: list[Any]) -> Fact:
    if kind == KIND_KEPT:
        (message,) = messages_of(RoomUri(uri), name, [row])
        return MessagePosted(message)
    if kind in {KIND_TOLD, KIND_FORGOTTEN}:
        told = MESSAGE.decode(stored)
        return MessagePosted(_named(told, name or ""), kept=False)
    return fact_of(kind, stored)


def _named(told: Message, name: str) -> Message:
    return Message(
        told.id,
        told.timestamp,
        told.author,
        told.room_uri,
        told.text,
        told.author_name,
        name,
        told.rtf,
        told.is_alert,
        told.client_id,
    )


def messages_of(room: RoomUri, name: str, rows: Iterable[Sequence[Any]]) -> list[Message]:
    """Return the messages of rows of ``MESSAGE_COLUMNS``, in a room of that address and name."""
    return [
        Message(
            chat_id,
            moment(at),
            sip_uri(author),
            room,
            text,
            author_name,
            name,
            rtf,
            bool(alert),
            client_id or "",
        )
        for chat_id, at, author, author_name, alert, text, rtf, client_id in rows
    ]


def history(
    database: sqlite3.Connection, room: RoomUri, last: int, before: int | None, after: int | None
) -> list[Message]:
    """See Store.history."""
    bounds = (_BIGGEST if before is None else before, -1 if after is None else after, last)
    return _messages(database, room, _NEWEST, bounds)


def history_after(
    database: sqlite3.Connection, room: RoomUri, after: int, limit: int
) -> list[Message]:
    """See Store.history_after."""
    return _messages(database, room, _OLDEST, (_BIGGEST, after, limit))


def _messages(
    database: sqlite3.Connection, room: RoomUri, query: str, bounds: tuple[int, int, int]
) -> list[Message]:
    found = database.execute("SELECT key, name FROM room WHERE uri = ?", (room,)).fetchone()
    if found is None or bounds[2] < 1:
        return []
    key, name = found
    (rows,) = database.execute(query, (key, *bounds)).fetchone()
    return messages_of(room, name, sorted(msgspec.json.decode(rows)))


def newest_position(database: sqlite3.Connection) -> int:
    """See Store.position."""
    (newest,) = database.execute("SELECT max(position) FROM journal").fetchone()
    return newest or 0


def snapshot(database: sqlite3.Connection) -> Snapshot:
    """See Store.snapshot."""
    database.execute("BEGIN")
    try:
        return replace(
            _outline(database),
            users=tuple(users(database)),
            roles=tuple(_roles(database)),
            participants=tuple(_participants(database)),
        )
    finally:
        database.execute("COMMIT")


def outline(database: sqlite3.Connection, rooms: Sequence[str]) -> Snapshot:
    """See Store.outline."""
    database.execute("BEGIN")
    try:
        found, uris, keys = _outline(database), set(rooms), {fold(one) for one in rooms}
        called = [one.uri for one in found.rooms if one.uri in uris or fold(one.name) in keys]
        return replace(found, roles=tuple(_roles(database, called)))
    finally:
        database.execute("COMMIT")


def _outline(database: sqlite3.Connection) -> Snapshot:
    return Snapshot(
        position=newest_position(database),
        database=identity(database),
        categories=tuple(map(CATEGORY.decode, _values(database, "category"))),
        rooms=tuple(map(ROOM.decode, _values(database, "room"))),
        applications=tuple(_applications(database)),
        groups=tuple(groups(database)),
        memberships=tuple(among_groups(database)),
        add_ins=tuple(_add_ins(database)),
        administrators=tuple(_administrators(database)),
    )


def users(database: sqlite3.Connection, after: str = "", limit: int | None = None) -> list[User]:
    """See Store.users."""
    rows = database.execute(
        "SELECT value FROM user WHERE uri > ? ORDER BY uri LIMIT ?",
        (after, -1 if limit is None else limit),
    )
    return [USER.decode(value) for (value,) in rows]


def groups(database: sqlite3.Connection) -> list[Group]:
    """See Store.groups."""
    return [GROUP.decode(value) for value in _values(database, "user_group")]


def identity(database: sqlite3.Connection) -> str:
    """Return what identifies the database for ever, a GUID."""
    row = database.execute("SELECT value FROM about WHERE name = 'database'").fetchone()
    return str(row[0])


def _values(database: sqlite3.Connection, table: str) -> Iterable[bytes]:
    rows = database.execute(f"SELECT value FROM {table} ORDER BY uri")  # noqa: S608 - our names
    return (value for (value,) in rows)


def _roles(
    database: sqlite3.Connection, rooms: Sequence[str] | None = None
) -> Iterable[RolesGranted]:
    """Return who has which role; texts that are the same are the same object, being many."""
    names: dict[str, str] = {}
    every, wanted = rooms is None, json.dumps(list(rooms or ()))
    for uri, role, principals in database.execute(_ROLES, (every, wanted)):
        held = sorted(msgspec.json.decode(principals))
        yield RolesGranted(RoomUri(uri), Role(role), tuple(names.setdefault(p, p) for p in held))


def _participants(database: sqlite3.Connection) -> Iterable[ParticipantJoined]:
    for uri, user, session, node in database.execute(
        "SELECT r.uri, user, session, node FROM participant p JOIN room r ON r.key = p.room"
        " ORDER BY r.uri, user, session"
    ):
        yield ParticipantJoined(RoomUri(uri), sip_uri(user), session, node)


def _applications(database: sqlite3.Connection) -> Iterable[RegisteredApplication]:
    for (value,) in database.execute("SELECT value FROM application ORDER BY name"):
        yield APPLICATION.decode(value)


def _administrators(database: sqlite3.Connection) -> Iterable[AdministratorGrant]:
    for (value,) in database.execute("SELECT value FROM administrator ORDER BY user, role"):
        yield ADMINISTRATOR.decode(value)


def administered(database: sqlite3.Connection, after: int, limit: int) -> list[JournalEntry]:
    """See Store.administered."""
    rows = database.execute(
        f"SELECT position, at, fact FROM journal WHERE kind = {KIND_ADMINISTERED}"  # noqa: S608 - ours
        " AND position > ? ORDER BY position LIMIT ?",
        (after, limit),
    )
    return [
        JournalEntry(position, at / 1e6, fact_of(KIND_ADMINISTERED, fact))
        for position, at, fact in rows
    ]


def _add_ins(database: sqlite3.Connection) -> Iterable[AddIn]:
    for (value,) in database.execute("SELECT value FROM add_in ORDER BY id"):
        yield ADD_IN.decode(value)


def role_entries(
    database: sqlite3.Connection, room: RoomUri, role: Role
) -> list[tuple[str, Changes]]:
    """See Store.role_entries."""
    rows = database.execute(
        'SELECT principal, "by", at FROM role'
        " WHERE room = (SELECT key FROM room WHERE uri = ?) AND role = ? ORDER BY principal",
        (room, role.value),
    )
    return [(principal, _granted(by, at)) for principal, by, at in rows]


def _granted(by: str | None, at: int) -> Changes:
    if not at:  # it was made before this was noted
        return Changes()
    who, when = sip_uri(by) if by else None, moment(at)
    return Changes(who, when, who, when)


def invitations(
    database: sqlite3.Connection, user: SipUri, after: int, limit: int
) -> list[GivenInvitation]:
    """See Store.invitations."""
    rows = database.execute(
        "SELECT id, i.at, r.uri FROM invitation i JOIN room r ON r.key = i.room"
        " WHERE user = ? AND id > ? ORDER BY id LIMIT ?",
        (user, after, limit),
    )
    return [GivenInvitation(number, moment(at), RoomUri(uri)) for number, at, uri in rows]


def preference(database: sqlite3.Connection, user: SipUri, label: str) -> Preference | None:
    """See Store.preference."""
    row = database.execute(
        "SELECT label, version, data FROM preference WHERE user = ? AND label = ?", (user, label)
    ).fetchone()
    return Preference(*row) if row else None


def users_called(database: sqlite3.Connection, login: str) -> list[User]:
    """See Store.find_users."""
    key = fold(login)
    rows = database.execute(
        "SELECT value FROM user WHERE uri = ? OR login = ? ORDER BY uri", (key, key)
    )
    return [USER.decode(value) for (value,) in rows]


def secret_of(database: sqlite3.Connection, user: SipUri) -> bytes | None:
    """See Store.secret."""
    row = database.execute("SELECT secret FROM user WHERE uri = ?", (user,)).fetchone()
    return row[0] if row else None
