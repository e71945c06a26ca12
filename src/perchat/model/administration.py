"""Who administers over the network, and the records that administrators read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.chatroom import Room
    from perchat.model.principal import Group
    from perchat.model.uri import CategoryUri, SipUri

__all__ = ["LOCAL", "AdministrativeRole", "AdministratorGrant", "GroupEntry", "RoomEntry"]

LOCAL = "local:"
"""Prefix of the name of an operator who works at the server itself."""


class AdministrativeRole(Enum):
    """
    A role beyond those in rooms, as the original's CsPersistentChatAdministrator is one.

    MODERATOR replaces and removes messages; ADMINISTRATOR does that too, and administers
    rooms, and where the role is not confined to categories also categories, users and groups.
    """

    MODERATOR = "moderator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class AdministratorGrant:
    """
    A role that a user was granted.

    Attributes:
        categories: Where it counts; None means everywhere, and no category nowhere.

    """

    user: SipUri
    role: AdministrativeRole
    categories: frozenset[CategoryUri] | None = None

    def covers(self, category: CategoryUri | None) -> bool:
        """Tell whether it counts in a category, or with None everywhere."""
        return self.categories is None or (category is not None and category in self.categories)


@dataclass(frozen=True, slots=True)
class RoomEntry:
    """A room as its administrator sees it: the category by name, the roles by address."""

    room: Room
    category: str
    members: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    presenters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A group as its administrator sees it, with the addresses of what it holds directly."""

    group: Group
    members: tuple[str, ...] = ()
