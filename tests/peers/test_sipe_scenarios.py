"""E1 beside a client that somebody else wrote: the SDK and pidgin-sipe in one room at one time."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.testing.peers import SipeAccount, SipeClient
from tests.scenarios.world import BOB, PASSWORD, category, install_world, world_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.scenarios.world import World

pytestmark = pytest.mark.xdist_group("sipe")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(await install_world(tmp_path / "server")) as up:
        yield up


@pytest.mark.scenario("E1")
async def test_the_custom_client_and_pidgin_work_side_by_side(
    world: World, driver: Path, tmp_path: Path
) -> None:
    trust = tmp_path / "trust"
    trust.mkdir()
    shutil.copy(world.sample.ca, trust)
    pidgin = SipeAccount(
        uri=BOB,
        login="bob",
        password=PASSWORD,
        port=world.sample.tls[1],
        transport="tls",
        authorities=trust,
    )
    async with world.connect("alice") as alice, SipeClient(driver, pidgin) as bob:
        projects = await category(alice, "Projects")
        room = await alice.rooms.create("Alpha", projects, join_self=True, members=[BOB])
        await bob.ready()
        assert list(await bob.rooms()) == ["Alpha"]
        async with alice.join(room) as session:
            events = session.events()
            await bob.join("Alpha")
            async with asyncio.timeout(10):
                came = await anext(events)
            assert isinstance(came, perchat.AttendanceChanged)
            assert (came.participant.uri, came.active) == (BOB, True)
            await session.post("plain")
            await bob.hears("plain")
            link = perchat.MessageBuilder().text("see ").link("it", "https://example.com/it")
            await session.post(link, alert=True)
            await bob.hears("see it <https://example.com/it>")
            await session.post("All steps.", title="Release")
            await bob.hears("Release\nAll steps.")
            heard = session.messages(include_own=False)
            await bob.send("seen, thanks")
            async with asyncio.timeout(10):
                answer = await anext(heard)
            assert (answer.author, answer.text, answer.id) == (BOB, "seen, thanks", 4)
            assert [one.id for one in await session.recent(20)] == [1, 2, 3, 4]
            assert [one.name for one in await alice.rooms_joined_by(BOB)] == ["Alpha"]
        assert bob.complaints() == []
