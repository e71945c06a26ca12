from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from perchat.chat.refusal import Refusal
from perchat.chat.state import UserInvited
from perchat.model.chatroom import Privacy, Role
from perchat.model.journal import GroupChanged, GroupMembersAdded, RolesGranted, UsersInvited
from perchat.model.principal import Group
from perchat.model.roomdetails import RoomSettings, RoomUpdate
from perchat.model.uri import GroupUri, SipUri
from tests.store.samples import ADA, BOB, DOMAIN, EVE, GENERAL, LAB, OPS, category, user

if TYPE_CHECKING:
    from perchat.model.invitation import Invitation
    from tests.chat.conftest import Node

TEAM = GroupUri("ma-grp:team@u.g")


@pytest.fixture
async def inviting(node: Node) -> Node:
    """General invites; Ada makes rooms there and manages Ops."""
    creators = frozenset([str(ADA)])
    grant = RolesGranted(OPS, Role.MANAGER, (ADA,))
    await node.become(category(invitations=True, creators=creators), grant)
    node.told.clear()
    return node


async def of(node: Node, who: SipUri, after: int = 0) -> list[Invitation]:
    found = await node.service.invitations(who, after)
    assert not isinstance(found, Refusal)
    return found


async def test_who_becomes_a_member_is_invited_at_once_and_later(inviting: Node) -> None:
    await inviting.service.grant(ADA, OPS, Role.MEMBER, [EVE])
    await inviting.settle()
    assert UserInvited(OPS, EVE, 1) in inviting.told
    (invitation,) = await of(inviting, EVE)
    assert (invitation.id, invitation.room.uri, invitation.room.invites) == (1, OPS, True)
    assert invitation.created_on.utcoffset() is not None
    assert await of(inviting, EVE, after=1) == []
    assert await of(inviting, BOB) == []


async def test_ids_count_up_within_a_user_and_a_room_invites_once(inviting: Node) -> None:
    chat = inviting.service
    await chat.grant(ADA, OPS, Role.MEMBER, [EVE])
    await chat.revoke(ADA, OPS, Role.MEMBER, [EVE])
    await chat.grant(ADA, OPS, Role.MEMBER, [EVE])
    await chat.create_room(ADA, RoomSettings("Tea", GENERAL, members=(str(EVE), str(BOB))))
    await inviting.settle()
    assert [(one.id, one.room.name) for one in await of(inviting, EVE)] == [(1, "Ops"), (2, "Tea")]
    assert [(one.id, one.room.name) for one in await of(inviting, BOB)] == [(1, "Tea")]


async def test_members_of_a_group_are_invited_when_it_gets_in_and_when_they_do(
    inviting: Node,
) -> None:
    group = GroupChanged(Group(TEAM, "Team"))
    await inviting.become(group, GroupMembersAdded(TEAM, (BOB, EVE)))
    await inviting.service.create_room(ADA, RoomSettings("Tea", GENERAL, members=(str(TEAM),)))
    await inviting.settle()
    assert [one.room.name for one in await of(inviting, EVE)] == ["Tea"]


@pytest.mark.parametrize(
    ("privacy", "invited"), [(Privacy.OPEN, True), (Privacy.CLOSED, False), (Privacy.SECRET, False)]
)
async def test_a_new_room_invites_everybody_its_category_allows_if_it_is_open(
    inviting: Node, privacy: Privacy, invited: bool
) -> None:
    chat = inviting.service
    await chat.create_room(ADA, RoomSettings("Tea", GENERAL, privacy=privacy))
    await inviting.settle()
    assert [one.room.name for one in await of(inviting, EVE)] == ["Tea"] * invited
    assert [one.room.name for one in await of(inviting, BOB)] == ["Tea"] * invited


async def test_a_room_that_becomes_open_later_invites_nobody(inviting: Node) -> None:
    await inviting.service.grant(ADA, OPS, Role.MEMBER, [BOB])
    await inviting.service.update_room(ADA, RoomUpdate(OPS, privacy=Privacy.OPEN))
    await inviting.settle()
    assert await of(inviting, EVE) == []


async def test_a_new_open_room_invites_nobody_whom_its_category_denies(inviting: Node) -> None:
    creators, denied = frozenset([str(ADA)]), frozenset([str(EVE)])
    await inviting.become(category(invitations=True, creators=creators, denied=denied))
    await inviting.service.create_room(ADA, RoomSettings("Tea", GENERAL, privacy=Privacy.OPEN))
    await inviting.settle()
    assert await of(inviting, EVE) == []
    assert [one.room.name for one in await of(inviting, BOB)] == ["Tea"]


async def test_nobody_is_invited_where_category_or_room_do_not_invite(inviting: Node) -> None:
    chat = inviting.service
    await inviting.become(category(creators=frozenset([str(ADA)])))
    await chat.grant(ADA, OPS, Role.MEMBER, [EVE])
    await inviting.settle()
    assert await of(inviting, EVE) == []
    details = await chat.room(ADA, OPS)
    assert not isinstance(details, Refusal)
    assert not details.invitations.effective


async def test_an_invitation_to_what_one_may_not_join_any_more_is_not_shown(inviting: Node) -> None:
    await inviting.service.grant(ADA, OPS, Role.MEMBER, [EVE])
    await inviting.service.update_room(ADA, RoomUpdate(OPS, disabled=True))
    await inviting.settle()
    assert await of(inviting, EVE) == []


async def test_who_is_denied_is_not_invited_by_a_group(inviting: Node) -> None:
    creators, denied = frozenset([str(ADA)]), frozenset([str(EVE)])
    await inviting.become(
        category(invitations=True, creators=creators, denied=denied),
        GroupChanged(Group(TEAM, "Team")),
        GroupMembersAdded(TEAM, (BOB, EVE)),
    )
    await inviting.service.create_room(ADA, RoomSettings("Tea", GENERAL, members=(str(TEAM),)))
    await inviting.settle()
    assert (len(await of(inviting, BOB)), await of(inviting, EVE)) == (1, [])


async def test_a_room_for_very_many_holds_nobody_up(inviting: Node) -> None:
    crowd = [SipUri(f"sip:u{n}@{DOMAIN}") for n in range(4000)]
    await inviting.become(*(user(uri) for uri in crowd))
    gaps, loop = [0.0], asyncio.get_running_loop()

    async def watch(done: asyncio.Event) -> None:
        before = loop.time()
        while not done.is_set():
            await asyncio.sleep(0)
            gaps.append(loop.time() - before)
            before = loop.time()

    async with asyncio.TaskGroup() as tasks:
        made = asyncio.Event()
        tasks.create_task(watch(made))
        wanted = RoomSettings("All", GENERAL, members=tuple(crowd))
        await inviting.service.create_room(ADA, wanted)
        made.set()
    await inviting.settle()
    invited = sum(isinstance(told, UserInvited) for told in inviting.told)
    assert (invited, max(gaps) < 1.0) == (4000, True)


async def test_the_store_gives_each_user_one_invitation_to_a_room(inviting: Node) -> None:
    for _ in range(2):
        await inviting.become(UsersInvited(LAB, (ADA, ADA)))
    assert [(one.id, one.room.uri) for one in await of(inviting, ADA)] == [(1, LAB)]
