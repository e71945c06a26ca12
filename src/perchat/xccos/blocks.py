"""
The data of commands, replies and notices, as values.

Each class stands for what one ``data`` element holds; the catalogue tells which
command carries which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from perchat.model.explanation import Explanation
from perchat.model.journal import MessagesModerated
from perchat.model.preference import Preference
from perchat.model.principal import DirectoryUser, Group, UserMatches
from perchat.model.roomdetails import RoomDetails, RoomSettings, RoomUpdate
from perchat.xccos.administrative import (
    AdministrativeReply,
    AdministrativeRequest,
    ModerationReply,
    ModerationRequest,
)
from perchat.xccos.managing import (
    AddIns,
    AssociationQuery,
    Categories,
    ExplanationQuery,
    PreferenceQuery,
    PreferenceReply,
    PreferenceVersion,
    PrincipalLookup,
    PrincipalQuery,
    Principals,
    RoleAssignment,
    RoleLists,
    RoleQuery,
    RoomLookup,
    RoomPermissions,
    UserQuery,
)

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
    from perchat.model.history import HistoryQuery, HistoryResult
    from perchat.model.invitation import Invitation
    from perchat.model.message import Message
    from perchat.model.participant import Participant
    from perchat.model.service import ServerInfo
    from perchat.model.uri import CategoryUri, RoomUri, SipUri

__all__ = [
    "Arrival",
    "Arrivals",
    "Data",
    "Departure",
    "Departures",
    "FileToken",
    "FileTokenQuery",
    "Histories",
    "History",
    "HistorySearch",
    "InvitationQuery",
    "Invitations",
    "Joined",
    "JoinedRoom",
    "Nothing",
    "QueryKind",
    "RecentQuery",
    "RoomIds",
    "RoomQuery",
    "RoomUris",
    "Rooms",
    "RosterEntry",
    "ServerInfoQuery",
    "ServerInfoReply",
    "ServerUri",
    "Unknown",
]


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty ``data``: commands without arguments, and refusals."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """
    Something kept as it came, because its name is unknown or its content unusable.

    Attributes:
        name: The name after ``cmd:``, ``rpl:`` or ``ntc:``; the element's own in an envelope.
        element: The ``data`` element, or the element of the envelope.
        problem: What makes the data of a known name unusable; empty for unknown names.

    """

    name: str
    element: Element
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ServerUri:
    """Where the chat service is to be called; None leaves the client waiting."""

    uri: SipUri | None = None


@dataclass(frozen=True, slots=True)
class ServerInfoQuery:
    """Asks for limits and identity; 123 is what clients ask for, its bits are unknown."""

    domain: str = ""
    info_type: int = 123


@dataclass(frozen=True, slots=True)
class ServerInfoReply:
    """
    Limits and identity, with the query's ``info_type`` echoed.

    Attributes:
        is_older: It holds nothing that servers began to tell with the generation of 2013.

    """

    info: ServerInfo
    info_type: int = 123
    is_older: bool = False


@dataclass(frozen=True, slots=True)
class RoomIds:
    """The rooms to join."""

    rooms: tuple[RoomUri, ...]


class RosterEntry(NamedTuple):
    """A participant with the permission mask it has in the room."""

    participant: Participant
    mask: int


@dataclass(frozen=True, slots=True)
class JoinedRoom:
    """
    A room just joined.

    Attributes:
        participants: Each once, the joiner included; a large room lists only the joiner.
            Their order is not kept on the wire.

    """

    room: RoomSnapshot
    participants: tuple[RosterEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """
    Which rooms were joined and which could not be.

    Attributes:
        truncated: Whether more are there than an answer holds.

    """

    rooms: tuple[JoinedRoom, ...] = ()
    failed: tuple[RoomUri, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class RoomUris:
    """Rooms by URI alone: to be left, left, or where a post was refused."""

    rooms: tuple[RoomUri, ...]


class QueryKind(StrEnum):
    """What the criteria of a search for rooms are."""

    BYNAME = "BYNAME"
    """Words of the name, and of the description if so asked."""
    BYFILTER = "BYFILTER"
    """The same, with every other filter."""
    BYCATEGORY = "BYCATEGORY"
    """The URI of a category."""
    BYUSER = "BYUSER"
    """The address of someone who is in the room now."""
    BYADDIN = "BYADDIN"
    """The id of an add-in."""
    BYURI = "BYURI"
    """The URI of a room."""


@dataclass(frozen=True, slots=True)
class RoomQuery:
    """
    A search for rooms; None means any.

    Attributes:
        kind: What ``criteria`` is, a :class:`QueryKind`; other words are kept as they came.
        criteria: Words, or what the kind says; empty finds everything visible.
        extended: Whether descriptions are searched too.
        max_results: -1 leaves it to the server.
        member: Rooms this principal is a member of.
        manager: Rooms this principal manages.
        add_in: GUID of an add-in.
        search_invites: Whether ``invites`` filters; None then means inherited.

    """

    criteria: str = ""
    kind: str = QueryKind.BYNAME
    extended: bool = False
    match_all: bool = False
    match_exact_phrase: bool = False
    max_results: int = -1
    member: str = ""
    manager: str = ""
    category: CategoryUri | None = None
    add_in: str = ""
    disabled: bool | None = None
    privacy: Privacy | None = None
    behavior: Behavior | None = None
    search_invites: bool = False
    invites: bool | None = None


@dataclass(frozen=True, slots=True)
class Rooms:
    """Rooms found."""

    rooms: tuple[RoomSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class RecentQuery:
    """Asks for the newest ``count`` messages of a room."""

    room: RoomUri
    count: int


@dataclass(frozen=True, slots=True)
class History:
    """Messages of one room, oldest first."""

    room: RoomUri
    name: str = ""
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class HistorySearch:
    """A question about what was said in some rooms."""

    rooms: tuple[RoomUri, ...]
    query: HistoryQuery


@dataclass(frozen=True, slots=True)
class Histories:
    """What was found, room by room."""

    results: tuple[HistoryResult, ...] = ()


@dataclass(frozen=True, slots=True)
class InvitationQuery:
    """Asks for the caller's invitations with an id greater than ``after``."""

    after: int = 0
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Invitations:
    """Invitations of the receiver."""

    invitations: tuple[Invitation, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrival:
    """Someone came into rooms, with the permission mask in each."""

    participant: Participant
    rooms: tuple[tuple[RoomUri, int], ...]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Users who joined."""

    arrivals: tuple[Arrival, ...]


@dataclass(frozen=True, slots=True)
class Departure:
    """Users who left one room."""

    room: RoomUri
    users: tuple[SipUri, ...]


@dataclass(frozen=True, slots=True)
class Departures:
    """Users who left, by room."""

    departures: tuple[Departure, ...]


@dataclass(frozen=True, slots=True)
class FileTokenQuery:
    """
    Asks leave to send a file to a room, or to fetch one from it.

    Attributes:
        file_name: What the caller's machine calls it; the service can do without.

    """

    room: RoomUri
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class FileToken:
    """
    Leave for one transfer.

    Attributes:
        token: Whoever shows it is who asked; a secret.
        service: The URL of the file web service.

    """

    token: str = field(repr=False)
    service: str


Data = (
    Nothing
    | Unknown
    | ServerUri
    | ServerInfoQuery
    | ServerInfoReply
    | RoomIds
    | Joined
    | RoomUris
    | RoomQuery
    | Rooms
    | RecentQuery
    | History
    | HistorySearch
    | Histories
    | InvitationQuery
    | Invitations
    | Arrivals
    | Departures
    | AssociationQuery
    | RoomLookup
    | RoomDetails
    | RoomSettings
    | RoomUpdate
    | RoomPermissions
    | ExplanationQuery
    | Explanation
    | Categories
    | AddIns
    | RoleQuery
    | RoleLists
    | RoleAssignment
    | PrincipalQuery
    | Principals
    | UserQuery
    | UserMatches
    | PrincipalLookup
    | DirectoryUser
    | Group
    | PreferenceQuery
    | PreferenceReply
    | Preference
    | PreferenceVersion
    | FileTokenQuery
    | FileToken
    | ModerationRequest
    | ModerationReply
    | MessagesModerated
    | AdministrativeRequest
    | AdministrativeReply
)
