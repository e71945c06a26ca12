"""
Commands of the administrator for users: they write the database, a running server follows.

Only who may read the server's files can use them; nothing here asks for a password
of anybody.
"""

from __future__ import annotations

import functools
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perchat.cli.common import run
from perchat.cli.many import add_many_users, one_or_many
from perchat.cli.options import (
    config_option,
    json_option,
    load,
    new_password,
    password_stdin_option,
)
from perchat.cli.output import show, tell_behind
from perchat.cli.table import file_option
from perchat.model.journal import Administered

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from perchat.model.principal import User
    from perchat.server.admin import Admin

__all__ = ["administrator", "audit", "init", "user"]


def administrator(command: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Add ``--config`` and hand the command ``admin``, which works on that server's database."""

    @config_option
    @functools.wraps(command)
    @run
    async def wrapper(*, config_file: Path, **words: Any) -> None:
        from perchat.server.admin import administration  # late: it loads the server's parts

        async with administration(load(config_file)) as admin:
            await command(admin, **words)
            tell_behind(admin.behind)

    return wrapper


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--domain", required=True, help="The SIP domain of the users, as in example.com.")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A further name or address that clients use, for the certificate; may be repeated.",
)
@run
async def init(folder: Path, domain: str, hosts: tuple[str, ...]) -> None:
    """Make DIR a server: settings, certificates, key, database. Overwrites nothing."""
    from perchat.server.install import CONFIG_FILE, install

    config = await install(folder, domain, hosts)
    file = folder / CONFIG_FILE
    click.echo(f"made {file} for {config.domain}")
    click.echo(f"next: export PERCHAT_CONFIG={shlex.quote(str(file))}; perchat user add NAME")


role_option = click.option(
    "--role",
    type=click.Choice(["moderator", "administrator"]),
    required=True,
    help="Moderators replace and remove messages; administrators do all the rest too.",
)


@click.group()
def user() -> None:
    """People and programs that sign in."""


@user.command("add")
@click.argument("name", required=False)
@click.option("--display-name", metavar="T", help="How others see the user; NAME without it.")
@click.option("--service", is_flag=True, help="A program's account, which has no password.")
@file_option("name,display_name,password")
@password_stdin_option
@administrator
async def user_add(
    admin: Admin,
    name: str | None,
    display_name: str | None,
    service: bool,
    file: Path | None,
    password_stdin: bool,
) -> None:
    """
    Add user NAME of the server's domain; the password is asked for.

    With --file many are added, a thousand a transaction; who is there already is left as is, so
    a file can be run again. Without a column of passwords they sign in by Kerberos only.
    """
    one_or_many(name, file, "NAME", display_name, password_stdin)
    if service and password_stdin:
        raise click.UsageError("a service account has no password: leave out --password-stdin")
    if file is not None:
        await add_many_users(admin, file, service=service)
        return
    assert name is not None
    await admin.check_new(name)  # before anybody thinks of a password
    password = None if service else new_password(from_stdin=password_stdin)
    added = await admin.add_user(name, password, display_name=display_name or "", service=service)
    click.echo(f"added {added.uri}")


@user.command("set")
@click.argument("name")
@click.option("--display-name", metavar="T", help="How others see the user.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether the user may sign in.")
@click.option(
    "--chat/--no-chat", "chat_enabled", default=None, help="Whether policy allows the chat."
)
@click.option(
    "--system/--no-system", default=None, help="Whether the user may look up others and groups."
)
@click.option(
    "--service/--no-service", default=None, help="Whether it is a program's, without a password."
)
@click.option("--given-name", metavar="T", help="As people search for it.")
@click.option("--surname", metavar="T", help="As people search for it.")
@click.option("--email", metavar="T", help="As people search for it.")
@click.option("--company", metavar="T", help="Shown to those who look the user up.")
@click.option("--password", "ask", is_flag=True, help="Ask for a new password.")
@password_stdin_option
@administrator
async def user_set(
    admin: Admin, name: str, ask: bool, password_stdin: bool, **changes: Any
) -> None:
    """Change user NAME."""
    if ask or password_stdin:
        await admin.user(name)
        changes["password"] = new_password(from_stdin=password_stdin)
    if all(change is None for change in changes.values()):
        raise click.UsageError("nothing to change: give one of the options")
    changed = await admin.set_user(name, **changes)
    click.echo(f"changed {changed.uri}")


@user.command("list")
@json_option
@administrator
async def user_list(admin: Admin, as_json: bool) -> None:
    """List the users. Address, display name, and what they may not."""
    for one in await admin.users():
        _show_user(one, as_json=as_json)


@user.command("unlock")
@click.argument("name", required=False)
@click.option("--all", "everybody", is_flag=True, help="Of everybody, from every address.")
@administrator
async def user_unlock(admin: Admin, name: str | None, everybody: bool) -> None:
    """
    Forget the wrong passwords of user NAME.

    After too many of them the next attempt has to wait; a running server lets it in at once now.
    """
    if (name is None) is not everybody:
        raise click.UsageError("name a user, or give --all")
    await admin.unlock(name)
    click.echo(f"unlocked {admin.address(name) if name else 'everybody'}")


@user.command("rm")
@click.argument("name")
@administrator
async def user_rm(admin: Admin, name: str) -> None:
    """Remove user NAME, with all roles and memberships; what the user said stays."""
    click.echo(f"removed {(await admin.remove_user(name)).uri}")


@user.command("grant")
@click.argument("name")
@role_option
@click.option(
    "--category",
    "categories",
    metavar="C",
    multiple=True,
    help="Only there; may be repeated. Without any, everywhere.",
)
@administrator
async def user_grant(admin: Admin, name: str, role: str, categories: tuple[str, ...]) -> None:
    """Let user NAME moderate or administer over the network."""
    from perchat.model.administration import AdministrativeRole

    grant = await admin.grant_role(name, AdministrativeRole(role), categories)
    where = "everywhere" if grant.categories is None else f"in {', '.join(categories)}"
    click.echo(f"{grant.user} is {role} {where}")


@user.command("revoke")
@click.argument("name")
@role_option
@administrator
async def user_revoke(admin: Admin, name: str, role: str) -> None:
    """Take that back; a running server refuses at once what needs the role."""
    from perchat.model.administration import AdministrativeRole

    held = await admin.revoke_role(name, AdministrativeRole(role))
    address = admin.address(name)
    click.echo(f"{address} is {role} no more" if held else f"{address} was no {role}")


@user.command("roles")
@json_option
@administrator
async def user_roles(admin: Admin, as_json: bool) -> None:
    """List who moderates or administers over the network. Address, role, where."""
    names = {one.uri: one.name for one in await admin.categories()}
    for one in await admin.administrators.all():
        where = one.categories and sorted(names.get(uri, str(uri)) for uri in one.categories)
        show(
            as_json,
            *(one.user, one.role.value, "everywhere" if where is None else ", ".join(where)),
            user=one.user,
            role=one.role.value,
            categories=None if where is None else list(where),
        )


@click.command()
@json_option
@administrator
async def audit(admin: Admin, as_json: bool) -> None:
    """List what administrators and moderators did. Time, who, what, to what, position."""
    async for entry in admin.administrators.record():
        done, at = entry.fact, datetime.fromtimestamp(entry.at, UTC)
        assert isinstance(done, Administered)
        show(
            as_json,
            *(f"{at.astimezone():%Y-%m-%d %H:%M:%S}", done.by, done.operation, done.subject),
            str(entry.position),
            position=entry.position,
            at=at.isoformat(),
            by=done.by,
            operation=done.operation,
            subject=done.subject,
            facts=done.facts,
        )


def _show_user(one: User, *, as_json: bool) -> None:
    marks = [
        *(["service"] if one.service else []),
        *([] if one.enabled else ["disabled"]),
        *([] if one.chat_enabled else ["no chat"]),
    ]
    show(
        as_json,
        *(one.uri, one.display_name, *marks),
        uri=one.uri,
        name=one.name,
        display_name=one.display_name,
        enabled=one.enabled,
        chat_enabled=one.chat_enabled,
        service=one.service,
    )
