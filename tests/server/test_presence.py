"""Presence as strangers publish and watch it: bounded, walled, and told once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

import perchat
from perchat import Availability, Presence
from perchat.lync.publication import (
    Publication,
    note_content,
    publish_document,
    read_version_fault,
    state_content,
)
from perchat.lync.watching import PRESENCE_EVENT, presence_query, read_presence
from perchat.server.config import PresenceConfig
from tests.client.test_presence import until
from tests.server.harness import DOMAIN, PASSWORD, make_sample, raw, running
from tests.server.signing import Signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.opening import Opening
    from perchat.sip.message import Response
    from tests.server.harness import Sample

ALICE, BOB, CAROL = (perchat.SipUri(f"sip:{n}@{DOMAIN}") for n in ("alice", "bob", "carol"))
PUBLISH = ("Content-Type", "application/msrtc-category-publish+xml")
BUSY = Publication("state", 1, 2, 0, "endpoint", 0, state_content("machineState", 6500))


def chat(sample: Sample, name: str) -> Opening[perchat.PersistentChatEndpoint]:
    return perchat.connect_user(
        f"{name}@{DOMAIN}",
        server=sample.addresses.sip_tcp,
        transport=perchat.Transport.TCP,
        credential=perchat.PasswordCredential(name, PASSWORD),
    )


class Publisher(Signer):
    """Alice, who publishes and watches whatever she likes."""

    async def publish(self, *some: Publication, body: bytes | None = None) -> Response:
        document = publish_document(ALICE, some) if body is None else body
        asked = self.next("SERVICE", PUBLISH, call_id=f"publication-{self._number}", body=document)
        return await self.exchange(self.initiator.seal(asked))

    async def watch(self, *users: str, expires: int = 600, to: str = "") -> Response:
        asked = self.next(
            "SUBSCRIBE",
            ("Event", PRESENCE_EVENT),
            ("Expires", str(expires)),
            ("Supported", "ms-piggyback-first-notify, ms-benotify"),
            call_id="watch",
            to=to,
            body=presence_query(ALICE, users) if users else b"",
        )
        return await self.exchange(self.initiator.seal(asked))


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "data")
    presence = PresenceConfig(contacts=3, publication_bytes=1500, notify_seconds=0.01)
    async with running(msgspec.structs.replace(config, presence=presence)) as up:
        yield up


@pytest.fixture
async def alice(sample: Sample) -> AsyncIterator[Publisher]:
    async with raw(sample.tcp) as peer:
        publisher = Publisher(peer)
        await publisher.sign_in()
        yield publisher


def seen(message: object) -> dict[str, int | None]:
    headers, body = message.headers, message.body  # type: ignore[attr-defined]
    told = read_presence(headers.get("Content-Type") or "", body)
    return {one.uri: one.availability for one in told}


async def test_a_stale_version_is_refused_with_the_current_one(alice: Publisher) -> None:
    assert (await alice.publish(BUSY)).status == 200
    late = await alice.publish(BUSY)
    assert (late.status, late.content_type) == (409, "application/msrtc-fault+xml")
    assert read_version_fault(late.body) == {1: 1}
    again = await alice.publish(replace(BUSY, version=1))
    assert (again.status, b'version="2"' in again.body) == (200, True)


async def test_what_is_too_large_is_refused_and_what_stood_stands(alice: Publisher) -> None:
    assert (await alice.publish(BUSY)).status == 200
    large = Publication("note", 0, 200, 0, "static", 0, note_content("x" * 1500))
    assert (await alice.publish(large)).status == 413
    many = [Publication("state", n, 2, 0, "endpoint", 0, BUSY.content) for n in range(2, 20)]
    assert (await alice.publish(*many)).status == 413
    assert read_version_fault((await alice.publish(BUSY)).body) == {1: 1}


async def test_what_is_far_too_large_is_not_even_read(alice: Publisher) -> None:
    assert (await alice.publish(body=b"<" * 3001)).status == 413
    asked = alice.next("SUBSCRIBE", ("Event", PRESENCE_EVENT), body=b"<" * 65_537)
    assert (await alice.exchange(alice.initiator.seal(asked))).status == 413


@pytest.mark.parametrize(
    "body", [b"<publish", b"<publish/>", publish_document(BOB, [BUSY]), b"<other/>"]
)
async def test_what_is_no_publication_of_ones_own_is_refused(alice: Publisher, body: bytes) -> None:
    assert (await alice.publish(body=body)).status == 400


async def test_nobody_publishes_for_another_user(alice: Publisher) -> None:
    asked = alice.next("SERVICE", PUBLISH, body=publish_document(BOB, [BUSY]))
    headers = asked.headers.replaced("To", f"<{BOB}>")
    forged = replace(asked, headers=headers)
    answer = await alice.exchange(alice.initiator.seal(forged))
    assert answer.status == 404


async def test_what_lasts_a_second_is_gone_after_it(sample: Sample, alice: Publisher) -> None:
    async with chat(sample, "bob") as bob, bob.presence.subscribe(ALICE) as view:
        short = Publication("state", 7, 2, 0, "time", 1, state_content("calendarState", 6500))
        assert (await alice.publish(short)).status == 200
        await until(view, Presence(ALICE, Availability.BUSY))
        await until(view, Presence(ALICE, Availability.AVAILABLE))


async def test_a_watcher_is_told_at_once_and_of_changes(sample: Sample, alice: Publisher) -> None:
    answer = await alice.watch(BOB, CAROL)
    assert answer.content_type == "multipart/related"
    assert seen(answer) == {BOB: 18500, CAROL: 18500}
    async with chat(sample, "bob") as bob:
        assert seen(await alice.told()) == {BOB: 3500}
        await bob.presence.publish(Availability.AWAY)
        assert seen(await alice.told()) == {BOB: 15500}
        to = answer.headers.get("To") or ""
        assert seen(await alice.watch(to=to)) == {BOB: 15500, CAROL: 18500}  # a refresh
        assert seen(await alice.watch(CAROL, to=to)) == {CAROL: 18500}  # others instead
        assert (await alice.watch(expires=0, to=to)).status == 200
    assert not alice.untold


@pytest.mark.parametrize("users", [("sip:x@example.com",), (BOB, CAROL, ALICE)])
async def test_so_many_users_can_be_watched_on_a_connection(
    alice: Publisher, users: tuple[str, ...]
) -> None:
    assert (await alice.watch(*users)).status == 200


async def test_more_users_are_refused(alice: Publisher) -> None:
    crowd = [f"sip:user{number}@example.com" for number in range(4)]
    assert (await alice.watch(*crowd)).status == 403
    assert (await alice.watch("tel:+1")).status == 400
    assert (await alice.watch(*crowd[1:])).status == 200


async def test_nothing_is_seen_through_a_wall(sample: Sample, alice: Publisher) -> None:
    async with sample.admin() as admin:
        await admin.set_category("Company", add={"denied": ["bob"]}, remove={})
    async with chat(sample, "bob") as bob, chat(sample, "carol") as carol:
        async with asyncio.timeout(10):
            while await bob.search_rooms("General"):
                await asyncio.sleep(0.01)  # until the server has followed
        assert seen(await alice.watch(BOB, CAROL, "sip:nobody@example.com")) == {
            BOB: 18500,
            CAROL: 3500,
            "sip:nobody@example.com": 18500,
        }
        await bob.presence.publish(Availability.BUSY, "secret")
        await carol.presence.publish(Availability.BUSY, "open")
        told = await alice.told()
        assert seen(told) == {CAROL: 6500}
        assert not alice.untold
        async with bob.presence.subscribe([ALICE, BOB]) as view:
            assert view[ALICE].availability is Availability.OFFLINE
            assert view[BOB] == Presence(BOB, Availability.BUSY, "secret")


async def test_a_wall_shows_as_soon_as_it_is_drawn(sample: Sample, alice: Publisher) -> None:
    async with chat(sample, "bob"), sample.admin() as admin:
        assert seen(await alice.watch(BOB, CAROL)) == {BOB: 3500, CAROL: 18500}
        await admin.set_category("Company", add={"denied": ["bob"]}, remove={})
        assert seen(await alice.told()) == {BOB: 18500}
        await admin.set_category("Company", add={}, remove={"denied": ["bob"]})
        assert seen(await alice.told()) == {BOB: 3500}
        assert not alice.untold


async def test_who_is_disabled_is_seen_no_more(sample: Sample, alice: Publisher) -> None:
    async with chat(sample, "bob"):
        assert seen(await alice.watch(BOB)) == {BOB: 3500}
        async with sample.admin() as admin:
            await admin.set_user("bob", enabled=False)
        assert seen(await alice.told()) == {BOB: 18500}
