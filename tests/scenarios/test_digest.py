"""E2: what is new in a room is mailed to its members, each message once."""

from __future__ import annotations

import asyncio
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

import perchat
from tests.client.test_examples import run, started
from tests.scenarios.world import ADMIN, ALICE, BOB, CAROL, MALLORY, PASSWORD, category

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scenarios.world import World

pytestmark = pytest.mark.scenario("E2")
TO = "admin@mail.example, alice@mail.example, bob@mail.example"


def mails(folder: Path) -> list[tuple[str, str, list[str]]]:
    """Return subject, addresses and lines without their time, of every mail."""
    read = [message_from_bytes(file.read_bytes()) for file in sorted(folder.glob("*.eml"))]
    return [
        (
            one["Subject"],
            one["To"],
            [said[17:] for said in str(one.get_payload()).splitlines()],
        )
        for one in read
    ]


async def test_members_get_what_is_new_once_also_after_a_restart(
    world: World, tmp_path: Path
) -> None:
    async with world.administrator() as administrator:
        await administrator.set_user("carol", enabled=False)
        await administrator.set_user("mallory", email="")
        await administrator.add_group("team", ["bob"])
    there = ("--server", world.sample.addresses.sip_tls or "", "--ca", str(world.sample.ca))
    words = ("digest.py", ADMIN, "Alpha", str(tmp_path), *there)
    async with world.connect("alice") as alice:
        place = await category(alice, "Projects")
        room = await alice.rooms.create("Alpha", place, members=[ALICE, BOB, CAROL, MALLORY, ADMIN])
        (team,) = await alice.rooms.eligible(room, perchat.Role.MEMBER, "team")
        await alice.rooms.grant(room, perchat.Role.MEMBER, team)
        async with alice.join(room) as session:
            await session.post("one")
            await session.post("All steps.", title="Release")
            reported = await run(*words, password=PASSWORD)
            assert sorted(reported.splitlines()) == [
                "disabled: carol",
                "no address: mallory",
                "not a person: team",
            ]
            first = ("2 new in Alpha", TO, ["Alice: one", "Alice: <Release> All steps."])
            assert mails(tmp_path) == [first]
            await run(*words, password=PASSWORD)  # nothing is new
            assert mails(tmp_path) == [first]
            await session.post("look!", alert=True)
            program = await started(*words, "--follow", "1", password=PASSWORD)
            second = ("1 new in Alpha", TO, ["Alice: [important] look!"])
            async with asyncio.timeout(20):
                while len(mails(tmp_path)) < 2:
                    await asyncio.sleep(0.05)
            await session.post("live")
            async with asyncio.timeout(20):
                _, errors = await program.communicate()
            assert (program.returncode, errors) == (0, b"")
            third = ("1 new in Alpha", TO, ["Alice: live"])
            assert mails(tmp_path) == [first, second, third]
