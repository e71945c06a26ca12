"""E4: a trusted application listens to a room, and what should not stand is replaced.

It is another process than the server, and has nothing of the server's: a certificate, the
authority to trust, and what it was granted.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.model.administration import AdministrativeRole
from perchat.server.admin import administration
from perchat.server.applicationadmin import application_administration, issue_for, write_settings
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
    """
    The domain, with a room Floor that an application may moderate.

    Attributes:
        settings: What the application has, in a folder of its own.

    """

    world: World
    settings: Path

    @contextlib.asynccontextmanager
    async def moderator(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run the program for as long as the block."""
        sample = self.world.sample
        process = await started(
            "moderator.py",
            *(str(self.settings), BOT, "Floor", "otter", "badger", "--text", INSTEAD),
            *("--proxy", "{}:{}".format(*sample.tls)),
            *("--ca", str(self.settings.parent / "ca.pem")),
            *("--listen", own_loopback()),
        )
        try:
            async with asyncio.timeout(20):
                yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


async def line(program: asyncio.subprocess.Process) -> str:
    assert program.stdout is not None
    return (await program.stdout.readline()).decode().rstrip()


@pytest.fixture
async def moderated(tmp_path: Path) -> AsyncIterator[Moderated]:
    config = await install_world(tmp_path / "server", ("modbot",))
    async with administration(config) as admin:
        await admin.add_room("Floor", "Projects", members=["alice", "bob", "carol", "modbot"])
        await admin.grant_role("modbot", AdministrativeRole.MODERATOR, ["Projects"])
    async with application_administration(config) as register:
        added = await register.add("Moderator", fqdn=FQDN, port=free_port(), act_as=[BOT])
    certificate = issue_for(config, FQDN, tmp_path / "issued")
    settings = write_settings(added, certificate)
    own = tmp_path / "elsewhere"
    shutil.move(settings.parent, own)
    async with world_in(config) as world:
        yield Moderated(world, own / settings.name)


async def test_what_should_not_stand_is_replaced_and_the_rest_goes_on(
    moderated: Moderated,
) -> None:
    world = moderated.world
    async with (
        moderated.moderator() as program,
        world.connect("alice") as alice,
        world.connect("bob") as bob,
        alice.join("Floor") as speaker,
        bob.join("Floor") as listener,
    ):
        assert await line(program) == "watching Floor"
        heard = listener.messages()
        for text in ("hello", "The Otter is out", "ottery is no word for it"):
            await speaker.post(text)
            assert (await anext(heard)).text == text  # moderation comes after the fact
        assert await line(program) == f"replaced 2 {ALICE}"
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
        async with moderated.moderator() as program:
            told = [await line(program) for _ in range(3)]
        assert told == [f"replaced 1 {ALICE}", f"replaced 3 {ALICE}", "watching Floor"]
        texts = [message.text for message in await room.recent(9)]
        assert texts == [INSTEAD, "fine", INSTEAD]


async def test_who_was_not_granted_to_moderate_is_refused(moderated: Moderated) -> None:
    world = moderated.world
    async with world.administrator() as admin:
        await admin.revoke_role("modbot", AdministrativeRole.MODERATOR)
    async with world.connect("alice") as alice, alice.join("Floor") as room:
        await room.post("an otter")
        async with moderated.moderator() as program:
            _, errors = await program.communicate()
        assert b"sip:modbot@example.com was not granted to moderate here" in errors
        assert [message.text for message in await room.recent(9)] == ["an otter"]
