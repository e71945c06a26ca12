"""Rooms to be made and changed, as strangers ask for it."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.invitation import InviteSetting
from perchat.model.roomdetails import RoleChange, RoleOperation, RoomSettings, RoomUpdate
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.changing import ROOM_SETTINGS, ROOM_UPDATE

ROOM = RoomUri("ma-chan://d/g")
CATEGORY = CategoryUri("ma-cat://d/c")
INVITE = '<prop id="urn:parlano:ma:prop:invite">{}</prop>'


def settings(attributes: str = "", inner: str = "", beside: str = "") -> RoomSettings:
    chanib = f'<chanib parent="ma-cat://D/c" {attributes}>{inner}</chanib>'
    return ROOM_SETTINGS.read(read(f"<data>{chanib}{beside}</data>".encode()))


def update(attributes: str = "", inner: str = "", beside: str = "") -> RoomUpdate:
    chanib = f'<chanib uri="ma-chan://D/g" {attributes}>{inner}</chanib>'
    return ROOM_UPDATE.read(read(f"<data>{chanib}{beside}</data>".encode()))


def test_what_is_left_out_of_a_new_room_has_its_default() -> None:
    assert settings() == RoomSettings("", CATEGORY)
    assert settings('Name="n" Visibility="open" BEHAVIOR="auditorium" topic="t"') == RoomSettings(
        "n", CATEGORY, privacy=Privacy.OPEN, behavior=Behavior.AUDITORIUM
    )


def test_the_members_of_a_new_room_need_no_operation() -> None:
    room = settings(
        beside='<rib role="Member"><uib uri="sip:a@d"/><gib guid="7-7"/><uib uri="SIP:A@d"/></rib>'
        '<rib role="VOICED" op="add"><uib uri="sip:a@d"/></rib>'
        '<rib role="MANAGER" op="del"><uib uri="sip:a@d"/></rib>'
    )
    assert room.members == ("sip:a@d", "ma-grp:7-7@u.g")
    assert room.presenters == ("sip:a@d",)
    assert room.managers == ()


def test_what_is_left_out_of_a_change_stays() -> None:
    assert update() == RoomUpdate(ROOM)
    assert update('parent="" visibility=""') == RoomUpdate(ROOM)
    assert update('description="" siopid=""') == RoomUpdate(ROOM, description="", add_in="")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("false", InviteSetting.OFF),
        ("0", InviteSetting.OFF),
        ("Inherit", InviteSetting.INHERIT),
        ("True", InviteSetting.INHERIT),
        ("", None),
    ],
)
def test_invitations_can_be_switched_off_or_left_to_the_category(
    text: str, setting: InviteSetting | None
) -> None:
    assert update(inner=INVITE.format(text)).invitations is setting


def test_a_room_sent_back_as_it_came_keeps_its_own_setting() -> None:
    own = '<prop id="urn:parlano:ma:prop:invitesetting">inherit</prop>'
    assert update(inner=INVITE.format("false") + own).invitations is InviteSetting.INHERIT


@pytest.mark.parametrize("place", ["inner", "beside"])
def test_the_state_that_is_changed_may_be_named_inside_or_beside(place: str) -> None:
    audit = '<audit updatedOn="2013-08-03T17:05:09.1234567Z"/>'
    expected = update(**{place: audit}).expected
    assert expected is not None
    assert expected.microsecond == 123456


def test_lists_are_changed_as_told() -> None:
    changed = update(
        beside='<rib role="member" op="SET"/>'
        '<rib role="manager" op="del"><uib uri="sip:a@d"/></rib>'
    )
    assert changed.roles == (
        RoleChange(Role.MEMBER, RoleOperation.REPLACE, ()),
        RoleChange(Role.MANAGER, RoleOperation.REMOVE, ("sip:a@d",)),
    )


@pytest.mark.parametrize(
    "block",
    [
        "<data/>",
        "<data><chanib/></data>",
        '<data><chanib uri="ma-chan://d/g" visibility="everyone"/></data>',
        '<data><chanib uri="ma-chan://d/g" behavior="loud"/></data>',
        '<data><chanib uri="ma-chan://d/g" disabled="perhaps"/></data>',
        '<data><chanib uri="ma-chan://d/g" parent="IT"/></data>',
        '<data><chanib uri="ma-chan://d/g"><audit updatedon="lately"/></chanib></data>',
        '<data><chanib uri="ma-chan://d/g"/><rib role="member"/></data>',
        '<data><chanib uri="ma-chan://d/g"/><rib role="guest" op="add"/></data>',
        '<data><chanib uri="ma-chan://d/g"/><rib role="member" op="set"><uib/></rib></data>',
    ],
)
def test_a_change_that_would_have_to_be_guessed_is_refused(block: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ROOM_UPDATE.read(read(block.encode()))


@pytest.mark.parametrize(
    "block", ["<data/>", '<data><chanib name="n"/></data>', '<data><catib uri="x"/></data>']
)
def test_a_room_without_category_is_refused(block: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ROOM_SETTINGS.read(read(block.encode()))
