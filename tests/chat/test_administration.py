from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from perchat.chat.administration import Administration
from perchat.chat.settings import ChatSettings
from perchat.errors import (
    ConfigurationError,
    DuplicateRoomName,
    InvalidArgument,
    NoSuchPrincipal,
    PresenterNotMember,
    PrincipalsNotInScope,
    RoomNotFound,
)
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.uri import SipUri
from perchat.store.directory import Directory, create_key
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ADA, BOB, EVE = (SipUri(f"sip:{name}@contoso.example") for name in ("ada", "bob", "eve"))
DOMAIN = "domain:contoso.example"


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Administration]:
    store, numbers = SqliteStore(tmp_path / "chat.db"), count(1)
    await store.open()
    yield Administration(
        store,
        ChatSettings(domain="contoso.example"),
        new_guid=lambda: f"guid-{next(numbers)}",
        directory=Directory(store, create_key(tmp_path / "directory.key")),
    )
    await store.close()


@pytest.fixture
async def staffed(admin: Administration) -> Administration:
    for uri in (ADA, BOB, EVE):
        await admin.add_user(uri)
    await admin.add_category("General")
    return admin


# users


async def test_a_user_is_made_with_name_guid_and_password(admin: Administration) -> None:
    made = await admin.add_user(ADA, display_name="Ada L.", nt_hash=b"x" * 16)
    assert (made.name, made.display_name, made.guid) == ("ada", "Ada L.", "guid-1")
    assert await admin.users() == [made]


async def test_a_user_is_made_once(staffed: Administration) -> None:
    with pytest.raises(ConfigurationError, match="exists already"):
        await staffed.add_user(ADA)


async def test_a_user_of_another_domain_is_refused(admin: Administration) -> None:
    with pytest.raises(ConfigurationError, match=r"contoso\.example"):
        await admin.add_user(SipUri("sip:ada@fabrikam.example"))


async def test_only_what_is_given_changes(staffed: Administration) -> None:
    await staffed.set_user(ADA, display_name="Countess")
    await staffed.set_user(ADA, enabled=False)
    user = await staffed.set_user(ADA, chat_enabled=False)
    assert (user.display_name, user.enabled, user.chat_enabled) == ("Countess", False, False)
    assert await staffed.user(ADA) == user


async def test_nobody_cannot_be_changed(admin: Administration) -> None:
    with pytest.raises(NoSuchPrincipal):
        await admin.set_user(ADA, enabled=False)
    with pytest.raises(NoSuchPrincipal):
        await admin.set_password(ADA, b"x" * 16)


# names


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 257, "bell\x07"])
async def test_names_that_cannot_be_are_refused(staffed: Administration, name: str) -> None:
    with pytest.raises(ConfigurationError):
        await staffed.add_category(name)
    with pytest.raises(ConfigurationError):
        await staffed.add_room(name, "General")


async def test_names_are_normalised(staffed: Administration) -> None:
    room = await staffed.add_room("  Cafe\u0301 ", "general", "x" * 256)
    assert room.name == "Caf\u00e9"
    assert (await staffed.room("CAFÉ")).uri == room.uri == (await staffed.room(room.uri)).uri


@pytest.mark.parametrize("name", ["ops", "OPS", "general", "Ops "])
async def test_a_name_is_taken_by_rooms_and_categories_alike(
    staffed: Administration, name: str
) -> None:
    await staffed.add_room("Ops", "General")
    with pytest.raises(DuplicateRoomName):
        await staffed.add_room(name, "General")
    with pytest.raises(DuplicateRoomName):
        await staffed.add_category(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ops", "the name ops is taken by the room Ops"),
        ("General", "the name General is taken by the category General"),
        ("\u041eps", "the name \u041eps is taken: it looks like that of the room Ops"),
    ],
)
async def test_a_refused_name_is_said_to_be_whose(
    staffed: Administration, name: str, why: str
) -> None:
    ops = await staffed.add_room("Ops", "General")
    plans = await staffed.add_room("Plans", "General")
    spare = await staffed.add_category("Spare")
    for act in (
        staffed.add_room(name, "General"),
        staffed.add_category(name),
        staffed.set_room(replace(plans, name=name)),
        staffed.set_category(replace(spare, name=name)),
    ):
        with pytest.raises(DuplicateRoomName) as refused:
            await act
        assert str(refused.value) == why
    assert (await staffed.set_room(replace(ops, name="OPS"))).name == "OPS"  # its own


# rooms


async def test_a_room_is_made_with_its_roles(staffed: Administration) -> None:
    room = await staffed.add_room(
        "Ops",
        "General",
        "24x7",
        members=[ADA, DOMAIN.upper()],
        managers=["sip:BOB@Contoso.example"],
    )
    assert room.privacy is Privacy.CLOSED
    assert await staffed.rooms() == [room]
    roles = await staffed.roles("ops")
    assert roles == {Role.MEMBER: (DOMAIN, str(ADA)), Role.MANAGER: (str(BOB),)}


@pytest.mark.parametrize("who", ["sip:nobody@contoso.example", "nonsense", ""])
async def test_roles_are_for_principals_that_exist(staffed: Administration, who: str) -> None:
    with pytest.raises(NoSuchPrincipal):
        await staffed.add_room("Ops", "General", members=[who])
    assert await staffed.rooms() == []


async def test_roles_are_for_principals_in_scope(staffed: Administration) -> None:
    await staffed.add_category("Traders", allow=[ADA])
    with pytest.raises(PrincipalsNotInScope, match="bob"):
        await staffed.add_room("Desk", "Traders", members=[ADA, BOB])
    await staffed.add_room("Desk", "Traders", members=[ADA])
    with pytest.raises(PrincipalsNotInScope, match=DOMAIN):
        await staffed.grant("Desk", Role.MANAGER, [DOMAIN])


async def test_a_room_needs_a_category(staffed: Administration) -> None:
    with pytest.raises(RoomNotFound, match="no such category: Nowhere"):
        await staffed.add_room("Ops", "Nowhere")


async def test_only_auditoriums_have_presenters_and_those_are_members(
    staffed: Administration,
) -> None:
    with pytest.raises(InvalidArgument):
        await staffed.add_room("Ops", "General", members=[ADA], presenters=[ADA])
    hall = Behavior.AUDITORIUM
    with pytest.raises(PresenterNotMember):
        await staffed.add_room("Hall", "General", members=[ADA], presenters=[BOB], behavior=hall)
    await staffed.add_room("Hall", "General", members=[ADA], presenters=[ADA], behavior=hall)
    with pytest.raises(PresenterNotMember):
        await staffed.grant("Hall", Role.PRESENTER, [BOB])


async def test_an_open_auditorium_has_presenters_without_members(staffed: Administration) -> None:
    await staffed.add_room(
        "Hall", "General", presenters=[BOB], privacy=Privacy.OPEN, behavior=Behavior.AUDITORIUM
    )
    assert await staffed.roles("Hall") == {Role.PRESENTER: (str(BOB),)}


async def test_granting_and_revoking_tell_what_changed(staffed: Administration) -> None:
    await staffed.add_room("Ops", "General", members=[ADA])
    assert await staffed.grant("Ops", Role.MEMBER, [ADA, BOB]) == (str(BOB),)
    assert await staffed.grant("Ops", Role.MEMBER, [ADA]) == ()
    assert await staffed.revoke("Ops", Role.MEMBER, [ADA, EVE]) == (str(ADA),)
    assert await staffed.revoke("Ops", Role.MEMBER, [ADA]) == ()
    with pytest.raises(ConfigurationError, match="name an address"):
        await staffed.revoke("Ops", Role.MEMBER, ["nonsense"])


async def test_who_is_no_member_any_more_is_no_presenter_either(staffed: Administration) -> None:
    hall = Behavior.AUDITORIUM
    await staffed.add_room("Hall", "General", members=[ADA], presenters=[ADA], behavior=hall)
    await staffed.revoke("Hall", Role.MEMBER, [ADA])
    assert await staffed.roles("Hall") == {}


async def test_narrowing_a_category_purges_the_roles_outside(staffed: Administration) -> None:
    await staffed.add_room("Ops", "General", members=[ADA, BOB], managers=[BOB])
    (general,) = await staffed.categories()
    await staffed.set_category(replace(general, denied=frozenset([str(BOB)])))
    assert await staffed.roles("Ops") == {Role.MEMBER: (str(ADA),)}


async def test_moving_a_room_purges_the_roles_the_new_category_does_not_allow(
    staffed: Administration,
) -> None:
    room = await staffed.add_room("Ops", "General", members=[ADA, BOB])
    traders = await staffed.add_category("Traders", allow=[ADA])
    await staffed.set_room(replace(room, category=traders.uri, name="Desk"))
    assert await staffed.roles("Desk") == {Role.MEMBER: (str(ADA),)}
    with pytest.raises(RoomNotFound):
        await staffed.set_room(replace(room, uri=type(room.uri)("ma-chan://contoso.example/x")))


async def test_a_new_open_room_invites_whom_an_inviting_category_allows(
    staffed: Administration,
) -> None:
    await staffed.add_category("Club", allow=[ADA, BOB], invitations=True)
    made = await staffed.add_room("Tea", "Club", privacy=Privacy.OPEN)
    await staffed.add_room("Cake", "Club", privacy=Privacy.CLOSED)
    invited = {
        user: [one.room for one in await staffed._store.invitations(user, 0, 10)]
        for user in (ADA, BOB, EVE)
    }
    assert invited == {ADA: [made.uri], BOB: [made.uri], EVE: []}
