"""Invitations as strangers write them."""

from __future__ import annotations

from perchat.markup import read
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import InvitationQuery
from perchat.xccos.codec import EPOCH
from perchat.xccos.invitations import INVITATION_QUERY, INVITATIONS

ROOM = RoomUri("ma-chan://d/g")


def test_invitations_may_be_nested_or_flat() -> None:
    data = read(
        b'<data><inv inviteId="7" createdon="?"><chanib uri="ma-chan://d/g" name="n"/></inv>'
        b'<chanib inviteid="8" uri="ma-chan://d/g"/><inv inviteId="9"/><new/></data>'
    )
    first, second = INVITATIONS.read(data).invitations
    assert (first.id, first.room.name, first.created_on) == (7, "n", EPOCH)
    assert (second.id, second.room.uri) == (8, ROOM)


def test_invitations_are_asked_for_from_the_start_by_default() -> None:
    assert INVITATION_QUERY.read(read(b"<data/>")) == InvitationQuery()
    assert INVITATION_QUERY.read(read(b"<data><inv/></data>")) == InvitationQuery()
