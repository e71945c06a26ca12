"""Another process says that our node started: whoever was in a room is sent back to it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.model.journal import NodeStarted
from perchat.server.storage import open_store
from tests.server.harness import PASSWORD, Sample, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    async with running(await make_sample(tmp_path / "server")) as server:
        yield server


async def start_another(sample: Sample, node: str = "node-1") -> None:
    """Do to the journal what a second server of a node would."""
    async with open_store(sample.config) as store:
        await store.append(NodeStarted(node))


async def test_the_session_is_ended_so_that_a_client_can_know(
    sample: Sample, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(sample, "alice") as chat, connect(sample, "bob") as other:
        async with chat.join("General"):
            changes = chat.state_changes()
            with caplog.at_level(logging.WARNING):
                await start_another(sample)
            async with asyncio.timeout(10):
                async for change in changes:
                    if change.state is perchat.ConnectionState.TERMINATED:
                        break
        assert other.state is perchat.ConnectionState.ESTABLISHED  # who was in no room stays
    assert "another process says that node node-1 started: 1 sessions" in caplog.text


async def test_a_chat_that_outlives_its_connections_joins_again(sample: Sample) -> None:
    living = perchat.connect_user(
        "sip:alice@example.com",
        server=sample.tls[0],
        port=sample.tls[1],
        ca=sample.ca,
        credential=perchat.PasswordCredential("alice", PASSWORD),
        reconnect=perchat.ReconnectPolicy(initial=0.01),
    )
    async with living as alice, connect(sample, "bob") as bob, asyncio.timeout(20):
        room = await alice.join("General")
        messages = room.messages()
        await start_another(sample)
        async with bob.join("General") as other:
            while "sip:alice@example.com" not in [p.uri for p in other.participants]:
                await asyncio.sleep(0.01)
            await other.post("welcome back")
            assert (await anext(messages)).text == "welcome back"
            await room.post("here I am")


async def test_another_nodes_start_is_none_of_our_sessions_business(sample: Sample) -> None:
    async with connect(sample, "alice") as chat, chat.join("General") as room:
        await start_another(sample, "node-2")
        await room.post("still here")
        assert chat.state is perchat.ConnectionState.ESTABLISHED
