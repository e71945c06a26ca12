"""What another process made a moment ago is there for whoever asks, before the server polls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from perchat.cluster import feed
from perchat.errors import AuthenticationError, PermissionDenied, RegisterError, RoomNotFound
from perchat.model.chatroom import Role
from perchat.server.admin import administration
from perchat.server.config import AdministrationConfig
from perchat.store.sqlite import SqliteStore
from tests.server.harness import PASSWORD, Sample, make_sample, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.server.admin import Admin


@pytest.fixture
async def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sample]:
    """A server that never looks by itself for what others append, and is not woken either."""
    never = {"poll": 3600.0, "pause": 0.0, "batch": 1000}
    monkeypatch.setattr(feed.Feed.__init__, "__kwdefaults__", never)

    async def grown(_self: SqliteStore) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(SqliteStore, "grown", grown)
    async with running(await make_sample(tmp_path / "server")) as server:
        yield server


@pytest.fixture
async def admin(sample: Sample) -> AsyncIterator[Admin]:
    """An administrator who waits for nobody."""
    impatient = AdministrationConfig(follow_seconds=0.0)
    config = msgspec.structs.replace(sample.config, administration=impatient)
    async with administration(config) as one:
        yield one


async def test_a_new_room_is_found_joined_and_read(sample: Sample, admin: Admin) -> None:
    async with connect(sample, "alice") as chat:
        await admin.add_room("Fresh", "Company", members=["alice"])
        (found,) = await chat.filter_rooms("Fresh")
        await admin.add_room("Fresher", "Company", members=["alice"])
        uri = (await admin.room("Fresher")).room.uri
        async with chat.join(uri) as room:
            await room.post("first")
        assert found.name == "Fresh"
        with pytest.raises(RoomNotFound):
            await chat.find("Nothing of that name")


async def test_a_role_given_a_moment_ago_counts(sample: Sample, admin: Admin) -> None:
    private = (await admin.room("Private")).room.uri
    async with connect(sample, "bob") as chat:
        with pytest.raises(PermissionDenied):
            async with chat.join(private):
                pass
        await admin.add_members("Private", ["bob"])
        async with chat.join(private) as room:
            assert await room.recent(5) == []


async def test_a_new_user_signs_in(sample: Sample, admin: Admin) -> None:
    await admin.add_user("erin", PASSWORD)
    async with connect(sample, "erin") as chat:
        assert chat.owner_uri == "sip:erin@example.com"


async def test_a_user_enabled_again_signs_in_and_a_disabled_one_does_not(
    sample: Sample, admin: Admin
) -> None:
    async with connect(sample, "alice") as chat:
        await admin.set_user("bob", enabled=False)
        await chat.filter_rooms("of no such name")  # reads on
        with pytest.raises((RegisterError, AuthenticationError)):
            async with connect(sample, "bob"):
                pass
        await admin.set_user("bob", enabled=True)
        async with connect(sample, "bob"):
            pass


async def test_a_new_member_is_found_for_a_role(sample: Sample, admin: Admin) -> None:
    async with connect(sample, "alice") as chat:
        await admin.add_user("frank", PASSWORD)
        (found,) = await chat.rooms.eligible("General", Role.MEMBER, "frank")
        assert found.uri == "sip:frank@example.com"


async def test_a_room_is_found_by_its_name_beside_others_that_have_its_words(
    sample: Sample, admin: Admin
) -> None:
    async with connect(sample, "alice") as chat:
        await admin.add_room("General affairs", "Company", members=["alice"])
        async with chat.join("General affairs") as room:
            assert room.name == "General affairs"
