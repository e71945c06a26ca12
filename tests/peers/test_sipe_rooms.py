"""
What the real pidgin-sipe client sees of rooms that are managed: who may what, and what ends.

The managers use the SDK; pidgin knows no command for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.history import HistoryQuery
from perchat.server.admin import administration
from perchat.testing.peers import SipeAccount, SipeClient, SipeEvent
from tests.server.harness import PASSWORD, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.harness import Sample

pytestmark = pytest.mark.xdist_group("sipe")

ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))
ROOMS = 150


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server")
    async with administration(config) as admin:
        await admin.add_room("Plot", "Company", privacy=Privacy.SECRET, members=("alice",))
        await admin.add_room("Pact", "Company", privacy=Privacy.SECRET, members=("carol",))
        await admin.add_room(
            "Stage",
            "Company",
            behavior=Behavior.AUDITORIUM,
            members=("alice", "carol"),
            presenters=("alice",),
        )
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


async def operators(client: SipeClient) -> dict[str, bool]:
    """Return by address whether the client shows a participant as an operator."""
    told = await client.step("members")
    (shown,) = (event for event in told if event["event"] == "members")
    return {member["uri"]: member["operator"] for member in shown["members"]}


async def test_secret_rooms_of_others_are_not_in_the_list(sample: Sample, driver: Path) -> None:
    async with SipeClient(driver, pidgin(sample, "carol")) as carol:
        await carol.ready()
        assert sorted(await carol.rooms()) == ["General", "Pact", "Private", "Stage"]
        async with connect(sample, "alice") as alice:
            await alice.rooms.update("General", disabled=True)
        assert sorted(await carol.rooms()) == ["Pact", "Private", "Stage"]


async def test_a_secret_room_of_others_is_refused_as_one_that_is_not_there(
    sample: Sample, driver: Path
) -> None:
    async with sample.admin() as admin:
        secret, known = [(await admin.room(name)).room.uri for name in ("Plot", "Private")]
    nowhere = "ma-chan://example.com/00000000-0000-0000-0000-000000000000"
    async with SipeClient(driver, pidgin(sample, "carol")) as carol:
        await carol.ready()
        told = [refusal(await carol.step(f"join-fails={room}")) for room in (secret, nowhere)]
        assert told[0] == told[1] != refusal(await carol.step(f"join-fails={known}"))
        await carol.join("General")  # the refusals ended nothing


def refusal(told: list[SipeEvent]) -> tuple[int, str]:
    """Return how a join was refused, as the client read it and showed it."""
    replies = (event for event in told if event["event"] == "reply")
    (reply,) = (one for one in replies if one["id"] != "rpl:getinv")  # it may come late
    assert any(event["event"] in ("room-error", "notify") for event in told)
    return reply["code"], reply["reason"]


async def test_who_is_taken_out_of_the_directory_is_signed_out_and_shown_why(
    sample: Sample, driver: Path
) -> None:
    async with (
        SipeClient(driver, pidgin(sample, "carol")) as carol,
        SipeClient(driver, pidgin(sample, "bob")) as bob,
    ):
        await carol.join("General")
        await bob.join("General")
        await carol.send("remember me")
        await bob.hears("remember me")
        async with sample.admin() as admin:
            await admin.remove_user("carol")
        shown = await carol.told("connection-error")
        assert "removed from the directory" in shown["text"]
        await carol.told("disconnected")
        await bob.told("member-left", uri=CAROL)
        async with connect(sample, "alice") as alice, alice.join("General") as room:
            await room.post("without carol")
            await bob.hears("without carol")
            assert (await room.recent(9))[0].text == "remember me"
        assert bob.complaints() == []


async def test_managers_are_shown_as_operators(sample: Sample, driver: Path) -> None:
    async with (
        SipeClient(driver, pidgin(sample, "carol")) as carol,
        connect(sample, "alice") as alice,
        alice.join("General"),
    ):
        await carol.join("General")
        assert await operators(carol) == {ALICE: True, CAROL: False}
        await carol.leave()
        await alice.rooms.grant("General", Role.MANAGER, [CAROL])
        await carol.join("General")
        assert await operators(carol) == {ALICE: True, CAROL: True}


async def test_who_is_put_out_sees_the_room_close_and_the_rest_sees_a_departure(
    sample: Sample, driver: Path
) -> None:
    async with (
        SipeClient(driver, pidgin(sample, "carol")) as carol,
        SipeClient(driver, pidgin(sample, "bob")) as bob,
        connect(sample, "alice") as alice,
    ):
        await carol.join("General")
        await bob.join("General")
        await carol.told("member-joined", uri=BOB)
        await alice.rooms.revoke("General", Role.MEMBER, [CAROL])
        await carol.told("reply", id="rpl:part")
        await bob.told("member-left", uri=CAROL)
        await carol.step("join-fails=General")  # it asks anew: its session is over
        async with alice.join("General") as room:
            await room.post("without carol")
            await bob.hears("without carol")
            assert carol.lines("General") == []
            await alice.rooms.grant("General", Role.MEMBER, [CAROL])
            await carol.join("General")
            await room.post("carol is back")
            await carol.hears("carol is back")


async def test_a_disabled_room_closes(sample: Sample, driver: Path) -> None:
    async with (
        SipeClient(driver, pidgin(sample, "carol")) as carol,
        SipeClient(driver, pidgin(sample, "bob")) as bob,
        connect(sample, "alice") as alice,
    ):
        await carol.join("General")
        await bob.join("General")
        await alice.rooms.update("General", disabled=True)
        for client in (carol, bob):
            await client.told("reply", id="rpl:part")
            await client.step("join-fails=General")


async def test_an_auditorium_takes_no_post_from_the_floor_and_says_so(
    sample: Sample, driver: Path
) -> None:
    async with (
        SipeClient(driver, pidgin(sample, "carol")) as carol,
        connect(sample, "alice") as alice,
        alice.join("Stage") as stage,
    ):
        await carol.join("Stage")
        await stage.post("welcome")
        await carol.hears("welcome")
        await carol.send("a question")
        await carol.step("expect-notice=a question")
        await stage.post("next")
        await carol.hears("next")
        assert [line["text"] for line in carol.lines("Stage")] == ["welcome", "next"]


async def test_what_was_replaced_or_removed_is_not_in_the_history_of_who_joins(
    sample: Sample, driver: Path
) -> None:
    async with connect(sample, "alice") as alice, alice.join("General") as room:
        for text in ("one", "the codename is Otter", "three", "otter again"):
            await room.post(text)
        async with sample.admin() as admin:
            general = (await admin.room("General")).room
            await admin.moderation.replace(general, HistoryQuery("codename"), text="taken back")
            await admin.moderation.remove(general, HistoryQuery("otter"))
        async with SipeClient(driver, pidgin(sample, "carol")) as carol:
            await carol.join("General")
            assert await carol.history("General") == ["one", "taken back", "three"]
            await room.post("five")
            await carol.hears("five")
            assert carol.complaints() == []


async def test_a_long_list_of_rooms_is_shown_whole(tmp_path: Path, driver: Path) -> None:
    config = await make_sample(tmp_path / "long")
    names = [f"Room {number}" for number in range(ROOMS)]
    async with administration(config) as admin:
        for name in names:
            await admin.add_room(name, "Company", description="one of many " * 10)
    async with (
        running(config) as sample,
        SipeClient(driver, pidgin(sample, "carol")) as carol,
    ):
        await carol.ready()
        told = [event["name"] for event in await carol.step("list") if event["event"] == "room"]
        assert sorted(told) == sorted([*names, "General", "Private"])
