"""The administrator's words on a database that nobody else has open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import CommandFailed, ConfigurationError, ErrorCode
from perchat.server.admin import Admin, administration
from perchat.server.install import install
from tests.server.harness import make_sample

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    async with administration(await make_sample(tmp_path / "d")) as admin:
        yield admin


@pytest.mark.parametrize(
    "name",
    ["alice", "ALICE", "alice@example.com", "sip:alice@example.com", "SIP:Alice@Example.COM."],
)
async def test_a_user_is_the_same_however_he_is_named(admin: Admin, name: str) -> None:
    assert (await admin.user(name)).uri == "sip:alice@example.com"
    with pytest.raises(ConfigurationError, match="exists already"):
        await admin.check_new(name)


@pytest.mark.parametrize(
    "name", ["", "a b", "a;b", "a@b@c", "é", "漢字", "\udcff", "a\n", "@", "x" * 65, "a@b c", "a/b"]
)
async def test_names_that_make_no_address_are_refused(admin: Admin, name: str) -> None:
    with pytest.raises(ConfigurationError):
        await admin.add_user(name, "secret")


async def test_users_of_other_domains_are_refused(admin: Admin) -> None:
    with pytest.raises(ConfigurationError, match="domain example"):
        await admin.check_new("erin@other.example")


async def test_a_display_name_has_any_letters(admin: Admin) -> None:
    await admin.check_new("o'brien-1")
    added = await admin.add_user("o'brien-1", "secret", display_name="漢字 é 😀")
    assert (added.uri, added.display_name) == ("sip:o'brien-1@example.com", "漢字 é 😀")


async def test_rooms_are_listed_with_category_and_roles(admin: Admin) -> None:
    general, private = await admin.rooms()
    assert (general.room.name, general.category) == ("General", "Company")
    assert general.members == tuple(f"sip:{n}@example.com" for n in ("alice", "bob", "carol"))
    assert general.managers == ("sip:alice@example.com",)
    assert private == await admin.room("PRIVATE") == await admin.room(str(private.room.uri))


async def test_an_unknown_room_is_said_to_be_unknown(admin: Admin) -> None:
    with pytest.raises(CommandFailed) as caught:
        await admin.room("nowhere")
    assert caught.value.code is ErrorCode.NO_SUCH_NODE


async def test_a_server_without_rooms_lists_none(tmp_path: Path) -> None:
    async with administration(await install(tmp_path / "d", "example.com")) as admin:
        assert (await admin.rooms(), await admin.users(), await admin.categories()) == ([], [], [])
