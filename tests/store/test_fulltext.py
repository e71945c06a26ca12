"""The index finds what looking at every message finds, whatever it has come to."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate, count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.journal import MessagesModerated, RoomRemoved
from perchat.store import fulltext
from perchat.store.memory import MemoryStore
from perchat.store.sqlite import SqliteSettings, SqliteStore
from perchat.store.words import WORDS_VERSION
from tests.store.samples import ADA, BOB, LAB, OPS, SETTLED, posted, room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path
    from random import Random

    from perchat.model.journal import Fact
    from perchat.model.uri import RoomUri
    from perchat.store.base import Store

BEGUN = 1_700_000_000
NEVER = 10**9


@asynccontextmanager
async def opened(
    path: Path,
    *facts: Fact,
    step: int = 1,
    settled: bool = True,
    ticks: Iterable[int] | None = None,
) -> AsyncIterator[SqliteStore]:
    clock = partial(next, iter(ticks or count(BEGUN)))
    store = SqliteStore(path, settings=SqliteSettings(index_step=step), clock=clock)
    await store.open()
    for fact in (*(SETTLED if settled else ()), *facts):
        await store.append(fact)
    yield store
    await store.close()


async def remembered(*facts: Fact, ticks: Iterable[int] | None = None) -> MemoryStore:
    store = MemoryStore(clock=partial(next, iter(ticks or count(BEGUN))))
    for fact in (*SETTLED, *facts):
        await store.append(fact)
    return store


async def texts(store: Store, query: HistoryQuery, where: RoomUri = OPS) -> list[str]:
    (result,) = await store.search([where], query)
    return [message.text for message in result.messages]


def indexed(path: Path) -> tuple[int, int]:
    """Return the position that the index has come to, and how many messages it holds."""
    with closing(sqlite3.connect(path)) as database:
        (at,) = database.execute("SELECT value FROM about WHERE name = 'indexed'").fetchone()
        database.execute("CREATE VIRTUAL TABLE temp.term USING fts5vocab(main, said, instance)")
        (rows,) = database.execute("SELECT count(DISTINCT doc) FROM term").fetchone()
    return at, rows


def searched(path: Path, expression: str) -> int:
    """Return how many messages the index holds for an expression of its own."""
    with closing(sqlite3.connect(path)) as database:
        statement = "SELECT rowid FROM said WHERE said MATCH ?"
        return len(database.execute(statement, (expression,)).fetchall())


# laws

_words = st.sampled_from(
    ["disk", "Disk", "full", "café", "CAFE", "東京都", "京", "서울", "👍", "12", '"', "*", "a:b"]
)
_texts = st.one_of(
    st.lists(_words, min_size=1, max_size=6).map(" ".join),
    st.lists(_words, min_size=1, max_size=6).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)
_posts = st.builds(
    posted,
    _texts,
    st.sampled_from([OPS, OPS, LAB]),
    kept=st.sampled_from([True, True, True, False]),
    author=st.sampled_from([ADA, BOB]),
)
_moderated = st.builds(
    MessagesModerated,
    st.sampled_from([OPS, OPS, LAB]),
    st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
    st.none() | _texts,
)
_said = st.lists(st.one_of(_posts, _posts, _posts, _moderated), max_size=12)
_times = st.none() | st.integers(0, 20).map(
    lambda second: datetime.fromtimestamp(BEGUN + second, UTC)
)


@st.composite
def _queries(draw: st.DrawFn) -> HistoryQuery:
    since, until = draw(_times), draw(_times)
    if since and until and until < since:
        since, until = until, since
    return HistoryQuery(
        draw(st.just("") | _texts),
        match=draw(st.sampled_from(Match)),
        case_sensitive=draw(st.booleans()),
        authors=draw(st.sampled_from([(), (ADA,), (ADA, BOB)])),
        since=since,
        until=until,
        after_id=draw(st.none() | st.integers(0, 8)),
        limit=draw(st.none() | st.integers(1, 4)),
        search_newest_first=draw(st.booleans()),
        newest_first=draw(st.booleans()),
    )


@examples(max_examples=40, deadline=None)
@given(
    said=_said,
    queries=st.lists(_queries(), min_size=1, max_size=8),
    step=st.sampled_from([1, 3, 16, NEVER]),
    most=st.integers(1, 12),
)
async def test_the_index_finds_what_looking_at_every_message_finds(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[Fact],
    queries: list[HistoryQuery],
    step: int,
    most: int,
) -> None:
    memory = await remembered(*said)
    async with opened(tmp_path_factory.mktemp("law") / "chat.db", *said, step=step) as store:
        for query in queries:
            expected = await memory.search([LAB, OPS], query, most=most)
            assert await store.search([LAB, OPS], query, most=most) == expected


_moments = [None, *(datetime.fromtimestamp(BEGUN + second, UTC) for second in range(0, 32, 3))]
_stretches = [
    *(HistoryQuery(since=since, limit=2) for since in _moments),
    *(HistoryQuery(until=until, limit=2) for until in _moments[1:]),
    *(HistoryQuery(since=at, until=at + timedelta(seconds=5)) for at in _moments if at),
    *(HistoryQuery(after_id=n, limit=2) for n in range(1, 12)),
    *(HistoryQuery(after_id=n, search_newest_first=True) for n in range(1, 12)),
]


@examples(max_examples=30, deadline=None)
@given(
    chance=st.randoms(use_true_random=False),
    put_back=st.sampled_from([0, 2, 9]),
    most=st.sampled_from([3, 30]),
)
async def test_what_is_counted_by_its_ends_is_what_counting_every_message_gives(
    tmp_path_factory: pytest.TempPathFactory, chance: Random, put_back: int, most: int
) -> None:
    steps = chance.choices([0, 1, 2, -put_back], [2, 9, 2, 2], k=40)  # a clock as clocks are
    ticks = list(accumulate(steps, initial=BEGUN))
    taken = [MessagesModerated(OPS, (n,), None) for n in range(1, 12)]
    said: list[Fact] = [*[posted("kept")] * 40, *[posted("told", kept=False)] * 2, *taken]
    some = chance.sample(said, k=20)
    memory = await remembered(*some, ticks=ticks)
    async with opened(tmp_path_factory.mktemp("law") / "chat.db", *some, ticks=ticks) as store:
        for query in _stretches:
            expected = await memory.search([LAB, OPS], query, most=most)
            assert await store.search([LAB, OPS], query, most=most) == expected


async def test_a_room_in_the_place_of_one_taken_away_counts_its_own_messages(
    tmp_path: Path,
) -> None:
    before: list[Fact] = [
        *[posted("before", LAB)] * 5,
        MessagesModerated(LAB, (2,), None),
        RoomRemoved(LAB),
    ]
    made_again = room(LAB, "Lab")
    async with opened(
        tmp_path / "chat.db", *before, made_again, *[posted("now", LAB)] * 3
    ) as store:
        (result,) = await store.search([LAB], HistoryQuery(limit=2))
        assert (result.total, len(result.messages), result.truncated) == (3, 2, True)


@pytest.mark.parametrize("step", [1, 7, NEVER])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("case_sensitive", [False, True])
async def test_pages_behind_one_another_give_every_message_once(
    tmp_path: Path, step: int, backwards: bool, case_sensitive: bool
) -> None:
    said = [posted("odd" if n % 2 else "even") for n in range(41)]
    async with opened(tmp_path / "chat.db", *said, step=step) as store:
        seen: list[int] = []
        while True:
            query = HistoryQuery(
                "odd",
                after_id=seen[-1] if seen else None,
                limit=3,
                search_newest_first=backwards,
                newest_first=backwards,
                case_sensitive=case_sensitive,
            )
            (page,) = await store.search([OPS], query)
            assert page.total == 20 - len(seen)
            seen += [message.id for message in page.messages]
            if not page.truncated:
                break
    assert seen == sorted(range(2, 42, 2), reverse=backwards)


# cases


async def test_rooms_answer_in_the_order_asked_each_once_and_unknown_ones_not(
    tmp_path: Path,
) -> None:
    nowhere = OPS.__class__("ma-chan://contoso.example/nowhere")
    async with opened(tmp_path / "chat.db", posted("x"), posted("y", LAB)) as store:
        for each in (store, await remembered(posted("x"), posted("y", LAB))):
            results = await each.search([LAB, nowhere, OPS, LAB], HistoryQuery("x"))
            assert results == [
                HistoryResult(LAB, "Lab"),
                HistoryResult(OPS, "Ops", tuple(await each.history(OPS, last=1)), 1),
            ]
            assert await each.search([], HistoryQuery("x")) == []


async def test_counting_ends_where_it_is_told_to(tmp_path: Path) -> None:
    async with opened(tmp_path / "chat.db", *[posted("x") for _ in range(9)]) as store:
        (result,) = await store.search([OPS], HistoryQuery("x", limit=2), most=5)
        assert (len(result.messages), result.total, result.truncated) == (2, 5, True)


async def test_more_rooms_than_fit_one_statement(tmp_path: Path) -> None:
    rooms = [OPS.__class__(f"ma-chan://contoso.example/r{n}") for n in range(40)]
    facts: Sequence[Fact] = [
        fact for n, uri in enumerate(rooms) for fact in (room(uri, f"R{n}"), posted(f"x{n} x", uri))
    ]
    async with opened(tmp_path / "chat.db", *facts) as store:
        results = await store.search(rooms, HistoryQuery("x"))
        assert [(r.room_uri, r.total) for r in results] == [(uri, 1) for uri in rooms]


async def test_case_is_compared_beyond_what_is_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fulltext, "_AT_ONCE", 4)
    said = [posted("Rare" if n in {7, 30} else "rare") for n in range(40)]
    for step in (1, NEVER):
        async with opened(tmp_path / f"chat-{step}.db", *said, step=step) as store:
            for backwards in (False, True):
                query = HistoryQuery("Rare", case_sensitive=True, search_newest_first=backwards)
                (result,) = await store.search([OPS], query)
                assert [message.id for message in result.messages] == [8, 31]


# how the index follows


async def test_the_index_follows_in_steps(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, *[posted(f"word{n}") for n in range(50)], step=20) as store:
        assert await texts(store, HistoryQuery("word49")) == ["word49"]
        assert await texts(store, HistoryQuery("word3")) == ["word3"]
    at, rows = indexed(path)
    assert at % 20 == 0
    assert rows == at - len(SETTLED) > 0


async def test_a_backlog_is_indexed_when_nobody_posts(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, *[posted("x") for _ in range(90)], step=NEVER):
        pass
    assert indexed(path) == (0, 0)
    async with opened(path, step=10, settled=False) as store:
        async with asyncio.timeout(10):
            while indexed(path)[0] < 90:
                await asyncio.sleep(0.01)
        assert len(await texts(store, HistoryQuery("x"))) == 90


async def test_a_store_closes_in_the_middle_of_a_backlog(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, *[posted("x") for _ in range(90)], step=NEVER):
        pass
    async with opened(path, step=1, settled=False):
        pass
    assert indexed(path)[0] < 90


async def test_words_cut_in_another_way_are_indexed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, posted("old words")):
        pass
    monkeypatch.setattr(fulltext, "WORDS_VERSION", "another")
    monkeypatch.setattr(fulltext, "for_index", lambda text: f"another {text}")
    async with opened(path, settled=False) as store:
        assert await texts(store, HistoryQuery("old")) == ["old words"]
        async with asyncio.timeout(10):
            while indexed(path)[0] < len(SETTLED) + 1 or not searched(path, "another"):
                await asyncio.sleep(0.01)
    assert searched(path, "another") == 1
    assert searched(path, "old NOT another") == 0


async def test_a_database_indexed_by_the_rule_before_is_found_in_by_this_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, posted("meet in Łódź")):
        pass
    with sqlite3.connect(path) as database:  # as version 1 left it: strokes stayed
        database.execute("INSERT INTO said (said) VALUES ('delete-all')")
        database.execute(
            "INSERT INTO said (rowid, words) VALUES (?, 'meet in łodz')", ((1 << 32) + 1,)
        )
        before = WORDS_VERSION.replace("2/", "1/")
        database.execute("UPDATE about SET value = ? WHERE name = 'words'", (before,))
    database.close()
    async with opened(path, settled=False, step=NEVER) as store:  # before it is made again
        assert await texts(store, HistoryQuery("lodz")) == ["meet in Łódź"]
    async with opened(path, settled=False) as store:
        async with asyncio.timeout(10):
            while not searched(path, "lodz"):
                await asyncio.sleep(0.01)
        assert await texts(store, HistoryQuery("lodz")) == ["meet in Łódź"]
    assert searched(path, "łodz") == 0


async def test_an_index_of_another_cut_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, posted("old words")):
        pass
    monkeypatch.setattr(fulltext, "WORDS_VERSION", "another")
    async with opened(path, step=NEVER, settled=False) as store:
        assert await texts(store, HistoryQuery("old")) == ["old words"]


async def test_an_index_that_cannot_be_written_does_not_stop_posts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, posted("before"), step=NEVER):
        pass
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON about BEGIN SELECT raise(FAIL, 'no'); END"
        )
    async with opened(path, posted("after"), settled=False) as store:
        assert await texts(store, HistoryQuery("before after")) == ["before", "after"]
    assert "the index stays behind" in caplog.text


@pytest.mark.parametrize("step", [1, NEVER])
async def test_what_was_said_in_a_room_that_is_gone_is_not_found_in_the_next(
    tmp_path: Path, step: int
) -> None:
    path = tmp_path / "chat.db"
    gone = [posted(f"secret {n}", LAB) for n in range(5)]
    new: list[Fact] = [RoomRemoved(LAB), room(LAB, "Lab"), posted("harmless", LAB)]
    async with opened(path, *gone, *new, step=step) as store:
        assert await texts(store, HistoryQuery("secret"), LAB) == []
        assert await texts(store, HistoryQuery("harmless"), LAB) == ["harmless"]
    assert searched(path, "secret") == 0


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize("instead", ["harmless words", "!", None])
async def test_nothing_of_a_moderated_message_is_left_in_the_index(
    tmp_path: Path, step: int, instead: str | None
) -> None:
    path, said = tmp_path / "chat.db", [posted(f"secret number{n}") for n in range(6)]
    async with opened(path, *said, MessagesModerated(OPS, (1, 3, 6), instead), step=step) as store:
        await store.append(*(posted("later") for _ in range(100)))
        assert await texts(store, HistoryQuery("secret")) == [
            f"secret number{n}" for n in (1, 3, 4)
        ]
        assert len(await texts(store, HistoryQuery("harmless"))) == (
            3 if instead == "harmless words" else 0
        )
    assert searched(path, "number0 OR number2 OR number5") == 0
    assert searched(path, "secret") == 3


async def test_a_range_of_time_has_no_effect_beside_a_place(tmp_path: Path) -> None:
    late = datetime.fromtimestamp(BEGUN, UTC) + timedelta(days=1)
    async with opened(tmp_path / "chat.db", posted("a x"), posted("b x")) as store:
        assert await texts(store, HistoryQuery("x", since=late)) == []
        assert await texts(store, HistoryQuery("x", since=late, after_id=1)) == ["b x"]
        assert await texts(store, HistoryQuery("", until=late, after_id=0)) == ["a x", "b x"]


async def test_the_index_follows_many_facts_of_one_call_too(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    async with opened(path, step=100) as store:
        await store.append(*[posted("x") for _ in range(300)])
        async with asyncio.timeout(10):
            while indexed(path)[0] < 300:
                await asyncio.sleep(0.01)


async def test_what_was_acknowledged_is_found_at_once_while_others_post(tmp_path: Path) -> None:
    async with opened(tmp_path / "chat.db", step=7) as store:
        acknowledged = 0

        async def post() -> None:
            nonlocal acknowledged
            for _ in range(40):
                await store.append(posted("word"))
                acknowledged += 1

        async def look() -> None:
            while acknowledged < 120:
                before = acknowledged
                (result,) = await store.search([OPS], HistoryQuery("word"))
                ids = [message.id for message in result.messages]
                assert ids == list(range(1, len(ids) + 1))
                assert len(ids) >= before

        async with asyncio.TaskGroup() as tasks:
            for work in (post, post, post, look):
                tasks.create_task(work())
