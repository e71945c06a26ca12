"""Reaching a host, whichever of its addresses lives."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from perchat.errors import (
    ConnectionFailure,
    OperationTimeout,
    ServerDiscoveryError,
    TlsFailure,
    TlsFailureReason,
)
from perchat.net.connector import DEFAULT_PORTS, Transport, open_connection, open_first
from perchat.net.discovery import FoundServer
from tests.net.material import HOST, Authority, serving
from tests.net.test_connection import Recorder, agent
from tests.net.test_discovery import Names
from tests.server.harness import free_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from perchat.net.connection import Connection

POOL = "pool.contoso.example"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


async def connect(
    port: int, *addresses: str, tls: ssl.SSLContext | None = None, patience: float = 5.0
) -> Connection:
    return await open_connection(
        Recorder(),
        POOL,
        port,
        transport=Transport.TLS if tls else Transport.TCP,
        agent=agent,
        tls=tls,
        resolver=Names(hosts={POOL: list(addresses)}),
        timeout=5.0,
        address_timeout=patience,
    )


@contextlib.contextmanager
def silent(host: str, port: int = 0) -> Iterator[int]:
    """A port that takes connections and says nothing, as a machine that hangs does."""
    with socket.create_server((host, port)) as sock:
        yield sock.getsockname()[1]


@contextlib.contextmanager
def swallowing(host: str, port: int) -> Iterator[None]:
    """A port that answers no SYN, as a dead machine: its queue is full and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server((host, port), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield


def test_the_ports_of_sip_are_the_default() -> None:
    assert DEFAULT_PORTS == {Transport.TLS: 5061, Transport.TCP: 5060}


async def test_the_second_address_is_tried_when_the_first_refuses() -> None:
    async with serving(None) as there:
        connection = await connect(there.port, "127.0.0.9", HOST)
        assert connection.peername == (HOST, there.port)
        connection.abort()


async def test_the_second_address_is_tried_when_the_first_is_dead() -> None:
    async with serving(None) as there:
        begun = asyncio.get_running_loop().time()
        with swallowing("127.0.0.9", there.port):
            connection = await connect(there.port, "127.0.0.9", HOST, patience=0.05)
        assert asyncio.get_running_loop().time() - begun >= 0.05  # it was dead indeed
        connection.abort()


async def test_the_second_address_is_tried_when_the_first_says_nothing_in_tls(
    authority: Authority,
) -> None:
    async with serving(authority.server(POOL)) as there:
        with silent("127.0.0.9", there.port):
            connection = await connect(
                there.port, "127.0.0.9", HOST, tls=authority.client(), patience=0.1
            )
        assert connection.peer_names == {POOL}
        connection.abort()


async def test_the_second_address_is_tried_when_the_first_hangs_up_in_tls(
    authority: Authority,
) -> None:
    async with serving(authority.server(POOL)) as there:
        hanging_up = await asyncio.start_server(
            lambda _, writer: writer.close(), "127.0.0.9", there.port
        )
        connection = await connect(there.port, "127.0.0.9", HOST, tls=authority.client())
        connection.abort()
        hanging_up.close()


async def test_the_second_address_is_not_tried_when_the_first_cannot_be_trusted(
    authority: Authority,
) -> None:
    async with (
        serving(authority.server(POOL)) as good,
        serving(authority.server("other.example"), "127.0.0.9", good.port),
    ):
        with pytest.raises(TlsFailure, match=r"127\.0\.0\.9") as caught:
            await connect(good.port, "127.0.0.9", HOST, tls=authority.client())
        assert good.accepted.empty()
    assert caught.value.reason is TlsFailureReason.WRONG_NAME


async def test_an_address_of_a_family_that_this_machine_lacks_is_passed_over() -> None:
    async with serving(None) as there:
        connection = await connect(there.port, "2001:db8::1", HOST, patience=0.2)
        connection.abort()


async def test_when_all_refuse_each_is_named() -> None:
    with silent(HOST) as port, pytest.raises(ConnectionFailure) as caught:
        await connect(port, "127.0.0.8", "127.0.0.9")
    for address in ("127.0.0.8", "127.0.0.9"):
        assert f"{POOL}:{port} at {address}: " in str(caught.value)


async def test_when_all_are_silent_it_is_a_timeout(authority: Authority) -> None:
    addresses = ("127.0.0.8", "127.0.0.9")
    with (
        silent("127.0.0.8") as port,
        silent("127.0.0.9", port),
        pytest.raises(OperationTimeout, match=r"127\.0\.0\.8 in 0\.05 s.*127\.0\.0\.9"),
    ):
        await connect(port, *addresses, tls=authority.client(), patience=0.05)


async def test_the_time_for_all_is_bounded_too(authority: Authority) -> None:
    with silent(HOST) as port, pytest.raises(OperationTimeout, match=r"in 0\.05 s"):
        await open_connection(
            Recorder(),
            HOST,
            port,
            transport=Transport.TLS,
            agent=agent,
            tls=authority.client(),
            timeout=0.05,
        )


@pytest.mark.parametrize(
    ("names", "words"),
    [(Names(), "no host of that name"), (Names(broken=True), "nobody answers about pool")],
)
async def test_a_name_that_cannot_be_resolved_is_a_failure(names: Names, words: str) -> None:
    with pytest.raises(ConnectionFailure, match=words):
        await open_connection(
            Recorder(), POOL, 5061, transport=Transport.TCP, agent=agent, resolver=names
        )


async def test_cancelled_it_leaves_no_socket_open(authority: Authority) -> None:
    with silent(HOST) as port:
        async with asyncio.timeout(5):
            task = asyncio.get_running_loop().create_task(
                connect(port, HOST, tls=authority.client())
            )
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


# --- several servers ---


def server(port: int, host: str = HOST) -> FoundServer:
    return FoundServer(host, port, (host,), "a test")


async def first(*servers: FoundServer) -> tuple[Connection, FoundServer]:
    return await open_first(
        servers,
        lambda one: open_connection(
            Recorder(), one.host, one.port, transport=Transport.TCP, agent=agent
        ),
    )


async def test_the_first_server_that_can_be_reached_is_taken() -> None:
    async with serving(None) as there:
        connection, taken = await first(server(there.port, "127.0.0.9"), server(there.port))
        assert taken == server(there.port)
        connection.abort()


async def test_when_no_server_can_be_reached_each_is_named() -> None:
    with silent(HOST) as port, pytest.raises(ConnectionFailure) as caught:
        await first(server(port, "127.0.0.8"), server(port, "127.0.0.9"))
    assert "127.0.0.8" in str(caught.value)
    assert "127.0.0.9" in str(caught.value)


async def test_without_servers_there_is_nothing_to_connect_to() -> None:
    with pytest.raises(ServerDiscoveryError):
        await first()


async def test_a_connection_to_itself_is_refused_and_leaves_the_port_to_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()

    class OfThatPort(socket.socket):
        """Has the port that the system happens to give it."""

        def __init__(self, *kind: int) -> None:
            super().__init__(*kind)
            self.bind((HOST, port))

    with monkeypatch.context() as patch:
        patch.setattr("perchat.net.connector.socket.socket", OfThatPort)
        with pytest.raises(ConnectionFailure, match="refused"):
            await connect(port, HOST)
    async with serving(None, port=port) as there:
        assert there.port == port
