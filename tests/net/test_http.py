"""An application behind our own sockets: who is answered when there are too many."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from perchat.net.http import HttpLimits, listen_http
from tests.server.harness import raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.net.http import HttpListener

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Application:
    """Answers 200 when it may."""

    def __init__(self) -> None:
        self.asked = asyncio.Semaphore(0)
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.release()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def serving(
    application: Application, **limits: Any
) -> AsyncIterator[tuple[HttpListener, tuple[str, int]]]:
    listener = await listen_http(application, "127.0.0.1", 0, limits=HttpLimits(**limits))
    try:
        yield listener, listener.address
    finally:
        application.may_answer.set()
        await listener.close(5)


async def test_who_asks_for_nothing_gives_way_to_who_comes() -> None:
    application = Application()
    application.may_answer.set()
    async with (
        serving(application, connections=2) as (listener, address),
        raw(address) as first,
        raw(address) as second,
        raw(address) as third,
    ):
        assert await first.closed() == b""
        for one in (second, third):
            await one.send(REQUEST)
            assert one.status(await one.answer()) == 200
        assert (listener.closed_for_others, listener.refused) == (1, 0)


async def test_a_request_that_never_ends_gives_way_as_well() -> None:
    application = Application()
    async with (
        serving(application, address_connections=1) as (_, address),
        raw(address) as first,
    ):
        await first.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        await application.asked.acquire()
        async with raw(address) as second:
            assert await first.closed() == b""
            application.may_answer.set()
            await second.send(REQUEST)
            assert second.status(await second.answer()) == 200


async def test_where_all_are_being_answered_one_more_is_refused() -> None:
    application = Application()
    async with (
        serving(application, connections=2) as (listener, address),
        raw(address) as first,
        raw(address) as second,
    ):
        for one in (first, second):
            await one.send(REQUEST)
            await application.asked.acquire()
        async with raw(address) as third:
            await third.send(REQUEST)
            assert third.status(await third.answer()) == 503
        application.may_answer.set()
        for one in (first, second):
            assert one.status(await one.answer()) == 200
        assert (listener.closed_for_others, listener.refused) == (0, 1)
