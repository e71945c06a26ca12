"""
A directory of the published ceiling: 150,000 users, 200 groups each, 2,000,000 role entries.

The database is made once, into ``var/``; with ``PERCHAT_BENCH_GROUPS`` groups to a user (20
without it: with 200 it takes some minutes and some gigabytes of disk).
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure, microseconds
from bench.memory import resident
from perchat.chat.service import ChatService
from perchat.chat.settings import ChatSettings
from perchat.cluster.wakeup import LocalWakeup
from perchat.model.category import Category
from perchat.model.chatroom import Room
from perchat.model.journal import GroupMembersAdded, GroupMembersRemoved, JournalEntry
from perchat.model.name import name_key
from perchat.model.principal import Group, User
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri
from perchat.server.app import _collecting_later  # as a server starts
from perchat.store.rows import CATEGORY, GROUP, ROOM, USER
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perchat.chat.state import ChatState

USERS, ROLE_ENTRIES = 150_000, 2_000_000
GROUPS_OF_EACH = int(os.environ.get("PERCHAT_BENCH_GROUPS", "20"))
GROUPS, ROOMS = 15_000, 20_000
DOMAIN = "contoso.example"
WALL = CategoryUri.of(DOMAIN, "c")
HERE = Path(__file__).parent.parent / "var"


def figures() -> Iterator[Figure]:
    """Start a service on the directory, then ask it."""
    HERE.mkdir(exist_ok=True)
    path = HERE / f"principals-{GROUPS_OF_EACH}.db"
    asyncio.run(_made(path))
    with ProcessPoolExecutor(1, get_context("spawn")) as own:  # its memory is of nothing else
        yield from own.submit(_measure, path).result()


def _measure(path: Path) -> list[Figure]:
    return asyncio.run(_measured(path))


async def _measured(path: Path) -> list[Figure]:
    store, before = SqliteStore(path), resident(os.getpid())
    begun = time.perf_counter()
    await store.open()
    chat = ChatService(store, LocalWakeup(), ChatSettings(domain=DOMAIN))
    with _collecting_later():
        await chat.start()
    took = time.perf_counter() - begun
    found = [
        Figure("directory loaded", took, "s", wanted=10),
        Figure("directory in memory", resident(os.getpid()) - before, "MB"),
        *_questions(chat.state),
        *_changes(chat.state),
    ]
    await store.close()
    return found


# --- making it ---


async def _made(path: Path) -> None:
    if path.exists():
        return
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    store = SqliteStore(part)
    await store.open()
    await store.close()
    await asyncio.to_thread(_fill, part)
    part.rename(path)


def _fill(path: Path) -> None:
    chance = random.Random(1)  # the same every time
    users = sorted(f"sip:u{n}@{DOMAIN}" for n in range(USERS))
    groups = sorted(f"ma-grp:g{n}@u.g" for n in range(GROUPS))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -1000000")
        database.execute("BEGIN")
        database.execute("DROP INDEX membership_member")
        for table, rows in _rows(chance, users, groups).items():
            database.executemany(f"INSERT INTO {table}", rows)
        database.execute("CREATE INDEX membership_member ON membership (member, holder)")
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows(
    chance: random.Random, users: Sequence[str], groups: Sequence[str]
) -> dict[str, Iterator[tuple[object, ...]]]:
    rooms = [RoomUri.of(DOMAIN, f"r{n}") for n in range(ROOMS)]
    wall = Category(WALL, "Wall", allowed=frozenset([f"domain:{DOMAIN}"]))
    return {
        "user (uri, login, guid, value) VALUES (?, ?, ?, ?)": map(_user, map(SipUri, users)),
        "user_group VALUES (?, ?)": ((g, GROUP.encode(Group(GroupUri(g), g))) for g in groups),
        "membership VALUES (?, ?)": _memberships(chance, users, groups),
        "category VALUES (?, ?)": iter([(WALL, CATEGORY.encode(wall))]),
        "room (key, uri, name, value) VALUES (?, ?, ?, ?)": (
            (n, uri, f"Room {n}", ROOM.encode(Room(uri, f"Room {n}", "", WALL)))
            for n, uri in enumerate(rooms, 1)
        ),
        "name VALUES (?, ?)": ((name_key(f"Room {n}"), uri) for n, uri in enumerate(rooms, 1)),
        "role VALUES (?, 'member', ?, NULL, 0)": _roles(chance, users, groups),
    }


def _user(uri: SipUri) -> tuple[object, ...]:
    user = User(uri, uri.user, uri.user.title(), uri.user)
    return uri, uri.user, uri.user, USER.encode(user)


def _memberships(
    chance: random.Random, users: Sequence[str], groups: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    size = USERS * GROUPS_OF_EACH // GROUPS
    for n, group in enumerate(groups):
        held = [*groups[n * 3 + 1 : n * 3 + 3], *chance.sample(users, size)]
        yield from ((group, one) for one in sorted(held))


def _roles(
    chance: random.Random, users: Sequence[str], groups: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    few = ROLE_ENTRIES // ROOMS - 2
    for room in range(1, ROOMS + 1):
        held = [*chance.sample(users, few), *chance.sample(groups, 2)]
        yield from ((room, one) for one in sorted(held))


# --- asking it ---


def _questions(state: ChatState) -> Iterator[Figure]:
    chance = random.Random(2)
    users = list(state.users)
    strangers, newcomers = cycle(users), cycle(reversed(users))
    known = users[0]
    places = cycle([state.rooms[uri] for uri in chance.sample(list(state.rooms), 1000)])
    one = next(places)
    yield Figure(
        "principals of a new user",
        microseconds(lambda: state.affiliations.of(next(strangers))),
        "us",
        wanted=1000,
    )
    yield Figure(
        "permission, new user",
        microseconds(lambda: state.permission(next(newcomers), one)),
        "us",
        wanted=1000,
    )
    yield Figure(
        "permission, known user",
        microseconds(lambda: state.permission(known, next(places))),
        "us",
        wanted=50,
    )


def _changes(state: ChatState) -> Iterator[Figure]:
    groups = cycle(list(state.groups))
    pairs = cycle(zip(state.users, map(GroupUri, groups), strict=False))

    def come_and_go() -> None:
        user, group = next(pairs)
        for kind in (GroupMembersRemoved, GroupMembersAdded):
            state.apply(JournalEntry(state.position + 1, 0.0, kind(group, (user,))))

    yield Figure("a user leaves and joins a group", microseconds(come_and_go), "us", wanted=2000)
