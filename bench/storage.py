"""
What a post costs the store, alone and in company, and what a page of history does.

Wall-clock time per call, so the disk's is in it: a post is on the disk when ``append``
returns. In company many share one transaction, which is what a server's rooms do.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from perchat.model.category import Category
from perchat.model.chatroom import Room
from perchat.model.history import HistoryQuery
from perchat.model.journal import CategoryChanged, MessagePosted, RoomChanged
from perchat.model.message import Message
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from perchat.store.base import Store

DOMAIN = "bench.example"
ROOM = RoomUri.of(DOMAIN, "r")
AUTHOR = SipUri(f"sip:alice@{DOMAIN}")
TEXT = "Good morning, everybody. The release is at noon; questions before eleven, please. "
MESSAGES = 10_000
PAGE = 50
TOGETHER = 64
_BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


def figures(messages: int = MESSAGES, repetitions: int = 200) -> Iterator[Figure]:
    """Fill one room and read it."""
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_measured(Path(folder) / "bench.db", messages, repetitions))


async def _measured(path: Path, messages: int, repetitions: int) -> list[Figure]:
    moment = _BEGAN
    store = SqliteStore(path, clock=lambda: moment.timestamp())  # noqa: PLW0108 - it moves
    await store.open()
    try:
        category = Category(CategoryUri.of(DOMAIN, "c"), "Category")
        await store.append(
            CategoryChanged(category), RoomChanged(Room(ROOM, "Room", "", category.uri))
        )
        alone = await _typical(lambda: _append(store, 1), repetitions)
        together = await _typical(lambda: _append(store, TOGETHER), repetitions // 10)
        for _ in range(messages // TOGETHER):
            moment += timedelta(seconds=1)
            await _append(store, TOGETHER)
        return [
            Figure("store: append, alone", alone, "us"),
            Figure("store: append, of 64", together / TOGETHER, "us"),
            *await _pages(store, repetitions, _BEGAN + (moment - _BEGAN) / 2),
        ]
    finally:
        await store.close()


async def _append(store: Store, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(store.append(_said()))


def _said() -> MessagePosted:
    return MessagePosted(Message(0, _BEGAN, AUTHOR, ROOM, TEXT, "Alice"))


async def _pages(store: Store, repetitions: int, middle: datetime) -> list[Figure]:
    by_date = HistoryQuery(since=middle, limit=PAGE)

    async def last() -> None:
        assert len(await store.history(ROOM, last=PAGE)) == PAGE

    async def amid() -> None:
        (found,) = await store.search([ROOM], by_date)
        assert len(found.messages) == PAGE

    return [
        Figure("store: last page", await _typical(last, repetitions), "us"),
        Figure("store: middle page", await _typical(amid, repetitions), "us"),
    ]


async def _typical(call: Callable[[], Awaitable[None]], repetitions: int) -> float:
    """Return the median of a call, in microseconds: a disk has moods."""
    took = []
    for _ in range(max(repetitions, 1)):
        begun = time.perf_counter()
        await call()
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1e6
