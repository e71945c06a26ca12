"""The matrix of who may do what, row by row."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.chat import rules
from perchat.chat.affiliations import Affiliations
from perchat.errors import ErrorCode
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Permission, Privacy, Role, Room
from perchat.model.principal import User
from perchat.model.uri import CategoryUri, RoomUri, SipUri

ROOM = RoomUri("ma-chan://contoso.example/1")
CATEGORY = CategoryUri("ma-cat://contoso.example/1")
ADA = SipUri("sip:ada@contoso.example")
OPEN, CLOSED, SECRET = Privacy
NORMAL, AUDITORIUM = Behavior
NOBODY: frozenset[Role] = frozenset()
MEMBER, MANAGER, PRESENTER = (
    frozenset([role]) for role in (Role.MEMBER, Role.MANAGER, Role.PRESENTER)
)
ROLES = [
    frozenset(chosen)
    for chosen in chain.from_iterable(
        combinations((Role.MEMBER, Role.MANAGER, Role.PRESENTER), n) for n in range(4)
    )
]


def room(privacy: Privacy = CLOSED, behavior: Behavior = NORMAL, *, disabled: bool = False) -> Room:
    return Room(ROOM, "Ops", "", CATEGORY, privacy, behavior, disabled)


def may(what: Permission, privacy: Privacy, roles: frozenset[Role]) -> bool:
    return what in rules.permission(room(privacy), roles, scoped=True)


@pytest.mark.parametrize(
    ("privacy", "nobody", "member", "manager"),
    [(OPEN, True, True, True), (CLOSED, True, True, True), (SECRET, False, True, True)],
)
def test_who_finds_a_room(privacy: Privacy, nobody: bool, member: bool, manager: bool) -> None:
    assert may(Permission.VIEW, privacy, NOBODY) is nobody
    assert may(Permission.VIEW, privacy, MEMBER) is member
    assert may(Permission.VIEW, privacy, MANAGER) is manager


@pytest.mark.parametrize("what", [Permission.JOIN, Permission.READ_HISTORY, Permission.POST])
@pytest.mark.parametrize(
    ("privacy", "nobody", "member", "manager"),
    [(OPEN, True, True, True), (CLOSED, False, True, False), (SECRET, False, True, False)],
)
def test_who_takes_part(
    what: Permission, privacy: Privacy, nobody: bool, member: bool, manager: bool
) -> None:
    assert may(what, privacy, NOBODY) is nobody
    assert may(what, privacy, MEMBER) is member
    assert may(what, privacy, MANAGER) is manager
    assert may(what, privacy, PRESENTER) is nobody


@pytest.mark.parametrize("privacy", Privacy)
@pytest.mark.parametrize("roles", ROLES)
def test_in_an_auditorium_only_presenters_that_take_part_are_heard(
    privacy: Privacy, roles: frozenset[Role]
) -> None:
    hall = room(privacy, AUDITORIUM)
    granted = rules.permission(hall, roles, scoped=True)
    takes_part = privacy is OPEN or Role.MEMBER in roles
    assert rules.may_post(hall, granted) is (takes_part and Role.PRESENTER in roles)


@pytest.mark.parametrize("privacy", Privacy)
@pytest.mark.parametrize("roles", ROLES)
def test_outside_the_scope_there_is_nothing(privacy: Privacy, roles: frozenset[Role]) -> None:
    assert rules.permission(room(privacy), roles, scoped=False) is Permission.NONE


@pytest.mark.parametrize("roles", ROLES)
def test_only_managers_manage(roles: frozenset[Role]) -> None:
    granted = rules.permission(room(), roles, scoped=True)
    assert (Permission.MANAGE in granted) is (Role.MANAGER in roles)


@pytest.mark.parametrize("privacy", Privacy)
@pytest.mark.parametrize("roles", ROLES)
def test_nobody_takes_part_in_a_disabled_room(privacy: Privacy, roles: frozenset[Role]) -> None:
    granted = rules.permission(room(privacy, disabled=True), roles, scoped=True)
    assert not granted & (Permission.JOIN | Permission.POST | Permission.READ_HISTORY)


def test_a_room_one_may_not_see_does_not_exist() -> None:
    for refusal in (rules.refusal_to_join, rules.refusal_to_read):
        assert refusal(room(SECRET), Permission.NONE) is ErrorCode.NO_SUCH_NODE
    hidden = rules.refusal_to_post(room(SECRET, disabled=True), Permission.NONE, joined=False)
    assert hidden is ErrorCode.NO_SUCH_NODE


@pytest.mark.parametrize(
    ("disabled", "joined", "granted", "code"),
    [
        (True, False, Permission.VIEW, ErrorCode.NODE_DISABLED),
        (False, False, Permission.VIEW, ErrorCode.USER_NOT_JOINED),
        (False, True, Permission.VIEW, ErrorCode.ERROR_PERMISSION),
        (False, True, Permission.VIEW | Permission.POST, None),
    ],
)
def test_a_post_is_refused_for_the_first_reason(
    disabled: bool, joined: bool, granted: Permission, code: ErrorCode | None
) -> None:
    assert rules.refusal_to_post(room(disabled=disabled), granted, joined=joined) is code


@pytest.mark.parametrize(
    ("allowed", "denied", "inside"),
    [
        ((), (), False),
        ((str(ADA),), (), True),
        (("domain:contoso.example",), (), True),
        (("domain:fabrikam.example",), (), False),
        (("domain:contoso.example",), (str(ADA),), False),
        ((str(ADA),), ("domain:contoso.example",), False),
    ],
)
def test_denial_wins(allowed: tuple[str, ...], denied: tuple[str, ...], inside: bool) -> None:
    category = Category(CATEGORY, "C", allowed=frozenset(allowed), denied=frozenset(denied))
    assert rules.in_scope(category, Affiliations().of(ADA)) is inside


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("chat_enabled", [True, False])
def test_users_need_to_be_enabled_for_chat(enabled: bool, chat_enabled: bool) -> None:
    user = User(ADA, "ada", "Ada", "g", enabled, chat_enabled)
    assert rules.may_take_part(user) is (enabled and chat_enabled)
    assert not rules.may_take_part(None)


@given(st.sampled_from(Privacy), st.sampled_from(Behavior), st.sampled_from(ROLES), st.booleans())
def test_a_further_role_never_takes_anything_away(
    privacy: Privacy, behavior: Behavior, roles: frozenset[Role], disabled: bool
) -> None:
    where = room(privacy, behavior, disabled=disabled)
    fewer = rules.permission(where, roles, scoped=True)
    for role in (Role.MEMBER, Role.MANAGER, Role.PRESENTER):
        assert fewer in rules.permission(where, roles | {role}, scoped=True)
