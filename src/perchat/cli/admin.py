"""
Commands of the administrator: they write the database, a running server follows.

Only who may read the server's files can use them; nothing here asks for a password
of anybody.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perchat.cli.common import (
    config_option,
    json_option,
    load,
    new_password,
    password_stdin_option,
    print_json,
    run,
)
from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from perchat.model.principal import User

__all__ = ["category", "init", "room", "user"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--domain", required=True, help="The SIP domain of the users, as in example.com.")
@click.option("--host", "hosts", multiple=True, help="A further name for the certificate.")
@run
async def init(folder: Path, domain: str, hosts: tuple[str, ...]) -> None:
    """Make DIR a server: settings, certificates, key, database. Overwrites nothing."""
    from perchat.server.install import CONFIG_FILE, install

    config = await install(folder, _domain(domain), hosts)
    click.echo(f"made {folder / CONFIG_FILE} for {config.domain}")
    click.echo(f"next: export PERCHAT_CONFIG={folder / CONFIG_FILE}; perchat user add NAME")


@click.group()
def user() -> None:
    """People and programs that sign in."""


@user.command("add")
@click.argument("name")
@click.option("--display-name", help="How others see the user; the name without it.")
@password_stdin_option
@config_option
@run
async def user_add(
    name: str, display_name: str | None, password_stdin: bool, config_file: Path
) -> None:
    """Add user NAME of the server's domain; the password is asked for."""
    config = load(config_file)
    password = new_password(from_stdin=password_stdin)
    from perchat.server.admin import administration

    async with administration(config) as admin:
        added = await admin.add_user(name, password, display_name=display_name or name)
    click.echo(f"added {added.uri}")


@user.command("set")
@click.argument("name")
@click.option("--display-name", help="How others see the user.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether the user may sign in.")
@click.option("--chat/--no-chat", "chat", default=None, help="Whether policy allows the chat.")
@click.option("--password", "ask", is_flag=True, help="Give a new password.")
@password_stdin_option
@config_option
@run
async def user_set(
    name: str,
    display_name: str | None,
    enabled: bool | None,
    chat: bool | None,
    ask: bool,
    password_stdin: bool,
    config_file: Path,
) -> None:
    """Change user NAME."""
    config = load(config_file)
    password = new_password(from_stdin=password_stdin) if ask or password_stdin else None
    from perchat.server.admin import administration

    async with administration(config) as admin:
        changed = await admin.set_user(
            name,
            display_name=display_name,
            enabled=enabled,
            chat_enabled=chat,
            password=password,
        )
    click.echo(f"changed {changed.uri}")


@user.command("list")
@json_option
@config_option
@run
async def user_list(as_json: bool, config_file: Path) -> None:
    """List the users."""
    from perchat.server.admin import administration

    async with administration(load(config_file)) as admin:
        for one in await admin.users():
            _show_user(one, as_json=as_json)


@click.group()
def category() -> None:
    """Categories: the walls between rooms."""


@category.command("add")
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@config_option
@run
async def category_add(name: str, description: str, config_file: Path) -> None:
    """Add category NAME; the whole domain is allowed in it."""
    from perchat.server.admin import administration

    async with administration(load(config_file)) as admin:
        added = await admin.add_category(name, description=description)
    click.echo(f"added {added.uri} ({', '.join(sorted(added.allowed))} allowed)")


@category.command("list")
@json_option
@config_option
@run
async def category_list(as_json: bool, config_file: Path) -> None:
    """List the categories."""
    from perchat.server.admin import administration

    async with administration(load(config_file)) as admin:
        for one in await admin.categories():
            _show(
                as_json,
                f"{one.name}\t{one.uri}",
                name=one.name,
                uri=one.uri,
                description=one.description,
                allowed=sorted(one.allowed),
                denied=sorted(one.denied),
            )


@click.group()
def room() -> None:
    """Rooms, and who is in them."""


@room.command("add")
@click.argument("name")
@click.option("--category", "in_category", required=True, help="The category it lives in.")
@click.option("--description", default="", help="What it is about.")
@click.option("--member", "members", multiple=True, metavar="U", help="May join and post.")
@click.option("--manager", "managers", multiple=True, metavar="U", help="May change the room.")
@config_option
@run
async def room_add(
    name: str,
    in_category: str,
    description: str,
    members: tuple[str, ...],
    managers: tuple[str, ...],
    config_file: Path,
) -> None:
    """Add room NAME."""
    from perchat.server.admin import administration

    async with administration(load(config_file)) as admin:
        added = await admin.add_room(
            name, in_category, description=description, members=members, managers=managers
        )
    click.echo(f"added {added.uri}")


@room.group("member")
def room_member() -> None:
    """The members of a room."""


@room_member.command("add")
@click.argument("room_name", metavar="ROOM")
@click.argument("users", metavar="U...", nargs=-1, required=True)
@config_option
@run
async def room_member_add(room_name: str, users: tuple[str, ...], config_file: Path) -> None:
    """Make users U... members of ROOM."""
    from perchat.server.admin import administration

    async with administration(load(config_file)) as admin:
        await admin.add_members(room_name, users)
    click.echo(f"added {len(users)} to {room_name}")


def _domain(text: str) -> str:
    labels = text.lower().rstrip(".").split(".")
    good = all(
        label and label.isascii() and label.replace("-", "").isalnum() and label[0] != "-"
        for label in labels
    )
    if not good or len(text) > 253:
        raise ConfigurationError(f"{text!r} is not a domain name, such as example.com")
    return ".".join(labels)


def _show_user(one: User, *, as_json: bool) -> None:
    marks = [
        *([] if one.enabled else ["disabled"]),
        *([] if one.chat_enabled else ["no chat"]),
    ]
    _show(
        as_json,
        "\t".join([one.uri, one.display_name, *marks]),
        uri=one.uri,
        name=one.name,
        display_name=one.display_name,
        enabled=one.enabled,
        chat_enabled=one.chat_enabled,
    )


def _show(as_json: bool, text: str, **fields: Any) -> None:
    if as_json:
        print_json(fields)
    else:
        click.echo(text)
