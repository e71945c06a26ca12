"""Handlers: called with events, in order, and harming nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.client.handlers import Handler
from tests.server.harness import Sample, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server")
    async with running(config) as server:
        yield server


@pytest.mark.requirement("R63")
async def test_a_failing_handler_is_logged_and_harms_nobody(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def fails(event: perchat.MessageReceived) -> None:
        raise RuntimeError(f"cannot bear {event.message.text}")

    async def hears(event: perchat.MessageReceived) -> None:
        await asyncio.sleep(0)
        heard.append(event.message.text)

    async with (
        connect(sample, "alice") as chat,
        chat.join("General") as room,
        asyncio.timeout(10),
    ):
        stream = room.messages()
        room.on(perchat.MessageReceived, fails)
        room.on(perchat.MessageReceived, hears)
        for number in range(3):
            await room.post(str(number))
        assert [(await anext(stream)).text for _ in range(3)] == ["0", "1", "2"]
        while len(heard) < 3:
            await asyncio.sleep(0)
    assert heard == ["0", "1", "2"]
    assert caplog.text.count("a handler of MessageReceived failed") == 3


@pytest.mark.requirement("R60", "R63")
async def test_handlers_put_on_before_connecting_see_every_state(sample: Sample) -> None:
    host, port = sample.tcp
    platform = perchat.CollaborationPlatform.client("test", transport=perchat.Transport.TCP)
    user = perchat.UserEndpoint(
        platform,
        "sip:alice@example.com",
        server=host,
        port=port,
        credential=perchat.PasswordCredential("alice@example.com", "correct horse"),
    )
    seen: list[str] = []
    user.on(perchat.EndpointStateChanged, lambda change: seen.append(change.state.name))
    async with platform, user:
        chat = perchat.PersistentChatEndpoint("sip:perchat@example.com", user)
        states: list[str] = []
        chat.on(perchat.ConnectionStateChanged, lambda change: states.append(change.state.name))
        async with chat:
            pass
    await asyncio.sleep(0)
    assert states == ["ESTABLISHING", "ESTABLISHED", "TERMINATING", "TERMINATED"]
    assert seen == ["ESTABLISHING", "ESTABLISHED", "TERMINATING", "TERMINATED"]


async def test_a_handler_that_was_taken_off_hears_no_more(sample: Sample) -> None:
    heard: list[str] = []
    async with (
        connect(sample, "alice") as chat,
        chat.join("General") as room,
        asyncio.timeout(10),
    ):
        stream = room.messages()
        take_off = room.on(perchat.MessageReceived, lambda event: heard.append(event.message.text))
        await room.post("before")
        await anext(stream)
        take_off()
        take_off()
        await room.post("after")
        await anext(stream)
    assert heard == ["before"]


async def test_a_slow_handler_loses_the_oldest_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called: list[int] = []
    handler = Handler(int, called.append)
    for number in range(1005):
        handler.offer(number)
        handler.offer("of another kind")
    while len(called) < 1000:
        await asyncio.sleep(0)
    assert called == list(range(5, 1005))
    assert "more than 1000 events wait" in caplog.text
