"""A real server on loopback inside the test's own loop, with a sample domain."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from perchat.server.admin import Admin, administration
from perchat.server.app import Addresses, serve
from perchat.server.config import ServerConfig, with_ports
from perchat.server.install import install

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

DOMAIN = "example.com"
PASSWORD = "correct horse"
USERS = ("alice", "bob", "carol", "dave")


@dataclass(slots=True)
class Sample:
    """A running server and where it is."""

    config: ServerConfig
    addresses: Addresses

    @property
    def tcp(self) -> tuple[str, int]:
        host, _, port = (self.addresses.sip_tcp or "").rpartition(":")
        return host, int(port)

    @property
    def tls(self) -> tuple[str, int]:
        host, _, port = (self.addresses.sip_tls or "").rpartition(":")
        return host, int(port)

    @property
    def ca(self) -> Path:
        return self.config.path(self.config.paths.authority)

    @contextlib.asynccontextmanager
    async def admin(self) -> AsyncIterator[Admin]:
        async with administration(self.config) as admin:
            yield admin


async def make_sample(folder: Path, **limits: float) -> ServerConfig:
    """Make a domain: General (alice manages; bob, carol), Private (alice), dave may not chat."""
    config = await install(folder, DOMAIN)
    async with administration(config) as admin:
        for name in USERS:
            await admin.add_user(name, PASSWORD, display_name=name.title())
        await admin.set_user("dave", chat_enabled=False)
        await admin.add_category("Company")
        await admin.add_room(
            "General",
            "Company",
            description="all staff",
            members=("alice", "bob", "carol"),
            managers=("alice",),
        )
        await admin.add_room("Private", "Company", members=("alice",))
    if limits:
        changed = msgspec.structs.replace(config.limits, **limits)
        config = msgspec.structs.replace(config, limits=changed)
    return config


@contextlib.asynccontextmanager
async def running(config: ServerConfig, *, tls: int = 0, tcp: int = 0) -> AsyncIterator[Sample]:
    """Run the server for as long as the block; an orderly stop at its end."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    ready: asyncio.Future[Addresses] = loop.create_future()
    config = with_ports(config, tls=tls, tcp=tcp, https=0 if config.listen.https else None)
    async with asyncio.TaskGroup() as group:
        group.create_task(serve(config, ready=ready.set_result, stop=stop))
        addresses = await ready  # a server that fails ends the group, and this wait with it
        try:
            yield Sample(config, addresses)
        finally:
            stop.set()


class Raw:
    """A peer that sends whatever it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> bytes:
        """Return the head of the next message."""
        async with asyncio.timeout(10):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def closed(self) -> bytes:
        """Return what still comes until the server closes."""
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
            return b""

    def status(self, head: bytes) -> int:
        return int(head.split(b" ", 2)[1])


@contextlib.asynccontextmanager
async def raw(address: tuple[str, int], tls: ssl.SSLContext | None = None) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(*address, ssl=tls)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request(method: str, uri: str = "sip:example.com", *extra: str, cseq: str = "1") -> bytes:
    """A sound request of nobody in particular."""
    lines = (
        f"{method} {uri} SIP/2.0",
        "Via: SIP/2.0/TCP 127.0.0.1:5999;branch=z9hG4bKtest" + cseq,
        "From: <sip:alice@example.com>;tag=a1;epid=cf0b98dadeb9",
        "To: <sip:alice@example.com>",
        "Call-ID: call-of-the-test",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *extra,
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def free_port() -> int:
    """Return a port that is free, and that the system gives to nobody who connects."""
    for port in random.sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no port is free")
