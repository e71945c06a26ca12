"""A server begins when it is alone on its database and its addresses, and says when it is not."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from perchat.errors import ConnectionFailure
from perchat.server import app
from perchat.server.config import ServerConfig, with_ports
from perchat.server.storage import open_store
from tests.server.harness import free_port, make_sample, running
from tests.server.process import process
from tests.server.talking import connect

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def config(tmp_path: Path) -> ServerConfig:
    return await make_sample(tmp_path / "server")


async def serve(config: ServerConfig, *words: str) -> tuple[int, str, str]:
    """Run ``perchat serve`` to its end; return status, what it printed, and its log."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from perchat.cli.main import main; main()"),
        *("serve", "--config", str(config.folder / "perchat.toml"), *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, errors = await child.communicate()
    assert child.returncode is not None
    return child.returncode, out.decode(), errors.decode()


async def position(config: ServerConfig) -> int:
    async with open_store(config) as store:
        return await store.position()


OTHER_PORTS = ("--tls-port", "0", "--tcp-port", "0", "--https-port", "0")


@pytest.mark.parametrize("same", [True, False], ids=["the same ports", "other ports"])
async def test_a_second_server_is_refused_and_nobody_notices(
    config: ServerConfig, same: bool
) -> None:
    async with (
        process(config) as first,
        connect(first.sample, "alice") as chat,
        chat.join("General") as room,
    ):
        words = ("--tcp-port", str(first.sample.tcp[1])) if same else OTHER_PORTS
        unfinished = config.folder / "files" / ".incoming" / "node-1" / "half"
        unfinished.write_text("half a file")
        before = await position(config)
        status, out, errors = await serve(config, *words)
        assert (status, out) == (8, "")
        holder = f"node node-1, process {first.process.pid}, since 20"
        assert holder in errors
        assert "nothing was changed" in errors
        assert await position(config) == before
        assert unfinished.exists()
        await room.post("still here")
        assert [participant.uri for participant in room.participants] == ["sip:alice@example.com"]


async def test_an_address_that_is_taken_is_said_before_anything_is_changed(
    config: ServerConfig,
) -> None:
    impatient = msgspec.structs.replace(config.listen, patience=0.0)
    config = msgspec.structs.replace(config, listen=impatient)
    unfinished = config.folder / "files" / ".incoming" / "node-1" / "half"
    unfinished.parent.mkdir(parents=True)
    unfinished.write_text("half a file")
    before = await position(config)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for ports in ({"tls": port}, {"tcp": port}, {"https": port}):
            with pytest.raises(ConnectionFailure, match=f"{port}: Address already in use"):
                await _run(with_ports(config, **{"tls": 0, "tcp": 0, "https": 0, **ports}))
        health = msgspec.structs.replace(config.health, listen=f"127.0.0.1:{port}")
        with pytest.raises(ConnectionFailure, match="Address already in use"):
            await _run(
                with_ports(msgspec.structs.replace(config, health=health), tls=0, tcp=0, https=0)
            )
    assert await position(config) == before
    async with running(config):
        assert not unfinished.exists()


async def _run(config: ServerConfig) -> None:
    def ready(_: object) -> None:
        raise AssertionError("it runs")

    await app.serve(config, ready=ready, stop=asyncio.Event())


async def test_a_killed_server_is_followed_at_once_on_its_ports_and_its_node(
    config: ServerConfig,
) -> None:
    tcp, tls = free_port(), free_port()
    for _ in range(3):
        async with (
            process(config, tcp=tcp, tls=tls) as server,
            connect(server.sample, "alice") as chat,
            chat.join("General") as room,
        ):
            await room.post("before it is killed")
            await server.kill()


async def test_an_address_is_waited_for_until_it_is_free(config: ServerConfig) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    loop = asyncio.get_running_loop()
    loop.call_later(0.3, taken.close)
    async with running(config, tcp=port) as sample:
        assert sample.tcp == ("127.0.0.1", port)


async def test_a_stopped_server_lets_go_of_its_node(config: ServerConfig) -> None:
    for _ in range(2):
        async with running(config), open_store(config) as store:
            (node,) = await store.nodes()
            assert (node.node, node.pid) == ("node-1", os.getpid())
        async with open_store(config) as store:
            assert await store.nodes() == []


class TestLostLog:
    """What was written last is missing, and a start says so instead of going on without it."""

    async def lose_the_log(self, config: ServerConfig) -> int:
        """Kill a server that has written, and delete the write-ahead log; return what it had."""
        async with (
            process(config) as server,
            connect(server.sample, "alice") as chat,
            chat.join("General") as room,
        ):
            for number in range(3):
                await room.post(f"line {number}")
            await server.kill()
        had = await self.copied_position(config)
        for end in ("-wal", "-shm"):
            (config.folder / f"perchat.db{end}").unlink()
        return had

    async def copied_position(self, config: ServerConfig) -> int:
        """Read the newest position without touching what was left behind."""
        names = ("perchat.db", "perchat.db-wal")
        kept = {name: (config.folder / name).read_bytes() for name in names}
        there = config.folder / "copy"
        there.mkdir()
        for name, data in kept.items():
            (there / name).write_bytes(data)
        paths = msgspec.structs.replace(config.paths, database="copy/perchat.db")
        return await position(msgspec.structs.replace(config, paths=paths))

    async def test_it_is_refused_with_what_is_missing(self, config: ServerConfig) -> None:
        had = await self.lose_the_log(config)
        status, out, errors = await serve(config, *OTHER_PORTS)
        assert (status, out) == (9, "")
        assert f"but had {had} when node node-1, process" in errors
        assert "perchat.db-wal is missing" in errors
        assert "--accept-loss" in errors

    async def test_administration_is_refused_too(self, config: ServerConfig) -> None:
        await self.lose_the_log(config)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", "from perchat.cli.main import main; main()"),
            *("user", "list", "--config", str(config.folder / "perchat.toml")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await child.communicate()
        assert (child.returncode, out) == (9, b"")
        assert b"entries are missing" in errors

    async def test_who_accepts_it_goes_on_and_is_not_asked_again(
        self, config: ServerConfig
    ) -> None:
        await self.lose_the_log(config)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", "from perchat.cli.main import main; main()"),
            *("serve", "--config", str(config.folder / "perchat.toml"), "--accept-loss"),
            *OTHER_PORTS,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        assert child.stderr is not None
        async with asyncio.timeout(20):
            assert json.loads(await child.stdout.readline())["event"] == "ready"
        child.terminate()
        assert b"accepted" in await child.stderr.read()
        assert await child.wait() == 0
        async with running(config):
            pass

    async def test_a_killed_server_that_left_its_log_lost_nothing(
        self, config: ServerConfig
    ) -> None:
        async with (
            process(config) as server,
            connect(server.sample, "alice") as chat,
            chat.join("General") as room,
        ):
            await room.post("kept")
            await server.kill()
        async with (
            running(config) as sample,
            connect(sample, "alice") as chat,
            chat.join("General") as room,
        ):
            assert [message.text for message in await room.recent(5)] == ["kept"]
