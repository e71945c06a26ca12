"""Presence between the SDK and pidgin-sipe: each shows what the other one publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import Availability, Presence
from perchat.testing.peers import SipeClient
from tests.client.test_presence import until
from tests.peers.test_sipe import account, over_both, sdk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.server import RunningServer

pytestmark = pytest.mark.xdist_group("sipe")

ALICE, BOB = perchat.SipUri("sip:alice@example.com"), perchat.SipUri("sip:bob@example.com")
SHOWN = {
    Availability.BUSY: "busy",
    Availability.DO_NOT_DISTURB: "do-not-disturb",
    Availability.BE_RIGHT_BACK: "be-right-back",
    Availability.AWAY: "away",
    Availability.AVAILABLE: "available",
}


@over_both
async def test_pidgin_shows_what_a_user_of_the_sdk_publishes(
    transport: str, driver: Path, server: RunningServer
) -> None:
    async with SipeClient(driver, account(server, "alice", transport)) as alice:
        await alice.ready()
        await alice.step(f"buddy={BOB}")
        await alice.step(f"expect-status={BOB} offline")
        async with sdk(server, "bob", transport) as bob:
            await alice.step(f"expect-status={BOB} available")
            for availability, shown in SHOWN.items():
                await bob.presence.publish(availability, note=f"now {shown}")
                changed = await alice.told("buddy-status", uri=BOB, status=shown)
                assert changed["message"].endswith(f"now {shown}")
        await alice.step(f"expect-status={BOB} offline")
        assert alice.complaints() == []


@over_both
async def test_a_user_of_the_sdk_sees_what_pidgin_publishes(
    transport: str, driver: Path, server: RunningServer
) -> None:
    async with sdk(server, "bob", transport) as bob, bob.presence.subscribe(ALICE) as view:
        assert view[ALICE] == Presence(ALICE, Availability.OFFLINE)
        async with SipeClient(driver, account(server, "alice", transport)) as alice:
            await alice.ready()
            await until(view, Presence(ALICE, Availability.AVAILABLE))
            for availability, chosen in SHOWN.items():
                await alice.step(f"status={chosen} at {chosen}")
                await until(view, Presence(ALICE, availability, f"at {chosen}"))
            assert alice.complaints() == []
        await until(view, Presence(ALICE, Availability.OFFLINE))


async def test_two_devices_one_of_them_pidgin_are_one_user(
    driver: Path, server: RunningServer
) -> None:
    async with (
        sdk(server, "alice") as alice,
        sdk(server, "bob") as bob,
        bob.presence.subscribe(ALICE) as view,
        SipeClient(driver, account(server, "alice")) as pidgin,
    ):
        await pidgin.ready()
        await alice.presence.publish(Availability.BUSY, "on both")
        await pidgin.step("expect-own-status=busy")
        await until(view, Presence(ALICE, Availability.BUSY, "on both"))
        await pidgin.step("status=available back again")
        await until(view, Presence(ALICE, Availability.AVAILABLE, "back again"))
        assert pidgin.complaints() == []
