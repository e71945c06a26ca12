"""
The administrator's words for what was said: look at it, replace it, take it away.

Whoever was in a room has read what was said there; what comes after does not find it any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from perchat.cli.admin import administrator
from perchat.cli.options import Moment, json_option
from perchat.cli.output import print_json, print_message, show

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from perchat.model.chatroom import Room
    from perchat.model.history import HistoryQuery
    from perchat.model.message import ModeratedMessage
    from perchat.server.admin import Admin

__all__ = ["message"]


def _meant(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what names messages: their numbers, or what to look for."""
    for add in (
        click.option("--case", "case_sensitive", is_flag=True, help="Case and accents count."),
        click.option("--phrase", is_flag=True, help="The words have to follow one another."),
        click.option("--all", "every", is_flag=True, help="Every word has to be there."),
        click.option("--until", metavar="DATE", type=Moment(end=True), help="Not after."),
        click.option("--since", metavar="DATE", type=Moment(end=False), help="Not before."),
        click.option("--author", "authors", metavar="NAME", multiple=True, help="Said by NAME."),
        click.option("--words", metavar="W", default="", help="With any of these words."),
        click.argument("numbers", metavar="[N]...", type=click.IntRange(1), nargs=-1),
        click.argument("room_name", metavar="ROOM"),
    ):
        command = add(command)
    return command


@click.group()
def message() -> None:
    """Messages, which administrators may replace or take away."""


@message.command("list")
@_meant
@json_option
@administrator
async def message_list(
    admin: Admin, room_name: str, numbers: tuple[int, ...], as_json: bool, **words: Any
) -> None:
    """List messages of ROOM: number, time, author, text. All of them, or those that are meant."""
    room = (await admin.room(room_name)).room
    async for one in admin.moderation.find(room, _query(admin, **words), frozenset(numbers)):
        if as_json:
            print_message(one, as_json=True)
        else:
            click.echo(f"{one.id}\t", nl=False)
            print_message(one, as_json=False)


@message.command("rm")
@_meant
@administrator
async def message_rm(admin: Admin, room_name: str, numbers: tuple[int, ...], **words: Any) -> None:
    """Take messages number N, or with W, or of NAME, out of ROOM's history."""
    room, query = await _named(admin, room_name, numbers, words)
    done = await admin.moderation.remove(room, query, frozenset(numbers))
    _tell("removed", done)


@message.command("replace")
@_meant
@click.option("--text", metavar="T", help="What they say instead; a standard text without it.")
@administrator
async def message_replace(
    admin: Admin, room_name: str, numbers: tuple[int, ...], text: str | None, **words: Any
) -> None:
    """Replace messages number N, or with W, or of NAME, in ROOM's history."""
    from perchat.chat.moderation import REPLACEMENT

    room, query = await _named(admin, room_name, numbers, words)
    text = REPLACEMENT if text is None else text
    done = await admin.moderation.replace(room, query, frozenset(numbers), text=text)
    _tell("replaced", done)


@message.command("originals")
@click.argument("room_name", metavar="ROOM")
@json_option
@administrator
async def message_originals(admin: Admin, room_name: str, as_json: bool) -> None:
    """List what was replaced or removed in ROOM, as it was posted, and what stands there now."""
    for one in await admin.moderation.originals((await admin.room(room_name)).room):
        original = one.original
        now = "removed" if one.text is None else f"now: {one.text}"
        columns = (str(original.id), f"{original.timestamp.astimezone():%Y-%m-%d %H:%M:%S}")
        if as_json:
            print_json(**_fields(one))
        else:
            show(False, *columns, original.author, original.text, now)


async def _named(
    admin: Admin, room_name: str, numbers: tuple[int, ...], words: dict[str, Any]
) -> tuple[Room, HistoryQuery]:
    """Return room and question; whoever names nothing does not mean everything."""
    if not numbers and not any(words[one] for one in ("words", "authors", "since", "until")):
        raise click.UsageError("name messages by number, or give --words, --author or a date")
    return (await admin.room(room_name)).room, _query(admin, **words)


def _query(
    admin: Admin,
    *,
    words: str,
    authors: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    every: bool,
    phrase: bool,
    case_sensitive: bool,
) -> HistoryQuery:
    from perchat.model.history import HistoryQuery, Match

    if every and phrase:
        raise click.UsageError("--all and --phrase are two different questions")
    try:
        return HistoryQuery(
            words,
            match=Match.PHRASE if phrase else Match.ALL if every else Match.ANY,
            case_sensitive=case_sensitive,
            authors=tuple(admin.address(author) for author in authors),
            since=since,
            until=until,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _tell(what: str, done: tuple[int, ...]) -> None:
    if done:
        click.echo(f"{what} {len(done)}: {', '.join(map(str, done))}")
    else:
        click.echo("nothing to do: no such messages")


def _fields(one: ModeratedMessage) -> dict[str, object]:
    original = one.original
    return {
        "id": original.id,
        "timestamp": original.timestamp.isoformat(),
        "author": original.author,
        "text": original.text,
        "rtf": original.rtf,
        "moderated": one.at.isoformat(),
        "now": one.text,
    }
