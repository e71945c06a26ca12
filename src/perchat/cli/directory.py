"""The administrator's words for groups and add-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perchat.cli.admin import administrator
from perchat.cli.many import add_many_group_members, one_or_many
from perchat.cli.options import json_option
from perchat.cli.output import show, show_fields
from perchat.cli.table import file_option

if TYPE_CHECKING:
    from pathlib import Path

    from perchat.model.principal import Group
    from perchat.server.admin import Admin

__all__ = ["addin", "group"]


@click.group()
def group() -> None:
    """Groups of users, which may hold groups and domains."""


@group.command("add")
@click.argument("name")
@click.option(
    "--member", "members", multiple=True, metavar="P", help="Whom it holds; may be repeated."
)
@click.option("--container", is_flag=True, help="A container of the directory, not a group.")
@administrator
async def group_add(admin: Admin, name: str, members: tuple[str, ...], container: bool) -> None:
    """Add group NAME."""
    click.echo(f"added {(await admin.add_group(name, members, container=container)).uri}")


@group.command("list")
@json_option
@administrator
async def group_list(admin: Admin, as_json: bool) -> None:
    """List the groups. Name, how many it holds directly, address."""
    for one, members in await admin.groups():
        show(as_json, one.name, str(len(members)), one.uri, **_fields(one, members))


@group.command("show")
@click.argument("name")
@json_option
@administrator
async def group_show(admin: Admin, name: str, as_json: bool) -> None:
    """Show group NAME and whom it holds."""
    show_fields(as_json, _fields(*await admin.group(name)))


@group.command("rm")
@click.argument("name")
@administrator
async def group_rm(admin: Admin, name: str) -> None:
    """Remove group NAME; whoever had rights through it has them no more."""
    click.echo(f"removed {(await admin.remove_group(name)).uri}")


@group.group("member")
def group_member() -> None:
    """Whom a group holds."""


@group_member.command("add")
@click.argument("name", metavar="GROUP")
@click.argument("principals", metavar="[P]...", nargs=-1)
@file_option("name")
@administrator
async def group_member_add(
    admin: Admin, name: str, principals: tuple[str, ...], file: Path | None
) -> None:
    """Let GROUP hold principals P..., or those of a file."""
    one_or_many(principals, file, "P...")
    if file is not None:
        await add_many_group_members(admin, name, file)
        return
    added = await admin.add_group_members(name, principals)
    click.echo(f"added {', '.join(added)}" if added else "nothing to do: members already")


@group_member.command("rm")
@click.argument("name", metavar="GROUP")
@click.argument("principals", metavar="P...", nargs=-1, required=True)
@administrator
async def group_member_rm(admin: Admin, name: str, principals: tuple[str, ...]) -> None:
    """Let GROUP hold principals P... no more."""
    gone = await admin.remove_group_members(name, principals)
    click.echo(f"removed {', '.join(gone)}" if gone else "nothing to do: no members")


def _fields(one: Group, members: tuple[str, ...]) -> dict[str, object]:
    kind = "container" if one.type.name == "FOLDER" else "group"
    return {"name": one.name, "uri": one.uri, "kind": kind, "members": list(members)}


@click.group()
def addin() -> None:
    """Add-ins: web pages that can be shown beside a room."""


@addin.command("add")
@click.argument("name")
@click.argument("url")
@administrator
async def addin_add(admin: Admin, name: str, url: str) -> None:
    """Register add-in NAME at URL."""
    click.echo(f"added {(await admin.add_add_in(name, url)).id}")


@addin.command("list")
@json_option
@administrator
async def addin_list(admin: Admin, as_json: bool) -> None:
    """List the add-ins. Name, URL, id."""
    for one in await admin.add_ins():
        show(as_json, one.name, one.url, one.id, id=one.id, name=one.name, url=one.url)


@addin.command("rm")
@click.argument("name")
@administrator
async def addin_rm(admin: Admin, name: str) -> None:
    """Remove add-in NAME, from all rooms too."""
    click.echo(f"removed {(await admin.remove_add_in(name)).id}")
