from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.explain import explain
from perchat.model.chatroom import Permission, Role
from perchat.model.explanation import Explanation, Need, RoomAction
from perchat.model.journal import GroupChanged, GroupMembersAdded, RolesGranted
from perchat.model.principal import Group
from perchat.model.uri import GroupUri, SipUri
from tests.store.samples import ADA, BOB, EVE, LAB, OPS, category, room, user

if TYPE_CHECKING:
    from perchat.model.uri import RoomUri
    from tests.chat.conftest import Node

TEAM = GroupUri("ma-grp:team@u.g")


def told(node: Node, who: SipUri, where: RoomUri = OPS) -> Explanation:
    state = node.service.state
    return explain(state, who, state.rooms[where])


def rule(found: Explanation, name: str) -> tuple[bool, str]:
    (one,) = [one for one in found.rules if one.rule == name]
    return one.holds, one.because


def lacks(found: Explanation, action: RoomAction) -> tuple[Need, ...]:
    (one,) = [one for one in found.answers if one.action is action]
    assert one.allowed is (not one.missing)
    return one.missing


async def test_a_member_is_told_by_name_or_through_a_group(node: Node) -> None:
    await node.become(
        GroupChanged(Group(TEAM, "team", "The Team")),
        GroupMembersAdded(TEAM, (EVE,)),
        RolesGranted(OPS, Role.MEMBER, (TEAM,)),
    )
    assert rule(told(node, BOB), "member") == (True, "by name")
    assert rule(told(node, EVE), "member") == (True, "through The Team")
    assert lacks(told(node, EVE), RoomAction.POST) == (Need.IS_JOINED,)


async def test_denial_is_told_beside_what_allows(node: Node) -> None:
    await node.become(category(denied=frozenset([str(BOB)])))
    found = told(node, BOB)
    assert rule(found, "allowed") == (True, "in category General: through contoso.example")
    assert rule(found, "denied") == (True, "in category General: by name")
    assert found.permission is Permission.NONE
    assert lacks(found, RoomAction.FIND) == (Need.SEES,)


async def test_who_is_unknown_or_disabled_is_told_so(node: Node) -> None:
    stranger = SipUri("sip:x@fabrikam.example")
    why = (False, "the directory does not know the user")
    assert rule(told(node, stranger), "enabled") == why
    await node.become(user(BOB, chat_enabled=False))
    why = (False, "may sign in, policy does not allow chat")
    assert rule(told(node, BOB), "enabled") == why


async def test_secret_and_disabled_rooms_say_what_they_are(node: Node) -> None:
    assert rule(told(node, BOB, LAB), "secret")[0]
    await node.become(room(disabled=True))
    found = told(node, ADA)
    assert lacks(found, RoomAction.JOIN) == (Need.IS_ENABLED,)
    assert lacks(found, RoomAction.ENABLE) == (Need.ADMINISTERS,)
    text = list(found.lines())
    assert text[0] == f"{ADA} in Ops ({OPS})"
    assert "may not  join the room: the room is disabled" in text
