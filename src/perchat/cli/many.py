"""
Commands of the administrator for many at once: rows of a file, a thousand a transaction.

A file is checked as a whole first, against the directory too; what is there already is left as
it is. So a file that was stopped half-way, by whatever, is run again to go on.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from perchat.cli.table import read_table, warn_of_readers
from perchat.errors import PerchatError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from perchat.cli.table import Table
    from perchat.model.chatroom import Role
    from perchat.server.admin import Admin

__all__ = ["add_many_group_members", "add_many_users", "grant_many", "one_or_many"]


def one_or_many(named: object, file: Path | None, what: str, *only_by_name: object) -> None:
    """Refuse words that name both a file and somebody, or neither."""
    if (named not in (None, ())) == (file is not None):
        raise click.UsageError(f"give {what} or --file")
    if file is not None and any(only_by_name):
        raise click.UsageError("with --file, everything about a row is in the file")


async def add_many_users(admin: Admin, file: Path, *, service: bool = False) -> None:
    """Add the users of a file: name, and perhaps display_name and, but for services, password."""
    from perchat.server.bulk import NewUser, add_users, unfit_users

    optional = ("display_name",) if service else ("display_name", "password")
    table = read_table(file, ("name",), optional)
    rows = [(row.line, row.fields) for row in table.rows]
    if any("password" in fields for _, fields in rows):
        warn_of_readers(file)
        table.refuse((line, "no password") for line, fields in rows if not fields.get("password"))
    people = [
        NewUser(
            fields["name"].strip(),
            fields.get("display_name", ""),
            fields.get("password"),
            service,
        )
        for _, fields in rows
    ]
    wrong = await unfit_users(admin, people)
    table.refuse((table.rows[place].line, why) for place, why in wrong.items())
    added = await _worked(len(people), add_users(admin, people), "users")
    _told(added, len(people), "users")


async def add_many_group_members(admin: Admin, group: str, file: Path) -> None:
    """Let a group hold the principals of a file."""
    from perchat.server.bulk import add_group_members

    await admin.group(group)
    table, names = await _principals(admin, file)
    added = await _worked(len(names), add_group_members(admin, group, names), "members")
    _told(added, len(table.rows), "members")


async def grant_many(admin: Admin, room: str, role: Role, file: Path) -> None:
    """Give the principals of a file a role in a room."""
    from perchat.server.bulk import grant

    await admin.room(room)
    table, names = await _principals(admin, file, room)
    added = await _worked(len(names), grant(admin, room, role, names), f"{role.value}s")
    _told(added, len(table.rows), f"{role.value}s")


async def _principals(admin: Admin, file: Path, room: str | None = None) -> tuple[Table, list[str]]:
    table = read_table(file, ("name",))
    names = [row.fields["name"].strip() for row in table.rows]
    wrong = await admin.unfit(names, room)
    table.refuse((table.rows[place].line, why) for place, why in wrong.items())
    return table, names


async def _worked(total: int, work: AsyncIterator[tuple[int, int]], what: str) -> int:
    """Work through a file, with a bar where somebody looks; return how many were new."""
    done = added = 0
    try:
        with _bar(total, what) as advance:
            async for rows, new in work:
                done, added = done + rows, added + new
                advance(rows)
    except PerchatError:
        click.echo(
            f"perchat: {done} of {total} {what} are done, the rest is not; run it again to go on",
            err=True,
        )
        raise
    return added


def _told(added: int, total: int, what: str) -> None:
    left = f"; {total - added} were there already" if added < total else ""
    click.echo(f"added {added} {what}{left}")


@contextlib.contextmanager
def _bar(total: int, what: str) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=total, label=f"adding {what}", file=sys.stderr) as bar:
        yield bar.update
