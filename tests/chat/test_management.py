"""Rooms in the hands of creators and managers; N1, N2, N7, N9 and N10 of the negative set."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest

from perchat.chat.finding import RoomFilter
from perchat.chat.refusal import Refusal
from perchat.chat.state import RoomAltered, UserKicked, UserPrivilegesChanged
from perchat.errors import ErrorCode
from perchat.model.addin import AddIn
from perchat.model.chatroom import Behavior, Permission, Privacy, Role
from perchat.model.invitation import InviteSetting
from perchat.model.journal import (
    AddInChanged,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    RolesGranted,
    UserRemoved,
)
from perchat.model.principal import Group, RoleEntry
from perchat.model.roomdetails import (
    RoleChange,
    RoleOperation,
    RoomDetails,
    RoomSettings,
    RoomUpdate,
)
from perchat.model.uri import CategoryUri, GroupUri, RoomUri
from tests.chat.conftest import post
from tests.store.samples import ADA, BOB, DOMAIN, EVE, GENERAL, LAB, OPS, category, room

if TYPE_CHECKING:
    from tests.chat.conftest import Node

T = TypeVar("T")
DESK = CategoryUri.of(DOMAIN, "c1")
TEAM = GroupUri("ma-grp:team@u.g")
TEA, OPEN = RoomUri.of(DOMAIN, "a2"), Privacy.OPEN


@pytest.fixture
async def made(node: Node) -> Node:
    """Ada makes rooms in General and on the Desk, from which Bob is shut out; Ops is hers."""
    ada = frozenset([str(ADA)])
    await node.become(
        category(creators=ada),
        category(uri=DESK, name="Desk", denied=frozenset([str(BOB)]), creators=ada),
        RolesGranted(OPS, Role.MANAGER, (ADA,)),
    )
    node.told.clear()
    return node


def done(result: Refusal | T) -> T:
    assert not isinstance(result, Refusal), result
    return result


def refused(result: object) -> ErrorCode:
    assert isinstance(result, Refusal), result
    return result.code


def names(entries: list[RoleEntry]) -> list[str]:
    return [entry.principal.uri for entry in entries]


async def test_a_creator_makes_a_room_and_manages_it_without_being_a_member(made: Node) -> None:
    chat = made.service
    new = done(await chat.create_room(ADA, RoomSettings(" Tea ", GENERAL, "at four")))
    assert (new.name, new.description, new.privacy) == ("Tea", "at four", Privacy.CLOSED)
    assert new.category is not None
    assert new.category.name == "General"
    assert (new.changes.created_by, new.changes.updated_by) == (ADA, ADA)
    assert new.changes.created_on == new.changes.updated_on is not None
    assert chat.permissions(ADA, new.uri) == Permission.VIEW | Permission.MANAGE
    assert refused(await chat.join(ADA, "s1", new.uri)) is ErrorCode.ERROR_PERMISSION
    assert names(done(await chat.managers(ADA, new.uri))) == [ADA]
    assert done(await chat.members(ADA, new.uri)) == []


async def test_n1_rooms_are_made_by_creators_in_categories_under_new_names(made: Node) -> None:
    chat = made.service
    root = chat.server_info(0).root_category
    for user, wanted, code in [
        (BOB, RoomSettings("Tea", GENERAL), ErrorCode.UNABLE_TO_CREATE_ROOM),
        (ADA, RoomSettings("Tea", root), ErrorCode.NODE_HIERARCHY_VIOLATION),
        (ADA, RoomSettings("Tea", CategoryUri.of(DOMAIN, "no")), ErrorCode.NO_SUCH_NODE),
        (ADA, RoomSettings("OPS", GENERAL), ErrorCode.DUPLICATE_ROOM_NAME),
        (ADA, RoomSettings("general", GENERAL), ErrorCode.DUPLICATE_ROOM_NAME),
        (ADA, RoomSettings("\u041eps", GENERAL), ErrorCode.DUPLICATE_ROOM_NAME),
        (ADA, RoomSettings("x" * 257, GENERAL), ErrorCode.INVALID_ARGUMENT),
        (ADA, RoomSettings("a\x07b", GENERAL), ErrorCode.INVALID_ARGUMENT),
        (ADA, RoomSettings("a\u202eb", GENERAL), ErrorCode.INVALID_ARGUMENT),
        (ADA, RoomSettings("\u200b", GENERAL), ErrorCode.INVALID_ARGUMENT),
        (ADA, RoomSettings("Tea", GENERAL, add_in="none"), ErrorCode.INVALID_ARGUMENT),
    ]:
        assert refused(await chat.create_room(user, wanted)) is code, wanted
    assert {place.room.name for place in chat.state.rooms.values()} == {"Ops", "Lab"}


async def test_n2_roles_are_for_those_who_can_have_them(made: Node) -> None:
    chat = made.service
    hall = done(
        await chat.create_room(
            ADA, RoomSettings("Hall", DESK, behavior=Behavior.AUDITORIUM, members=(str(EVE),))
        )
    )
    for where, role, who, code in [
        (hall.uri, Role.MEMBER, BOB, ErrorCode.PRINCIPALS_NOT_IN_SCOPE),
        (hall.uri, Role.PRESENTER, ADA, ErrorCode.PRESENTER_NOT_IN_MEM_LIST),
        (OPS, Role.PRESENTER, ADA, ErrorCode.INVALID_ARGUMENT),
        (hall.uri, Role.MEMBER, f"sip:nobody@{DOMAIN}", ErrorCode.NO_SUCH_PRINCIPAL),
        (hall.uri, Role.MEMBER, TEAM, ErrorCode.NO_SUCH_PRINCIPAL),
        (hall.uri, Role.MEMBER, "nonsense", ErrorCode.INVALID_ARGUMENT),
        (hall.uri, Role.CREATOR, EVE, ErrorCode.INVALID_ARGUMENT),
        (hall.uri, Role.MEMBER, EVE, ErrorCode.PRINCIPALS_ALREADY_DEFINED),
    ]:
        assert refused(await chat.grant(ADA, where, role, [who])) is code, who
    assert names(done(await chat.grant(ADA, hall.uri, Role.PRESENTER, [EVE]))) == [EVE]


async def test_role_entries_tell_who_gave_them_and_when(made: Node) -> None:
    (entry, *_) = done(await made.service.grant(ADA, OPS, Role.MANAGER, [BOB]))[1:]
    assert entry.principal.display_name == "Bob"
    assert entry.changes.created_by == ADA
    assert entry.changes.created_on is not None


async def test_only_managers_change_a_room_and_others_may_not_know_of_it(made: Node) -> None:
    chat = made.service
    assert refused(await chat.update_room(BOB, RoomUpdate(OPS, "X"))) is ErrorCode.ERROR_PERMISSION
    assert refused(await chat.grant(BOB, OPS, Role.MEMBER, [EVE])) is ErrorCode.ERROR_PERMISSION
    assert refused(await chat.members(EVE, OPS)) is ErrorCode.ERROR_PERMISSION
    assert refused(await chat.update_room(BOB, RoomUpdate(LAB, "X"))) is ErrorCode.NO_SUCH_NODE
    assert refused(await chat.room(BOB, "Lab")) is ErrorCode.NO_SUCH_NODE
    assert refused(await chat.room(BOB, LAB)) is ErrorCode.NO_SUCH_NODE
    assert done(await chat.room(BOB, "ops")).uri == OPS
    assert names(done(await chat.members(BOB, OPS))) == [ADA, BOB]


async def test_participants_hear_what_changed(made: Node) -> None:
    await made.service.join(BOB, "s1", OPS)
    made.told.clear()
    update = RoomUpdate(OPS, "Operations", privacy=Privacy.OPEN, invitations=InviteSetting.OFF)
    changed = done(await made.service.update_room(ADA, update))
    assert (changed.name, changed.privacy) == ("Operations", Privacy.OPEN)
    assert changed.invitations.local is InviteSetting.OFF
    (told,) = made.told
    assert isinstance(told, RoomAltered)
    assert (told.before.name, told.after.name) == ("Ops", "Operations")
    made.told.clear()
    done(await made.service.grant(ADA, OPS, Role.MANAGER, [BOB]))
    assert made.told == [UserPrivilegesChanged(OPS, (BOB,))]


async def test_n7_who_is_no_member_any_more_is_kicked(made: Node) -> None:
    await made.service.join(BOB, "s1", OPS)
    made.told.clear()
    done(await made.service.revoke(ADA, OPS, Role.MEMBER, [BOB]))
    assert UserKicked(OPS, BOB) in made.told
    await made.until(lambda: not made.service.audience(OPS))
    assert refused(await made.service.join(BOB, "s1", OPS)) is ErrorCode.ERROR_PERMISSION


async def test_n7_a_disabled_room_is_empty_hidden_and_silent_until_enabled(made: Node) -> None:
    chat = made.service
    for user in (ADA, BOB):
        await chat.join(user, f"s-{user}", OPS)
    done(await post(chat, BOB, f"s-{BOB}", OPS, "before"))
    made.told.clear()
    done(await chat.update_room(ADA, RoomUpdate(OPS, disabled=True)))
    await made.until(lambda: not chat.audience(OPS))
    kicks = {one for one in made.told if isinstance(one, UserKicked)}
    assert kicks == {UserKicked(OPS, ADA, True), UserKicked(OPS, BOB, True)}
    assert [found.uri for found in await chat.find_rooms(BOB, RoomFilter())] == []
    assert refused(await chat.recent(BOB, OPS, 5)) is ErrorCode.NODE_DISABLED
    assert refused(await chat.join(BOB, "s1", OPS)) is ErrorCode.NODE_DISABLED
    assert refused(await chat.room(BOB, OPS)) is ErrorCode.NODE_DISABLED
    enabling = await chat.update_room(ADA, RoomUpdate(OPS, disabled=False))
    assert refused(enabling) is ErrorCode.ERROR_PERMISSION
    await made.become(room())  # as an administrator does
    assert [message.text for message in done(await chat.recent(BOB, OPS, 5))] == ["before"]
    assert names(done(await chat.members(ADA, OPS))) == [ADA, BOB]


async def test_n9_a_room_moved_behind_a_wall_loses_whom_the_wall_denies(made: Node) -> None:
    chat = made.service
    await chat.join(BOB, "s1", OPS)
    made.told.clear()
    moved = done(await chat.move_room(ADA, OPS, DESK))
    assert moved.category is not None
    assert moved.category.uri == DESK
    await made.until(lambda: not chat.audience(OPS))
    assert UserKicked(OPS, BOB) in made.told
    assert names(done(await chat.members(ADA, OPS))) == [ADA]
    assert refused(await chat.room(BOB, OPS)) is ErrorCode.NO_SUCH_NODE


async def test_a_room_moves_only_where_its_manager_is_a_creator(made: Node) -> None:
    await made.become(category(uri=DESK, name="Desk"))
    assert refused(await made.service.move_room(ADA, OPS, DESK)) is ErrorCode.ERROR_PERMISSION


async def test_n10_the_second_of_two_updates_at_once_collides(made: Node) -> None:
    chat = made.service
    read = done(await chat.room(ADA, OPS)).changes.updated_on
    assert read is not None
    first = done(await chat.update_room(ADA, RoomUpdate(OPS, description="a", expected=read)))
    second = await chat.update_room(ADA, RoomUpdate(OPS, description="b", expected=read))
    assert refused(second) is ErrorCode.DATA_COLLISION
    assert done(await chat.room(ADA, OPS)).description == "a"
    again = RoomUpdate(OPS, description="b", expected=first.changes.updated_on)
    assert done(await chat.update_room(ADA, again)).description == "b"


async def test_lists_of_roles_are_replaced_within_one_update(made: Node) -> None:
    lists = (
        RoleChange(Role.MEMBER, RoleOperation.REPLACE, (str(EVE),)),
        RoleChange(Role.PRESENTER, RoleOperation.REPLACE, (str(EVE),)),
    )
    done(
        await made.service.update_room(
            ADA, RoomUpdate(OPS, behavior=Behavior.AUDITORIUM, roles=lists)
        )
    )
    assert names(done(await made.service.members(ADA, OPS))) == [EVE]
    assert names(done(await made.service.presenters(ADA, OPS))) == [EVE]
    done(await made.service.update_room(ADA, RoomUpdate(OPS, behavior=Behavior.NORMAL)))
    assert done(await made.service.presenters(ADA, OPS)) == []


async def test_a_group_lets_in_and_who_leaves_it_is_out(made: Node) -> None:
    chat = made.service
    await made.become(
        GroupChanged(Group(TEAM, "Team", "Team")),
        GroupMembersAdded(TEAM, (EVE,)),
        RolesGranted(OPS, Role.MEMBER, (TEAM,)),
    )
    assert not isinstance(await chat.join(EVE, "s1", OPS), Refusal)
    await made.become(GroupMembersRemoved(TEAM, (EVE,)))
    assert UserKicked(OPS, EVE) in made.told
    await made.until(lambda: not chat.audience(OPS))


async def test_a_user_removed_from_the_directory_leaves_all_rooms(made: Node) -> None:
    await made.service.join(BOB, "s1", OPS)
    await made.become(UserRemoved(BOB))
    await made.until(lambda: not made.service.audience(OPS))
    assert names(done(await made.service.members(ADA, OPS))) == [ADA]


async def test_add_ins_are_read_and_rooms_found_by_them(made: Node) -> None:
    wiki = AddIn("a1", "Wiki", "https://wiki.example.com")
    await made.become(AddInChanged(wiki))
    chat = made.service
    assert chat.add_ins() == [wiki]
    assert done(await chat.update_room(ADA, RoomUpdate(OPS, add_in="a1"))).add_in == wiki
    for user in (ADA, BOB):
        found = await chat.find_rooms(user, RoomFilter(add_in="a1"))
        assert [(one.uri, one.add_in) for one in found] == [(OPS, wiki)]
    assert await chat.find_rooms(ADA, RoomFilter(add_in="a2")) == []
    assert {found.uri for found in await chat.find_rooms(ADA, RoomFilter(category=GENERAL))} == {
        OPS,
        LAB,
    }
    assert {found.uri for found in await chat.find_rooms(BOB, RoomFilter(category=GENERAL))} == {
        OPS
    }
    assert await chat.find_rooms(ADA, RoomFilter(category=DESK)) == []


async def test_a_category_that_is_closed_to_a_manager_is_answered_as_none(made: Node) -> None:
    await made.become(RolesGranted(OPS, Role.MANAGER, (BOB,)))
    nowhere = CategoryUri.of(DOMAIN, "c9")
    for ask in (
        lambda uri: made.service.move_room(BOB, OPS, uri),
        lambda uri: made.service.create_room(BOB, RoomSettings("Tea", uri)),
        lambda uri: made.service.eligible_creators(BOB, uri, "a"),
    ):
        closed, none = await ask(DESK), await ask(nowhere)
        assert refused(closed) is refused(none) is ErrorCode.NO_SUCH_NODE
        assert str(closed).replace(DESK, nowhere) == str(none)


async def test_a_name_that_is_taken_by_a_secret_room_is_refused_as_any_other(made: Node) -> None:
    await made.become(RolesGranted(OPS, Role.MANAGER, (BOB,)), room(TEA, "Tea", privacy=OPEN))
    chat = made.service
    assert refused(await chat.room(BOB, LAB)) is ErrorCode.NO_SUCH_NODE
    secret = await chat.update_room(BOB, RoomUpdate(OPS, "Lab"))
    public = await chat.update_room(BOB, RoomUpdate(OPS, "Tea"))
    assert refused(secret) is refused(public) is ErrorCode.DUPLICATE_ROOM_NAME
    assert str(secret).replace("Lab", "Tea") == str(public)


async def test_categories_to_create_in_are_those_of_creators_in_scope(made: Node) -> None:
    assert [one.name for one in made.service.creatable_categories(ADA)] == ["Desk", "General"]
    assert made.service.creatable_categories(BOB) == []
    await made.become(category(creators=frozenset([str(ADA)]), denied=frozenset([str(ADA)])))
    assert [one.name for one in made.service.creatable_categories(ADA)] == ["Desk"]


async def test_concurrent_creations_of_one_name_make_one_room(made: Node) -> None:
    chat, wanted = made.service, RoomSettings("Tea", GENERAL)
    results = await asyncio.gather(*(chat.create_room(ADA, wanted) for _ in range(2)))
    first, second = sorted(results, key=lambda one: isinstance(one, Refusal))
    assert isinstance(first, RoomDetails)
    assert refused(second) is ErrorCode.DUPLICATE_ROOM_NAME
