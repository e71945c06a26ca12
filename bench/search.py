"""
What a search costs: two words, in twenty rooms of one user, among all that was ever said.

The database is made once, into ``var/``, of words as unevenly frequent as those people
use. ``PERCHAT_BENCH_MESSAGES`` says how many messages (200,000 without it; the promise is
for 1,000,000, which take some minutes to make), in a thousand rooms.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import statistics
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from perchat.model.category import Category
from perchat.model.chatroom import Room
from perchat.model.history import HistoryQuery, Match
from perchat.model.journal import CategoryChanged, MessagePosted, RoomChanged
from perchat.model.message import Message
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.store.sqlite import SqliteSettings, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MESSAGES = int(os.environ.get("PERCHAT_BENCH_MESSAGES", "200000"))
ROOMS = 1000
MINE = 20
WANTED = 50.0  # ms
HERE = Path(__file__).parent.parent / "var"
DOMAIN = "bench.example"
NOW = datetime.fromtimestamp(0, UTC)
VOCABULARY = 50_000
SENDERS = (1, 16, 64)


def figures() -> Iterator[Figure]:
    """Return what searches cost, the index's share of the file, and what posts cost with it."""
    yield from asyncio.run(_searches())
    yield from asyncio.run(_posts())


class Speech:
    """People talking: always the same."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.words = [
            "".join(self._chance.choices(letters, k=self._chance.randint(2, 9)))
            for _ in range(VOCABULARY)
        ]
        self._weights = list(accumulate(1 / (rank + 10) for rank in range(VOCABULARY)))

    def text(self) -> str:
        """Return a message of three to twenty-five words."""
        length = self._chance.randint(3, 25)
        return " ".join(self._chance.choices(self.words, cum_weights=self._weights, k=length))


def _room(number: int) -> RoomUri:
    return RoomUri.of(DOMAIN, f"r{number}")


def _said(text: str, room: int) -> MessagePosted:
    author = SipUri(f"sip:user{room % 50}@{DOMAIN}")
    return MessagePosted(Message(0, NOW, author, _room(room), text, "Somebody"))


async def _made(path: Path, messages: int, speech: Speech) -> SqliteStore:
    """Return the store with so many messages, making what is missing."""
    store = SqliteStore(path)
    await store.open()
    category = Category(CategoryUri.of(DOMAIN, "c"), "Category")
    if not await store.position():
        rooms = (RoomChanged(Room(_room(n), f"R{n}", "", category.uri)) for n in range(ROOMS))
        await store.append(CategoryChanged(category), *rooms)
    done = await store.position() - ROOMS - 1
    while done < messages:
        await store.append(*(_said(speech.text(), n % ROOMS) for n in range(done, done + 5_000)))
        done += 5_000
    return store


async def _searches() -> list[Figure]:
    HERE.mkdir(exist_ok=True)
    speech, path = Speech(), HERE / f"search-{MESSAGES}.db"
    store = await _made(path, MESSAGES, speech)
    try:
        await asyncio.to_thread(_settle, path)
        return [
            Figure("search rare words", *await _cost(store, speech, (2_000, 20_000), Match.ANY)),
            Figure("search usual words", *await _cost(store, speech, (50, 2_000), Match.ANY)),
            Figure("search common words", *await _cost(store, speech, (0, 50), Match.ANY)),
            Figure("search all of two words", *await _cost(store, speech, (50, 2_000), Match.ALL)),
            Figure("database per message", path.stat().st_size / MESSAGES, "B"),
        ]
    finally:
        await store.close()


def _settle(path: Path) -> None:
    """Wait until the index has come to the end, or no more than a step before."""
    statement = "SELECT (SELECT max(position) FROM journal) - value FROM about WHERE name='indexed'"
    with closing(sqlite3.connect(path)) as database:
        while database.execute(statement).fetchone()[0] >= SqliteSettings().index_step:
            time.sleep(0.5)


async def _cost(
    store: SqliteStore, speech: Speech, ranks: tuple[int, int], match: Match
) -> tuple[float, str, float]:
    """Return the median of a hundred different questions, in ms, and what it should be."""
    chance = random.Random(2)

    async def ask() -> None:
        words = (speech.words[chance.randrange(*ranks)] for _ in range(2))
        rooms = [_room(n) for n in chance.sample(range(ROOMS), MINE)]
        query = HistoryQuery(" ".join(words), match=match, limit=30, search_newest_first=True)
        await store.search(rooms, query)

    took = [await _milliseconds(ask) for _ in range(100)]
    return statistics.median(took), "ms", WANTED


async def _milliseconds(call: Callable[[], Awaitable[None]]) -> float:
    begun = time.perf_counter()
    await call()
    return (time.perf_counter() - begun) * 1e3


async def _posts() -> list[Figure]:
    """Return how much longer a post takes with the index, by senders at a time."""
    found = []
    for senders in SENDERS:
        rates = {True: 0.0, False: 0.0}
        for indexed in (True, False, True, False, True, False):
            rates[indexed] = max(rates[indexed], await _rate(senders, indexed=indexed))
        found.append(Figure(f"posts by {senders}", rates[True], "/s"))
        found.append(Figure(f"posts by {senders}, no index", rates[False], "/s"))
    return found


async def _rate(senders: int, *, indexed: bool, seconds: float = 1.5) -> float:
    path = HERE / "posts.db"
    _removed(path)
    settings = SqliteSettings() if indexed else SqliteSettings(index_step=10**9)
    store, speech, done = SqliteStore(path, settings=settings), Speech(), 0
    await store.open()
    category = Category(CategoryUri.of(DOMAIN, "c"), "Category")
    await store.append(
        CategoryChanged(category), RoomChanged(Room(_room(0), "R", "", category.uri))
    )
    texts = [speech.text() for _ in range(2_000)]
    begun = time.perf_counter()

    async def send(number: int) -> None:
        nonlocal done
        while time.perf_counter() < begun + seconds:
            await store.append(_said(texts[(done + number) % len(texts)], 0))
            done += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(senders):
            tasks.create_task(send(number))
    took = time.perf_counter() - begun
    await store.close()
    _removed(path)
    return done / took


def _removed(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
