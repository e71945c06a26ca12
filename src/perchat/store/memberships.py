"""Who holds whom, read from the tables by index; a directory may have many millions of rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from perchat.model.journal import GroupMembersAdded
from perchat.model.uri import GroupUri

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

__all__ = ["among_groups", "groups_of", "held_by", "members"]

_AMONG_GROUPS = """
    SELECT holder, member FROM membership WHERE member < 'sip:'
    UNION ALL SELECT holder, member FROM membership WHERE member >= 'sip;'
    ORDER BY holder, member
"""
_HELD_BY = """
    WITH RECURSIVE held (uri) AS (
        SELECT value FROM json_each(?)
        UNION SELECT m.member FROM membership m JOIN held ON m.holder = held.uri
    )
    SELECT json_group_array(uri) FROM held
"""


def among_groups(database: sqlite3.Connection) -> Iterable[GroupMembersAdded]:
    """Return which groups hold groups and domains."""
    held: dict[str, list[str]] = {}
    for holder, member in database.execute(_AMONG_GROUPS):
        held.setdefault(holder, []).append(member)
    return (GroupMembersAdded(GroupUri(uri), tuple(members)) for uri, members in held.items())


def groups_of(database: sqlite3.Connection, user: str) -> list[str]:
    """See Store.groups_of."""
    rows = database.execute("SELECT holder FROM membership WHERE member = ? ORDER BY 1", (user,))
    return [holder for (holder,) in rows]


def members(database: sqlite3.Connection, group: str) -> list[str]:
    """See Store.members."""
    rows = database.execute("SELECT member FROM membership WHERE holder = ? ORDER BY 1", (group,))
    return [member for (member,) in rows]


def held_by(database: sqlite3.Connection, principals: Sequence[str]) -> list[str]:
    """See Store.held_by."""
    (found,) = database.execute(_HELD_BY, (json.dumps(list(principals)),)).fetchone()
    return [str(one) for one in json.loads(found)]
