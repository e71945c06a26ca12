"""``perchat search``: what was said, in one room, some, or all that may be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perchat.cli.account import as_user
from perchat.cli.chat import room_name
from perchat.cli.common import plain, run
from perchat.cli.options import Moment, json_option
from perchat.cli.output import print_message

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.cli.account import Account
    from perchat.client.chat import PersistentChatEndpoint
    from perchat.model.history import HistoryQuery

__all__ = ["search"]

_LAST = 30


def _rooms(ctx: click.Context, parameter: click.Parameter, rooms: tuple[str, ...]) -> list[str]:
    return [room_name(ctx, parameter, room) for room in rooms]


@click.command()
@click.argument("words")
@click.option(
    "--room",
    "rooms",
    metavar="ROOM",
    multiple=True,
    callback=_rooms,
    help="Where to look, again for another room; all that USER may read without it.",
)
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(1),
    default=_LAST,
    show_default=True,
    help="The newest of each room.",
)
@click.option(
    "--author", "authors", metavar="NAME", multiple=True, help="Only what NAME said; again for or."
)
@click.option(
    "--since", metavar="DATE", type=Moment(end=False), help="Not before; 2026-11-22, or a time."
)
@click.option("--until", metavar="DATE", type=Moment(end=True), help="Not after.")
@click.option("--all", "every", is_flag=True, help="Every word has to be there, not just one.")
@click.option("--phrase", is_flag=True, help="The words have to follow one another.")
@click.option("--case", "case_sensitive", is_flag=True, help="Case and accents count.")
@json_option
@as_user
@run
async def search(
    account: Account,
    words: str,
    rooms: list[str],
    last: int,
    authors: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    every: bool,
    phrase: bool,
    case_sensitive: bool,
    as_json: bool,
) -> None:
    """Print what was said with any of WORDS in it, room by room, oldest first."""
    import perchat  # late: --help needs none

    if every and phrase:
        raise click.UsageError("--all and --phrase are two different questions")
    match = perchat.Match.PHRASE if phrase else perchat.Match.ALL if every else perchat.Match.ANY
    domain = account.address.partition("@")[2]
    try:
        query = perchat.HistoryQuery(
            words,
            match=match,
            case_sensitive=case_sensitive,
            authors=tuple(_address(author, domain) for author in authors),
            since=since,
            until=until,
            limit=last,
            search_newest_first=True,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    async with account.connect() as chat:
        await _print(chat, rooms, query, as_json=as_json)


def _address(name: str, domain: str) -> str:
    """Return the address of somebody who was named; a bare name is of the user's domain."""
    name = name.removeprefix("sip:")
    return f"sip:{name}" if "@" in name else f"sip:{name}@{domain}"


async def _print(
    chat: PersistentChatEndpoint, names: list[str], query: HistoryQuery, *, as_json: bool
) -> None:
    rooms = names or [room.uri for room in await chat.search_rooms()]
    if not rooms:
        return
    before = ""
    async for message in chat.iter_history(rooms, query):
        if message.room_uri != before and len(rooms) > 1 and not as_json:
            click.echo(f"{plain(message.room_name)}:")
        before = message.room_uri
        print_message(message, as_json=as_json)
