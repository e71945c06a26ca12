"""Who may do what: the documented matrix, cell by cell."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations, product

import pytest

from perchat.chat import rules
from perchat.chat.matrix import RoomStanding, may, missing
from perchat.model.chatroom import Behavior, Permission, Privacy, Role, Room
from perchat.model.explanation import RoomAction
from perchat.model.uri import CategoryUri, RoomUri

OPEN, CLOSED, SECRET = Privacy
HALL = Behavior.AUDITORIUM
MEMBER, MANAGER, PRESENTER = Role.MEMBER, Role.MANAGER, Role.PRESENTER
ACT = RoomAction

WHO = {
    "stranger": RoomStanding(),
    "member": RoomStanding(roles=frozenset([MEMBER])),
    "presenter": RoomStanding(roles=frozenset([MEMBER, PRESENTER])),
    "presenter only": RoomStanding(roles=frozenset([PRESENTER])),
    "manager": RoomStanding(roles=frozenset([MANAGER])),
    "creator": RoomStanding(creates=True, creates_there=True),
    "administrator": RoomStanding(administrator=True),
}
COLUMNS = tuple(WHO)
MATRIX = [
    # action, the room, then who of COLUMNS may
    (ACT.FIND, {"privacy": OPEN}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.FIND, {"privacy": CLOSED}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.FIND, {"privacy": SECRET}, (0, 1, 1, 0, 1, 0, 1)),
    (ACT.JOIN, {"privacy": OPEN}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.JOIN, {"privacy": CLOSED}, (0, 1, 1, 0, 0, 0, 0)),
    (ACT.JOIN, {"privacy": SECRET}, (0, 1, 1, 0, 0, 0, 0)),
    (ACT.POST, {"privacy": OPEN, "joined": True}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.POST, {"privacy": CLOSED, "joined": True}, (0, 1, 1, 0, 0, 0, 0)),
    (ACT.POST, {"privacy": OPEN}, (0, 0, 0, 0, 0, 0, 0)),
    (ACT.POST, {"privacy": OPEN, "behavior": HALL, "joined": True}, (0, 0, 1, 1, 0, 0, 0)),
    (ACT.POST, {"privacy": CLOSED, "behavior": HALL, "joined": True}, (0, 0, 1, 0, 0, 0, 0)),
    (ACT.READ, {"privacy": OPEN}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.READ, {"privacy": CLOSED}, (0, 1, 1, 0, 0, 0, 0)),
    (ACT.READ, {"privacy": SECRET}, (0, 1, 1, 0, 0, 0, 0)),
    (ACT.UPLOAD, {"joined": True}, (0, 0, 0, 0, 0, 0, 0)),
    (ACT.UPLOAD, {"joined": True, "files": True}, (0, 1, 1, 0, 0, 0, 0)),
    (ACT.UPLOAD, {"privacy": OPEN, "joined": True, "files": True}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.UPLOAD, {"behavior": HALL, "joined": True, "files": True}, (0, 0, 1, 0, 0, 0, 0)),
    (ACT.UPLOAD, {"files": True}, (0, 0, 0, 0, 0, 0, 0)),
    (ACT.DOWNLOAD, {"privacy": OPEN}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.DOWNLOAD, {"privacy": CLOSED}, (0, 1, 1, 0, 0, 0, 0)),
    (ACT.CREATE, {}, (0, 0, 0, 0, 0, 1, 1)),
    (ACT.EDIT, {}, (0, 0, 0, 0, 1, 0, 1)),
    (ACT.DISABLE, {}, (0, 0, 0, 0, 1, 0, 1)),
    (ACT.ENABLE, {"disabled": True}, (0, 0, 0, 0, 0, 0, 1)),
    (ACT.STAFF, {}, (0, 0, 0, 0, 1, 0, 1)),
    (ACT.MOVE, {}, (0, 0, 0, 0, 0, 0, 1)),
    (ACT.MOVE, {"creates_there": True}, (0, 0, 0, 0, 1, 0, 1)),
    (ACT.DELETE, {}, (0, 0, 0, 0, 0, 0, 1)),
    (ACT.LOOK_UP_USERS, {}, (0, 0, 0, 0, 0, 0, 1)),
    (ACT.LOOK_UP_USERS, {"system": True}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.LOOK_UP_GROUPS, {}, (0, 0, 0, 0, 0, 0, 1)),
    (ACT.LOOK_UP_GROUPS, {"system": True}, (1, 1, 1, 1, 1, 1, 1)),
    (ACT.FIND_USERS, {}, (1, 1, 1, 1, 1, 1, 1)),
]
CELLS = [
    pytest.param(action, more, who, bool(cell), id=f"{action.name}-{n}-{who}")
    for n, (action, more, row) in enumerate(MATRIX)
    for who, cell in zip(COLUMNS, row, strict=True)
]
TAKING_PART = [ACT.FIND, ACT.JOIN, ACT.READ, ACT.POST, ACT.UPLOAD, ACT.DOWNLOAD]
ROLES = [
    frozenset(chosen)
    for chosen in chain.from_iterable(
        combinations((MEMBER, MANAGER, PRESENTER), n) for n in range(4)
    )
]


@pytest.mark.parametrize(("action", "more", "who", "allowed"), CELLS)
def test_the_matrix_holds(
    action: RoomAction, more: dict[str, object], who: str, allowed: bool
) -> None:
    standing = replace(WHO[who], **more)  # type: ignore[arg-type]
    assert may(action, standing) is allowed
    assert bool(missing(action, standing)) is not allowed


@pytest.mark.parametrize("who", [one for one in COLUMNS if one != "administrator"])
@pytest.mark.parametrize("action", RoomAction)
def test_who_is_outside_the_wall_does_nothing_with_a_room(action: RoomAction, who: str) -> None:
    outside = replace(WHO[who], scoped=False, joined=True, files=True, privacy=OPEN)
    assert may(action, outside) is (action is ACT.FIND_USERS)


@pytest.mark.parametrize("action", TAKING_PART)
@pytest.mark.parametrize("who", [one for one in COLUMNS if one != "administrator"])
def test_nobody_takes_part_in_a_disabled_room(action: RoomAction, who: str) -> None:
    assert not may(action, replace(WHO[who], disabled=True, joined=True, files=True))


@pytest.mark.parametrize("action", RoomAction)
def test_who_may_not_use_the_chat_does_nothing(action: RoomAction) -> None:
    roles = frozenset([MEMBER, MANAGER, PRESENTER])
    nobody = RoomStanding(chats=False, roles=roles, creates=True, system=True, privacy=OPEN)
    assert not may(action, nobody)


def test_the_mask_of_the_service_says_what_the_matrix_says() -> None:
    room = Room(RoomUri("ma-chan://c.example/1"), "R", "", CategoryUri("ma-cat://c.example/1"))
    for privacy, behavior, roles, disabled, scoped in product(
        Privacy, Behavior, ROLES, (False, True), (False, True)
    ):
        there = replace(room, privacy=privacy, behavior=behavior, disabled=disabled)
        mask = rules.permission(there, roles, scoped=scoped)
        standing = RoomStanding(
            roles=roles,
            privacy=privacy,
            behavior=behavior,
            disabled=disabled,
            scoped=scoped,
            joined=True,
        )
        assert (Permission.JOIN in mask) is may(ACT.JOIN, standing)
        assert (Permission.READ_HISTORY in mask) is may(ACT.READ, standing)
        assert (not rules.refusal_to_read(there, mask)) is may(ACT.DOWNLOAD, standing)
        for files, joined in product((False, True), (False, True)):
            wants = replace(standing, files=files, joined=joined)
            refusal = rules.refusal_to_upload(there, mask, joined=joined, files=files)
            assert (refusal is None) is may(ACT.UPLOAD, wants)
        assert (Permission.MANAGE in mask) is may(ACT.EDIT, standing)
        assert rules.may_post(there, mask) is may(ACT.POST, standing)
        assert (Permission.VIEW in mask and not disabled) is may(ACT.FIND, standing)
