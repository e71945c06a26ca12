"""
What the journal adds up to, in memory: rooms, roles, and who is where.

Entries are applied strictly in order, by one follower. Users come and go, not
their devices: the first session of a user in a room is an arrival, the end of
the last one a departure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from perchat.errors import StateError
from perchat.model.chatroom import Role, Room
from perchat.model.journal import (
    ApplicationChanged,
    ApplicationRemoved,
    CategoryChanged,
    JournalEntry,
    MessagePosted,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    UserChanged,
)
from perchat.model.name import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.model.application import RegisteredApplication
    from perchat.model.category import Category
    from perchat.model.principal import User
    from perchat.model.uri import CategoryUri, RoomUri, SipUri
    from perchat.store.base import Snapshot

__all__ = ["ChatState", "Happening", "RoomState", "RosterDue", "UserArrived", "UserDeparted"]


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
    """A large room has calmed down: its participants are told who is there."""

    room: RoomUri


Happening = UserArrived | UserDeparted | RosterDue
_NOTHING: tuple[Happening, ...] = ()


@dataclass(slots=True)
class RoomState:
    """
    A room, the roles in it and who is present.

    Attributes:
        room: As the journal last said.
        key: Its name, folded for search.
        roles: Principals by role.
        present: Node by session, by user, in the order of arrival.
        here: User by session, for the sessions of this node.
        large: Whether comings and goings are kept quiet.

    """

    room: Room
    key: str = ""
    roles: dict[Role, set[str]] = field(default_factory=dict)
    present: dict[SipUri, dict[str, str]] = field(default_factory=dict)
    here: dict[str, SipUri] = field(default_factory=dict)
    large: bool = False


class ChatState:
    """
    The state of the chat service after ``position``.

    Args:
        node: This process's name; sessions of it are in ``RoomState.here``.
        large_above: See ChatSettings.participant_update_limit.
        calm_below: Users in a large room below which it is an ordinary one again.

    """

    def __init__(self, node: str, *, large_above: int = 75, calm_below: float = 60) -> None:
        self.node = node
        self.position = 0
        self.users: dict[SipUri, User] = {}
        self.categories: dict[CategoryUri, Category] = {}
        self.rooms: dict[RoomUri, RoomState] = {}
        self.applications: dict[str, RegisteredApplication] = {}
        self.joined: dict[tuple[SipUri, str], dict[RoomUri, None]] = {}
        self._large_above = large_above
        self._calm_below = calm_below

    def load(self, snapshot: Snapshot) -> None:
        """Take over a snapshot; only into a new state."""
        for user in snapshot.users:
            self._user_changed(UserChanged(user))
        for category in snapshot.categories:
            self._category_changed(CategoryChanged(category))
        for room in snapshot.rooms:
            self._room_changed(RoomChanged(room))
        for grant in snapshot.roles:
            self._granted(grant)
        for participant in snapshot.participants:
            self._joined(participant)
        for application in snapshot.applications:
            self._application_changed(ApplicationChanged(application))
        self.position = snapshot.position

    def apply(self, entry: JournalEntry) -> Sequence[Happening]:
        """Take the next entry; return what participants are to be told besides messages."""
        if entry.position != self.position + 1:
            raise StateError(f"entry {entry.position} applied after {self.position}")
        self.position = entry.position
        fact = entry.fact
        if type(fact) is MessagePosted:
            return _NOTHING
        return self._APPLY[type(fact)](self, fact)

    def is_joined(self, room: RoomUri, user: SipUri, session: str) -> bool:
        """Tell whether this session of the user is in the room."""
        return room in self.joined.get((user, session), ())

    def _joined(self, fact: ParticipantJoined) -> Sequence[Happening]:
        place = self.rooms[fact.room]
        sessions = place.present.setdefault(fact.user, {})
        first = not sessions
        sessions[fact.session] = fact.node
        if fact.node == self.node:
            place.here[fact.session] = fact.user
        self.joined.setdefault((fact.user, fact.session), {})[fact.room] = None
        return self._arrived(place, fact) if first else _NOTHING

    def _arrived(self, place: RoomState, fact: ParticipantJoined) -> Sequence[Happening]:
        place.large = place.large or len(place.present) > self._large_above
        return _NOTHING if place.large else (UserArrived(fact.room, fact.user, fact.session),)

    def _parted(self, fact: ParticipantParted) -> Sequence[Happening]:
        place = self.rooms[fact.room]
        sessions = place.present.get(fact.user, {})
        if sessions.pop(fact.session, None) is None:
            return _NOTHING
        place.here.pop(fact.session, None)
        self._forget(fact)
        if sessions:
            return _NOTHING
        del place.present[fact.user]
        return self._departed(place, fact)

    def _forget(self, fact: ParticipantParted) -> None:
        rooms = self.joined[fact.user, fact.session]
        del rooms[fact.room]
        if not rooms:
            del self.joined[fact.user, fact.session]

    def _departed(self, place: RoomState, fact: ParticipantParted) -> Sequence[Happening]:
        if not place.large:
            return (UserDeparted(fact.room, fact.user),)
        place.large = len(place.present) >= self._calm_below
        return _NOTHING if place.large else (RosterDue(fact.room),)

    def _node_started(self, fact: NodeStarted) -> Sequence[Happening]:
        gone = [
            ParticipantParted(uri, user, session, node)
            for uri, place in self.rooms.items()
            for user, sessions in place.present.items()
            for session, node in sessions.items()
            if node == fact.node
        ]
        return [happening for parted in gone for happening in self._parted(parted)]

    def _room_changed(self, fact: RoomChanged) -> Sequence[Happening]:
        place = self.rooms.get(fact.room.uri)
        if place is None:
            place = self.rooms[fact.room.uri] = RoomState(fact.room)
        place.room = fact.room
        place.key = fold(fact.room.name)
        return _NOTHING

    def _category_changed(self, fact: CategoryChanged) -> Sequence[Happening]:
        self.categories[fact.category.uri] = fact.category
        return _NOTHING

    def _granted(self, fact: RolesGranted) -> Sequence[Happening]:
        self.rooms[fact.room].roles.setdefault(fact.role, set()).update(fact.principals)
        return _NOTHING

    def _revoked(self, fact: RolesRevoked) -> Sequence[Happening]:
        self.rooms[fact.room].roles.get(fact.role, set()).difference_update(fact.principals)
        return _NOTHING

    def _user_changed(self, fact: UserChanged) -> Sequence[Happening]:
        self.users[fact.user.uri] = fact.user
        return _NOTHING

    def _application_changed(self, fact: ApplicationChanged) -> Sequence[Happening]:
        self.applications[fold(fact.application.name)] = fact.application
        return _NOTHING

    def _application_removed(self, fact: ApplicationRemoved) -> Sequence[Happening]:
        self.applications.pop(fold(fact.name), None)
        return _NOTHING

    _APPLY: ClassVar[dict[type, Callable[..., Sequence[Happening]]]] = {
        ParticipantJoined: _joined,
        ParticipantParted: _parted,
        NodeStarted: _node_started,
        RoomChanged: _room_changed,
        CategoryChanged: _category_changed,
        RolesGranted: _granted,
        RolesRevoked: _revoked,
        UserChanged: _user_changed,
        ApplicationChanged: _application_changed,
        ApplicationRemoved: _application_removed,
    }
