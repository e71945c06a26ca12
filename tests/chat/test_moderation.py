"""Messages that administrators replace or take away: which are meant, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest

from perchat.chat.moderation import REPLACEMENT, Moderation
from perchat.chat.settings import ChatSettings
from perchat.errors import InvalidArgument, LimitExceeded
from perchat.model.history import HistoryQuery, Match
from perchat.store.memory import MemoryStore
from tests.store.samples import ADA, BOB, LAB, OPS, SETTLED, posted, room

BEGUN = 1_700_000_000
SETTINGS = ChatSettings(domain="contoso.example", message_size_limit=100)
EVERYTHING = HistoryQuery()
SAID = ("the codename is Otter", "otter?", "lunch", "the Otter codename again")


@pytest.fixture
async def store() -> MemoryStore:
    ticks = count(BEGUN)
    store = MemoryStore(clock=lambda: next(ticks))
    await store.append(*SETTLED)
    for number, text in enumerate(SAID):
        await store.append(posted(text, author=BOB if number == 1 else ADA))
    await store.append(posted("otter elsewhere", LAB))
    return store


def second(number: int) -> datetime:
    """Return when the message of that number was posted."""
    return datetime.fromtimestamp(BEGUN + number, UTC)


@pytest.mark.parametrize(
    ("query", "ids", "meant"),
    [
        (EVERYTHING, (), [1, 2, 3, 4]),
        (EVERYTHING, (3, 1, 77), [1, 3]),
        (HistoryQuery("otter"), (), [1, 2, 4]),
        (HistoryQuery("Otter", case_sensitive=True), (), [1, 4]),
        (HistoryQuery("otter codename", match=Match.ALL), (), [1, 4]),
        (HistoryQuery("otter codename", match=Match.PHRASE), (), [4]),
        (HistoryQuery("otter", authors=(BOB,)), (), [2]),
        (HistoryQuery("otter", since=second(2)), (), [2, 4]),
        (HistoryQuery("otter", until=second(2)), (), [1, 2]),
        (HistoryQuery("otter"), (2, 3), [2]),
        (HistoryQuery("otter", limit=1, after_id=3, search_newest_first=True), (), [1, 2, 4]),
        (HistoryQuery("badger"), (), []),
    ],
)
async def test_what_is_meant_is_found_by_words_author_time_and_number(
    store: MemoryStore, query: HistoryQuery, ids: tuple[int, ...], meant: list[int]
) -> None:
    moderation = Moderation(store, SETTINGS)
    ops = room().room
    assert [one.id async for one in moderation.find(ops, query, ids)] == meant
    assert await moderation.remove(ops, query, ids) == tuple(meant)
    left = [one.id for one in await store.history(OPS, last=9)]
    assert sorted([*left, *meant]) == [1, 2, 3, 4]
    assert [one.original.id for one in await moderation.originals(ops)] == meant
    assert [one.text for one in await store.history(LAB, last=9)] == ["otter elsewhere"]


async def test_a_long_history_is_gone_through_whole(store: MemoryStore) -> None:
    await store.append(*(posted(f"line {number}") for number in range(2_500)))
    moderation = Moderation(store, SETTINGS)
    done = await moderation.replace(room().room, HistoryQuery("line"))
    assert done == tuple(range(5, 2_505))
    texts = [one.text for one in await store.history(OPS, last=5_000)]
    assert texts == [*SAID, *[REPLACEMENT] * 2_500]


@pytest.mark.parametrize(
    ("text", "error"), [("", InvalidArgument), (" \n", InvalidArgument), ("x" * 101, LimitExceeded)]
)
async def test_a_replacement_is_a_message_like_any_other(
    store: MemoryStore, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Moderation(store, SETTINGS).replace(room().room, EVERYTHING, text=text)
    assert [one.text for one in await store.history(OPS, last=9)] == list(SAID)


async def test_a_purge_forgets_until_a_time_and_originals_with_it(store: MemoryStore) -> None:
    moderation, ops = Moderation(store, SETTINGS), room().room
    await moderation.remove(ops, EVERYTHING, (1,))
    await moderation.replace(ops, EVERYTHING, (2, 4), text="hush")
    before = [one.timestamp for one in await store.history(OPS, last=9)]
    assert await moderation.purge(ops, before[1]) == 2
    assert [(one.id, one.text) for one in await store.history(OPS, last=9)] == [(4, "hush")]
    assert [one.original.id for one in await moderation.originals(ops)] == [4]
    assert await moderation.purge(ops, before[1]) == 0
