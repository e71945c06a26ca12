"""Certificates of all kinds, and two ends that try them on each other over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from perchat.net.certificates import Certificate
from perchat.net.connector import Transport, open_connection
from perchat.net.listener import Listener, listen
from perchat.net.pki import KeyPair, create_authority, issue_certificate, revoke_certificates
from perchat.net.tls import ReloadableContext, client_context, server_context
from tests.net.test_connection import Recorder, agent

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.net.connection import Connection

__all__ = ["HOST", "NOW", "Authority", "End", "attempt", "program", "serving"]

NOW = datetime.now(UTC)
HOST = "127.0.0.1"


def program(name: str, package: str) -> str:
    """Return where a foreign program is; without it skip, or fail under CI."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing = f"{name} needs Debian's {package} (run tools/peers.py)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that keeps its files in a folder."""

    folder: Path
    pair: KeyPair

    @classmethod
    def create(cls, folder: Path, name: str = "Test authority") -> Authority:
        folder.mkdir(parents=True, exist_ok=True)
        pair = create_authority(name, NOW - timedelta(days=400))
        (folder / "ca.pem").write_bytes(pair.certificate)
        return cls(folder, pair)

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def issue(
        self, *names: str, start: int = 0, days: int = 30, server: bool = True, client: bool = True
    ) -> KeyPair:
        at = NOW + timedelta(days=start)
        return issue_certificate(self.pair, names, at, days=days, server=server, client=client)

    def certificate(
        self, *names: str, start: int = 0, days: int = 30, server: bool = True, client: bool = True
    ) -> Certificate:
        return self.save(self.issue(*names, start=start, days=days, server=server, client=client))

    def save(self, pair: KeyPair, name: str = "") -> Certificate:
        file = self.folder / f"{name or len(list(self.folder.iterdir()))}.pem"
        file.write_bytes(pair.certificate + pair.key)
        return Certificate.from_files(file)

    def revoking(self, *pairs: KeyPair, start: int = 0, days: int = 30) -> Path:
        at = NOW + timedelta(days=start)
        file = self.folder / "crl.pem"
        file.write_bytes(
            revoke_certificates(self.pair, [pair.certificate for pair in pairs], at, days=days)
        )
        return file

    def server(self, *names: str) -> ssl.SSLContext:
        return server_context(self.certificate(*(names or (HOST,))))

    def client(self, certificate: Certificate | None = None) -> ssl.SSLContext:
        return client_context(self.file, certificate=certificate)


class End(Recorder):
    """The accepting end; the test finds it here."""

    def __init__(self, there: Serving) -> None:
        super().__init__()
        self.there = there

    def connection_made(self, connection: Connection) -> None:
        super().connection_made(connection)
        self.context = contextvars.copy_context()  # that of whatever an owner would start here
        self.there.everybody.append(self)
        self.there.accepted.put_nowait(self)


@dataclass(frozen=True, slots=True)
class Serving:
    """A listener and what it has accepted."""

    listener: Listener
    accepted: asyncio.Queue[End] = field(default_factory=asyncio.Queue)
    everybody: list[End] = field(default_factory=list)
    clients: list[Recorder] = field(default_factory=list)

    async def connect(
        self,
        tls: ssl.SSLContext | ReloadableContext | None,
        name: str | tuple[str, ...] | None = None,
    ) -> Recorder:
        """Connect to it; hung up when the serving ends."""
        self.clients.append(await attempt(self.port, tls, name))
        return self.clients[-1]

    @property
    def port(self) -> int:
        return self.listener.address[1]


@contextlib.asynccontextmanager
async def serving(
    tls: ssl.SSLContext | ReloadableContext | None, host: str = HOST, port: int = 0
) -> AsyncIterator[Serving]:
    def new_owner() -> End:
        return End(there)

    listener = await listen(new_owner, host, port, agent=agent, tls=tls)
    there = Serving(listener)
    try:
        async with asyncio.timeout(10):
            yield there
    finally:
        listener.close()
        for owner in [*there.clients, *there.everybody]:
            owner.connection.abort()
            await owner.connection.wait_closed()


async def attempt(
    port: int,
    tls: ssl.SSLContext | ReloadableContext | None,
    name: str | tuple[str, ...] | None = None,
) -> Recorder:
    """Connect to whatever listens there; the caller hangs up, or learns why it failed."""
    owner = Recorder()
    await open_connection(
        owner,
        HOST,
        port,
        transport=Transport.TCP if tls is None else Transport.TLS,
        agent=agent,
        tls=tls,
        server_name=name,
    )
    return owner
