"""Role lists as strangers write and change them."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.chatroom import Role
from perchat.model.principal import Principal, RoleEntry
from perchat.model.roomdetails import RoleChange, RoleOperation
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.managing import (
    PrincipalQuery,
    RoleAssignment,
    RoleList,
    RoleLists,
    RoleQuery,
)
from perchat.xccos.roles import PRINCIPAL_QUERY, ROLE_ASSIGNMENT, ROLE_LISTS, ROLE_QUERY

ROOM = RoomUri("ma-chan://d/g")
CHANIB = '<chanib uri="ma-chan://d/g"/>'


@pytest.mark.parametrize("word", ["presenter", "VOICED", " Presenter "])
def test_roles_have_several_names(word: str) -> None:
    data = read(f'<data><rib role="{word}"/>{CHANIB}</data>'.encode())
    assert ROLE_QUERY.read(data) == RoleQuery(ROOM, Role.PRESENTER)


def test_several_lists_change_at_once() -> None:
    data = read(
        f'<data>{CHANIB}<rib role="member" op="Add"><uib uri="sip:a@d"/></rib>'
        '<rib role="manager" op="del"><gib uri="ma-grp:7@u.g"/></rib></data>'.encode()
    )
    assert ROLE_ASSIGNMENT.read(data) == RoleAssignment(
        ROOM,
        (
            RoleChange(Role.MEMBER, RoleOperation.ADD, ("sip:a@d",)),
            RoleChange(Role.MANAGER, RoleOperation.REMOVE, ("ma-grp:7@u.g",)),
        ),
    )


@pytest.mark.parametrize(
    "inner",
    [
        CHANIB,
        '<rib role="member" op="add"/>',
        f'{CHANIB}<rib role="member"/>',
        f'{CHANIB}<rib op="add"/>',
        f'{CHANIB}<rib role="member" op="swap"/>',
        f'{CHANIB}<rib role="member" op="add"><uib uri="sip:a@d"/><uib uri="bob"/></rib>',
    ],
)
def test_an_assignment_is_understood_as_a_whole_or_not_at_all(inner: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ROLE_ASSIGNMENT.read(read(f"<data>{inner}</data>".encode()))


def test_a_list_is_read_past_what_is_unusable() -> None:
    data = read(
        b'<data><rib role="guest"/><rib role="member"><uib/><uib uri="sip:a@d"/></rib></data>'
    )
    entry = RoleEntry(Principal("sip:a@d"))
    assert ROLE_LISTS.read(data) == RoleLists((RoleList(Role.MEMBER, (entry,)),))


def test_candidates_are_those_of_a_room_or_of_a_category() -> None:
    data = read(f'<data>{CHANIB}<rib role="member"/><qib criteria="a"/></data>'.encode())
    assert PRINCIPAL_QUERY.read(data) == PrincipalQuery("a", ROOM, Role.MEMBER)
    data = read(b'<data><catib uri="ma-cat://d/c"/></data>')
    assert PRINCIPAL_QUERY.read(data) == PrincipalQuery("", category=CategoryUri("ma-cat://d/c"))
    with pytest.raises(ValueError, match="neither"):
        PRINCIPAL_QUERY.read(read(b'<data><qib criteria="a"/></data>'))
