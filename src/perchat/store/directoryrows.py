"""
Facts about users, groups, add-ins and applications becoming rows.

Each function runs in the transaction of its caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perchat.errors import CommandFailed, ErrorCode, StorageError
from perchat.model.journal import (
    AddInChanged,
    AddInRemoved,
    Administered,
    AdministratorGranted,
    AdministratorRevoked,
    ApplicationChanged,
    ApplicationRemoved,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    SignInUnlocked,
    UserChanged,
    UserRemoved,
)
from perchat.model.name import fold
from perchat.store.decisions import check_cycle, nothing_there
from perchat.store.rows import ADD_IN, ADMINISTRATOR, APPLICATION, GROUP, USER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["DIRECTORY_CHANGES"]

_ABOVE = """
    WITH RECURSIVE above (uri) AS (
        VALUES (?)
        UNION SELECT m.holder FROM membership m JOIN above ON m.member = above.uri
    )
    SELECT uri FROM above
"""


def _change_user(database: sqlite3.Connection, fact: UserChanged) -> None:
    user = fact.user
    known = database.execute("SELECT guid FROM user WHERE uri = ?", (user.uri,)).fetchone()
    if known is not None and known[0] != user.guid:
        raise StorageError(f"{user.uri} exists already, with another GUID")
    database.execute(
        "INSERT INTO user (uri, login, guid, value) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (uri) DO UPDATE SET login = excluded.login, value = excluded.value",
        (user.uri, fold(user.name), user.guid, USER.encode(user)),
    )


def _remove_user(database: sqlite3.Connection, fact: UserRemoved) -> None:
    for table in ("invitation", "invited", "preference", "administrator"):
        database.execute(f"DELETE FROM {table} WHERE user = ?", (fact.user,))  # noqa: S608 - ours
    database.execute("DELETE FROM user WHERE uri = ?", (fact.user,))
    _forget(database, fact.user)


def _forget(database: sqlite3.Connection, principal: str) -> None:
    """Take a principal out of everything that names it."""
    database.execute("DELETE FROM role WHERE principal = ?", (principal,))
    database.execute("DELETE FROM membership WHERE member = ?", (principal,))


def _change_group(database: sqlite3.Connection, fact: GroupChanged) -> None:
    database.execute(
        "INSERT OR REPLACE INTO user_group VALUES (?, ?)",
        (fact.group.uri, GROUP.encode(fact.group)),
    )


def _remove_group(database: sqlite3.Connection, fact: GroupRemoved) -> None:
    database.execute("DELETE FROM user_group WHERE uri = ?", (fact.group,))
    database.execute("DELETE FROM membership WHERE holder = ?", (fact.group,))
    _forget(database, fact.group)


def _add_members(database: sqlite3.Connection, fact: GroupMembersAdded) -> None:
    known = database.execute("SELECT 1 FROM user_group WHERE uri = ?", (fact.group,)).fetchone()
    if known is None:
        raise nothing_there("group", fact.group)
    above = {uri for (uri,) in database.execute(_ABOVE, (fact.group,))}
    check_cycle(fact.group, above, fact.members)
    database.executemany(
        "INSERT OR IGNORE INTO membership VALUES (?, ?)",
        [(fact.group, member) for member in fact.members],
    )


def _remove_members(database: sqlite3.Connection, fact: GroupMembersRemoved) -> None:
    database.executemany(
        "DELETE FROM membership WHERE holder = ? AND member = ?",
        [(fact.group, member) for member in fact.members],
    )


def _change_add_in(database: sqlite3.Connection, fact: AddInChanged) -> None:
    key = fold(fact.add_in.name)
    taken = database.execute("SELECT id FROM add_in WHERE name = ?", (key,)).fetchone()
    if taken is not None and taken[0] != fact.add_in.id:
        raise CommandFailed.of(
            ErrorCode.DUPLICATE_ADDIN_NAME, f"the name is taken: {fact.add_in.name}"
        )
    database.execute(
        "INSERT OR REPLACE INTO add_in VALUES (?, ?, ?)",
        (fact.add_in.id, key, ADD_IN.encode(fact.add_in)),
    )


def _remove_add_in(database: sqlite3.Connection, fact: AddInRemoved) -> None:
    database.execute("DELETE FROM add_in WHERE id = ?", (fact.id,))


def _change_application(database: sqlite3.Connection, fact: ApplicationChanged) -> None:
    application = fact.application
    database.execute(
        "INSERT OR REPLACE INTO application VALUES (?, ?)",
        (fold(application.name), APPLICATION.encode(application)),
    )


def _remove_application(database: sqlite3.Connection, fact: ApplicationRemoved) -> None:
    database.execute("DELETE FROM application WHERE name = ?", (fold(fact.name),))


def _unlock(database: sqlite3.Connection, fact: SignInUnlocked) -> None:
    """Change nothing: nodes keep in memory what this clears."""
    del database, fact


def _grant_administrator(database: sqlite3.Connection, fact: AdministratorGranted) -> None:
    user = fact.grant.user
    if not database.execute("SELECT 1 FROM user WHERE uri = ?", (user,)).fetchone():
        raise nothing_there("user", user)
    database.execute(
        "INSERT OR REPLACE INTO administrator VALUES (?, ?, ?)",
        (user, fact.grant.role.value, ADMINISTRATOR.encode(fact.grant)),
    )


def _revoke_administrator(database: sqlite3.Connection, fact: AdministratorRevoked) -> None:
    database.execute(
        "DELETE FROM administrator WHERE user = ? AND role = ?", (fact.user, fact.role.value)
    )


def _note(_database: sqlite3.Connection, _fact: Administered) -> None:
    """Change nothing: it stands in the journal."""


DIRECTORY_CHANGES: dict[type, Callable[[sqlite3.Connection, Any], None]] = {
    UserChanged: _change_user,
    UserRemoved: _remove_user,
    GroupChanged: _change_group,
    GroupRemoved: _remove_group,
    GroupMembersAdded: _add_members,
    GroupMembersRemoved: _remove_members,
    AddInChanged: _change_add_in,
    AddInRemoved: _remove_add_in,
    ApplicationChanged: _change_application,
    ApplicationRemoved: _remove_application,
    SignInUnlocked: _unlock,
    AdministratorGranted: _grant_administrator,
    AdministratorRevoked: _revoke_administrator,
    Administered: _note,
}
"""What each fact does to the tables."""
