"""Commands of a user for files in rooms: put one there, list them, fetch one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from perchat.cli.account import as_user
from perchat.cli.chat import room_argument
from perchat.cli.common import run
from perchat.cli.options import json_option
from perchat.cli.output import show
from perchat.errors import CommandFailed, ErrorCode

if TYPE_CHECKING:
    from perchat.cli.account import Account
    from perchat.client.filesharing import PostedFile
    from perchat.client.session import ChatRoomSession
    from perchat.client.transfer import FileTransfer

__all__ = ["download", "files", "upload"]

T = TypeVar("T")
_STANDARD = "-"


@click.command()
@room_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--name", metavar="NAME", help="What others see it called; its own name without it.")
@click.option("--no-post", is_flag=True, help="Say nothing in the room; only print the address.")
@json_option
@as_user
@run
async def upload(
    account: Account, room: str, file: str, name: str | None, no_post: bool, as_json: bool
) -> None:
    """Put FILE into ROOM and post it. FILE may be - for standard input; then it needs a --name."""
    if file == _STANDARD and not name:
        raise click.UsageError("what comes from standard input needs a --name")
    source: Any = sys.stdin.buffer if file == _STANDARD else file
    async with account.connect() as chat, chat.join(room) as session:
        uri = await _watched(session.upload(source, name=name, post=not no_post))
    show(as_json, uri, uri=uri)


@click.command()
@room_argument
@json_option
@as_user
@run
async def files(account: Account, room: str, as_json: bool) -> None:
    """List the files of ROOM, the newest first. Time, author, size, name, address."""
    async with account.connect() as chat, chat.join(room) as session:
        async for file in session.files():
            part, message = file.part, file.message
            show(
                as_json,
                f"{message.timestamp.astimezone():%Y-%m-%d %H:%M:%S}",
                *(message.author_name or message.author, part.size_text, part.name, part.uri),
                timestamp=message.timestamp.isoformat(),
                author=message.author,
                size=part.size_text,
                name=part.name,
                uri=part.uri,
            )


@click.command()
@room_argument
@click.argument("file")
@click.argument("destination", default=".", type=click.Path(allow_dash=True))
@as_user
@run
async def download(account: Account, room: str, file: str, destination: str) -> None:
    """
    Fetch FILE, a name or an address, from ROOM to DESTINATION.

    The newest of that name is taken. DESTINATION is a folder, which is this one without it, a
    file, or - for standard output; nothing in a folder is overwritten.
    """
    place: Any = sys.stdout.buffer if destination == _STANDARD else destination
    async with account.connect() as chat, chat.join(room) as session:
        found = file if "://" in file else await _newest(session, file)
        where = await _watched(session.download(found, place))
    if isinstance(where, Path):
        click.echo(str(where))


async def _newest(session: ChatRoomSession, name: str) -> PostedFile:
    async for file in session.files():
        if file.part.name == name:
            return file
    raise CommandFailed.of(
        ErrorCode.FILE_DOWNLOAD_FAILED, f"no file called {name} was posted in {session.name}"
    )


async def _watched(transfer: FileTransfer[T]) -> T:
    """Wait for a transfer; show how far it is to who looks."""
    if sys.stderr.isatty():
        with click.progressbar(length=100, file=sys.stderr) as bar:
            async for progress in transfer:
                bar.update(progress.percent - bar.pos)
    return await transfer
