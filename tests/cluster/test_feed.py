from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.cluster.feed import Feed
from perchat.cluster.wakeup import LocalWakeup
from perchat.errors import StorageError
from perchat.store.memory import MemoryStore
from perchat.store.sqlite import SqliteSettings, SqliteStore
from tests.store.samples import SETTLED, posted

if TYPE_CHECKING:
    from pathlib import Path

    from perchat.model.journal import JournalEntry
    from perchat.store.base import Store


async def taken(feed: Feed, after: int, count: int) -> list[JournalEntry]:
    seen: list[JournalEntry] = []
    async with asyncio.timeout(10):
        async for batch in feed.follow(after):
            assert batch
            seen += batch
            if len(seen) >= count:
                break
    return seen


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.append(*SETTLED)
    return store


async def test_what_was_there_comes_first_in_bounded_batches(store: MemoryStore) -> None:
    feed = Feed(store, LocalWakeup(), batch=3)
    sizes = []
    async for batch in feed.follow(0):
        sizes.append(len(batch))
        if sum(sizes) == len(SETTLED):
            break
    assert sizes == [3, 3, 2]


async def test_a_wake_up_brings_what_is_new_at_once(store: MemoryStore) -> None:
    wakeup = LocalWakeup()
    feed = Feed(store, wakeup, poll=1000)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(taken(feed, len(SETTLED), 1))
        await asyncio.sleep(0)
        appended = await store.append(posted("hello"))
        wakeup.wake()
        assert await following == appended


async def test_without_a_wake_up_the_poll_finds_it(store: MemoryStore) -> None:
    feed = Feed(store, LocalWakeup(), poll=0.001)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(taken(feed, len(SETTLED), 1))
        await asyncio.sleep(0)
        appended = await store.append(posted("hello"))
        assert await following == appended


class FailingStore(MemoryStore):
    """Cannot be read a few times."""

    failures = 3

    async def read(self, after: int, limit: int = 1000) -> list[JournalEntry]:
        self.failures -= 1
        if self.failures >= 0:
            raise StorageError("the disk is tired")
        return await super().read(after, limit)


async def test_a_store_that_cannot_be_read_is_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FailingStore()
    appended = await store.append(SETTLED[0])
    with caplog.at_level(logging.WARNING):
        assert await taken(Feed(store, LocalWakeup(), poll=0.001), 0, 1) == appended
    assert "the disk is tired" in caplog.text


async def test_missing_entries_are_not_passed_over() -> None:
    class Torn(MemoryStore):
        async def read(self, after: int, limit: int = 1000) -> list[JournalEntry]:
            return await super().read(after + 1, limit)

    store = Torn()
    await store.append(*SETTLED)
    with pytest.raises(StorageError, match="gap after position 0"):
        await taken(Feed(store, LocalWakeup()), 0, 1)


@examples(max_examples=15)
@given(
    turns=st.lists(st.tuples(st.booleans(), st.integers(1, 6)), min_size=1, max_size=10),
    ring=st.sampled_from([0, 3, 100]),
)
async def test_every_follower_of_every_process_sees_every_entry_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[bool, int]], ring: int
) -> None:
    path = tmp_path_factory.mktemp("feed") / "chat.db"
    one, two = (_process(path, ring) for _ in range(2))
    await one.open()
    await two.open()
    await one.append(*SETTLED)
    total, wakeups = sum(size for _, size in turns), (LocalWakeup(), LocalWakeup())
    async with asyncio.TaskGroup() as tasks:
        followers = [
            tasks.create_task(taken(Feed(store, wakeup, poll=0.002, batch=4), len(SETTLED), total))
            for store, wakeup in zip((one, two, two), (*wakeups, wakeups[1]), strict=True)
        ]
        for second, size in turns:
            await (two if second else one).append(*[posted(str(size)) for _ in range(size)])
            wakeups[second].wake()
    start = len(SETTLED) + 1
    for follower in followers:
        seen = follower.result()
        assert [entry.position for entry in seen] == list(range(start, start + total))
        assert seen == followers[0].result()
    await one.close()
    await two.close()


def _process(path: Path, ring: int) -> Store:
    return SqliteStore(path, settings=SqliteSettings(ring=ring))


class CountingStore(MemoryStore):
    """Counts how often it is asked for its newest position."""

    asked = 0

    async def position(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        return await super().position()


async def test_many_who_want_the_newest_position_ask_the_store_once() -> None:
    store = CountingStore()
    await store.append(*SETTLED)
    feed = Feed(store, LocalWakeup(), pause=1000)
    first = await asyncio.gather(*(feed.newest() for _ in range(1000)))
    assert (set(first), store.asked) == ({len(SETTLED)}, 1)


async def test_it_is_not_asked_again_before_its_pause_is_over() -> None:
    store = CountingStore()
    feed = Feed(store, LocalWakeup(), pause=1000)
    await feed.newest()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.gather(*(feed.newest() for _ in range(100)))
    assert store.asked == 1


async def test_the_newest_position_is_one_after_the_question() -> None:
    store = CountingStore()
    feed = Feed(store, LocalWakeup(), pause=0)
    for count in range(1, 5):
        await store.append(posted("x") if count > len(SETTLED) else SETTLED[count - 1])
        assert await feed.newest() == count


async def test_a_look_does_not_wait_for_the_poll(store: MemoryStore) -> None:
    feed = Feed(store, LocalWakeup(), poll=1000)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(taken(feed, len(SETTLED), 1))
        for _ in range(3):
            await asyncio.sleep(0)
        appended = await store.append(posted("hello"))
        feed.look()
        assert await following == appended


async def test_how_far_a_follower_got_is_noted_when_it_asks_for_more(store: MemoryStore) -> None:
    await store.claim("one")
    noted = []
    feed = Feed(store, LocalWakeup(), batch=3)
    async for batch in feed.follow(0):
        noted.append((await store.nodes())[0].followed)
        if batch[-1].position == len(SETTLED):
            break
    assert noted == [0, 3, 6]
