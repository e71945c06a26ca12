"""A room as those who look it up, and those in it when it changes, are shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.category import CategorySummary
from perchat.model.invitation import Invitations, InviteSetting
from perchat.model.roomdetails import RoomDetails

if TYPE_CHECKING:
    from perchat.chat.state import ChatState, RoomState
    from perchat.model.category import Category

__all__ = ["details_of", "summary_of"]


def details_of(state: ChatState, place: RoomState) -> RoomDetails:
    """Return all that is known of a room besides its roles."""
    room, category = place.room, state.category(place)
    setting = InviteSetting.INHERIT if room.invites else InviteSetting.OFF
    return RoomDetails(
        uri=room.uri,
        name=room.name,
        description=room.description,
        category=summary_of(category),
        privacy=room.privacy,
        behavior=room.behavior,
        disabled=room.disabled,
        participants=len(place.present),
        add_in=state.add_ins.get(room.add_in),
        invitations=Invitations(setting, category.invitations),
        changes=room.changes,
    )


def summary_of(category: Category) -> CategorySummary:
    """Return what is shown of a category."""
    return CategorySummary(
        category.uri,
        category.name,
        category.description,
        category.keeps_history,
        category.invitations,
        category.file_posts,
    )
