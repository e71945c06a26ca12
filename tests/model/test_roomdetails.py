"""Rooms in full, and what searches show of them."""

from __future__ import annotations

import pytest

from perchat.model.addin import AddIn
from perchat.model.category import CategorySummary
from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
from perchat.model.invitation import Invitations, InviteSetting
from perchat.model.roomdetails import RoomDetails
from perchat.model.uri import CategoryUri, RoomUri

ROOM = RoomUri("ma-chan://contoso.com/1")
CATEGORY = CategoryUri("ma-cat://contoso.com/2")


@pytest.mark.parametrize(
    ("local", "inherited", "effective"),
    [
        (InviteSetting.INHERIT, True, True),
        (InviteSetting.INHERIT, False, False),
        (InviteSetting.OFF, True, False),
        (InviteSetting.OFF, False, False),
    ],
)
def test_a_room_can_switch_invitations_off_but_not_on(
    local: InviteSetting, inherited: bool, effective: bool
) -> None:
    assert Invitations(local, inherited).effective is effective


def test_a_search_shows_what_holds_in_the_room() -> None:
    clock = AddIn("3", "Clock")
    room = RoomDetails(
        ROOM,
        "Ops",
        "24x7",
        category=CategorySummary(CATEGORY, keeps_history=True, invitations=True, file_posts=True),
        privacy=Privacy.OPEN,
        behavior=Behavior.AUDITORIUM,
        disabled=True,
        participants=3,
        add_in=clock,
        invitations=Invitations(inherited=True),
    )
    assert room.snapshot == RoomSnapshot(
        ROOM,
        "Ops",
        "24x7",
        CATEGORY,
        Privacy.OPEN,
        Behavior.AUDITORIUM,
        disabled=True,
        participants=3,
        invites=True,
        can_post_files=True,
        add_in=clock,
    )


def test_of_a_room_without_category_the_least_is_assumed() -> None:
    assert RoomDetails(ROOM, "Ops").snapshot == RoomSnapshot(ROOM, "Ops", keeps_history=False)
