"""
What the real pidgin-sipe client makes of a crowd: who is in a room with hundreds, shown once each.

The hundreds are in the room by another node of the pool, as the journal tells it; what
pidgin is shown of them comes over the wire.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from perchat.model.chatroom import Role
from perchat.model.journal import (
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    UserChanged,
)
from perchat.model.principal import User
from perchat.model.uri import SipUri
from perchat.server.storage import open_store
from perchat.testing.peers import SipeAccount, SipeClient
from tests.server.harness import PASSWORD, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from perchat.model.uri import RoomUri
    from tests.server.harness import Sample

pytestmark = pytest.mark.xdist_group("sipe")

CAROL, MANY, LIMIT = "carol@example.com", 500, 75
CROWD = [SipUri(f"sip:guest{number}@example.com") for number in range(MANY - 1)]


class Crowd:
    """Users who are in General by another node."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self.room: RoomUri

    async def prepare(self) -> None:
        """Put them into the directory, as members."""
        async with self._sample.admin() as admin:
            self.room = (await admin.room("General")).room.uri
        users = (UserChanged(User(u, u.user, u.user.title(), f"guid-{u.user}")) for u in CROWD)
        await self._append(*users, RolesGranted(self.room, Role.MEMBER, tuple(CROWD)))

    async def come(self, users: Iterable[SipUri]) -> None:
        await self._append(
            *(ParticipantJoined(self.room, user, f"far/{user}", "far") for user in users)
        )

    async def go(self, users: Iterable[SipUri]) -> None:
        await self._append(
            *(ParticipantParted(self.room, user, f"far/{user}", "far") for user in users)
        )

    async def vanish(self) -> None:
        """Their node starts anew, with nobody."""
        await self._append(NodeStarted("far"))

    async def _append(self, *facts: object) -> None:
        async with open_store(self._sample.config) as store:
            await store.append(*facts)  # type: ignore[arg-type]  # all of them facts


@pytest.fixture
def limit() -> int:
    return LIMIT


@pytest.fixture
async def sample(tmp_path: Path, limit: int) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server", participant_updates=limit)
    async with running(config) as server:
        yield server


@pytest.fixture
async def crowd(sample: Sample) -> Crowd:
    made = Crowd(sample)
    await made.prepare()
    return made


def pidgin(sample: Sample, driver: Path) -> AbstractAsyncContextManager[SipeClient]:
    account = SipeAccount(
        uri=f"sip:{CAROL}", login="carol", password=PASSWORD, port=sample.tcp[1], transport="tcp"
    )
    return SipeClient(driver, account)


def names(users: Iterable[SipUri]) -> Counter[str]:
    return Counter(user.removeprefix("sip:") for user in users)


async def shown(client: SipeClient, event: str, last: SipUri) -> Counter[str]:
    """Return how often the client was told that of whom, once it was of ``last``."""
    await client.told(event, uri=str(last))
    told = (one["uri"] for one in client.events if one["event"] == event)
    return Counter(uri.removeprefix("sip:") for uri in told)


async def in_room(sample: Sample, many: int) -> None:
    """Wait until the running server has followed."""
    async with asyncio.timeout(10), connect(sample, "bob") as bob:
        while [one.participants for one in await bob.search_rooms("General")] != [many]:
            pass


@pytest.mark.parametrize("limit", [MANY])
async def test_five_hundred_who_are_there_are_shown_once_each(
    sample: Sample, crowd: Crowd, driver: Path
) -> None:
    await crowd.come(CROWD)
    await in_room(sample, MANY - 1)
    async with pidgin(sample, driver) as carol:
        await carol.join("General")
        assert Counter(await carol.members()) == names([*CROWD, SipUri(f"sip:{CAROL}")])
        await crowd.go(CROWD[:100])
        assert await shown(carol, "member-left", CROWD[99]) == names(CROWD[:100])
        assert Counter(await carol.members()) == names([*CROWD[100:], SipUri(f"sip:{CAROL}")])
        async with connect(sample, "alice") as alice, alice.join("General") as room:
            await room.post("a word to all")
            await carol.hears("a word to all")
        assert carol.complaints() == []


@pytest.mark.parametrize("limit", [MANY])
async def test_five_hundred_who_come_are_shown_once_each_and_all_at_once_gone(
    sample: Sample, crowd: Crowd, driver: Path
) -> None:
    async with pidgin(sample, driver) as carol:
        await carol.join("General")
        await crowd.come(CROWD)
        everybody = names([SipUri(f"sip:{CAROL}"), *CROWD])
        assert await shown(carol, "member-joined", CROWD[-1]) == everybody
        assert Counter(await carol.members()) == everybody
        await crowd.vanish()
        assert await shown(carol, "member-left", CROWD[-1]) == names(CROWD)
        assert await carol.members() == [CAROL]
        assert carol.complaints() == []


async def test_a_large_room_shows_nobody_else_and_still_talks(
    sample: Sample, crowd: Crowd, driver: Path
) -> None:
    await crowd.come(CROWD)
    await in_room(sample, MANY - 1)
    async with (
        pidgin(sample, driver) as carol,
        connect(sample, "alice") as alice,
        alice.join("General") as room,
    ):
        await carol.join("General")
        assert await carol.members() == [CAROL]
        await crowd.go(CROWD[:100])
        await crowd.come(CROWD[:50])
        await in_room(sample, MANY - 50 + 1)
        await room.post("quietly")
        await carol.hears("quietly")
        await carol.send("yes")
        await carol.hears("yes")
        assert [message.text for message in await room.recent(9)] == ["quietly", "yes"]
        assert await carol.members() == [CAROL]
        seen = [event["uri"] for event in carol.events if event["event"] == "member-joined"]
        assert set(seen) == {f"sip:{CAROL}"}
        assert carol.complaints() == []


async def test_a_room_that_was_large_shows_who_is_left_once_each(
    sample: Sample, crowd: Crowd, driver: Path
) -> None:
    first, more, left = CROWD[:50], CROWD[50:100], CROWD[30:70]
    async with pidgin(sample, driver) as carol:
        await carol.join("General")
        await crowd.come(first)
        await carol.told("member-joined", uri=str(first[-1]))
        await crowd.come(more)  # some of them unseen
        await in_room(sample, 101)
        await crowd.go([guest for guest in first + more if guest not in left])
        await in_room(sample, 41)
        async with connect(sample, "alice") as alice, alice.join("General") as room:
            await room.post("calm again")
            await carol.hears("calm again")
            alices = SipUri("sip:alice@example.com")
            expected = names([*left, SipUri(f"sip:{CAROL}"), alices])
            assert Counter(await carol.members()) == expected
        assert carol.complaints() == []
