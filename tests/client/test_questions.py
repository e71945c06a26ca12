"""Asking what was said, and paging through all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.client import questions
from perchat.client.questions import named_rooms, walk
from perchat.errors import (
    LimitExceeded,
    PermissionDenied,
    RemoteProtocolError,
    RoomNotFound,
    SessionStateError,
)
from perchat.model.chatroom import Room
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.message import Message
from perchat.model.uri import RoomUri, SipUri
from perchat.store.scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.client.server import LiveServer

HERE = Room(RoomUri("ma-chan://example.com/here"), "Here")
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


def said(text: str, number: int) -> Message:
    at = BEGUN + timedelta(seconds=number)
    return Message(number, at, SipUri("sip:a@example.com"), HERE.uri, text)


def service(
    messages: list[Message], most: int, seen: list[int] | None = None
) -> Callable[[HistoryQuery], Coroutine[Any, Any, HistoryResult]]:
    """Return a service that has these messages and returns at most so many at once."""

    async def turn(page: HistoryQuery) -> HistoryResult:
        found = scan(HERE, messages, replace(page, limit=min(page.limit or most, most)), 10_000)
        if seen is not None:
            seen.append(len(found.messages))
        return found

    return turn


_times = st.none() | st.integers(0, 30).map(lambda second: BEGUN + timedelta(seconds=second))


@st.composite
def _queries(draw: st.DrawFn) -> HistoryQuery:
    since, until = draw(_times), draw(_times)
    if since and until and until < since:
        since, until = until, since
    return HistoryQuery(
        draw(st.sampled_from(["", "odd", "odd even"])),
        since=since,
        until=until,
        after_id=draw(st.none() | st.integers(0, 30)),
        limit=draw(st.none() | st.integers(1, 30)),
        search_newest_first=draw(st.booleans()),
        newest_first=draw(st.booleans()),
    )


@examples(max_examples=200)
@given(query=_queries(), count=st.integers(0, 25), most=st.integers(1, 6))
async def test_pages_add_up_to_what_one_answer_without_limits_would_be(
    query: HistoryQuery, count: int, most: int
) -> None:
    messages = [said("odd" if n % 2 else "even", n) for n in range(1, count + 1)]
    expected = scan(HERE, messages, query, 10_000).messages
    assert tuple([m async for m in walk(service(messages, most), query)]) == expected


async def test_no_more_than_a_page_is_asked_for_at_a_time() -> None:
    messages = [said("x", n) for n in range(1, 1001)]
    seen: list[int] = []
    found = walk(service(messages, 10_000, seen), HistoryQuery())
    assert [(await anext(found)).id for _ in range(150)] == list(range(1, 151))
    await found.aclose()
    assert seen == [questions.PAGE, questions.PAGE]


async def test_a_service_that_does_not_go_on_is_left() -> None:
    async def turn(_: HistoryQuery) -> HistoryResult:
        return HistoryResult(HERE.uri, "", (said("x", 1),), 2, truncated=True)

    found = walk(turn, HistoryQuery())
    with pytest.raises(RemoteProtocolError, match="behind message 1"):
        [message async for message in found]


def test_rooms_may_be_named_in_any_way_but_have_to_be() -> None:
    assert named_rooms("Lobby") == ["Lobby"]
    assert named_rooms(HERE) == [HERE.uri]
    assert named_rooms([HERE, HERE.uri, "Lobby", "Lobby"]) == [HERE.uri, "Lobby"]
    with pytest.raises(ValueError, match="one room at least"):
        named_rooms([])


# over the wire


async def test_what_was_said_is_found_in_several_rooms(server: LiveServer) -> None:
    async with server.connect("alice") as chat, server.connect("bob") as other:
        async with chat.join("Lobby") as lobby, other.join("Annex") as annex:
            for text in ("Disk full", "disk replaced", '東京都 <&>\n"full"'):
                await lobby.post(text)
            await annex.post("full stop")
            result = await lobby.query_history(HistoryQuery("FULL disk"))
            assert [m.text for m in result.messages] == [
                "Disk full",
                "disk replaced",
                '東京都 <&>\n"full"',
            ]
            assert (result.room_name, result.total, result.truncated) == ("Lobby", 3, False)
            both = await lobby.query_history(HistoryQuery("disk full", match=Match.ALL))
            assert [m.text for m in both.messages] == ["Disk full"]
        query = HistoryQuery("full", newest_first=True)
        results = await chat.query_history(["Lobby", "Annex"], query)
        assert [(r.room_name, r.total) for r in results] == [("Lobby", 2), ("Annex", 1)]
        texts = [m.text async for m in chat.iter_history(["Annex", "Lobby"], query)]
        assert texts == ["full stop", '東京都 <&>\n"full"', "Disk full"]
        by_bob = HistoryQuery(authors=("sip:bob@example.com",))
        assert [m.text async for m in chat.iter_history(["Lobby", "Annex"], by_bob)] == [
            "full stop"
        ]


async def test_a_long_history_comes_page_by_page_in_both_directions(server: LiveServer) -> None:
    async with server.connect("alice") as chat, chat.join("Lobby") as lobby:
        for n in range(45):
            await lobby.post(f"number {n} " + "x" * 4000)  # about a dozen fit an answer
        page = await lobby.query_history(HistoryQuery("number"))
        assert (page.total, page.truncated) == (45, True)
        forth = [m.id async for m in lobby.iter_history(HistoryQuery("number"))]
        back = [m.id async for m in lobby.iter_history(HistoryQuery(newest_first=True))]
        assert forth == back[::-1] == list(range(1, 46))
        some = HistoryQuery("number", after_id=10, limit=30, search_newest_first=False)
        assert [m.id async for m in lobby.iter_history(some)] == list(range(11, 41))


async def test_walls_stand_for_questions_too(server: LiveServer) -> None:
    async with server.connect("alice") as chat, chat.join("Lobby") as lobby:
        await lobby.post("secret")
    async with server.connect("carol") as chat:
        uris = [room.uri for room in await chat.search_rooms()]
        for rooms in (uris, ["Lobby"]):
            with pytest.raises(PermissionDenied):
                await chat.query_history(rooms, HistoryQuery("secret"))
            with pytest.raises(PermissionDenied):
                [m async for m in chat.iter_history(rooms, HistoryQuery("secret"))]
        with pytest.raises(RoomNotFound):
            await chat.query_history([RoomUri("ma-chan://example.com/nowhere")])
        with pytest.raises(RoomNotFound):
            await chat.query_history(["Nowhere"])


async def test_too_long_a_question_is_refused_and_the_connection_stays(server: LiveServer) -> None:
    async with server.connect("alice") as chat, chat.join("Lobby") as lobby:
        with pytest.raises(LimitExceeded):
            await lobby.query_history(HistoryQuery(" ".join(f"w{n}" for n in range(10_000))))
        await lobby.post("still here")
        for text in ('"', "NEAR(a b", "a* OR -", "(", "rowid:1", "\\"):
            assert (await lobby.query_history(HistoryQuery(text))).messages == ()


async def test_a_session_that_is_in_no_room_asks_nothing(server: LiveServer) -> None:
    async with server.connect("alice") as chat:
        async with chat.join("Lobby") as lobby:
            pass
        with pytest.raises(SessionStateError):
            await lobby.query_history()
