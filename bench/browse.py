"""How long others wait while somebody looks for rooms among 33,000, a third of them secret."""

from __future__ import annotations

import asyncio
import random
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from bench.rooms import stalled
from perchat.chat.finding import RoomFilter
from perchat.chat.service import ChatService
from perchat.chat.settings import ChatSettings
from perchat.cluster.wakeup import LocalWakeup
from perchat.model.category import Category
from perchat.model.chatroom import Privacy, Role, Room
from perchat.model.journal import CategoryChanged, RolesGranted, RoomChanged, UserChanged
from perchat.model.principal import User
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.model.journal import Fact

ROOMS, USERS, DOMAIN = 33_000, 1_000, "bench.example"
EVERYBODY = [SipUri(f"sip:u{n}@{DOMAIN}") for n in range(USERS)]
ME, HALLS = EVERYBODY[0], CategoryUri.of(DOMAIN, "c")
QUESTIONS = {
    "all rooms": RoomFilter(),
    "a name": RoomFilter("room 77"),
    "words in descriptions": RoomFilter("seventh floor", descriptions=True),
    "my rooms": RoomFilter(own=Role.MEMBER),
}


def figures() -> Iterator[Figure]:
    """Return the longest stall and the time it took, by question."""
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_measured(Path(folder) / "chat.db"))


async def _measured(path: Path) -> list[Figure]:
    store = SqliteStore(path)
    await store.open()
    chat = ChatService(store, LocalWakeup(), ChatSettings(domain=DOMAIN))
    await store.append(*_facts())
    await chat.start()
    found = []
    async with asyncio.TaskGroup() as tasks:
        for what, wanted in QUESTIONS.items():
            found += await stalled(tasks, what, partial(_ask, chat, wanted), 5)
    await store.close()
    return found


async def _ask(chat: ChatService, wanted: RoomFilter, _: int) -> None:
    assert await chat.find_rooms(ME, wanted)


def _facts() -> Iterator[Fact]:
    chance, everybody = random.Random(1), frozenset([f"domain:{DOMAIN}"])
    yield from (UserChanged(User(one, one.user, one.user, one.user)) for one in EVERYBODY)
    yield CategoryChanged(Category(HALLS, "Halls", allowed=everybody))
    for n in range(ROOMS):
        room, privacy = RoomUri.of(DOMAIN, f"r{n}"), list(Privacy)[n % 3]
        yield RoomChanged(Room(room, f"Room {n}", f"On floor {n}", HALLS, privacy))
        yield RolesGranted(room, Role.MEMBER, tuple(chance.sample(EVERYBODY, 30)))
