"""What the SDK tells: frozen values, read from async iterators, matched with ``match``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.client.states import ConnectionState, EndpointState, SessionState
    from perchat.model.message import Message
    from perchat.model.participant import Participant
    from perchat.model.uri import RoomUri

__all__ = [
    "AttendanceChanged",
    "Change",
    "ConnectionStateChanged",
    "EndpointReason",
    "EndpointStateChanged",
    "EventsLost",
    "FollowedRoomsChanged",
    "MessageReceived",
    "MessagesModerated",
    "PostResult",
    "PreferenceChanged",
    "PrivilegeChanged",
    "ReadPositionChanged",
    "RoomChanged",
    "SessionEvent",
    "SessionReason",
    "SessionStateChanged",
]


class EndpointReason(Enum):
    """Why a local endpoint changed its state."""

    NONE = "none"
    TOO_MANY_ENDPOINTS = "too many endpoints"
    OWNER_DISABLED_OR_REMOVED = "owner disabled or removed"
    REFRESH_SUCCEEDED = "registration refresh succeeded"
    REFRESH_FAILED = "registration refresh failed"
    DISCOVERY_FAILED = "server discovery failed"
    SIGN_IN_FAILED = "sign-in failed"
    DEREGISTERED = "deregistered by the server"
    CONNECTION_LOST = "connection lost"


class SessionReason(Enum):
    """Why a room session changed its state."""

    NONE = "none"
    LEFT = "left"
    KICKED = "kicked"
    ROOM_DISABLED = "room disabled"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class EndpointStateChanged:
    """A local endpoint moved on; ``message`` is for people."""

    previous: EndpointState
    state: EndpointState
    reason: EndpointReason = EndpointReason.NONE
    message: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionStateChanged:
    """A chat endpoint moved on; ``reason`` is for people and empty where nobody knows."""

    state: ConnectionState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PreferenceChanged:
    """Another program of the user wrote a bundle, which has a new version now."""

    label: str
    version: int


@dataclass(frozen=True, slots=True)
class FollowedRoomsChanged:
    """Another program of the user followed or unfollowed a room; ``rooms`` are followed now."""

    rooms: tuple[RoomUri, ...]


@dataclass(frozen=True, slots=True)
class ReadPositionChanged:
    """Another program of the user read a room up to ``message``, the id of a message."""

    room: RoomUri
    message: int


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """Somebody posted; our own posts come back too."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessagesModerated:
    """
    Messages of the room were replaced or taken away; Perchat servers alone say so.

    Attributes:
        ids: Which.
        text: What they say now; None when they were taken away.

    """

    ids: tuple[int, ...]
    text: str | None = None


@dataclass(frozen=True, slots=True)
class AttendanceChanged:
    """Somebody came (``active``) or went; large rooms do not tell."""

    participant: Participant
    active: bool


@dataclass(frozen=True, slots=True)
class PrivilegeChanged:
    """A participant became, or is no longer, manager or presenter."""

    participant: Participant


@dataclass(frozen=True, slots=True)
class Change:
    """A property of the room before and after, as the session shows it."""

    old: object
    new: object


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """Properties of the room changed, by the names that the session gives them."""

    changes: Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class SessionStateChanged:
    """The session moved on."""

    state: SessionState
    reason: SessionReason = SessionReason.NONE


@dataclass(frozen=True, slots=True)
class EventsLost:
    """So many events had to go, oldest first, because nobody read them in time."""

    count: int


SessionEvent = (
    MessageReceived
    | MessagesModerated
    | AttendanceChanged
    | PrivilegeChanged
    | RoomChanged
    | SessionStateChanged
    | EventsLost
)


@dataclass(frozen=True, slots=True)
class PostResult:
    """
    The server's receipt: the message is stored.

    Attributes:
        message: As the server stored it; None when it did not send it back in time.

    """

    message: Message | None = None
