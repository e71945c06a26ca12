"""The real server, in the test's own loop, with users and rooms made the administrator's way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perchat.client.connect import connect_user
from perchat.client.credentials import PasswordCredential
from perchat.client.options import ClientTimers, EndpointOptions
from perchat.net.connector import Transport
from perchat.server.admin import administration
from perchat.server.app import Addresses, serve
from perchat.server.config import ServerConfig, with_ports
from perchat.server.install import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.opening import Opening

__all__ = ["LiveServer", "install_sample", "live"]

QUICK = EndpointOptions(timers=ClientTimers(request=5.0, goodbye=0.5, echo=2.0))


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A server that is up, and how to connect to it."""

    config: ServerConfig
    addresses: Addresses
    stop: asyncio.Event

    @property
    def ca(self) -> Path:
        """What its certificate is verified with."""
        return self.config.path(self.config.paths.authority)

    @property
    def tls(self) -> str:
        """Host and port for TLS."""
        assert self.addresses.sip_tls is not None
        return self.addresses.sip_tls

    @property
    def tcp(self) -> str:
        """Host and port for TCP."""
        assert self.addresses.sip_tcp is not None
        return self.addresses.sip_tcp

    def connect(
        self, name: str, transport: Transport = Transport.TCP
    ) -> Opening[PersistentChatEndpoint]:
        """Connect as a user whose password is the name and a number."""
        return connect_user(
            f"{name}@{self.config.domain}",
            server=self.tls if transport is Transport.TLS else self.tcp,
            ca=self.ca if transport is Transport.TLS else None,
            transport=transport,
            credential=credential(name),
            options=QUICK,
        )


def credential(name: str) -> PasswordCredential:
    """Return the sample user's credential."""
    return PasswordCredential(name, f"{name}-Pass-1")


async def install_sample(folder: Path) -> ServerConfig:
    """Make an installation with three users, of whom two are in the closed room."""
    config = await install(folder, "example.com")
    async with administration(config) as admin:
        for name in ("alice", "bob", "carol"):
            await admin.add_user(name, f"{name}-Pass-1", display_name=name.title())
        await admin.add_user("dave", "dave-Pass-1", chat_enabled=False)
        await admin.add_category("General")
        await admin.add_room("Lobby", "General", members=["alice", "bob"], managers=["alice"])
        await admin.add_room("Annex", "General", members=["alice", "bob"])
    return config


@asynccontextmanager
async def live(config: ServerConfig) -> AsyncIterator[LiveServer]:
    """Run a server on free ports for as long as the block runs."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Addresses] = loop.create_future()
    stop = asyncio.Event()
    config = with_ports(config, tls=0, tcp=0)
    running = loop.create_task(serve(config, ready=ready.set_result, stop=stop))
    waiting: set[asyncio.Future[Any]] = {ready, running}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    try:
        yield LiveServer(config, ready.result(), stop)
    finally:
        stop.set()
        await running
