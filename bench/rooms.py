"""
How long others wait while people join, post into and leave rooms of sixteen thousand.

First the chat service alone, with all of them on this node; then ``perchat serve`` in a
process of its own, where some hundreds of them have connections and the others are on
another node. Longest of all waits; a room's own fan-out to sockets is part of the second.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from perchat.chat.refusal import Refusal
from perchat.chat.service import ChatService
from perchat.chat.settings import ChatSettings
from perchat.cluster.feed import Feed
from perchat.cluster.wakeup import LocalWakeup
from perchat.lync.ntlm import nt_hash
from perchat.model.category import Category
from perchat.model.chatroom import Role, Room
from perchat.model.journal import (
    CategoryChanged,
    GroupChanged,
    GroupMembersAdded,
    ParticipantJoined,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    UserChanged,
)
from perchat.model.principal import Group, User
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri
from perchat.server.storage import open_store
from perchat.store.directory import Directory, load_key
from perchat.store.sqlite import SqliteStore
from tests.server.harness import DOMAIN, Sample, make_sample
from tests.server.process import process
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.model.journal import Fact
    from perchat.server.config import ServerConfig

MEMBERS = int(os.environ.get("PERCHAT_BENCH_MEMBERS", "16000"))
SESSIONS = int(os.environ.get("PERCHAT_BENCH_SESSIONS", "300"))
WANTED = 100.0  # ms
HALL, HALLS = RoomUri.of(DOMAIN, "hall"), CategoryUri.of(DOMAIN, "halls")
STAFF = GroupUri("ma-grp:staff@u.g")
PASSWORD = "correct horse"
EVERYBODY = [SipUri(f"sip:u{n}@{DOMAIN}") for n in range(MEMBERS)]
HALF = EVERYBODY[: MEMBERS // 2]
NEWCOMERS = [SipUri(f"sip:new{n}@{DOMAIN}") for n in range(200)]
BOSS = NEWCOMERS[0]


def figures() -> Iterator[Figure]:
    """Return the longest wait by what was done, and how long one of it takes."""
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_service(Path(folder) / "service.db"))
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_server(Path(folder)))


def _hall(*, invitations: bool = False) -> list[Fact]:
    everybody = frozenset([f"domain:{DOMAIN}"])
    many = (*EVERYBODY, *NEWCOMERS)
    return [
        *(UserChanged(User(one, one.user, one.user.title(), one.user)) for one in many),
        GroupChanged(Group(STAFF, "Staff", "Staff")),
        GroupMembersAdded(STAFF, tuple(EVERYBODY[::2])),
        CategoryChanged(Category(HALLS, "Halls", allowed=everybody, invitations=invitations)),
        RoomChanged(Room(HALL, "Hall", "", HALLS)),
        RolesGranted(HALL, Role.MEMBER, many),
        RolesGranted(HALL, Role.MANAGER, (BOSS,)),
    ]


def _present(users: Sequence[SipUri], node: str) -> list[Fact]:
    return [ParticipantJoined(HALL, one, f"s-{one}", node) for one in users]


# --- the service alone ---


class Stall:
    """The longest that a loop worked without a pause; other programs' work does not count."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Look every millisecond, until cancelled."""
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, (time.thread_time() - begun) * 1e3)


async def _service(path: Path) -> list[Figure]:
    store, wakeup = SqliteStore(path), LocalWakeup()
    await store.open()
    chat = ChatService(store, wakeup, ChatSettings(domain=DOMAIN))
    try:
        await store.append(*_hall(invitations=True))
        await chat.start()
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(_follow(chat, store, wakeup))
            await _become(chat, store, wakeup, *_present(EVERYBODY, "node"))
            deeds = _deeds(chat, store, wakeup)
            found = [figure for what in deeds for figure in await stalled(tasks, *what)]
            follower.cancel()
        return found
    finally:
        await store.close()


async def _follow(chat: ChatService, store: SqliteStore, wakeup: LocalWakeup) -> None:
    async with asyncio.TaskGroup() as tasks:
        async for entries in Feed(store, wakeup).follow(chat.position):
            for entry in entries:
                chat.apply(entry)
                if outcasts := chat.outcasts(entry):
                    tasks.create_task(chat.expel(outcasts))
            await asyncio.sleep(0)


async def _become(chat: ChatService, store: SqliteStore, wakeup: LocalWakeup, *facts: Fact) -> None:
    (*_, last) = await store.append(*facts)
    wakeup.wake()
    await _until(lambda: chat.position >= last.position)


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - nothing here is to be noticed by what is measured
        await asyncio.sleep(0.001)


def _deeds(
    chat: ChatService, store: SqliteStore, wakeup: LocalWakeup
) -> Iterator[tuple[str, Callable[[int], Awaitable[object]], int]]:
    """Yield what is done, how, and how often."""

    async def done(result: Awaitable[object]) -> None:
        assert not isinstance(found := await result, Refusal), found

    def say(n: int) -> Awaitable[object]:
        told = asyncio.get_running_loop().create_future()
        chat.post(told.set_result, NEWCOMERS[n], f"s{n}", HALL, "hello")
        return done(told)

    def become(*facts: Fact) -> Awaitable[object]:
        return _become(chat, store, wakeup, *facts)

    async def close(_: int) -> None:
        await become(RoomChanged(Room(HALL, "Hall", "", HALLS, disabled=True)))
        await _until(lambda: not chat.audience(HALL))

    def come(n: int) -> Awaitable[object]:
        return done(chat.join(NEWCOMERS[n], f"s{n}", HALL))

    one = EVERYBODY[0]
    yield "join", come, len(NEWCOMERS)
    yield "post", say, len(NEWCOMERS)
    yield "part", lambda n: done(chat.part(NEWCOMERS[n], f"s{n}", HALL)), len(NEWCOMERS)
    yield (
        "a manager named",
        lambda n: done(chat.grant(BOSS, HALL, Role.MANAGER, (EVERYBODY[n],))),
        20,
    )
    yield "a group named", lambda _: become(RolesGranted(HALL, Role.MANAGER, (STAFF,))), 1
    yield "a kick", lambda _: become(RolesRevoked(HALL, Role.MEMBER, (one,))), 1
    yield "a new name", lambda _: become(RoomChanged(Room(HALL, "The Hall", "", HALLS))), 1
    yield (
        "all members at once",
        lambda _: done(chat.replace_roles(BOSS, HALL, Role.MEMBER, (BOSS, *HALF))),
        1,
    )
    yield "members' list", lambda _: done(chat.members(BOSS, HALL)), 5
    yield "all out", close, 1


async def stalled(
    tasks: asyncio.TaskGroup, what: str, act: Callable[[int], Awaitable[object]], times: int
) -> list[Figure]:
    """Do something so often; return its longest stall, and how long one takes."""
    stall = Stall()
    watching = tasks.create_task(stall.watch())
    await asyncio.sleep(0.01)
    stall.longest, begun = 0.0, time.perf_counter()
    for number in range(times):
        await act(number)
    took = time.perf_counter() - begun
    await asyncio.sleep(0.01)
    watching.cancel()
    return [
        Figure(f"{what}: stall", stall.longest, "ms", WANTED),
        Figure(f"{what}: took", took / times * 1e3, "ms"),
    ]


# --- a server ---


async def _server(folder: Path) -> list[Figure]:
    config = await make_sample(folder / "data")
    await _populate(config)
    async with process(config) as server, contextlib.AsyncExitStack() as stack:
        names = [one.user for one in EVERYBODY[:SESSIONS]]
        signing = Watch(server.sample)
        chats = [await stack.enter_async_context(connect(server.sample, name)) for name in names]
        yielded = [Figure("sign-ins: stall", signing.end(), "ms", WANTED)]
        for what, deed in (("joins", _join_all), ("posts", _post_some)):
            watch, begun = Watch(server.sample), time.perf_counter()
            times = await deed(stack, chats)
            took = (time.perf_counter() - begun) / times * 1e3
            yielded += [
                Figure(f"served {what}: stall", watch.end(), "ms", WANTED),
                Figure(f"served {what}: took", took, "ms"),
            ]
        return yielded


async def _populate(config: ServerConfig) -> None:
    secret = nt_hash(PASSWORD)
    async with open_store(config) as store:
        await store.append(*_hall())
        await store.append(*_present(EVERYBODY[SESSIONS:], "another"))
        directory = Directory(store, load_key(config.path(config.paths.secret_key)))
        for one in EVERYBODY[:SESSIONS]:
            await directory.set_secret(one, secret)


async def _join_all(
    stack: contextlib.AsyncExitStack, chats: Sequence[PersistentChatEndpoint]
) -> int:
    for chat in chats:
        session = await stack.enter_async_context(chat.join(HALL))
        assert len(session.participants) <= 1, "a large room sends no list"
    return len(chats)


async def _post_some(
    _stack: contextlib.AsyncExitStack, chats: Sequence[PersistentChatEndpoint]
) -> int:
    some = [session for chat in chats[:20] if (session := chat.session(HALL))]
    for session in some:
        await session.post("hello to all")
    return len(some)


class Watch:
    """Another process that knocks at a server and notes how long it is let wait."""

    def __init__(self, sample: Sample) -> None:
        host, port = sample.tcp
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.knock", host, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def end(self) -> float:
        """Return the longest wait, in ms."""
        found, _ = self._process.communicate(b"\n")
        return float(found)
