"""Commands one at a time, posts side by side, everything in its turn."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from perchat.server.inbox import Inbox
from perchat.server.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.server.inbox import Work


class Desk:
    """An inbox whose work ends when it is told to."""

    def __init__(self, tasks: Tasks) -> None:
        self.inbox = Inbox(tasks, "a session")
        self.begun: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}

    def post(self, name: str) -> None:
        def act() -> None:
            self.begun.append(name)
            if name.startswith("bad"):
                raise RuntimeError(name)

        self.inbox.begin(name, act)

    def command(self, name: str) -> None:
        self.inbox.put(self._work(name))

    def end(self, name: str) -> None:
        if name in self._ends:
            self._ends[name].set()
        else:
            self.inbox.ended(name)

    def _work(self, name: str) -> Work:
        self._ends[name] = asyncio.Event()

        async def work() -> None:
            self.begun.append(name)
            await self._ends[name].wait()
            if name.startswith("bad"):
                raise RuntimeError(name)

        return work


@contextlib.asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group)
        yield Desk(tasks)
        tasks.cancel()


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_posts_run_side_by_side_in_their_order() -> None:
    async with desk() as here:
        for name in ("1", "2", "3"):
            here.post(name)
        await settle()
        assert here.begun == ["1", "2", "3"]
        assert len(here.inbox) == 3


async def test_a_command_waits_for_the_posts_before_it() -> None:
    async with desk() as here:
        here.post("post")
        here.command("leave")
        await settle()
        assert here.begun == ["post"]
        here.end("post")
        await settle()
        assert here.begun == ["post", "leave"]


async def test_posts_wait_for_the_command_before_them() -> None:
    async with desk() as here:
        here.command("join")
        here.post("1")
        here.post("2")
        await settle()
        assert here.begun == ["join"]
        here.end("join")
        await settle()
        assert here.begun == ["join", "1", "2"]


async def test_commands_run_one_after_another() -> None:
    async with desk() as here:
        here.command("join")
        here.command("leave")
        await settle()
        assert here.begun == ["join"]
        here.end("join")
        await settle()
        assert here.begun == ["join", "leave"]
        here.end("leave")
        await settle()
        assert len(here.inbox) == 0


async def test_what_fails_does_not_keep_the_others() -> None:
    async with desk() as here:
        here.command("bad command")
        here.post("bad post")
        here.command("good")
        await settle()
        here.end("bad command")
        await settle()
        here.end("bad post")
        await settle()
        assert here.begun == ["bad command", "bad post", "good"]
        here.end("good")
        await settle()
        assert len(here.inbox) == 0


async def test_what_is_cleared_never_begins() -> None:
    async with desk() as here:
        here.command("join")
        here.post("1")
        await settle()
        here.inbox.clear()
        here.end("join")
        await settle()
        assert here.begun == ["join"]


async def test_what_awaits_nothing_is_done_there_and_then_but_not_out_of_turn() -> None:
    async with desk() as one:

        async def look_up() -> None:
            one.begun.append("look-up")

        one.inbox.put(look_up, at_once=True)
        assert one.begun == ["look-up"]
        one.command("join")
        one.inbox.put(look_up, at_once=True)
        await asyncio.sleep(0)
        assert one.begun == ["look-up", "join"]
        one.end("join")
        while len(one.inbox):
            await asyncio.sleep(0)
        assert one.begun == ["look-up", "join", "look-up"]


async def test_what_was_to_await_nothing_and_does_is_told_so() -> None:
    async with desk() as one:

        async def slow() -> None:
            await asyncio.sleep(1)

        with pytest.raises(RuntimeError, match="at once"):
            one.inbox.put(slow, at_once=True)
