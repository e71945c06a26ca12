"""
The data of commands about managing: rooms, roles, people, preferences.

Where a noun of the model says it all, the command carries that noun itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.model.chatroom import Role
from perchat.xccos.masks import permission_of

if TYPE_CHECKING:
    from perchat.model.addin import AddIn
    from perchat.model.category import CategorySummary
    from perchat.model.chatroom import Permission
    from perchat.model.preference import Preference
    from perchat.model.principal import Principal, RoleEntry
    from perchat.model.roomdetails import RoleChange
    from perchat.model.uri import CategoryUri, RoomUri, SipUri

__all__ = [
    "AddIns",
    "AssociationQuery",
    "Categories",
    "ExplanationQuery",
    "PreferenceQuery",
    "PreferenceReply",
    "PreferenceVersion",
    "PrincipalLookup",
    "PrincipalQuery",
    "Principals",
    "RoleAssignment",
    "RoleList",
    "RoleLists",
    "RoleQuery",
    "RoomLookup",
    "RoomPermissions",
    "UserQuery",
]


@dataclass(frozen=True, slots=True)
class AssociationQuery:
    """
    Asks for the rooms in which the caller holds a role.

    Attributes:
        role: MEMBER or MANAGER.
        max_results: -1 leaves it to the server.

    """

    role: Role = Role.MEMBER
    domain: str = ""
    max_results: int = -1


@dataclass(frozen=True, slots=True)
class Categories:
    """
    Categories in which the caller may create rooms.

    Attributes:
        root: What they stand under.

    """

    categories: tuple[CategorySummary, ...] = ()
    root: CategoryUri | None = None


@dataclass(frozen=True, slots=True)
class RoomLookup:
    """Asks for one room by its URI or, where that is None, by its exact name."""

    uri: RoomUri | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class RoleQuery:
    """Asks who holds a role in a room."""

    room: RoomUri
    role: Role


@dataclass(frozen=True, slots=True)
class RoleList:
    """Everyone who holds a role."""

    role: Role
    entries: tuple[RoleEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleLists:
    """
    The lists that were asked for or changed, as they are now.

    Attributes:
        truncated: Whether there are more than an answer holds.

    """

    lists: tuple[RoleList, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """Changes who holds roles in a room."""

    room: RoomUri
    changes: tuple[RoleChange, ...]


@dataclass(frozen=True, slots=True)
class PrincipalQuery:
    """
    Asks who could be given a role.

    Attributes:
        text: What a name begins with or contains.
        room: With ``role``: who could hold that role there.
        category: Instead of a room: who could create rooms there.
        max_results: -1 leaves it to the server.

    """

    text: str
    room: RoomUri | None = None
    role: Role | None = None
    category: CategoryUri | None = None
    max_results: int = -1


@dataclass(frozen=True, slots=True)
class Principals:
    """Users, groups, containers and domains that were found."""

    principals: tuple[Principal, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplanationQuery:
    """Asks why a user may or may not do something in a room; for system users."""

    user: SipUri
    room: RoomUri


@dataclass(frozen=True, slots=True)
class RoomPermissions:
    """
    What the caller may do in a room.

    Attributes:
        user: The caller.
        mask: As in a roster.

    """

    room: RoomUri
    user: SipUri
    mask: int

    @property
    def permission(self) -> Permission:
        """What the mask means."""
        return permission_of(self.mask)


@dataclass(frozen=True, slots=True)
class AddIns:
    """Every registered add-in."""

    add_ins: tuple[AddIn, ...] = ()


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Asks for users; each text is part of what it names, and an empty one names nothing."""

    last: str = ""
    first: str = ""
    email: str = ""
    max_results: int = -1


@dataclass(frozen=True, slots=True)
class PrincipalLookup:
    """Asks for one user or group by its URI."""

    uri: str


@dataclass(frozen=True, slots=True)
class PreferenceQuery:
    """
    Asks for a bundle of the caller.

    Attributes:
        known: The version the caller has; nothing comes back unless there is a newer one. -1
            always asks.
        default: Whether the server makes a bundle up where there is none.

    """

    label: str
    known: int = -1
    default: bool = False


@dataclass(frozen=True, slots=True)
class PreferenceReply:
    """The bundle; None when there is none, or none that is newer."""

    preference: Preference | None = None


@dataclass(frozen=True, slots=True)
class PreferenceVersion:
    """The version a bundle has now."""

    label: str
    version: int
