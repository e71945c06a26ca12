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
from perchat.chat.refusal import Refusal
from perchat.chat.service import ChatService
from perchat.chat.settings import ChatSettings
from perchat.cluster.wakeup import LocalWakeup
from perchat.model.category import Category
from perchat.model.chatroom import Role, Room
from perchat.model.history import HistoryQuery, Match
from perchat.model.journal import (
    CategoryChanged,
    MessagePosted,
    RolesGranted,
    RoomChanged,
    UserChanged,
)
from perchat.model.message import Message
from perchat.model.principal import User
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.store.base import COUNTED
from perchat.store.scan import scan
from perchat.store.sqlite import SqliteSettings, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from perchat.model.journal import Fact

MESSAGES = int(os.environ.get("PERCHAT_BENCH_MESSAGES", "200000"))
ROOMS = 1000
MINE = 20
WANTED = 50.0  # ms
HERE = Path(__file__).parent.parent / "var"
DOMAIN = "bench.example"
ME = SipUri(f"sip:me@{DOMAIN}")
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
    everybody = frozenset([f"domain:{DOMAIN}"])
    category = Category(CategoryUri.of(DOMAIN, "c"), "Category", allowed=everybody)
    made: list[Fact] = [
        UserChanged(User(ME, "me", "Me", "me")),
        CategoryChanged(category),
        *(RoomChanged(Room(_room(n), f"R{n}", "", category.uri)) for n in range(ROOMS)),
        *(RolesGranted(_room(n), Role.MEMBER, (ME,)) for n in range(ROOMS)),
    ]
    if not await store.position():
        await store.append(*made)
    (done,) = await asyncio.to_thread(_count, path)
    while done < messages:
        await store.append(*(_said(speech.text(), n % ROOMS) for n in range(done, done + 5_000)))
        done += 5_000
    return store


def _count(path: Path) -> tuple[int]:
    with closing(sqlite3.connect(path)) as database:
        found: tuple[int] = database.execute("SELECT count(*) FROM message").fetchone()
        return found


async def _searches() -> list[Figure]:
    HERE.mkdir(exist_ok=True)
    speech, path = Speech(), HERE / f"search-{MESSAGES}.db"
    store = await _made(path, MESSAGES, speech)
    try:
        await asyncio.to_thread(_settle, path)
        chat = ChatService(store, LocalWakeup(), ChatSettings(domain=DOMAIN))
        await chat.start()
        await _check(chat, store, speech)
        return [
            Figure("search rare words", *await _cost(chat, speech, (2_000, 20_000), Match.ANY)),
            Figure("search usual words", *await _cost(chat, speech, (50, 2_000), Match.ANY)),
            Figure("search common words", *await _cost(chat, speech, (0, 50), Match.ANY)),
            Figure("search all of two words", *await _cost(chat, speech, (50, 2_000), Match.ALL)),
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


def _question(
    chance: random.Random, speech: Speech, ranks: tuple[int, int], match: Match
) -> tuple[list[RoomUri], HistoryQuery]:
    words = (speech.words[chance.randrange(*ranks)] for _ in range(2))
    rooms = [_room(n) for n in chance.sample(range(ROOMS), MINE)]
    return rooms, HistoryQuery(" ".join(words), match=match, limit=30, search_newest_first=True)


async def _check(chat: ChatService, store: SqliteStore, speech: Speech) -> None:
    """Hold the service's answers against looking at every message."""
    chance = random.Random(3)
    known = {room.uri: room for room in (await store.snapshot()).rooms}
    for match in (Match.ANY, Match.ALL):
        for ranks in ((2_000, 20_000), (50, 2_000), (0, 50)):
            rooms, query = _question(chance, speech, ranks, match)
            found = await chat.query(ME, rooms, query)
            assert not isinstance(found, Refusal), found
            for result in found:
                every = await store.history(result.room_uri, last=10**9)
                expected = scan(known[result.room_uri], every, query, COUNTED)
                ids = sorted((one.id for one in expected.messages), reverse=True)
                told = sorted((one.id for one in result.messages), reverse=True)
                assert result.total == expected.total, (query, result.room_uri)
                assert told == ids[: len(told)], (query, result.room_uri)


async def _cost(
    chat: ChatService, speech: Speech, ranks: tuple[int, int], match: Match
) -> tuple[float, str, float]:
    """Return the median of a hundred different questions, in ms, and what it should be."""
    chance = random.Random(2)

    async def ask() -> None:
        found = await chat.query(ME, *_question(chance, speech, ranks, match))
        assert not isinstance(found, Refusal), found

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
