"""
The journal: what is true, in the order in which it became true.

A fact is true once the store has given it a position; whatever a participant
sees is read back from here, on every node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.application import RegisteredApplication
    from perchat.model.category import Category
    from perchat.model.chatroom import Role, Room
    from perchat.model.message import Message
    from perchat.model.principal import User
    from perchat.model.uri import RoomUri, SipUri

__all__ = [
    "ApplicationChanged",
    "ApplicationRemoved",
    "CategoryChanged",
    "Fact",
    "JournalEntry",
    "MessagePosted",
    "NodeStarted",
    "ParticipantJoined",
    "ParticipantParted",
    "RolesGranted",
    "RolesRevoked",
    "RoomChanged",
    "UserChanged",
]


@dataclass(frozen=True, slots=True)
class MessagePosted:
    """
    A message; before it is appended its id is 0 and its timestamp a placeholder.

    Attributes:
        kept: Whether it goes into history; without, it is only told.

    """

    message: Message
    kept: bool = True


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """A session of a user is in a room from here on."""

    room: RoomUri
    user: SipUri
    session: str
    node: str


@dataclass(frozen=True, slots=True)
class ParticipantParted:
    """A session of a user is out of a room from here on."""

    room: RoomUri
    user: SipUri
    session: str
    node: str


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """A node begins with no session; what it had before is gone."""

    node: str


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """A room was made or changed; this is how it is now."""

    room: Room


@dataclass(frozen=True, slots=True)
class CategoryChanged:
    """A category was made or changed; this is how it is now."""

    category: Category


@dataclass(frozen=True, slots=True)
class RolesGranted:
    """Principals hold a role in a room from here on."""

    room: RoomUri
    role: Role
    principals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RolesRevoked:
    """Principals do not hold a role in a room any more."""

    room: RoomUri
    role: Role
    principals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A user was made or changed; this is how the user is now."""

    user: User


@dataclass(frozen=True, slots=True)
class ApplicationChanged:
    """A trusted application was registered or changed; this is how it is now."""

    application: RegisteredApplication


@dataclass(frozen=True, slots=True)
class ApplicationRemoved:
    """The application of that name is trusted no more."""

    name: str


Fact = (
    MessagePosted
    | ParticipantJoined
    | ParticipantParted
    | NodeStarted
    | RoomChanged
    | CategoryChanged
    | RolesGranted
    | RolesRevoked
    | UserChanged
    | ApplicationChanged
    | ApplicationRemoved
)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """
    A fact with its place in the order.

    Attributes:
        position: Starts at 1, without gaps, over all rooms.
        at: Seconds since the epoch, as the store's clock read it.

    """

    position: int
    at: float
    fact: Fact
