"""A stream that reads history when it has to, over a history that has its moods."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from perchat.client import catchup
from perchat.client.catchup import CatchUpStream
from perchat.client.sequel import Sequel
from perchat.errors import ChatServerConnectionError, CommandFailed, ErrorCode
from perchat.model.history import HistoryResult
from tests.client.test_sequel import ROOM, said

if TYPE_CHECKING:
    from collections.abc import Sequence


class Source:
    """History in answers that were laid out before."""

    def __init__(self, *answers: Sequence[int] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    async def _page_after(self, message: int, limit: int) -> HistoryResult:
        del limit
        self.asked.append(message)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return HistoryResult(ROOM, "", tuple(map(said, answer)), truncated=bool(answer))


def stream_of(source: Source, last: int = 0) -> CatchUpStream:
    stream = CatchUpStream(source, Sequel(last, limit=10), lambda message: message.id != 13)
    stream._lose_track()
    return stream


async def taken(stream: CatchUpStream, count: int) -> list[int]:
    async with asyncio.timeout(5):
        return [(await anext(stream)).id for _ in range(count)]


async def test_pages_are_read_one_after_another_as_the_reader_asks() -> None:
    source = Source([1, 2], [3], [])
    stream = stream_of(source)
    assert await taken(stream, 2) == [1, 2]
    assert source.asked == [0]
    stream._hear(said(3))
    stream._hear(said(4))
    assert await taken(stream, 2) == [3, 4]
    assert source.asked == [0, 2, 3]
    assert not stream.is_behind


async def test_what_is_not_wanted_is_passed_over_and_still_counts() -> None:
    stream = stream_of(Source([12, 13, 14], []), last=11)
    assert await taken(stream, 2) == [12, 14]


async def test_a_service_in_trouble_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catchup, "_PAUSE", 0.0)
    trouble = CommandFailed.of(ErrorCode.DATABASE_CONNECTION, "later")
    stream = stream_of(Source(trouble, trouble, [1], []))
    assert await taken(stream, 1) == [1]


async def test_history_that_is_refused_is_done_without() -> None:
    refusal = CommandFailed.of(ErrorCode.ERROR_PERMISSION, "no")
    stream = stream_of(Source(refusal, refusal, refusal))
    stream._hear(said(5))
    assert await taken(stream, 1) == [5]


async def test_the_end_comes_after_what_is_ready() -> None:
    stream = stream_of(Source([1, 2], ChatServerConnectionError("over")))
    assert [message.id async for message in stream] == [1, 2]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_a_reader_that_waits_is_told_of_the_end_and_may_close() -> None:
    stream = CatchUpStream(Source(), Sequel(0, limit=10), lambda _: True)
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(taken(stream, 1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await anext(stream)
        stream._hear(said(1))
    assert reading.result() == [1]
    async with stream:
        stream._hear(said(2))
    assert [message.id async for message in stream] == []
    stream._hear(said(3))
    assert [message.id async for message in stream] == []
