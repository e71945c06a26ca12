"""E4: a trusted application listens to a room, and what should not stand is replaced."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.server.admin import administration
from perchat.server.applicationadmin import application_administration, issue_for, write_settings
from tests.cli.commandline import PROGRAM
from tests.client.test_examples import started
from tests.scenarios.world import ALICE, World, install_world, world_in
from tests.server.harness import free_port
from tests.server.trusting import own_loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BOT = "sip:modbot@example.com"
FQDN = "moderator.example.com"
INSTEAD = "Taken back."

pytestmark = pytest.mark.scenario("E4")


@dataclass(frozen=True, slots=True)
class Moderated:
    """The domain, with a room Floor that an application may moderate."""

    world: World
    settings: Path

    @contextlib.asynccontextmanager
    async def moderator(self) -> AsyncIterator[asyncio.StreamReader]:
        """Run the program for as long as the block; returns what it prints."""
        sample = self.world.sample
        process = await started(
            "moderator.py",
            *(str(self.settings), BOT, "Floor", "otter", "badger", "--text", INSTEAD),
            *("--config", str(sample.config.folder / "perchat.toml"), "--perchat", PROGRAM),
            *("--proxy", "{}:{}".format(*sample.tls), "--ca", str(sample.ca)),
            *("--listen", own_loopback()),
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(20):
                yield process.stdout
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


async def line(out: asyncio.StreamReader) -> str:
    return (await out.readline()).decode().rstrip()


@pytest.fixture
async def moderated(tmp_path: Path) -> AsyncIterator[Moderated]:
    config = await install_world(tmp_path / "server", ("modbot",))
    async with administration(config) as admin:
        await admin.add_room("Floor", "Projects", members=["alice", "bob", "carol", "modbot"])
    async with application_administration(config) as register:
        added = await register.add("Moderator", fqdn=FQDN, port=free_port(), act_as=[BOT])
    settings = write_settings(added, issue_for(config, FQDN, tmp_path / "issued"))
    async with world_in(config) as world:
        yield Moderated(world, settings)


async def test_what_should_not_stand_is_replaced_and_the_rest_goes_on(
    moderated: Moderated,
) -> None:
    world = moderated.world
    async with (
        moderated.moderator() as out,
        world.connect("alice") as alice,
        world.connect("bob") as bob,
        alice.join("Floor") as speaker,
        bob.join("Floor") as listener,
    ):
        assert await line(out) == "watching Floor"
        heard = listener.messages()
        for text in ("hello", "The Otter is out", "ottery is no word for it"):
            await speaker.post(text)
            assert (await anext(heard)).text == text  # moderation comes after the fact
        assert await line(out) == f"replaced 2 {ALICE}"
        await listener.post("what was that?")
        assert [message.text for message in await listener.recent(9)] == [
            "hello",
            INSTEAD,
            "ottery is no word for it",
            "what was that?",
        ]
        assert (await bob.query_history("Floor", perchat.HistoryQuery("otter")))[0].messages == ()
        async with world.connect("carol") as carol, carol.join("Floor") as late:
            assert INSTEAD in [message.text for message in await late.recent(9)]
    async with world.administrator() as admin:
        (kept,) = await admin.moderation.originals((await admin.room("Floor")).room)
    assert (kept.original.text, kept.original.author) == ("The Otter is out", ALICE)


async def test_what_was_said_while_nobody_watched_is_looked_at_first(moderated: Moderated) -> None:
    world = moderated.world
    async with world.connect("alice") as alice, alice.join("Floor") as room:
        for text in ("a badger", "fine", "an OTTER"):
            await room.post(text)
        async with moderated.moderator() as out:
            told = [await line(out) for _ in range(3)]
        assert told == [f"replaced 1 {ALICE}", f"replaced 3 {ALICE}", "watching Floor"]
        texts = [message.text for message in await room.recent(9)]
        assert texts == [INSTEAD, "fine", INSTEAD]
