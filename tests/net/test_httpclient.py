"""The HTTP client leaves no connection behind, whenever it is given up."""

from __future__ import annotations

import asyncio
import gc
import itertools
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from perchat.net.httpclient import HttpClient
from tests.net.material import HOST, Authority

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Service:
    """Answers what is posted, and counts who is connected."""

    def __init__(self) -> None:
        self.open: set[asyncio.StreamWriter] = set()
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            while await reader.readuntil(b"\r\n\r\nbody"):
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.open.discard(writer)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def service(authority: Authority) -> AsyncIterator[Service]:
    found = Service()
    context = authority.server(HOST)
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0, ssl=context)
    found.url = f"https://{HOST}:{server.sockets[0].getsockname()[1]}/"
    try:
        yield found
    finally:
        server.close()


def client(url: str, tls: ssl.SSLContext) -> HttpClient:
    return HttpClient(url, tls=tls, connect=5, request=5)


async def test_an_answer_is_returned_with_its_status(authority: Authority) -> None:
    async with service(authority) as there, client(there.url, authority.client()) as http:
        assert await http.post(b"body", {}, 100) == (200, b"ok")


async def test_given_up_twice_at_any_moment_it_closes_its_connection(authority: Authority) -> None:
    tls, loop = authority.client(), asyncio.get_running_loop()
    async with service(authority) as there:
        for moment, between in itertools.product(range(16), (1, 3)):
            async with client(there.url, tls) as http:
                posting = loop.create_task(http.post(b"body", {}, 100))
                for steps in (moment, between):
                    for _ in range(steps):
                        await asyncio.sleep(0)
                    posting.cancel()
                await asyncio.wait({posting})
        gc.collect()  # what was left open is an error of its own now
        async with asyncio.timeout(5):
            while there.open:
                await asyncio.sleep(0.01)
