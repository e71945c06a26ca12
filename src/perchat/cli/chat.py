"""Commands of a user: clients over the SDK, like any other client."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from perchat.cli.common import (
    DEFAULT_CONFIG,
    json_option,
    load,
    password_stdin_option,
    print_json,
    run,
    sign_in_password,
)
from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.model.message import Message

__all__ = ["history", "post", "rooms", "tail"]

P = ParamSpec("P")
T = TypeVar("T")
HISTORY_DEFAULT = 30  # DefaultChatHistory of the original


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs in, and where."""

    uri: str
    password: str
    host: str
    port: int | None
    tcp: bool
    ca: Path | None

    def __repr__(self) -> str:
        return f"Account({self.uri!r})"

    def connect(self) -> AbstractAsyncContextManager[PersistentChatEndpoint]:
        """Return the connection, to be entered."""
        import perchat

        return perchat.connect_user(
            self.uri,
            server=self.host,
            port=self.port,
            ca=self.ca,
            credential=perchat.PasswordCredential(self.uri.removeprefix("sip:"), self.password),
            transport=perchat.Transport.TCP if self.tcp else perchat.Transport.TLS,
            user_agent="perchat-cli",
        )


def as_user(command: Callable[P, T]) -> Callable[..., T]:
    """Add the options of a client and hand the command its ``account``."""

    @click.option("--as", "user", required=True, metavar="USER", help="Who signs in.")
    @click.option("--server", metavar="HOST:PORT", help="The server; else that of the settings.")
    @click.option("--ca", type=click.Path(path_type=Path), help="Certificates to trust (PEM).")
    @click.option("--tcp", is_flag=True, help="Plain TCP instead of TLS.")
    @password_stdin_option
    @click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        envvar="PERCHAT_CONFIG",
        help="Settings of a server on this machine (or PERCHAT_CONFIG).",
    )
    @functools.wraps(command)
    def wrapper(
        user: str,
        server: str | None,
        ca: Path | None,
        tcp: bool,
        password_stdin: bool,
        config_file: Path | None,
        **kwargs: object,
    ) -> T:
        make = functools.partial(
            _account, user, server, ca, tcp=tcp, password_stdin=password_stdin, file=config_file
        )
        return command(account=make, **kwargs)  # type: ignore[call-arg,arg-type]  # click's keywords

    return wrapper


@click.command()
@json_option
@as_user
@run
async def rooms(account: Callable[[], Account], as_json: bool) -> None:
    """List the rooms that USER can see."""
    async with account().connect() as chat:
        for room in await chat.search_rooms(""):
            if as_json:
                print_json(
                    {
                        "name": room.name,
                        "uri": room.uri,
                        "description": room.description,
                        "participants": room.participants,
                    }
                )
            else:
                click.echo(f"{room.name}\t{room.participants}\t{room.description}\t{room.uri}")


@click.command()
@click.argument("room")
@click.argument("text")
@click.option("--alert", is_flag=True, help="Mark the message as important.")
@as_user
@run
async def post(account: Callable[[], Account], room: str, text: str, alert: bool) -> None:
    """Post TEXT in ROOM; ends well only when the message is stored."""
    async with account().connect() as chat, chat.join(room) as session:
        await session.post(text, alert=alert)


@click.command()
@click.argument("room")
@json_option
@as_user
@run
async def tail(account: Callable[[], Account], room: str, as_json: bool) -> None:
    """Print what is said in ROOM until interrupted."""
    async with account().connect() as chat, chat.join(room) as session:
        async for message in session.messages():
            _print_message(message, as_json=as_json)


@click.command()
@click.argument("room")
@click.option(
    "--last",
    type=click.IntRange(1),
    default=HISTORY_DEFAULT,
    show_default=True,
    help="How many messages.",
)
@json_option
@as_user
@run
async def history(account: Callable[[], Account], room: str, last: int, as_json: bool) -> None:
    """Print the newest messages of ROOM, oldest first."""
    async with account().connect() as chat, chat.join(room) as session:
        for message in await session.recent(last):
            _print_message(message, as_json=as_json)


def _account(
    user: str,
    server: str | None,
    ca: Path | None,
    *,
    tcp: bool,
    password_stdin: bool,
    file: Path | None,
) -> Account:
    from perchat.server.config import split_address

    config = load(file or Path(DEFAULT_CONFIG)) if file or not (server and "@" in user) else None
    if server is None and config is not None:
        server = config.listen.tcp if tcp else config.listen.tls
    if not server:
        raise ConfigurationError("no server; give --server HOST:PORT or --config FILE")
    host, port = split_address(server) if ":" in server else (server, None)
    if config is not None and ca is None:
        ca = config.path(config.paths.authority)
    address = user.removeprefix("sip:")
    if "@" not in address and config is not None:
        address = f"{address}@{config.domain}"
    password = sign_in_password(address, from_stdin=password_stdin)
    return Account(f"sip:{address}", password, host, port, tcp, ca)


def _print_message(message: Message, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "id": message.id,
                "timestamp": message.timestamp.isoformat(),
                "author": message.author,
                "author_name": message.author_name,
                "room": message.room_name,
                "room_uri": message.room_uri,
                "text": message.text,
                "alert": message.is_alert,
            }
        )
    else:
        name = message.author_name or message.author
        mark = "! " if message.is_alert else ""
        click.echo(f"{message.timestamp:%Y-%m-%d %H:%M:%S} {name}: {mark}{message.text}")
