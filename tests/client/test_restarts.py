"""The server is killed and started again and again, under clients that come back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import perchat
from perchat import ClientTimers, EndpointOptions, ReconnectPolicy
from tests.server.harness import DOMAIN, PASSWORD, free_port, make_sample
from tests.server.process import process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat import Message

POSTERS = LISTENERS = 10
KILLS = 20
TIMERS = ClientTimers(connect=5.0, request=10.0, goodbye=0.2, echo=0.2, busy=(0.05, 0.1, 0.2))
POLICY = ReconnectPolicy(initial=0.05, maximum=0.4, patience=60.0)
NAMES = ("alice", "bob", "carol")


@dataclass(slots=True)
class Record:
    """What posters were promised, and what listeners heard."""

    acknowledged: list[list[str]] = field(default_factory=lambda: [[] for _ in range(POSTERS)])
    heard: list[list[Message]] = field(default_factory=lambda: [[] for _ in range(LISTENERS)])
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def everybody_moved_on(self) -> None:
        """Wait until each poster has a new receipt and each listener a new message."""
        logs: list[list[Any]] = [*self.acknowledged, *self.heard]
        before = [len(log) for log in logs]
        while any(len(log) <= count for log, count in zip(logs, before, strict=True)):
            self.moved.clear()
            await self.moved.wait()


async def post(record: Record, room: perchat.LivingRoom, poster: int) -> None:
    for number in itertools.count():
        if record.stop.is_set():
            return
        text = f"{poster}/{number}"
        await room.post(text)
        record.acknowledged[poster].append(text)
        record.moved.set()


async def listen(record: Record, stream: AsyncIterator[Message], listener: int) -> None:
    async for message in stream:
        record.heard[listener].append(message)
        record.moved.set()
        if message.text == "the end":
            return


@pytest.mark.timeout(240)
@pytest.mark.requirement("R67")
async def test_every_receipt_is_kept_through_twenty_kills(tmp_path: Path) -> None:
    config = await make_sample(tmp_path / "server")
    port, record = free_port(), Record()

    changes: list[perchat.EventStream[perchat.LivingStateChanged]] = []

    async def enter(stack: contextlib.AsyncExitStack, number: int) -> perchat.LivingRoom:
        name = NAMES[number % len(NAMES)]
        chat = await stack.enter_async_context(
            perchat.connect_user(
                f"{name}@{DOMAIN}",
                server=f"127.0.0.1:{port}",
                transport=perchat.Transport.TCP,
                credential=perchat.PasswordCredential(name, PASSWORD),
                options=EndpointOptions(timers=TIMERS),
                reconnect=POLICY,
            )
        )
        changes.append(chat.state_changes())
        return await stack.enter_async_context(chat.join("General"))

    async with contextlib.AsyncExitStack() as clients, asyncio.TaskGroup() as tasks:
        listeners: list[asyncio.Task[None]] = []
        posters: list[asyncio.Task[None]] = []
        for life in range(KILLS + 1):
            async with process(config, tcp=port) as server:
                if not life:
                    rooms = [await enter(clients, n) for n in range(POSTERS + LISTENERS)]
                    listeners = [
                        tasks.create_task(listen(record, room.messages(catch_up=True), listener))
                        for listener, room in enumerate(rooms[POSTERS:])
                    ]
                    posters = [
                        tasks.create_task(post(record, room, poster))
                        for poster, room in enumerate(rooms[:POSTERS])
                    ]
                await record.everybody_moved_on()
                if life < KILLS:
                    await server.kill()
                    continue
                record.stop.set()
                await asyncio.wait(posters)
                await rooms[0].post("the end")
                await asyncio.wait(listeners)
                await clients.aclose()
    check(record)
    for stream in changes:
        losses = [c async for c in stream if c.state is perchat.LivingState.RECONNECTING]
        assert len(losses) >= KILLS


def check(record: Record) -> None:
    """Every listener heard the same, in order, each promise in it, nothing twice."""
    first = record.heard[0]
    assert all(heard == first for heard in record.heard)
    ids = [message.id for message in first]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    texts = [message.text for message in first[:-1]]
    assert len(set(texts)) == len(texts)
    for poster, acknowledged in enumerate(record.acknowledged):
        own = [text for text in texts if text.startswith(f"{poster}/")]
        assert own == acknowledged == [f"{poster}/{number}" for number in range(len(own))]
