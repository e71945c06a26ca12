"""Rooms as their managers see and change them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from perchat.model.changes import Changes
from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot, RoomSummary
from perchat.model.invitation import Invitations, InviteSetting

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.addin import AddIn
    from perchat.model.category import CategorySummary
    from perchat.model.chatroom import Role
    from perchat.model.uri import CategoryUri, RoomUri

__all__ = ["RoleChange", "RoleOperation", "RoomDetails", "RoomSettings", "RoomUpdate"]


@dataclass(frozen=True, slots=True)
class RoomDetails(RoomSummary):
    """
    Everything about one room but who is in it.

    Attributes:
        category: Where it lives; None when the server did not say.
        participants: How many users were in it at that moment.
        add_in: The web page shown beside it.
        file_store: Where the service for files is; empty when there is none.
        changes: Its ``updated_on`` tells this state from later ones.

    """

    category: CategorySummary | None = None
    privacy: Privacy = Privacy.CLOSED
    behavior: Behavior = Behavior.NORMAL
    disabled: bool = False
    participants: int = 0
    add_in: AddIn | None = None
    file_store: str = ""
    invitations: Invitations = Invitations()  # noqa: RUF009 - frozen
    changes: Changes = Changes()  # noqa: RUF009 - frozen

    @property
    def snapshot(self) -> RoomSnapshot:
        """The room as a search would have found it."""
        category = self.category
        return RoomSnapshot(
            uri=self.uri,
            name=self.name,
            description=self.description,
            category=category.uri if category else None,
            privacy=self.privacy,
            behavior=self.behavior,
            disabled=self.disabled,
            participants=self.participants,
            keeps_history=bool(category and category.keeps_history),
            invites=self.invitations.effective,
            can_post_files=bool(category and category.file_posts),
            add_in=self.add_in,
        )


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """
    What a new room is to be.

    Attributes:
        add_in: The id of a registered add-in; empty for none.
        members: Principals by URI; like the managers and presenters within the category's scope.

    """

    name: str
    category: CategoryUri
    description: str = ""
    privacy: Privacy = Privacy.CLOSED
    behavior: Behavior = Behavior.NORMAL
    disabled: bool = False
    invitations: InviteSetting = InviteSetting.INHERIT
    add_in: str = ""
    members: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    presenters: tuple[str, ...] = ()


class RoleOperation(Enum):
    """What to do with a list of those who hold a role."""

    ADD = "add"
    REMOVE = "del"
    REPLACE = "set"


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A change of who holds one role in a room; principals by URI."""

    role: Role
    operation: RoleOperation
    principals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RoomUpdate:
    """
    How a room is to change; None leaves something as it is.

    Attributes:
        category: Where it is to move.
        add_in: The id of a registered add-in; empty takes the add-in away.
        roles: Lists that are not named stay.
        expected: ``changes.updated_on`` as the caller last read it: the room is left alone
            if someone else has changed it since. None changes it whatever it is.

    """

    uri: RoomUri
    name: str | None = None
    description: str | None = None
    category: CategoryUri | None = None
    privacy: Privacy | None = None
    behavior: Behavior | None = None
    disabled: bool | None = None
    invitations: InviteSetting | None = None
    add_in: str | None = None
    roles: tuple[RoleChange, ...] = ()
    expected: datetime | None = None
