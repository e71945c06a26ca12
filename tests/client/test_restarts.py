"""The server is killed and started again and again, under clients that come back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import ClientTimers, EndpointOptions, ReconnectPolicy
from tests.server.harness import DOMAIN, PASSWORD, free_port, make_sample
from tests.server.process import process

if TYPE_CHECKING:
    from pathlib import Path

    from perchat import Message

POSTERS = LISTENERS = 10
KILLS = 20
BETWEEN = 25  # receipts between two kills, at least
TIMERS = ClientTimers(connect=5.0, request=10.0, goodbye=0.2, echo=0.2, busy=(0.05, 0.1, 0.2))
POLICY = ReconnectPolicy(initial=0.05, maximum=0.4, patience=60.0)
NAMES = ("alice", "bob", "carol")


@dataclass(slots=True)
class Record:
    """What posters were promised, and what listeners heard."""

    acknowledged: list[str] = field(default_factory=list)
    heard: list[list[Message]] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, text: str) -> None:
        self.acknowledged.append(text)
        self.moved.set()

    async def reached(self, count: int) -> None:
        while len(self.acknowledged) < count:
            self.moved.clear()
            await self.moved.wait()


async def post(record: Record, room: perchat.LivingRoom, poster: int) -> None:
    for number in itertools.count():
        if record.stop.is_set():
            return
        text = f"{poster}/{number}"
        await room.post(text)
        record.note(text)


async def listen(record: Record, room: perchat.LivingRoom, ready: asyncio.Event) -> None:
    heard: list[Message] = []
    record.heard.append(heard)
    stream = room.messages(catch_up=True)
    ready.set()
    async for message in stream:
        heard.append(message)
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
                    for room in rooms[POSTERS:]:
                        ready = asyncio.Event()
                        listeners.append(tasks.create_task(listen(record, room, ready)))
                        await ready.wait()
                    posters = [
                        tasks.create_task(post(record, room, poster))
                        for poster, room in enumerate(rooms[:POSTERS])
                    ]
                await record.reached(len(record.acknowledged) + BETWEEN)
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
        assert len(losses) > KILLS // 2  # one that is slow to come back may miss a whole life


def check(record: Record) -> None:
    """Every listener heard the same, in order, each promise in it, nothing twice."""
    first = record.heard[0]
    assert len(record.heard) == LISTENERS
    assert all(heard == first for heard in record.heard)
    ids = [message.id for message in first]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    texts = [message.text for message in first[:-1]]
    assert len(set(texts)) == len(texts)
    assert sorted(record.acknowledged) == sorted(texts)  # posters stop after their receipt
    for poster in range(POSTERS):
        own = [text for text in texts if text.startswith(f"{poster}/")]
        assert own == [f"{poster}/{number}" for number in range(len(own))]
