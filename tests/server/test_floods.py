"""Floods of strangers: the documented bound, the line in the log, and others who go on talking."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

from tests.server.harness import Sample, make_sample, raw, request, running
from tests.server.talking import Bystanders, bystanders, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.harness import Raw

SOME = 40


@contextlib.asynccontextmanager
async def serving(folder: Path, **limits: int) -> AsyncIterator[tuple[Sample, Bystanders]]:
    config = await make_sample(folder / "server", **limits)
    async with running(config) as sample, bystanders(sample) as others:
        yield sample, others


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def answered(peer: Raw, count: int) -> list[int]:
    return [peer.status(await peer.answer()) for _ in range(count)]


@pytest.mark.parametrize("tls", [False, True])
async def test_who_pours_without_a_sign_in_is_read_from_less_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tls: bool
) -> None:
    count = 500
    many = b"".join(request("OPTIONS", cseq=str(number)) for number in range(1, count + 1))
    slow = {"unauthenticated_address_percent": 2, "unauthenticated_percent": 2}
    async with (
        serving(tmp_path, **slow) as (sample, others),
        secret(sample) if tls else raw(sample.tcp) as peer,
        asyncio.TaskGroup() as tasks,
    ):
        told = tasks.create_task(answered(peer, count))
        await peer.send(many)
        while not told.done():
            await others.still_talk()
        assert await told == [200] * count
    assert "has not signed in and is beyond its share: not read for" in caplog.text
    assert caplog.text.count("beyond its share") <= 5, "so many lines in ten seconds"


@contextlib.asynccontextmanager
async def secret(sample: Sample) -> AsyncIterator[Raw]:
    import ssl

    from tests.server.harness import Raw

    context = ssl.create_default_context(cafile=str(sample.ca))
    reader, writer = await asyncio.open_connection(
        *sample.tls, ssl=context, server_hostname="sip.example.com"
    )
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def test_people_sign_in_while_somebody_pours_from_the_same_address(tmp_path: Path) -> None:
    many = b"".join(request("OPTIONS", cseq=str(number)) for number in range(1, 2000))
    async with (
        serving(tmp_path) as (sample, _),
        raw(sample.tcp) as peer,
        asyncio.TaskGroup() as tasks,
    ):
        pouring = tasks.create_task(peer.send(many))
        for _ in range(3):
            async with connect(sample, "carol") as chat, chat.join("General") as room:
                await room.post("in spite of it")
        pouring.cancel()


async def test_unfinished_messages_beyond_the_bound_give_way_the_oldest_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = request("REGISTER").removesuffix(b"\r\n") + b"X: "
    async with (
        serving(tmp_path, unauthenticated_address_bytes=10_000) as (sample, others),
        contextlib.AsyncExitStack() as stack,
    ):
        peers = [await stack.enter_async_context(raw(sample.tcp)) for _ in range(SOME)]
        for peer in peers:
            await peer.send(begun + b"x" * 1000)
            await others.still_talk()
        assert await peers[0].closed() == b""
        await peers[-1].send(b"\r\n\r\n")
        assert peers[-1].status(await peers[-1].answer()) == 401
    assert "closed for its unfinished message, not signed in, from 127.0.0.1" in caplog.text


async def test_a_body_is_small_until_somebody_has_signed_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as (sample, others), raw(sample.tcp) as peer:
        large = request("REGISTER").replace(b"Content-Length: 0", b"Content-Length: 1000000")
        await peer.send(large)
        assert peer.status(await peer.answer()) == 513
        await peer.closed()
        await others.speaker.post("x" * 8000)  # who has signed in may say more
    assert "body of 1000000 bytes is too large" in caplog.text


async def test_headers_are_few_and_small_until_somebody_has_signed_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = b"OPTIONS sip:example.com SIP/2.0\r\n"
    async with serving(tmp_path) as (sample, _):
        for flood, why in (
            (b"a:\r\n" * 5000, "more than 128 headers"),
            (b"a:\r\n" * 12000, "headers too large"),
        ):
            async with raw(sample.tcp) as peer:
                await peer.send(start + flood + b"\r\n")
                await peer.closed()
            assert why in caplog.text


async def test_many_who_knock_and_go_do_not_keep_others_out(tmp_path: Path) -> None:
    async with serving(tmp_path) as (sample, others):
        for _ in range(SOME):
            async with raw(sample.tls):
                pass
            await others.still_talk()
        async with asyncio.timeout(10), connect(sample, "carol", tcp=False):
            pass
