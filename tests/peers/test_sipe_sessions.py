"""
What the real pidgin-sipe client does when its session is lost, and why it does not matter.

The server runs in the test's own loop, so that a test can take a session away.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from perchat.model.journal import NodeStarted
from perchat.server import app
from perchat.server.routing import FrontEnd
from perchat.server.storage import open_store
from perchat.sip.events import DialogEnded
from perchat.testing.peers import SipeAccount, SipeClient
from tests.server.harness import PASSWORD, Sample, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.server.services import Services

pytestmark = pytest.mark.xdist_group("sipe")


class Fronts:
    """The front ends a server made."""

    def __init__(self) -> None:
        self.made: list[FrontEnd] = []

    def new(self, services: Services) -> FrontEnd:
        front = FrontEnd(services)
        self.made.append(front)
        return front

    def expire_sessions(self, user: str) -> int:
        """Let the sessions of a user expire; return how many there were."""
        count = 0
        for front in self.made:
            for dialog, session in list(front._sessions.items()):
                if session.user.uri == user and session.used:
                    front._connection.drop_dialog(dialog)
                    front.events_received([DialogEnded(dialog, "session expired")])
                    count += 1
        return count


@pytest.fixture
def fronts(monkeypatch: pytest.MonkeyPatch) -> Fronts:
    found = Fronts()
    monkeypatch.setattr(app, "FrontEnd", found.new)
    return found


@pytest.fixture
async def sample(tmp_path: Path, fronts: Fronts) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server")
    async with running(config) as server:
        yield server


def pidgin(sample: Sample, name: str) -> SipeAccount:
    return SipeAccount(
        uri=f"sip:{name}@example.com",
        login=name,
        password=PASSWORD,
        port=sample.tcp[1],
        transport="tcp",
    )


async def test_an_expired_session_is_set_up_again_and_its_rooms_are_not_silent(
    sample: Sample, fronts: Fronts, driver: Path
) -> None:
    async with (
        SipeClient(driver, pidgin(sample, "carol")) as carol,
        connect(sample, "alice") as chat,
        chat.join("General") as room,
        asyncio.timeout(40),
    ):
        await carol.join("General")
        await room.post("before")
        await carol.hears("before")
        assert fronts.expire_sessions("sip:carol@example.com") == 1
        await carol.send("into the void")  # answered 481, and the client starts over
        for _ in ("at first", "again"):
            await carol.told("reply", id="rpl:getinv")
        await room.post("after")
        await carol.hears("after")
        assert [p.uri for p in room.participants].count(chat.owner_uri) == 1
        assert [m.text for m in await room.recent(9)] == ["before", "after"]


async def test_a_sign_in_that_is_due_is_renewed_on_the_same_connection_and_nothing_is_lost(
    tmp_path: Path, driver: Path
) -> None:
    config = await make_sample(tmp_path / "server")
    soon = msgspec.structs.replace(
        config.sign_in,
        registration_expires=32,  # the client refreshes 30 seconds before
        association_lifetime=1,
    )
    async with (
        running(msgspec.structs.replace(config, sign_in=soon)) as sample,
        SipeClient(driver, pidgin(sample, "carol"), log=tmp_path / "log") as carol,
        connect(sample, "alice") as chat,
        chat.join("General") as room,
        asyncio.timeout(40),
    ):
        await carol.join("General")
        until = asyncio.get_running_loop().time() + 4  # the renewal comes after two seconds
        number = 0
        while asyncio.get_running_loop().time() < until:
            number += 1
            await room.post(f"line {number}")  # without a pause: some fall into the handshake
        await carol.hears(f"line {number}")
        live = [line["text"] for line in carol.lines() if not line["history"]]
        assert live == [f"line {n}" for n in range(1, number + 1)]
        assert (tmp_path / "log").read_text("utf-8", "replace").count('gssapi-data="TlRM') > 2
        assert carol.complaints() == []


async def test_pidgin_is_back_in_its_room_after_another_process_took_it_out(
    sample: Sample, driver: Path
) -> None:
    async with (
        SipeClient(driver, pidgin(sample, "carol")) as carol,
        connect(sample, "alice") as chat,
        asyncio.timeout(40),
    ):
        await carol.join("General")
        async with open_store(sample.config) as store:
            await store.append(NodeStarted(sample.config.node))
        async with chat.join("General") as room:
            while "sip:carol@example.com" not in [one.uri for one in room.participants]:
                await asyncio.sleep(0.01)
            await room.post("nothing happened")
            await carol.hears("nothing happened")
            await carol.send("what should have?")
            await carol.hears("what should have?")
            assert carol.complaints() == []
