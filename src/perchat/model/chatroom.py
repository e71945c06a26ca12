"""Rooms, the roles in them, and what a role may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag, IntEnum
from typing import TYPE_CHECKING

from perchat.model.changes import Changes

if TYPE_CHECKING:
    from perchat.model.addin import AddIn
    from perchat.model.uri import CategoryUri, RoomUri

__all__ = [
    "Behavior",
    "Permission",
    "Privacy",
    "Role",
    "Room",
    "RoomSnapshot",
    "RoomSummary",
]


class Privacy(IntEnum):
    """Who sees a room and who may join it (numbers of the original SDK)."""

    OPEN = 0
    CLOSED = 1
    SECRET = 2


class Behavior(IntEnum):
    """Who may post (numbers of the original SDK)."""

    NORMAL = 1
    AUDITORIUM = 2


class Role(Enum):
    """A role on a room; CREATOR is one on a category."""

    MEMBER = "member"
    MANAGER = "manager"
    PRESENTER = "presenter"
    CREATOR = "creator"


class Permission(Flag):
    """What one user may do in one room (numbers of the original's RoomPermissionMap)."""

    NONE = 0
    MANAGE = 1
    JOIN = 2
    POST = 4
    READ_HISTORY = 8
    VIEW = 16
    POST_IN_AUDITORIUM = 32


@dataclass(frozen=True, slots=True)
class RoomSummary:
    """Enough to name a room and join it."""

    uri: RoomUri
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class RoomSnapshot(RoomSummary):
    """
    A room as a search finds it.

    Attributes:
        participants: How many users were in it at that moment.
        category: Where it lives; None when the server did not say.
        add_in: The web page shown beside it.

    """

    category: CategoryUri | None = None
    privacy: Privacy = Privacy.CLOSED
    behavior: Behavior = Behavior.NORMAL
    disabled: bool = False
    participants: int = 0
    keeps_history: bool = True
    invites: bool = False
    can_post_files: bool = False
    add_in: AddIn | None = None


@dataclass(frozen=True, slots=True)
class Room(RoomSummary):
    """
    A room as the service keeps it.

    Attributes:
        category: Its one category.
        invites: False switches invitations off; True leaves them to the category.
        add_in: The id of a registered add-in, empty for none.
        changes: As the store decides it; rooms that differ in nothing else are equal.

    """

    category: CategoryUri | None = None
    privacy: Privacy = Privacy.CLOSED
    behavior: Behavior = Behavior.NORMAL
    disabled: bool = False
    invites: bool = True
    add_in: str = ""
    changes: Changes = field(default=Changes(), compare=False)
