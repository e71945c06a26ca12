"""Commands of a user: clients over the SDK, like any other client."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from perchat.cli.account import as_user
from perchat.cli.common import run
from perchat.cli.options import json_option
from perchat.cli.output import print_message, show
from perchat.errors import (
    ChatServerConnectionError,
    CommandFailed,
    ConfigurationError,
    ErrorCode,
    PersistentChatError,
)

if TYPE_CHECKING:
    from perchat.cli.account import Account
    from perchat.client.events import SessionEvent, SessionReason

__all__ = ["history", "post", "rooms", "tail"]

HISTORY_DEFAULT = 30  # DefaultChatHistory of the original
_ENDS = {
    "KICKED": (ErrorCode.ERROR_PERMISSION, "you were put out of the room"),
    "ROOM_DISABLED": (ErrorCode.NODE_DISABLED, "the room was disabled; ask an administrator"),
}


def room_name(_: click.Context, __: click.Parameter, text: str) -> str:
    """Check how a room is named: by name, or by address."""
    from perchat.model.uri import RoomUri  # late: --help needs none

    if not text.strip():
        raise click.BadParameter("a room's name is not empty")
    try:
        return RoomUri(text) if "://" in text else text
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


room_argument = click.argument("room", metavar="ROOM", callback=room_name)


@click.command()
@json_option
@as_user
@run
async def rooms(account: Account, as_json: bool) -> None:
    """List the rooms that USER can see. Name, how many are there, description, address."""
    async with account.connect() as chat:
        for room in await chat.search_rooms():
            show(
                as_json,
                *(room.name, str(room.participants), room.description, room.uri),
                name=room.name,
                uri=room.uri,
                description=room.description,
                participants=room.participants,
            )


@click.command()
@room_argument
@click.argument("text")
@click.option("--alert", is_flag=True, help="Mark the message as important.")
@as_user
@run
async def post(account: Account, room: str, text: str, alert: bool) -> None:
    """Post TEXT in ROOM. TEXT may be - for standard input; status 0 means that it is stored."""
    message = _text(text)
    async with account.connect() as chat, chat.join(room) as session:
        await session.post(message, alert=alert)


@click.command()
@room_argument
@json_option
@as_user
@run
async def tail(account: Account, room: str, as_json: bool) -> None:
    """Print what is said in ROOM. Each message at once, until Ctrl-C (status 130)."""
    import perchat

    async with account.connect() as chat, perchat.ChatRoomSession(chat) as session:
        events = session.events()  # before joining, so that nothing is said unheard
        await session.join(room)
        async for event in events:
            _print_event(event, as_json=as_json)


@click.command()
@room_argument
@click.option(
    "--last",
    metavar="N",
    type=click.IntRange(1),
    default=HISTORY_DEFAULT,
    show_default=True,
    help="How many messages; the server has the last word.",
)
@json_option
@as_user
@run
async def history(account: Account, room: str, last: int, as_json: bool) -> None:
    """Print the newest messages of ROOM, oldest first."""
    async with account.connect() as chat, chat.join(room) as session:
        for message in await session.recent(last):
            print_message(message, as_json=as_json)


def _text(argument: str) -> str:
    """Return what to post; ``-`` stands for standard input, after a password if that is there."""
    text = sys.stdin.read().removesuffix("\n") if argument == "-" else argument
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("the message is not UTF-8") from None
    if not text.strip():
        raise ConfigurationError("the message is empty: nothing was posted")
    return text


def _print_event(event: SessionEvent, *, as_json: bool) -> None:
    import perchat

    match event:
        case perchat.MessageReceived(message):
            print_message(message, as_json=as_json)
        case perchat.EventsLost(count):
            click.echo(f"perchat: {count} events came too fast and were lost", err=True)
        case perchat.SessionStateChanged(perchat.SessionState.TERMINATED, reason):
            raise _end_of(reason)
        case _:
            pass


def _end_of(reason: SessionReason) -> PersistentChatError:
    code, text = _ENDS.get(reason.name, (None, "the connection was lost; start again to go on"))
    return ChatServerConnectionError(text) if code is None else CommandFailed.of(code, text)
