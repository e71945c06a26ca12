"""
The demonstration: a sample domain, and the way from signing in to reading history, shown.

The server runs in this process and is the real one; the walk goes over TLS through the
SDK, in the order of the original's how-to page.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

import perchat
from perchat.errors import ConfigurationError, ConnectionFailure, OperationTimeout
from perchat.server.admin import administration
from perchat.server.app import serve
from perchat.server.config import load_config, with_ports
from perchat.server.install import CONFIG_FILE, install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.session import ChatRoomSession
    from perchat.server.app import Addresses
    from perchat.server.config import ServerConfig

__all__ = ["next_steps", "running", "sample", "walk"]

DOMAIN = "example.com"
USERS = {"alice": "Alice Adams", "bob": "Bob Brown", "carol": "Carol Clark"}
ROOMS = {"General": ("alice", "bob", "carol"), "Operations": ("alice", "bob")}
PASSWORD_FILE = "demo-password"  # noqa: S105 - the file's name
_WAIT = 10.0


async def sample(folder: Path) -> tuple[ServerConfig, str]:
    """
    Make the sample domain, or take the one that is there; return its users' password too.

    Raises:
        ConfigurationError: The folder holds something else, or half a sample.

    """
    if not (folder / CONFIG_FILE).exists():
        return await _made(folder)
    try:
        password = (folder / PASSWORD_FILE).read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{folder} is not a whole sample server; remove it, or name another with --dir"
        ) from error
    return load_config(folder / CONFIG_FILE), password


async def _made(folder: Path) -> tuple[ServerConfig, str]:
    click.echo(f"Making a sample server for {DOMAIN} in {folder}")
    config = await install(folder, DOMAIN)
    password = secrets.token_urlsafe(9)
    async with administration(config) as admin:
        for name, display_name in USERS.items():
            await admin.add_user(name, password, display_name=display_name)
        await admin.add_category("Company", description="Everybody")
        for room, members in ROOMS.items():
            await admin.add_room(
                room, "Company", description=f"{room} talk", members=members, managers=members[:1]
            )
    descriptor = os.open(folder / PASSWORD_FILE, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(password)  # last: a sample that has it is whole
    return config, password


@contextlib.asynccontextmanager
async def running(config: ServerConfig, stop: asyncio.Event) -> AsyncIterator[Addresses]:
    """Run the server for as long as the block."""
    up: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(_serve_somewhere(config, up, stop))
        addresses = await up  # a server that fails ends the group, and with it this wait
        try:
            yield addresses
        finally:
            stop.set()


async def _serve_somewhere(
    config: ServerConfig, up: asyncio.Future[Addresses], stop: asyncio.Event
) -> None:
    """Serve on the settings' ports, or on free ones when those are taken."""
    try:
        await serve(config, ready=up.set_result, stop=stop)
    except ConnectionFailure:
        await serve(with_ports(config, tls=0, tcp=0), ready=up.set_result, stop=stop)


async def walk(config: ServerConfig, addresses: Addresses, password: str) -> None:
    """Do what the page does, and say so."""
    click.echo("A walk through it, over TLS:")
    uri = f"sip:alice@{config.domain}"
    platform = perchat.CollaborationPlatform.client(
        "perchat-demo", ca=config.path(config.paths.authority)
    )
    user = perchat.UserEndpoint(
        platform,
        uri,
        server=addresses.sip_tls,
        credential=perchat.PasswordCredential(f"alice@{config.domain}", password),
    )
    _say(f"signing in as {uri} at {addresses.sip_tls}")
    async with platform, user:
        address = (await user.provisioning()).chat.require_uri()
        _say(f"provisioned chat server: {address}")
        async with perchat.PersistentChatEndpoint(address, user) as chat:
            await _look_round(chat)
    _say("signed out")


async def _look_round(chat: PersistentChatEndpoint) -> None:
    _say(f"connected to {chat.server.display_name}")
    for room in await chat.search_rooms():
        _say(f"room: {room.name} - {room.description}")
    async with chat.join("General") as session:
        await _talk(session)


async def _talk(session: ChatRoomSession) -> None:
    _say(f"joined {session.name} ({len(session.participants)} there)")
    messages = session.messages()
    await session.post("Good morning from Perchat")
    _say("posted, stored by the server")
    try:
        async with asyncio.timeout(_WAIT):
            message = await anext(messages)
    except TimeoutError:
        raise OperationTimeout("the message posted did not come back") from None
    _say(f"received: {message.author}: {message.text}")
    recent = await session.recent(5)
    _say(f"history, last {len(recent)}:")
    for past in recent:
        _say(f"  {past.timestamp:%H:%M:%S} {past.author}: {past.text}")


def next_steps(folder: Path, addresses: Addresses) -> None:
    """Tell what to try in another terminal; the password stays in its file."""
    config, secret = (shlex.quote(str(folder / name)) for name in (CONFIG_FILE, PASSWORD_FILE))
    click.echo("The server stays until Ctrl-C. In another terminal:")
    if shutil.which("perchat") is None:
        click.echo(f'  export PATH={shlex.quote(str(Path(sys.argv[0]).resolve().parent))}:"$PATH"')
    click.echo(f'  export PERCHAT_CONFIG={config} PERCHAT_PASSWORD="$(cat {secret})"')
    server = f"--server {addresses.sip_tls}"
    for words in (
        f"rooms --as bob {server}",
        f"tail General --as bob {server}",
        f'post General "Hello" --as carol {server}',
        f"history General --as bob {server}",
        "room member add Operations carol",
    ):
        click.echo(f"  perchat {words}")


def _say(text: str) -> None:
    click.echo(f"  {text}")
