"""Accepting: on every address of a host, under bad luck, and until it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError, ConnectionFailure
from perchat.net import listener as module
from perchat.net.connection import ConnectionSettings
from perchat.net.listener import listen
from perchat.net.quota import Quota
from tests.net.material import HOST, Authority, serving
from tests.net.test_connection import Recorder, agent
from tests.server.harness import free_port

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


async def connects(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def test_every_address_of_a_host_listens_on_the_same_port() -> None:
    addresses = {
        str(address[0])
        for *_, address in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)
    }
    listener = await listen(Recorder, "localhost", 0, agent=agent)
    for address in addresses:
        assert await connects(address, listener.address[1])
    listener.close()


async def test_a_taken_port_is_named_and_nothing_stays_open() -> None:
    async with serving(None) as there:
        with pytest.raises(ConnectionFailure, match=rf"cannot listen on {HOST}:{there.port}"):
            await listen(Recorder, HOST, there.port, agent=agent)


async def test_a_taken_port_is_waited_for_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken = socket.create_server((HOST, 0))
    port = taken.getsockname()[1]
    asyncio.get_running_loop().call_later(0.2, taken.close)
    with caplog.at_level(logging.WARNING):
        listener = await listen(Recorder, HOST, port, agent=agent, patience=20)
    assert listener.address == (HOST, port)
    assert caplog.text.count(f"{HOST}:{port} is taken; waiting for it up to 20 s") == 1
    listener.close()


async def test_until_it_begins_the_address_is_kept_and_whoever_comes_is_refused() -> None:
    listener = await listen(Recorder, HOST, 0, agent=agent, begin=False)
    assert not await connects(*listener.address)
    listener.begin()
    assert await connects(*listener.address)
    listener.close()


async def test_another_one_that_began_first_is_told() -> None:
    port = free_port()
    slow = await listen(Recorder, HOST, port, agent=agent, begin=False)
    fast = await listen(Recorder, HOST, port, agent=agent)
    with pytest.raises(ConnectionFailure, match=f"cannot listen on {HOST}:{port}"):
        slow.begin()
    fast.close()


@pytest.mark.parametrize("port", [-1, 65536])
async def test_a_port_is_a_port(port: int) -> None:
    with pytest.raises(ConfigurationError, match="not between"):
        await listen(Recorder, HOST, port, agent=agent)


async def test_an_unknown_host_is_named() -> None:
    with pytest.raises(ConnectionFailure, match="cannot listen on no such host"):
        await listen(Recorder, "no such host", 0, agent=agent)


async def test_closed_it_accepts_nobody_and_leaves_its_connections_alone() -> None:
    async with serving(None) as there:
        owner = await there.connect(None)
        accepted = await there.accepted.get()
        there.listener.close()
        there.listener.close()
        assert not await connects(HOST, there.port)
        owner.connection.ping()
        assert not owner.lost.done()
        assert not accepted.lost.done()


async def test_closed_at_once_it_drops_who_stands_at_the_door(authority: Authority) -> None:
    async with asyncio.timeout(5):
        listener = await listen(Recorder, HOST, 0, agent=agent, tls=authority.server())
        reader, writer = await asyncio.open_connection(*listener.address)
        await asyncio.sleep(0)
        listener.close()
        with contextlib.suppress(ConnectionError):  # where it had not been accepted yet
            assert await reader.read() == b""
        writer.close()


async def test_a_handshake_that_never_ends_is_ended(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    listener = await listen(
        Recorder, HOST, 0, agent=agent, tls=authority.server(), handshake_timeout=0.05
    )
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*listener.address)
        assert await reader.read() == b""
        writer.close()
    listener.close()
    [record] = [r for r in caplog.records if "refused" in r.message]
    assert "fell silent" in record.message


async def test_one_slow_handshake_keeps_nobody_waiting(authority: Authority) -> None:
    async with serving(authority.server()) as there:
        slow = [await asyncio.open_connection(HOST, there.port) for _ in range(20)]
        await there.connect(authority.client())
        for _, writer in slow:
            writer.close()


async def test_an_owner_that_cannot_be_made_costs_one_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owners = iter([None, Recorder()])

    def new_owner() -> Recorder:
        owner = next(owners)
        if owner is None:
            raise RuntimeError("no owner")
        return owner

    listener = await listen(new_owner, HOST, 0, agent=agent)
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*listener.address)
        assert await reader.read() == b""
        writer.close()
        assert await connects(*listener.address)
    listener.close()
    assert "no owner" in caplog.text


async def test_without_free_descriptors_it_waits_says_so_and_goes_on(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.01)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(None) as there:
        with socket.socket() as client:
            client.setblocking(False)
            lowest = os.dup(0)  # the next descriptor that would be free
            os.close(lowest)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            try:
                client.connect_ex((HOST, there.port))
                while "cannot accept connections" not in caplog.text:
                    await asyncio.sleep(0)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await there.accepted.get()
    assert "Too many open files" in caplog.text


class Crowded(Quota):
    """A quota whose share is used up until it is worked off; it counts who knocks and asks."""

    def __init__(self) -> None:
        super().__init__()
        self.knocks = self.asked = 0
        self.used_up = True

    def knock(self, host: str) -> bool:
        self.knocks += 1
        return super().knock(host)

    def delay(self, host: str, now: float) -> float:
        self.asked += 1
        return 0.3 if self.used_up else 0.0


async def test_of_those_of_one_address_that_wait_one_asks_at_a_time_and_all_get_in() -> None:
    quota, crowd = Crowded(), 50
    settings = ConnectionSettings(quota=quota)
    listener = await listen(Recorder, HOST, 0, agent=agent, settings=settings)
    peers = [await asyncio.open_connection(*listener.address) for _ in range(crowd)]
    async with asyncio.timeout(10):
        while quota.knocks < crowd:
            await asyncio.sleep(0)
        assert quota.asked < crowd  # those behind the first have not asked yet
        quota.used_up = False
        while len(quota) < crowd:
            await asyncio.sleep(0)
    for _, writer in peers:
        writer.close()
    listener.close()
