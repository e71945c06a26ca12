"""Rooms in full, categories, rights and add-ins as strangers describe them."""

from __future__ import annotations

import pytest

from perchat.markup import read
from perchat.model.addin import AddIn
from perchat.model.category import CategorySummary
from perchat.model.changes import Changes
from perchat.model.chatroom import Permission
from perchat.model.invitation import Invitations, InviteSetting
from perchat.model.roomdetails import RoomDetails
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.xccos.management import ADD_INS, CATEGORIES, ROOM, ROOM_LOOKUP, ROOM_PERMISSIONS
from perchat.xccos.managing import AddIns, Categories, RoomLookup, RoomPermissions
from perchat.xccos.masks import MANAGER

URI = RoomUri("ma-chan://d/g")
CATEGORY = CategoryUri("ma-cat://d/c")
PROP = '<prop id="urn:parlano:ma:prop:{}">{}</prop>'


def room(attributes: str = "", inner: str = "") -> RoomDetails:
    chanib = f'<chanib uri="ma-chan://d/g" {attributes}>{inner}</chanib>'
    return ROOM.read(read(f"<data>{chanib}</data>".encode()))


def test_a_room_needs_no_more_than_its_uri() -> None:
    assert room() == RoomDetails(URI, "")
    with pytest.raises(ValueError, match="no chanib"):
        ROOM.read(read(b"<data/>"))


def test_a_room_gives_its_category_away() -> None:
    found = room('parent="ma-cat://d/c"', PROP.format("logged", "True") + PROP.format("invite", 1))
    assert found.category == CategorySummary(CATEGORY, keeps_history=True, invitations=True)
    assert found.invitations == Invitations(InviteSetting.INHERIT, inherited=True)


@pytest.mark.parametrize(
    ("category", "effective", "local"),
    [
        ("true", "true", InviteSetting.INHERIT),
        ("true", "false", InviteSetting.OFF),
        ("false", "false", InviteSetting.INHERIT),
    ],
)
def test_the_own_setting_follows_from_what_holds(
    category: str, effective: str, local: InviteSetting
) -> None:
    catib = f'<catib uri="ma-cat://d/c">{PROP.format("invite", category)}</catib>'
    assert room(inner=PROP.format("invite", effective) + catib).invitations.local is local


def test_changes_are_known_as_far_as_they_can_be_read() -> None:
    found = room(inner='<audit createdby="Bob@d" createdon="long ago" new="1" updatedBy="?"/>')
    assert found.changes == Changes(created_by=SipUri("sip:bob@d"))


def test_one_bad_category_does_not_lose_the_others() -> None:
    data = read(
        b'<data><catib/><catib uri="ma-cat://d/c" name="n" parent="ma-cat://d/r"/><new/></data>'
    )
    root = CategoryUri("ma-cat://d/r")
    assert CATEGORIES.read(data) == Categories((CategorySummary(CATEGORY, "n"),), root)
    assert CATEGORIES.read(read(b"<data/>")) == Categories()


def test_a_room_is_looked_up_by_uri_before_name() -> None:
    data = read(b'<data><chanib uri="ma-chan://d/g" name="n"/></data>')
    assert ROOM_LOOKUP.read(data) == RoomLookup(URI)
    with pytest.raises(ValueError, match="without uri or name"):
        ROOM_LOOKUP.read(read(b"<data><chanib/></data>"))


def test_rights_are_read_from_the_mask() -> None:
    data = read(
        b'<data><uib id="0" uri="sip:a@d"/><chanib uri="ma-chan://d/g">'
        b'<aib key="11652" value="0"/></chanib></data>'
    )
    granted = ROOM_PERMISSIONS.read(data)
    assert granted == RoomPermissions(URI, SipUri("sip:a@d"), MANAGER)
    assert Permission.MANAGE in granted.permission
    with pytest.raises(ValueError, match="no aib or uib"):
        ROOM_PERMISSIONS.read(read(b'<data><chanib uri="ma-chan://d/g"/></data>'))


def test_an_add_in_without_id_is_passed_over() -> None:
    data = read(b'<data><siop name="x"/><siop id=" AB-1 " url="https://x"/></data>')
    assert ADD_INS.read(data) == AddIns((AddIn("ab-1", "", "https://x"),))
