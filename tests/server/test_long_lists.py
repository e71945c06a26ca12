"""Lists that are longer than an answer can be say so, and hold nobody up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.model.chatroom import Role
from perchat.model.journal import ParticipantJoined, RolesGranted, UserChanged
from perchat.model.principal import User
from perchat.model.uri import SipUri
from perchat.server.storage import open_store
from tests.server.harness import make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.harness import Sample

MANY = [SipUri(f"sip:u{n}@example.com") for n in range(6000)]


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "data")
    async with open_store(config) as store:
        (room,) = (one.uri for one in (await store.snapshot()).rooms if one.name == "General")
        await store.append(
            *(
                UserChanged(User(one, one.user, "A rather long name", f"guid-{one}"))
                for one in MANY
            ),
            RolesGranted(room, Role.MEMBER, tuple(MANY)),
            *(ParticipantJoined(room, one, f"s-{one}", "another") for one in MANY),
        )
    async with running(config) as sample:
        yield sample


async def test_a_list_of_members_or_participants_that_is_cut_says_so(sample: Sample) -> None:
    async with connect(sample, "alice") as chat:
        members = await chat.rooms.members("General")
        assert 1000 < len(members) < len(MANY)
        assert members.truncated
        managers = await chat.rooms.managers("General")
        assert (len(managers), managers.truncated) == (1, False)
        async with chat.join("General") as session:
            there = await session.all_participants()
            assert 1000 < len(there) < len(MANY)
            assert there.truncated
