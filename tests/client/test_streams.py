"""Streams: subscribed when made, bounded, and of no harm to each other."""

from __future__ import annotations

import asyncio
import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.client.streams import Broadcast, EventStream, Overflow
from perchat.errors import OperationFailure


def everything(number: int) -> int:
    return number


async def drained(stream: EventStream[int]) -> list[int]:
    return [item async for item in stream]


async def test_a_stream_begins_when_it_is_made() -> None:
    source: Broadcast[int] = Broadcast()
    source.publish(1)
    stream = source.stream(everything)
    source.publish(2)
    source.end()
    assert await drained(stream) == [2]


async def test_a_stream_selects_and_maps() -> None:
    source: Broadcast[int] = Broadcast()
    even: EventStream[str] = source.stream(lambda n: str(n) if n % 2 == 0 else None)
    for number in range(5):
        source.publish(number)
    source.end()
    assert [item async for item in even] == ["0", "2", "4"]


async def test_a_waiting_reader_is_woken() -> None:
    source: Broadcast[int] = Broadcast()
    stream = source.stream(everything)

    async def read() -> int:
        return await anext(stream)

    reading = asyncio.get_running_loop().create_task(read())
    await asyncio.sleep(0)
    source.publish(7)
    assert await reading == 7


@given(st.lists(st.integers(), max_size=40), st.integers(min_value=1, max_value=10))
@pytest.mark.requirement("R62")
def test_what_is_not_read_in_time_is_counted(numbers: list[int], limit: int) -> None:
    stream: EventStream[int] = EventStream(limit=limit, marker=lambda count: -1_000_000 - count)
    for number in numbers:
        stream._push(number)
    stream._end()
    lost = max(0, len(numbers) - limit)
    marked = [-1_000_000 - lost] if lost else []
    assert asyncio.run(drained(stream)) == marked + numbers[lost:]
    assert stream.lost == lost


async def test_a_strict_reader_gets_what_there_was_and_then_the_error() -> None:
    stream: EventStream[int] = EventStream(limit=2, overflow=Overflow.RAISE)
    for number in range(4):
        stream._push(number)
    assert [await anext(stream), await anext(stream)] == [0, 1]
    with pytest.raises(OperationFailure) as caught:
        await anext(stream)
    assert caught.value.reason == "overflow"
    assert await drained(stream) == []


@pytest.mark.requirement("R62")
async def test_a_stream_nobody_holds_is_gone() -> None:
    source: Broadcast[int] = Broadcast()
    stream = source.stream(everything)
    del stream
    gc.collect()
    assert not list(source._readers)


async def test_a_closed_stream_ends_at_once() -> None:
    source: Broadcast[int] = Broadcast()
    async with source.stream(everything) as stream:
        source.publish(1)
    assert await drained(stream) == []
    stream.close()
    source.publish(2)


async def test_after_the_end_streams_are_empty() -> None:
    source: Broadcast[int] = Broadcast()
    source.end()
    assert await drained(source.stream(everything)) == []


async def test_two_tasks_may_not_share_a_stream() -> None:
    stream: EventStream[int] = EventStream()

    async def read() -> int:
        return await anext(stream)

    reading = asyncio.get_running_loop().create_task(read())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="another task"):
        await read()
    stream._push(1)
    assert await reading == 1


async def test_a_cancelled_reader_loses_nothing() -> None:
    stream: EventStream[int] = EventStream()

    async def read() -> int:
        return await anext(stream)

    reading = asyncio.get_running_loop().create_task(read())
    await asyncio.sleep(0)
    stream._push(1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await anext(stream) == 1


def test_a_buffer_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        EventStream(limit=0)
