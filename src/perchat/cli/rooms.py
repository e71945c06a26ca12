"""
The administrator's words for categories and rooms.

Principals, P, are users (``alice``), groups by name (``group:Sales``, or ``Sales`` when
no user is called so) or whole domains (``domain:example.com``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from perchat.cli.admin import administrator
from perchat.cli.many import grant_many, one_or_many
from perchat.cli.options import Moment, json_option
from perchat.cli.output import show, show_fields
from perchat.cli.table import file_option
from perchat.model.chatroom import Behavior, Privacy, Role

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from perchat.model.administration import RoomEntry
    from perchat.model.category import Category
    from perchat.server.admin import Admin

__all__ = ["category", "explain", "room"]

_LISTS = ("allowed", "denied", "creators")


def _principals(name: str, field: str, text: str) -> Callable[..., Any]:
    """Return an option that may be repeated."""
    return click.option(name, field, multiple=True, metavar="P", help=f"{text}; may be repeated.")


def _description(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--description", metavar="T", help="What it is about.")(command)


# categories


@click.group()
def category() -> None:
    """Categories: the walls between rooms."""


@category.command("add")
@click.argument("name")
@_description
@_principals("--allow", "allow", "May have a part in its rooms; without any, the whole domain")
@_principals("--deny", "deny", "May not, whoever allows it")
@_principals("--creator", "creators", "May make rooms in it")
@click.option("--invitations", is_flag=True, help="Invite new members of its rooms.")
@click.option("--files", "file_posts", is_flag=True, help="Let its rooms take files.")
@click.option("--no-history", is_flag=True, help="Keep nothing that is said in its rooms.")
@administrator
async def category_add(
    admin: Admin, name: str, description: str | None, no_history: bool, **properties: Any
) -> None:
    """Add category NAME."""
    added = await admin.add_category(
        name, description=description or "", keeps_history=not no_history, **properties
    )
    click.echo(f"added {added.uri} ({', '.join(sorted(added.allowed))} allowed)")


@category.command("set")
@click.argument("name")
@click.option("--name", "new_name", metavar="N", help="Another name.")
@_description
@_principals("--allow", "add_allowed", "Allow P")
@_principals("--no-allow", "remove_allowed", "Allow P no more")
@_principals("--deny", "add_denied", "Deny P")
@_principals("--no-deny", "remove_denied", "Deny P no more")
@_principals("--creator", "add_creators", "Let P make rooms in it")
@_principals("--no-creator", "remove_creators", "Let P make rooms no more")
@click.option("--invitations/--no-invitations", default=None, help="Whether members are invited.")
@click.option("--files/--no-files", "file_posts", default=None, help="Whether rooms take files.")
@click.option("--history/--no-history", "keeps_history", default=None, help="Whether it is kept.")
@administrator
async def category_set(admin: Admin, name: str, new_name: str | None, **words: Any) -> None:
    """Change category NAME; who is no longer allowed loses roles and rooms."""
    add, remove = (
        {field: words.pop(f"{way}_{field}") for field in _LISTS} for way in ("add", "remove")
    )
    changes = {k: v for k, v in {"name": new_name, **words}.items() if v is not None}
    if not changes and not any((*add.values(), *remove.values())):
        raise click.UsageError("nothing to change: give one of the options")
    changed = await admin.set_category(name, add=add, remove=remove, **changes)
    click.echo(f"changed {changed.uri}")


@category.command("list")
@json_option
@administrator
async def category_list(admin: Admin, as_json: bool) -> None:
    """List the categories. Name, who is allowed, description, address."""
    for one in await admin.categories():
        columns = (one.name, ", ".join(sorted(one.allowed)), one.description, one.uri)
        show(as_json, *columns, **_category_fields(one))


@category.command("show")
@click.argument("name")
@json_option
@administrator
async def category_show(admin: Admin, name: str, as_json: bool) -> None:
    """Show category NAME."""
    show_fields(as_json, _category_fields(await admin.category(name)))


@category.command("rm")
@click.argument("name")
@administrator
async def category_rm(admin: Admin, name: str) -> None:
    """Remove category NAME, which must hold no rooms."""
    click.echo(f"removed {(await admin.remove_category(name)).uri}")


def _category_fields(one: Category) -> dict[str, object]:
    return {
        "name": one.name,
        "uri": one.uri,
        "description": one.description,
        "allowed": sorted(one.allowed),
        "denied": sorted(one.denied),
        "creators": sorted(one.creators),
        "invitations": one.invitations,
        "files": one.file_posts,
        "history": one.keeps_history,
    }


# rooms

_privacy_option = click.option(
    "--privacy",
    type=click.Choice([one.name.lower() for one in Privacy]),
    help="Who sees it and may join: all in scope, only members may join, only members see it.",
)
_add_in_option = click.option("--add-in", metavar="NAME", help="The page shown beside it.")


@click.group()
def room() -> None:
    """Rooms, and who is in them."""


@room.command("add")
@click.argument("name")
@click.option("--category", "within", required=True, metavar="C", help="The category it lives in.")
@_description
@_privacy_option
@click.option("--auditorium", is_flag=True, help="Only presenters post.")
@click.option("--no-invitations", is_flag=True, help="Invite nobody, whatever the category says.")
@_add_in_option
@_principals("--member", "members", "May join and post")
@_principals("--manager", "managers", "May change the room")
@_principals("--presenter", "presenters", "May post in an auditorium")
@administrator
async def room_add(
    admin: Admin,
    name: str,
    within: str,
    description: str | None,
    privacy: str | None,
    auditorium: bool,
    no_invitations: bool,
    add_in: str | None,
    **roles: Any,
) -> None:
    """Add room NAME."""
    added = await admin.add_room(
        name,
        within,
        description=description or "",
        privacy=Privacy[(privacy or "closed").upper()],
        behavior=Behavior.AUDITORIUM if auditorium else Behavior.NORMAL,
        invites=not no_invitations,
        add_in=add_in or "",
        **roles,
    )
    click.echo(f"added {added.uri}")


@room.command("set")
@click.argument("room_name", metavar="ROOM")
@click.option("--name", metavar="N", help="Another name; the address stays.")
@_description
@_privacy_option
@click.option("--auditorium/--normal", default=None, help="Whether only presenters post.")
@click.option("--invitations/--no-invitations", default=None, help="Whether members are invited.")
@_add_in_option
@administrator
async def room_set(
    admin: Admin,
    room_name: str,
    privacy: str | None,
    auditorium: bool | None,
    invitations: bool | None,
    **words: Any,
) -> None:
    """Change ROOM; an empty --add-in takes the page away."""
    from perchat.model.invitation import InviteSetting

    if privacy is not None:
        words["privacy"] = Privacy[privacy.upper()]
    if auditorium is not None:
        words["behavior"] = Behavior.AUDITORIUM if auditorium else Behavior.NORMAL
    if invitations is not None:
        words["invitations"] = InviteSetting.INHERIT if invitations else InviteSetting.OFF
    changes = {name: value for name, value in words.items() if value is not None}
    if not changes:
        raise click.UsageError("nothing to change: give one of the options")
    click.echo(f"changed {(await admin.set_room(room_name, **changes)).uri}")


@room.command("disable")
@click.argument("room_name", metavar="ROOM")
@administrator
async def room_disable(admin: Admin, room_name: str) -> None:
    """Disable ROOM: everyone leaves, nobody finds it; it keeps members and history."""
    click.echo(f"disabled {(await admin.set_room(room_name, disabled=True)).uri}")


@room.command("enable")
@click.argument("room_name", metavar="ROOM")
@administrator
async def room_enable(admin: Admin, room_name: str) -> None:
    """Enable ROOM again."""
    click.echo(f"enabled {(await admin.set_room(room_name, disabled=False)).uri}")


@room.command("move")
@click.argument("room_name", metavar="ROOM")
@click.argument("category_name", metavar="CATEGORY")
@administrator
async def room_move(admin: Admin, room_name: str, category_name: str) -> None:
    """Move ROOM to CATEGORY; who is not allowed there loses role and room."""
    click.echo(f"moved {(await admin.move_room(room_name, category_name)).uri}")


@room.command("rm")
@click.argument("room_name", metavar="ROOM")
@administrator
async def room_rm(admin: Admin, room_name: str) -> None:
    """Remove ROOM and all that was said in it, for good."""
    click.echo(f"removed {(await admin.remove_room(room_name)).uri}")


@room.command("purge")
@click.argument("room_name", metavar="ROOM")
@click.option(
    "--until", required=True, metavar="DATE", type=Moment(end=True), help="That day included."
)
@administrator
async def room_purge(admin: Admin, room_name: str, until: datetime) -> None:
    """Forget for good what was said in ROOM until DATE; the room itself stays."""
    purged = await admin.moderation.purge((await admin.room(room_name)).room, until)
    click.echo(f"purged {purged} messages of {room_name}")


@room.command("list")
@json_option
@administrator
async def room_list(admin: Admin, as_json: bool) -> None:
    """List all rooms. Name, category, how many members, description, address."""
    for one in await admin.rooms():
        columns = (one.room.name, one.category, str(len(one.members)), one.room.description)
        show(as_json, *columns, one.room.uri, **_room_fields(one))


@room.command("show")
@click.argument("name")
@json_option
@administrator
async def room_show(admin: Admin, name: str, as_json: bool) -> None:
    """Show room NAME and who has a role in it."""
    show_fields(as_json, _room_fields(await admin.room(name)))


def _room_fields(one: RoomEntry) -> dict[str, object]:
    changes = one.room.changes
    return {
        "name": one.room.name,
        "uri": one.room.uri,
        "category": one.category,
        "description": one.room.description,
        "privacy": one.room.privacy.name.lower(),
        "behavior": one.room.behavior.name.lower(),
        "disabled": one.room.disabled,
        "invitations": one.room.invites,
        "add_in": one.room.add_in,
        "members": list(one.members),
        "managers": list(one.managers),
        "presenters": list(one.presenters),
        "created_by": changes.created_by,
        "created_on": changes.created_on.isoformat() if changes.created_on else None,
        "updated_by": changes.updated_by,
        "updated_on": changes.updated_on.isoformat() if changes.updated_on else None,
    }


def _role_words(role: Role) -> click.Group:
    """Return the words for one role in a room."""

    @click.group(role.value, help=f"The {role.value}s of a room.")
    def words() -> None: ...

    @words.command("add", help=f"Make principals P..., or those of a file, {role.value}s of ROOM.")
    @click.argument("room_name", metavar="ROOM")
    @click.argument("principals", metavar="[P]...", nargs=-1)
    @file_option("name")
    @administrator
    async def add(
        admin: Admin, room_name: str, principals: tuple[str, ...], file: Path | None
    ) -> None:
        one_or_many(principals, file, "P...")
        if file is not None:
            await grant_many(admin, room_name, role, file)
            return
        added = await admin.grant(room_name, role, principals)
        already = f"nothing to do: {role.value}s already"
        click.echo(f"added {', '.join(added)}" if added else already)

    @words.command("rm", help=f"Let principals P... be {role.value}s of ROOM no more.")
    @click.argument("room_name", metavar="ROOM")
    @click.argument("principals", metavar="P...", nargs=-1, required=True)
    @administrator
    async def rm(admin: Admin, room_name: str, principals: tuple[str, ...]) -> None:
        gone = await admin.revoke(room_name, role, principals)
        never = f"nothing to do: no {role.value}s"
        click.echo(f"removed {', '.join(gone)}" if gone else never)

    return words


for _role in (Role.MEMBER, Role.MANAGER, Role.PRESENTER):
    room.add_command(_role_words(_role))


@click.command()
@click.argument("user_name", metavar="USER")
@click.argument("room_name", metavar="ROOM")
@json_option
@administrator
async def explain(admin: Admin, user_name: str, room_name: str, as_json: bool) -> None:
    """Tell what USER may do in ROOM, with every rule that decides it."""
    found = await admin.explain(user_name, room_name)
    if not as_json:
        for line in found.lines():
            show(as_json, line)
        return
    show(
        as_json,
        user=found.user,
        room=found.room,
        permission=[one.name for one in found.permission],
        rules=[
            {"rule": one.rule, "holds": one.holds, "because": one.because} for one in found.rules
        ],
        actions={
            answer.action.name.lower(): {
                "allowed": answer.allowed,
                "why_not": [need.value for need in answer.missing],
            }
            for answer in found.answers
        },
    )
