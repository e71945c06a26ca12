"""
Floods of those who want a server to be silent, each in a process of its own.

``python -m bench.attackers FLOOD HOST PORT`` says that it has begun, and goes on until its
input ends. None of it does anything that a stranger, or for ``elements`` a user, could not do
from another machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import sys
from typing import TYPE_CHECKING

from perchat.sip.serializer import serialize
from tests.server.harness import Raw, request
from tests.server.signing import Signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["FLOODS"]

POURING = 3  # connections that send as fast as they are read
UNFINISHED = 1_000
IDLE = 200
AT_ONCE = 10
INFOS_A_SECOND = 10
ELEMENTS = 49_900  # the most that one document may have, nearly


@contextlib.asynccontextmanager
async def connected(host: str, port: int) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def again_and_again(attempt: Callable[[], Awaitable[None]], at_once: int) -> None:
    """Have so many at it at any time, whatever becomes of them."""

    async def one() -> None:
        while True:
            try:
                await attempt()
            except (OSError, EOFError, AssertionError, TimeoutError):
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one() for _ in range(at_once)))


async def guessing(host: str, port: int) -> None:
    """Try passwords of alice's, each on a new connection."""

    async def guess() -> None:
        async with connected(host, port) as peer:
            await Signer(peer, "alice", "a guess").try_to_sign_in()

    await again_and_again(guess, AT_ONCE)


async def pouring(host: str, port: int) -> None:
    """Pour OPTIONS over a few connections that never sign in."""
    many = b"".join(request("OPTIONS", cseq=str(number)) for number in range(1, 200))

    async def pour() -> None:
        async with connected(host, port) as peer, _drained_meanwhile(peer):
            while not peer.reader.at_eof():
                peer.writer.write(many)
                await peer.writer.drain()

    await again_and_again(pour, POURING)


async def _drained(peer: Raw) -> None:
    while await peer.reader.read(65536):
        pass


@contextlib.asynccontextmanager
async def _drained_meanwhile(peer: Raw) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(_drained(peer))
        try:
            yield
        finally:
            reading.cancel()


async def headers(host: str, port: int) -> None:
    """Send messages of nothing but one header again and again."""
    start = b"OPTIONS sip:example.com SIP/2.0\r\n"

    async def send() -> None:
        async with connected(host, port) as peer:
            await peer.send(start + b"a:\r\n" * 12_000 + b"\r\n")
            async with asyncio.timeout(5):
                await _drained(peer)

    await again_and_again(send, AT_ONCE)


async def unfinished(host: str, port: int) -> None:
    """Begin REGISTERs that never end, with as much of a body as may be."""
    head = request("REGISTER").replace(b"Content-Length: 0", b"X: %b" % (b"x" * 15_000))
    begun = head.removesuffix(b"\r\n") + b"Content-Length: 4096\r\n\r\n" + b"x" * 4000

    async def begin() -> None:
        async with connected(host, port) as peer:
            await peer.send(begun)
            await peer.reader.read()

    await again_and_again(begin, UNFINISHED)


async def churn(host: str, port: int) -> None:
    """Connect and go."""

    async def knock() -> None:
        async with connected(host, port):
            pass

    await again_and_again(knock, AT_ONCE)


async def idle(host: str, port: int) -> None:
    """Hold TLS connections and say nothing."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE

    async def hold() -> None:
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        try:
            await reader.read()
        finally:
            writer.close()

    await again_and_again(hold, IDLE)


async def elements(host: str, port: int) -> None:
    """Be carol, and send documents of many elements."""
    body = b'<xccos ver="1" envid="1"><cmd id="cmd:nothing" seqid="1"><data>%b</data></cmd></xccos>'
    body %= b"<a/>" * (ELEMENTS - 10)
    async with connected(host, port) as peer:
        carol = Signer(peer, "carol")
        await carol.sign_in()
        to = await carol.open_session()
        async with _drained_meanwhile(peer):
            while True:
                await peer.send(serialize(carol.initiator.seal(carol.info(to, body))))
                await asyncio.sleep(1 / INFOS_A_SECOND)


FLOODS = {
    "guessing": guessing,
    "pouring": pouring,
    "headers": headers,
    "unfinished": unfinished,
    "churn": churn,
    "idle": idle,
    "idle files": idle,
    "elements": elements,
}


async def main() -> None:
    """Run one flood until the input ends."""
    os.nice(19)  # an attacker has a machine of their own; this one takes what ours leaves
    name, host, port = sys.argv[1:]
    print("begun", flush=True)
    async with asyncio.TaskGroup() as tasks:
        flood = tasks.create_task(FLOODS[name](host, int(port)))
        await asyncio.to_thread(sys.stdin.read)
        flood.cancel()


if __name__ == "__main__":
    asyncio.run(main())
