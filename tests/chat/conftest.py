"""A chat service on a store in memory, with its follower."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from perchat.chat.service import ChatService
from perchat.chat.settings import ChatSettings
from perchat.cluster.feed import Feed
from perchat.cluster.wakeup import LocalWakeup
from perchat.store.memory import MemoryStore
from tests.store.samples import DOMAIN, SETTLED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from perchat.chat.refusal import Refusal
    from perchat.chat.state import Happening
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.journal import Fact, JournalEntry
    from perchat.model.uri import RoomUri, SipUri
    from perchat.store.base import Store


SETTINGS = ChatSettings(
    domain=DOMAIN, node="one", message_size_limit=20, story_size_limit=60, history_limit=5
)


class Node:
    """A service, and what its follower was told."""

    def __init__(self, store: Store, wakeup: Wakeup, settings: ChatSettings = SETTINGS) -> None:
        self.store = store
        self.service = ChatService(store, wakeup, settings)
        self.told: list[Happening] = []
        self.expelled: list[Fact] = []
        self._wakeup = wakeup
        self._moved = asyncio.Event()

    async def become(self, *facts: Fact) -> None:
        """Make facts true as an administrator would, and wait until the service knows."""
        (*_, last) = await self.store.append(*facts)
        self._wakeup.wake()
        await self.until(lambda: self.service.position >= last.position)

    async def settle(self) -> None:
        """Wait until the service knows the whole journal."""
        newest = await self.store.position()
        await self.until(lambda: self.service.position >= newest)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that following the journal brings about."""
        while not holds():
            self._moved.clear()
            await self._moved.wait()

    async def follow(self) -> None:
        feed = Feed(self.store, self._wakeup)
        async with asyncio.TaskGroup() as tasks:
            async for entries in feed.follow(self.service.position):
                for entry in entries:
                    self.told += self.service.apply(entry)
                    if outcasts := self.service.outcasts(entry):
                        self.expelled += outcasts
                        tasks.create_task(self.service.expel(outcasts))
                self._moved.set()


async def post(
    service: ChatService, user: SipUri, session: str, room: RoomUri, text: str, **more: Any
) -> Refusal | JournalEntry:
    """Say something and wait for what comes of it."""
    answer: asyncio.Future[Refusal | JournalEntry] = asyncio.get_running_loop().create_future()
    service.post(answer.set_result, user, session, room, text, **more)
    return await answer


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[Node]:
    await node.service.start()
    async with asyncio.TaskGroup() as tasks:
        follower = tasks.create_task(node.follow())
        try:
            yield node
        finally:
            follower.cancel()


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    store = MemoryStore()
    await store.append(*SETTLED)
    async with running(Node(store, LocalWakeup())) as node:
        yield node
