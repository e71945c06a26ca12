"""A connection over real sockets: bytes, time, and peers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConnectionFailure
from perchat.net.connection import Admission, Connection, ConnectionSettings
from perchat.net.connector import Transport, open_connection
from perchat.net.listener import Listener, listen
from perchat.sip.events import Event, RequestReceived, ResponseReceived
from perchat.sip.message import Headers, Message, Request, Response
from perchat.sip.parser import ParserLimits
from perchat.sip.useragent import UserAgentSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


def agent(sent_by: str) -> UserAgentSettings:
    return UserAgentSettings(via=sent_by)


class Recorder:
    """An owner that keeps what it is told and answers each request 200."""

    def __init__(self) -> None:
        self.connection: Connection
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, connection: Connection) -> None:
        self.connection = connection

    def events_received(self, events: Sequence[Event]) -> None:
        for event in events:
            self.events.put_nowait(event)
            if isinstance(event, RequestReceived):
                self.connection.respond(event.transaction, 200)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(error)


class Host:
    """A listener with the owners of what connected to it."""

    def __init__(self) -> None:
        self.owners: asyncio.Queue[Recorder] = asyncio.Queue()
        self.listener: Listener

    def new_owner(self) -> Recorder:
        owner = Recorder()
        self.owners.put_nowait(owner)
        return owner


@contextlib.asynccontextmanager
async def hosting(settings: ConnectionSettings | None = None) -> AsyncIterator[Host]:
    host = Host()
    host.listener = await listen(host.new_owner, "127.0.0.1", 0, agent=agent, settings=settings)
    try:
        yield host
    finally:
        host.listener.close()
        while not host.owners.empty():
            owner = host.owners.get_nowait()
            owner.connection.abort()
            await owner.connection.wait_closed()


@contextlib.asynccontextmanager
async def talking(
    host: Host,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*host.listener.address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


OPTIONS = Request(
    "OPTIONS",
    "sip:example.com",
    Headers([("From", "<sip:a@example.com>"), ("To", "<sip:example.com>")]),
)


async def open_to(host: Host, owner: Recorder) -> Connection:
    address, port = host.listener.address
    return await open_connection(owner, address, port, transport=Transport.TCP, agent=agent)


async def test_a_request_is_answered_over_the_wire() -> None:
    async with hosting() as host, asyncio.timeout(5):
        owner = Recorder()
        connection = await open_to(host, owner)
        transaction = connection.request(OPTIONS)
        event = await owner.events.get()
        assert isinstance(event, ResponseReceived)
        assert (event.transaction, event.response.status) == (transaction, 200)
        connection.close()
        assert await owner.lost is None


async def test_a_double_line_break_is_answered_by_one() -> None:
    async with hosting() as host, talking(host) as (reader, writer), asyncio.timeout(5):
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"


async def test_half_a_message_and_silence_ends_in_a_logged_close(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    settings = ConnectionSettings(message_timeout=0.05)
    async with hosting(settings) as host, talking(host) as (reader, writer), asyncio.timeout(5):
        writer.write(b"REGISTER sip:example.com SIP/2.0\r\nVia: ")
        assert await reader.read() == b""
    assert "a message stayed incomplete" in caplog.text


async def test_a_peer_that_says_nothing_at_all_is_let_go_when_idle_time_is_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with (
        hosting(ConnectionSettings(idle_timeout=0.05)) as host,
        talking(host) as (reader, _),
        asyncio.timeout(5),
    ):
        assert await reader.read() == b""
    assert "nothing heard from the peer" in caplog.text


async def test_the_answer_to_a_keep_alive_is_no_message_that_stays_incomplete(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    settings = ConnectionSettings(message_timeout=0.02, idle_timeout=0.2)
    async with hosting(settings) as host, talking(host) as (reader, writer), asyncio.timeout(5):
        writer.write(b"\r\n")  # RFC 5626 §3.5.1
        assert await reader.read() == b""
    assert "nothing heard from the peer" in caplog.text
    assert "incomplete" not in caplog.text


async def test_garbage_is_refused_and_the_connection_closed_with_a_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = ParserLimits(start_line=100)
    async with (
        hosting(ConnectionSettings(limits=limits)) as host,
        talking(host) as (reader, writer),
        asyncio.timeout(5),
    ):
        writer.write(b"\x16\x03\x01\xff" * 100)
        assert await reader.read() == b""
    assert "start line too long" in caplog.text


async def test_what_came_before_the_fault_is_still_served() -> None:
    settings = ConnectionSettings(limits=ParserLimits(start_line=200))
    async with hosting(settings) as host, talking(host) as (reader, writer), asyncio.timeout(5):
        good = (
            b"OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/TCP a:1;branch=z9hG4bK1\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
            b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        writer.write(good + b"x" * 500)
        assert (await reader.read()).startswith(b"SIP/2.0 200 ")


async def test_a_peer_that_does_not_read_is_cut_before_it_costs_memory(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = ConnectionSettings(max_unsent=100_000)
    async with hosting(settings) as host, talking(host) as (reader, _), asyncio.timeout(20):
        owner = await host.owners.get()
        body = b"x" * 50_000
        for number in range(1000):
            if owner.connection.is_closing:
                break
            message = OPTIONS.headers.plus(("Call-ID", f"c{number}"))
            owner.connection.request(Request("OPTIONS", OPTIONS.uri, message, body))
            await asyncio.sleep(0)
        assert isinstance(await owner.lost, ConnectionFailure)
        assert "unread by the peer" in caplog.text
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 20):
                pass


class Stern:
    """A guard that answers every request itself and marks what goes out."""

    def admit(self, message: Message, now: float) -> Admission:
        if isinstance(message, Response):
            return Admission(message)
        items = [(name, value) for name, value in message.headers if name != "Max-Forwards"]
        return Admission(answer=Response(403, "Forbidden", Headers(items)))

    def seal(self, message: Message) -> Message:
        headers = message.headers.plus(("X-Sealed", "yes"))
        if isinstance(message, Request):
            return Request(message.method, message.uri, headers, message.body)
        return Response(message.status, message.reason, headers, message.body)


async def test_a_guard_stands_before_the_user_agent_both_ways() -> None:
    async with hosting() as host, asyncio.timeout(5):
        owner = Recorder()
        connection = await open_to(host, owner)
        (await host.owners.get()).connection.guard = Stern()
        connection.request(OPTIONS)
        event = await owner.events.get()
        assert isinstance(event, ResponseReceived)
        assert event.response.status == 403
        assert event.response.headers.get("X-Sealed") == "yes"
        connection.close()
        await connection.wait_closed()


async def test_the_other_end_going_away_is_told_once() -> None:
    async with hosting() as host, asyncio.timeout(5):
        owner = Recorder()
        await open_to(host, owner)
        (await host.owners.get()).connection.abort()
        assert isinstance(await owner.lost, ConnectionError)


async def test_nobody_listening_is_a_connection_failure_that_names_the_address() -> None:
    async with hosting() as host:
        host.listener.close()
        with pytest.raises(ConnectionFailure, match=host.listener.host_port):
            await open_to(host, Recorder())


async def test_a_port_in_use_is_named() -> None:
    async with hosting() as host:
        _, port = host.listener.address
        with pytest.raises(ConnectionFailure, match=f"127.0.0.1:{port}"):
            await listen(Recorder, "127.0.0.1", port, agent=agent)
