"""Looking up people and groups; N5 and N6 of the negative set."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.model.chatroom import Role
from perchat.model.journal import GroupChanged, GroupMembersAdded, RolesGranted
from perchat.model.principal import Group, PrincipalType
from perchat.model.uri import GroupUri, SipUri
from tests.store.samples import ADA, BOB, DOMAIN, EVE, GENERAL, OPS, category, user

if TYPE_CHECKING:
    from tests.chat.conftest import Node

T = TypeVar("T")
TEAM = GroupUri("ma-grp:team@u.g")
ROBOT = SipUri(f"sip:robot@{DOMAIN}")


@pytest.fixture
async def staffed(node: Node) -> Node:
    """Eve has names and an e-mail address, Robot is a system user, Team holds Bob."""
    eve = {"given_name": "Evelyn", "surname": "Strauß", "email": "es@work.example"}
    await node.become(
        user(EVE, **eve),
        user(ROBOT, system=True),
        GroupChanged(Group(TEAM, "Team", "The Team", guid="team")),
        GroupMembersAdded(TEAM, (BOB,)),
        RolesGranted(OPS, Role.MANAGER, (ADA,)),
        category(creators=frozenset([str(ADA)])),
    )
    return node


def done(result: Refusal | T) -> T:
    assert not isinstance(result, Refusal), result
    return result


def refused(result: object) -> ErrorCode:
    assert isinstance(result, Refusal), result
    return result.code


@pytest.mark.parametrize(
    ("words", "who"),
    [
        ({"last": "STRAUSS"}, [EVE]),
        ({"first": "velyn"}, [EVE]),
        ({"email": "@work"}, [EVE]),
        ({"first": "da", "last": "Bob"}, [ADA, BOB]),
        ({"email": "bob@contoso"}, [BOB]),
        ({"last": "Evelyn"}, []),
    ],
)
async def test_users_are_found_by_any_of_three_texts(
    staffed: Node, words: dict[str, str], who: list[SipUri]
) -> None:
    found = done(await staffed.service.find_users(ADA, **words))  # type: ignore[arg-type]
    assert ([one.uri for one in found], found.more_available) == (who, False)


async def test_n6_more_matches_than_the_limit_are_told(staffed: Node) -> None:
    found = done(await staffed.service.find_users(ADA, email="contoso", limit=2))
    assert (len(found), found.more_available) == (2, True)


async def test_a_search_needs_a_text_and_a_user(staffed: Node) -> None:
    chat = staffed.service
    assert refused(await chat.find_users(ADA)) is ErrorCode.INVALID_ARGUMENT
    stranger = SipUri("sip:x@fabrikam.example")
    assert refused(await chat.find_users(stranger, last="a")) is ErrorCode.ERROR_PERMISSION


async def test_n5_others_and_groups_are_for_system_users(staffed: Node) -> None:
    chat = staffed.service
    assert done(await chat.get_user(BOB, BOB)).member_of[0].display_name == "The Team"
    assert refused(await chat.get_user(BOB, ADA)) is ErrorCode.ERROR_PERMISSION
    assert refused(await chat.get_group(BOB, TEAM)) is ErrorCode.ERROR_PERMISSION
    assert done(await chat.get_user(ROBOT, EVE)).email == "es@work.example"
    assert done(await chat.get_group(ROBOT, TEAM)).name == "Team"
    nobody = SipUri(f"sip:nobody@{DOMAIN}")
    assert refused(await chat.get_user(ROBOT, nobody)) is ErrorCode.NO_SUCH_PRINCIPAL
    assert refused(await chat.get_group(ROBOT, "ma-grp:x@u.g")) is ErrorCode.NO_SUCH_PRINCIPAL
    assert refused(await chat.get_group(ROBOT, "team")) is ErrorCode.INVALID_ARGUMENT


async def test_who_is_eligible_is_in_scope_and_for_presenters_a_member(staffed: Node) -> None:
    chat = staffed.service
    everybody = frozenset([str(ADA), str(BOB), str(TEAM)])
    await staffed.become(category(allowed=everybody, creators=frozenset([str(ADA)])))
    found = done(await chat.eligible(ADA, OPS, Role.MEMBER, "e"))
    assert [(one.uri, one.type) for one in found] == [
        (ADA, PrincipalType.USER),
        (BOB, PrincipalType.USER),
        (TEAM, PrincipalType.GROUP),
    ]
    assert done(await chat.eligible(ADA, OPS, Role.MEMBER, "u.g")) == [], "no name, a number"
    members = done(await chat.eligible(ADA, OPS, Role.PRESENTER, "contoso"))
    assert {one.uri for one in members} == {ADA, BOB}
    assert refused(await chat.eligible(BOB, OPS, Role.MEMBER, "e")) is ErrorCode.ERROR_PERMISSION
    assert refused(await chat.eligible(ADA, OPS, Role.MEMBER, " ")) is ErrorCode.INVALID_ARGUMENT
    bad = await chat.eligible(ADA, OPS, Role.CREATOR, "e")
    assert refused(bad) is ErrorCode.INVALID_ARGUMENT


async def test_eligible_creators_are_named_by_their_beginning(staffed: Node) -> None:
    chat = staffed.service
    found = done(await chat.eligible_creators(ADA, GENERAL, "e"))
    assert [one.uri for one in found] == [EVE]
    refusal = await chat.eligible_creators(BOB, GENERAL, "e")
    assert refused(refusal) is ErrorCode.ERROR_PERMISSION


async def test_disabled_users_are_not_found(staffed: Node) -> None:
    await staffed.become(user(EVE, enabled=False), user(BOB, display_name="Bobby"))
    assert list(done(await staffed.service.find_users(ADA, last="eve"))) == []
