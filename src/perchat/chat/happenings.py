"""What those in rooms are to be told besides messages; whoever tells may know only some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.model.journal import MessagesModerated

if TYPE_CHECKING:
    from perchat.model.chatroom import Room
    from perchat.model.uri import RoomUri, SipUri

__all__ = [
    "Happening",
    "RoomAltered",
    "RosterDue",
    "UserArrived",
    "UserDeparted",
    "UserInvited",
    "UserKicked",
    "UserPrivilegesChanged",
]


@dataclass(frozen=True, slots=True)
class UserArrived:
    """A user came into a room, with the first of possibly several sessions."""

    room: RoomUri
    user: SipUri
    session: str


@dataclass(frozen=True, slots=True)
class UserDeparted:
    """The last session of a user left a room."""

    room: RoomUri
    user: SipUri


@dataclass(frozen=True, slots=True)
class RosterDue:
    """
    A large room has calmed down: its participants are told who is there.

    Attributes:
        gone: Who left while nothing was told, of those that some had on their list.

    """

    room: RoomUri
    gone: tuple[SipUri, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomAltered:
    """
    Properties of a room have changed, or of its category when both are the same.

    Attributes:
        before: The room until now.
        after: The room from here on.

    """

    room: RoomUri
    before: Room
    after: Room


@dataclass(frozen=True, slots=True)
class UserPrivilegesChanged:
    """Participants came to manage or present, or do so no more; see ``participants``."""

    room: RoomUri
    users: tuple[SipUri, ...]


@dataclass(frozen=True, slots=True)
class UserKicked:
    """
    A participant may not be in the room any more; the departure follows.

    Attributes:
        disabled: Whether that is because the room was disabled, for everyone.

    """

    room: RoomUri
    user: SipUri
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class UserInvited:
    """
    A user was invited to a room; the user's sessions are told, in the room or not.

    Attributes:
        id: Counts up within the user.

    """

    room: RoomUri
    user: SipUri
    id: int


Happening = (
    UserArrived
    | UserDeparted
    | RosterDue
    | RoomAltered
    | UserPrivilegesChanged
    | UserKicked
    | UserInvited
    | MessagesModerated
)
