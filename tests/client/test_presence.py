"""Users let others see how reachable they are, across devices and connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import Availability, Presence
from tests.client.cutter import cutter_up
from tests.client.test_living import living

if TYPE_CHECKING:
    from tests.client.server import LiveServer

ALICE, BOB, CAROL = (perchat.SipUri(f"sip:{n}@example.com") for n in ("alice", "bob", "carol"))


async def until(view: perchat.PresenceView, wanted: Presence) -> None:
    """Wait until the view shows it."""
    changes = view.changes()
    async with asyncio.timeout(10):
        while view[wanted.user] != wanted:
            await anext(changes)


async def test_what_a_user_publishes_others_see(server: LiveServer) -> None:
    async with (
        server.connect("alice") as alice,
        server.connect("bob") as bob,
        alice.presence.subscribe([BOB, CAROL]) as view,
    ):
        assert view.users == (BOB, CAROL)
        await until(view, Presence(BOB, Availability.AVAILABLE))
        assert view[CAROL] == Presence(CAROL, Availability.OFFLINE)
        for availability in Availability:
            await bob.presence.publish(availability, note="in a <talk> & more")
            await until(view, Presence(BOB, availability, "in a <talk> & more"))
        await bob.presence.publish(Availability.AWAY)
        await until(view, Presence(BOB, Availability.AWAY))


async def test_who_comes_and_goes_is_seen(server: LiveServer) -> None:
    async with server.connect("alice") as alice, alice.presence.subscribe(BOB) as view:
        changes = view.changes()
        async with server.connect("bob") as bob:
            await until(view, Presence(BOB, Availability.AVAILABLE))
            await bob.presence.publish(Availability.BUSY, "on the phone")
            await until(view, Presence(BOB, Availability.BUSY, "on the phone"))
        await until(view, Presence(BOB, Availability.OFFLINE))
        async with server.connect("bob"):  # what was said before is not said any more
            await until(view, Presence(BOB, Availability.AVAILABLE))
        await view.close()
        assert [change.availability async for change in changes][:2] == [
            Availability.AVAILABLE,
            Availability.BUSY,
        ]


async def test_two_devices_of_a_user_are_one(server: LiveServer) -> None:
    async with (
        server.connect("alice") as alice,
        alice.presence.subscribe(BOB) as view,
        server.connect("bob") as desk,
    ):
        async with server.connect("bob") as phone:
            await phone.presence.publish(Availability.BUSY, "travelling")
            await until(view, Presence(BOB, Availability.BUSY, "travelling"))
            await desk.presence.publish(Availability.AWAY)  # it knows no version of it yet
            await until(view, Presence(BOB, Availability.AWAY))
            await phone.presence.publish(Availability.BUSY)
            await until(view, Presence(BOB, Availability.BUSY))
        await desk.presence.publish(Availability.BUSY, "back")  # what the phone said stands
        await until(view, Presence(BOB, Availability.BUSY, "back"))


async def test_participants_of_a_room_can_be_followed(server: LiveServer) -> None:
    async with (
        server.connect("alice") as alice,
        server.connect("bob") as bob,
        alice.join("Lobby") as lobby,
        bob.join("Lobby"),
    ):
        people = (await lobby.all_participants())[:]
        async with asyncio.timeout(10):
            while len(people) < 2:
                people = (await lobby.all_participants())[:]
        seen: list[Presence] = []
        async with alice.presence.subscribe(people) as view:
            view.on(Presence, seen.append)
            await bob.presence.publish(Availability.DO_NOT_DISTURB)
            await until(view, Presence(BOB, Availability.DO_NOT_DISTURB))
        assert seen[-1] == Presence(BOB, Availability.DO_NOT_DISTURB)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (lambda p: p.subscribe([]), ValueError),
        (lambda p: p.subscribe("ma-grp:1@u.g"), ValueError),
        (lambda p: p.subscribe("bob"), ValueError),
        (lambda p: p.publish("busy"), TypeError),
        (lambda p: p.publish(Availability.BUSY, "x" * 501), ValueError),
        (lambda p: p.publish(Availability.BUSY, "\x07"), ValueError),
    ],
)
async def test_what_is_wrong_in_itself_is_not_sent(
    server: LiveServer, wrong: object, kind: type[Exception]
) -> None:
    assert callable(wrong)
    async with server.connect("alice") as alice:
        with pytest.raises(kind):
            await wrong(alice.presence)


async def test_too_many_users_are_refused_and_nothing_else_suffers(server: LiveServer) -> None:
    crowd = [f"sip:user{number}@example.com" for number in range(251)]
    async with server.connect("alice") as alice:
        with pytest.raises(perchat.PublishSubscribeError, match="too many") as refused:
            await alice.presence.subscribe(crowd)
        assert refused.value.status == 403
        async with alice.presence.subscribe(crowd[1:]) as view:
            assert {one.availability for one in view.presences.values()} == {Availability.OFFLINE}
        async with alice.presence.subscribe(crowd[1:]):  # what was closed counts no more
            assert await alice.my_rooms()


async def test_both_sides_come_back_after_a_cut(server: LiveServer) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter, "bob") as bob,
        living(cutter) as alice,
        alice.presence.subscribe(BOB) as view,
    ):
        await bob.presence.publish(Availability.BUSY, "writing")
        await until(view, Presence(BOB, Availability.BUSY, "writing"))
        states = [bob.state_changes(), alice.state_changes()]
        cutter.cut()
        async with asyncio.timeout(20):
            for changes in states:
                while (await anext(changes)).state is not perchat.LivingState.ESTABLISHED:
                    pass
        await until(view, Presence(BOB, Availability.BUSY, "writing"))
        await bob.presence.publish(Availability.AWAY)
        await until(view, Presence(BOB, Availability.AWAY))
