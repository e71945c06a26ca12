"""Codecs for invitations, ``inv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.invitation import Invitation
from perchat.xccos.blocks import InvitationQuery, Invitations
from perchat.xccos.codec import Codec, attribute, number, parse_time, tag, time, usable
from perchat.xccos.rooms import read_room, write_room

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["INVITATIONS", "INVITATION_QUERY"]


def _read_invitation_query(data: Element) -> InvitationQuery:
    inv = data.find("inv")
    if inv is None:
        return InvitationQuery()
    return InvitationQuery(number(attribute(inv, "inviteId")), attribute(inv, "domain"))


def _write_invitation_query(query: InvitationQuery, _dialect: Dialect) -> str:
    return tag("inv", {"inviteId": str(query.after), "domain": query.domain})


INVITATION_QUERY = Codec(InvitationQuery, _read_invitation_query, _write_invitation_query)


def _read_invitations(data: Element) -> Invitations:
    found = (usable(_read_invitation, child) for child in data.children)
    return Invitations(tuple(invitation for invitation in found if invitation))


def _read_invitation(inv: Element) -> Invitation:
    """Read an ``inv`` around a ``chanib``, or a ``chanib`` with the attributes of both."""
    return Invitation(
        id=number(attribute(inv, "inviteId")),
        created_on=parse_time(attribute(inv, "createdon")),
        room=read_room(inv.find("chanib") or inv),
    )


def _write_invitations(data: Invitations, dialect: Dialect) -> str:
    return "".join(_write_invitation(invitation, dialect) for invitation in data.invitations)


def _write_invitation(invitation: Invitation, dialect: Dialect) -> str:
    attributes = {
        "inviteId": str(invitation.id),
        "domain": invitation.room.uri.domain,
        "createdon": time(invitation.created_on, seven_digits=dialect.server),
    }
    return tag("inv", attributes, write_room(invitation.room))


INVITATIONS = Codec(Invitations, _read_invitations, _write_invitations)
