"""What those in a room, and those invited to one, are told of: the notices' contents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.chat.details import details_of
from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.store.base import GivenInvitation
from perchat.xccos.blocks import Arrival, Arrivals, Departure, Departures, Invitations
from perchat.xccos.masks import participant_mask
from perchat.xccos.primitives import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.chat.service import ChatService
    from perchat.chat.state import ChatState, UserInvited
    from perchat.model.participant import Participant
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["arrival", "departure", "invitation", "kick", "privileges", "room_change"]


def arrival(room: RoomUri, participants: Iterable[Participant], name: str = "join") -> Notice:
    """Return the notice that participants came into a room."""
    arrivals = tuple(Arrival(one, ((room, participant_mask(one)),)) for one in participants)
    return Notice(name, Arrivals(arrivals))


def departure(room: RoomUri, users: tuple[SipUri, ...]) -> Notice:
    """Return the notice that users left a room."""
    return Notice("part", Departures((Departure(room, users),)))


def privileges(room: RoomUri, participants: Iterable[Participant]) -> Notice:
    """Return the notice of what participants may do now."""
    return arrival(room, participants, "permmodify")


def kick(chat: ChatService, room: RoomUri, user: SipUri) -> Notice:
    """Return the notice that a user may not stay, with what joining again would be refused for."""
    found = chat.snapshot(user, room)
    if isinstance(found, Refusal):
        why = found.code
    else:
        why = ErrorCode.NODE_DISABLED if found.disabled else ErrorCode.ERROR_PERMISSION
    return Notice("kick", Departures((Departure(room, (user,)),)), error=why)


def room_change(state: ChatState, uri: RoomUri) -> Notice:
    """Return the notice of what a room is now."""
    return Notice("chanmodify", details_of(state, state.rooms[uri]))


def invitation(chat: ChatService, happened: UserInvited, at: float) -> Notice | None:
    """Return the notice of an invitation of that moment; None if the user may not join."""
    given = GivenInvitation(happened.id, datetime.fromtimestamp(at, UTC), happened.room)
    found = chat.invitation(happened.user, given)
    return Notice("invite", Invitations((found,))) if found else None
