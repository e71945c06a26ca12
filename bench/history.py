"""
What fifty messages of history cost in a room where much was said, against one where little was.

The database is made once, into ``var/``; ``PERCHAT_BENCH_HISTORY`` says how many messages the
large room has (1,000,000 without it; the promise is for 10,000,000, two gigabytes of disk).
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
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from perchat.chat.refusal import Refusal
from perchat.chat.service import ChatService
from perchat.chat.settings import ChatSettings
from perchat.cluster.wakeup import LocalWakeup
from perchat.model.category import Category
from perchat.model.chatroom import Role, Room
from perchat.model.history import HistoryQuery
from perchat.model.journal import CategoryChanged, RolesGranted, RoomChanged, UserChanged
from perchat.model.principal import User
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MUCH, LITTLE, PAGE = int(os.environ.get("PERCHAT_BENCH_HISTORY", "1000000")), 10_000, 50
HERE = Path(__file__).parent.parent / "var"
DOMAIN = "bench.example"
ME, HALLS = SipUri(f"sip:me@{DOMAIN}"), CategoryUri.of(DOMAIN, "c")
ROOMS = {RoomUri.of(DOMAIN, f"r{size}"): size for size in (LITTLE, MUCH)}
_FILL = """
    INSERT INTO message (room, chat_id, at, author, author_name, alert, text)
    WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < :size)
    SELECT r.key, i, i * 1000000, :author, 'Me', 0,
        'Message ' || i || ' of a hundred bytes or so, as people write them to one another daily.'
    FROM n, (SELECT key FROM room WHERE uri = :room) r
"""


def figures() -> Iterator[Figure]:
    """Ask for the newest page and for some in the middle, of each room in turn."""
    HERE.mkdir(exist_ok=True)
    yield from asyncio.run(_measured(HERE / f"history-{MUCH}.db"))


async def _measured(path: Path) -> list[Figure]:
    store = SqliteStore(path)
    fresh = not path.exists()
    await store.open()
    try:
        if fresh:
            await _made(store, path)
        chat = ChatService(store, LocalWakeup(), ChatSettings(domain=DOMAIN))
        await chat.start()
        return [
            *await _compared("newest", lambda room, _: chat.recent(ME, room, PAGE)),
            *await _compared("middle", lambda room, at: chat.after(ME, room, at, PAGE)),
            *await _compared("by date", lambda room, at: chat.query(ME, [room], _since(at))),
        ]
    finally:
        await store.close()


def _since(second: int) -> HistoryQuery:
    return HistoryQuery(since=datetime.fromtimestamp(second, UTC), limit=PAGE)


async def _made(store: SqliteStore, path: Path) -> None:
    everybody = frozenset([f"domain:{DOMAIN}"])
    await store.append(
        UserChanged(User(ME, "me", "Me", "me")),
        CategoryChanged(Category(HALLS, "Halls", allowed=everybody)),
        *(RoomChanged(Room(room, f"R{size}", "", HALLS)) for room, size in ROOMS.items()),
        *(RolesGranted(room, Role.MEMBER, (ME,)) for room in ROOMS),
    )
    await asyncio.to_thread(_fill, path)


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for room, size in ROOMS.items():
            database.execute(_FILL, {"size": size, "author": ME, "room": room})
            database.execute("UPDATE room SET last_chat_id = ? WHERE uri = ?", (size, room))
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _compared(
    what: str, ask: Callable[[RoomUri, int], Awaitable[object]], times: int = 500
) -> list[Figure]:
    chance, took = random.Random(1), {room: list[float]() for room in ROOMS}
    for _ in range(times):
        for room, size in ROOMS.items():
            at = chance.randrange(size - PAGE)
            begun = time.perf_counter()
            found = await ask(room, at)
            took[room].append((time.perf_counter() - begun) * 1e3)
            assert not isinstance(found, Refusal), found
    little, much = (statistics.median(one) for one in took.values())
    return [
        Figure(f"history {what} of {LITTLE}", little, "ms"),
        Figure(f"history {what} of {MUCH}", much, "ms"),
        Figure(f"history {what}, ratio", much / little, "", wanted=1.2),
    ]
