"""What commands print: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from perchat.cli.common import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.model.message import Message

__all__ = ["print_json", "print_message", "show", "show_fields", "tell_behind"]


def print_json(**fields: object) -> None:
    """Print one JSON object on a line of its own, in UTF-8 whatever the terminal speaks."""
    click.echo(json.dumps(fields, ensure_ascii=False, default=str).encode())


def show(as_json: bool, *columns: str, **fields: Any) -> None:
    """Print ``columns`` for people, or ``fields`` as JSON."""
    if as_json:
        print_json(**fields)
    else:
        click.echo("\t".join(map(plain, columns)))


def tell_behind(nodes: Iterable[object]) -> None:
    """Say on stderr which servers have not followed a change that was made."""
    for node in nodes:
        click.echo(f"perchat: done, but {node} has not followed yet; it will", err=True)


def show_fields(as_json: bool, fields: dict[str, Any]) -> None:
    """Print one thing: a line a field for people, or as JSON."""
    if as_json:
        print_json(**fields)
        return
    for field, value in fields.items():
        click.echo(plain(f"{field:<12} {_shown(value)}".rstrip()))


def _shown(value: object) -> str:
    match value:
        case list():
            return ", ".join(map(str, value))
        case bool():
            return "yes" if value else "no"
        case None:
            return ""
        case _:
            return str(value)


def print_message(message: Message, *, as_json: bool) -> None:
    """Print a message; for people with the time where they are."""
    if as_json:
        print_json(
            id=message.id,
            timestamp=message.timestamp.isoformat(),
            author=message.author,
            author_name=message.author_name,
            room=message.room_name,
            room_uri=message.room_uri,
            text=message.text,
            alert=message.is_alert,
        )
    else:
        click.echo(_for_people(message))


def _for_people(message: Message) -> str:
    """Return a message as a line; further lines are set in, so that none can pose as a message."""
    name = plain(message.author_name or message.author)
    mark = "! " if message.is_alert else ""
    first, *rest = message.text.splitlines() or [""]
    lines = [f"{message.timestamp.astimezone():%Y-%m-%d %H:%M:%S} {name}: {mark}{plain(first)}"]
    return "\n".join([*lines, *(f"    {plain(line)}" for line in rest)])
