"""
What the journal adds up to, in memory: rooms, roles, and who is where.

Entries are applied strictly in order, by one follower. Users come and go, not
their devices: the first session of a user in a room is an arrival, the end of
the last one a departure.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from perchat.chat import rules
from perchat.chat.directorystate import NOTED, DirectoryState
from perchat.chat.happenings import (
    Happening,
    RoomAltered,
    RosterDue,
    UserArrived,
    UserDeparted,
    UserInvited,
    UserKicked,
    UserPrivilegesChanged,
)
from perchat.errors import StateError
from perchat.model.chatroom import Behavior, Permission, Role, Room
from perchat.model.journal import (
    CategoryChanged,
    CategoryRemoved,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    JournalEntry,
    MessagePosted,
    MessagesModerated,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    RoomRemoved,
    UserRemoved,
    UsersInvited,
)
from perchat.model.name import fold
from perchat.model.uri import CategoryUri, RoomUri, SipUri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from perchat.model.category import Category
    from perchat.store.base import Snapshot

__all__ = [
    "ChatState",
    "Happening",
    "RoomAltered",
    "RoomState",
    "RosterDue",
    "UserArrived",
    "UserDeparted",
    "UserInvited",
    "UserKicked",
    "UserPrivilegesChanged",
]


_NOTHING: tuple[Happening, ...] = ()
_Privileges: TypeAlias = "dict[RoomUri, dict[SipUri, tuple[bool, bool]]]"


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
        unseen: While it is large, who left of those that some have on their list.

    """

    room: Room
    key: str = ""
    roles: dict[Role, set[str]] = field(default_factory=dict)
    present: dict[SipUri, dict[str, str]] = field(default_factory=dict)
    here: dict[str, SipUri] = field(default_factory=dict)
    large: bool = False
    listed: set[SipUri] = field(default_factory=set)
    unseen: dict[SipUri, None] = field(default_factory=dict)


class ChatState(DirectoryState):
    """
    The state of the chat service after ``position``.

    Attributes:
        affiliations: Which groups and domains hold whom.
        add_ins: By id.
        groups: By URI.

    Args:
        node: This process's name; sessions of it are in ``RoomState.here``.
        large_above: See ChatSettings.participant_update_limit.
        calm_below: Users in a large room below which it is an ordinary one again.
        groups_of: See Affiliations.

    """

    def __init__(
        self,
        node: str,
        *,
        large_above: int = 75,
        calm_below: float = 60,
        groups_of: Callable[[str], Iterable[str]] | None = None,
    ) -> None:
        super().__init__(groups_of)
        self.node = node
        self.position = 0
        self.categories: dict[CategoryUri, Category] = {}
        self.rooms: dict[RoomUri, RoomState] = {}
        self.joined: dict[tuple[SipUri, str], dict[RoomUri, None]] = {}
        self._large_above = large_above
        self._calm_below = calm_below

    def load(self, snapshot: Snapshot) -> None:
        """Take over a snapshot; only into a new state."""
        self.load_directory(snapshot)
        for category in snapshot.categories:
            self._category_changed(CategoryChanged(category))
        for room in snapshot.rooms:
            self._room_changed(RoomChanged(room))
        for grant in snapshot.roles:
            self._granted(grant)
        for participant in snapshot.participants:
            self._joined(participant)
        self.position = snapshot.position

    def apply(self, entry: JournalEntry) -> Sequence[Happening]:
        """Take the next entry; return what participants are to be told besides messages."""
        if entry.position != self.position + 1:
            raise StateError(f"entry {entry.position} applied after {self.position}")
        self.position = entry.position
        fact = entry.fact
        if type(fact) is MessagePosted:
            return _NOTHING
        if type(fact) is MessagesModerated:
            return (fact,) if fact.messages else _NOTHING
        if note := NOTED.get(type(fact)):
            note(self, fact)
            return _NOTHING
        return self._APPLY[type(fact)](self, fact)

    def is_joined(self, room: RoomUri, user: SipUri, session: str) -> bool:
        """Tell whether this session of the user is in the room."""
        return room in self.joined.get((user, session), ())

    # who is what

    def category(self, place: RoomState) -> Category:
        """Return the category of a room."""
        uri = place.room.category
        assert uri is not None, "the store takes no room without one"
        return self.categories[uri]

    def roles(self, user: SipUri, place: RoomState) -> frozenset[Role]:
        """Return the roles a user has in a room, through any principal."""
        principals = self.affiliations.of(user)
        return frozenset(r for r, held in place.roles.items() if not held.isdisjoint(principals))

    def called(self, name: str) -> RoomState | None:
        """Return the room of a name or address, whoever may see it."""
        with suppress(ValueError):
            return self.rooms.get(RoomUri(name))
        key = fold(name.strip())
        return next((place for place in self.rooms.values() if place.key == key), None)

    def category_called(self, name: str) -> Category | None:
        """Return the category of a name or address."""
        with suppress(ValueError):
            return self.categories.get(CategoryUri(name))
        key = fold(name.strip())
        return next((one for one in self.categories.values() if fold(one.name) == key), None)

    def in_scope(self, user: SipUri, category: Category) -> bool:
        """Tell whether a user may have any part in a category's rooms."""
        return rules.may_take_part(self.users.get(user)) and rules.in_scope(
            category, self.affiliations.of(user)
        )

    def permission(self, user: SipUri, place: RoomState) -> Permission:
        """Return what a user may do in a room."""
        if not self.in_scope(user, self.category(place)):
            return Permission.NONE
        return rules.permission(place.room, self.roles(user, place), scoped=True)

    def permissions(
        self, users: AbstractSet[SipUri], place: RoomState
    ) -> list[tuple[Permission, set[SipUri]]]:
        """Return users by what they may do in a room; a few sets, however many they are."""
        category, among = self.category(place), self.affiliations.among
        known = {user for user in users if rules.may_take_part(self.users.get(user))}
        scoped = among(known, category.allowed) - among(known, category.denied)
        parts = [(frozenset[Role](), scoped)]
        for role, held in place.roles.items():
            holders = among(scoped, held)
            parts = [
                part
                for roles, some in parts
                for part in ((roles, some - holders), (roles | {role}, some & holders))
            ]
        return [
            (Permission.NONE, set(users) - scoped),
            *((rules.permission(place.room, roles, scoped=True), some) for roles, some in parts),
        ]

    def privileges(
        self, users: AbstractSet[SipUri], place: RoomState
    ) -> dict[SipUri, tuple[bool, bool]]:
        """Return of each of some users whether he manages a room, and presents in it."""
        managers, presenters = (
            self.affiliations.among(users, place.roles.get(role, frozenset()))
            for role in (Role.MANAGER, Role.PRESENTER)
        )
        if place.room.behavior is not Behavior.AUDITORIUM:
            presenters = set()
        return {user: (user in managers, user in presenters) for user in users}

    # who is where

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
        if not place.large and len(place.present) > self._large_above:
            place.large = True
            place.listed = set(place.present) - {fact.user}
        place.unseen.pop(fact.user, None)
        return _NOTHING if place.large else (UserArrived(fact.room, fact.user, fact.session),)

    def _parted(self, fact: ParticipantParted) -> Sequence[Happening]:
        place = self.rooms.get(fact.room)
        sessions = place.present.get(fact.user, {}) if place else {}
        if place is None or sessions.pop(fact.session, None) is None:
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
        if fact.user in place.listed:
            place.unseen[fact.user] = None
        place.large = len(place.present) >= self._calm_below
        return _NOTHING if place.large else (self._roster_due(place),)

    def _roster_due(self, place: RoomState) -> RosterDue:
        gone = tuple(place.unseen)
        place.listed, place.unseen = set(), {}
        return RosterDue(place.room.uri, gone)

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
            self.rooms[fact.room.uri] = RoomState(fact.room, fold(fact.room.name))
            return _NOTHING
        before = place.room
        switched = before.behavior is not fact.room.behavior
        privileges = self._noted(place, place.present.keys() if switched else frozenset())
        place.room, place.key = fact.room, fold(fact.room.name)
        told: list[Happening] = []
        if before != fact.room:
            told.append(RoomAltered(before.uri, before, fact.room))
        return [*told, *self._changed(privileges)]

    def _room_removed(self, fact: RoomRemoved) -> Sequence[Happening]:
        place = self.rooms[fact.room]
        for user, sessions in place.present.items():
            for session, node in sessions.items():
                self._forget(ParticipantParted(fact.room, user, session, node))
        del self.rooms[fact.room]
        return _NOTHING

    def _category_changed(self, fact: CategoryChanged) -> Sequence[Happening]:
        uri = fact.category.uri
        known = self.categories.get(uri)
        self.categories[uri] = fact.category
        if known is None or not rules.shows_in_rooms(known, fact.category):
            return _NOTHING
        rooms = (place.room for place in self.rooms.values() if place.room.category == uri)
        return [RoomAltered(room.uri, room, room) for room in rooms]

    def _category_removed(self, fact: CategoryRemoved) -> Sequence[Happening]:
        self.categories.pop(fact.category, None)
        return _NOTHING

    # roles

    def _granted(self, fact: RolesGranted) -> Sequence[Happening]:
        place = self.rooms[fact.room]
        privileges = self._noted(place, self._touched(place, fact.role, fact.principals))
        place.roles.setdefault(fact.role, set()).update(fact.principals)
        return self._changed(privileges)

    def _revoked(self, fact: RolesRevoked) -> Sequence[Happening]:
        place = self.rooms[fact.room]
        privileges = self._noted(place, self._touched(place, fact.role, fact.principals))
        place.roles.get(fact.role, set()).difference_update(fact.principals)
        return self._changed(privileges)

    def _touched(
        self, place: RoomState, role: Role, principals: Sequence[str]
    ) -> AbstractSet[SipUri]:
        """Return the participants whose privileges a change of a role may change."""
        if role is Role.MEMBER:
            return frozenset()
        return self.affiliations.among(place.present.keys(), frozenset(principals))

    def _noted(self, place: RoomState, users: AbstractSet[SipUri]) -> _Privileges:
        return {place.room.uri: self.privileges(users, place)}

    def _changed(self, before: _Privileges) -> Sequence[Happening]:
        """Return who among those noted has other privileges now."""
        told = []
        for room, noted in before.items():
            now = self.privileges(noted.keys(), self.rooms[room])
            if users := tuple(user for user in noted if now[user] != noted[user]):
                told.append(UserPrivilegesChanged(room, users))
        return told

    def _everywhere(self, principals: Iterable[str]) -> _Privileges:
        """Note the privileges of whoever some principals are or hold, in all their rooms."""
        places = self.rooms_below(principals)
        return {room: self.privileges(there, self.rooms[room]) for room, there in places.items()}

    def rooms_below(self, principals: Iterable[str]) -> dict[RoomUri, set[SipUri]]:
        """Return the rooms of whoever some principals are or hold, with those who are there."""
        here = {user for user, _ in self.joined if user in self.users}
        return self.rooms_of(self.affiliations.among(here, frozenset(principals)))

    def rooms_of(self, users: AbstractSet[SipUri]) -> dict[RoomUri, set[SipUri]]:
        """Return the rooms that any of some users is in, with those who are."""
        found: dict[RoomUri, set[SipUri]] = {}
        for (user, _), rooms in self.joined.items():
            if user in users:
                for room in rooms:
                    found.setdefault(room, set()).add(user)
        return found

    # the directory

    def _user_removed(self, fact: UserRemoved) -> Sequence[Happening]:
        self.users.pop(fact.user, None)
        self.administrators.pop(fact.user, None)
        return self._principal_gone(fact.user)

    def _principal_gone(self, principal: str) -> Sequence[Happening]:
        privileges = self._everywhere((principal,))
        for place in self.rooms.values():
            for held in place.roles.values():
                held.discard(principal)
        self.affiliations.forget(principal)
        return self._changed(privileges)

    def _group_removed(self, fact: GroupRemoved) -> Sequence[Happening]:
        self.groups.pop(fact.group, None)
        return self._principal_gone(fact.group)

    def _members_added(self, fact: GroupMembersAdded) -> Sequence[Happening]:
        privileges = self._everywhere(fact.members)
        self.affiliations.add(fact.group, fact.members)
        return self._changed(privileges)

    def _members_removed(self, fact: GroupMembersRemoved) -> Sequence[Happening]:
        privileges = self._everywhere(fact.members)
        self.affiliations.remove(fact.group, fact.members)
        return self._changed(privileges)

    def _invited(self, fact: UsersInvited) -> Sequence[Happening]:
        pairs = zip(fact.users, fact.ids, strict=True)
        return [UserInvited(fact.room, user, number) for user, number in pairs]

    _APPLY: ClassVar[dict[type, Callable[..., Sequence[Happening]]]] = {
        ParticipantJoined: _joined,
        ParticipantParted: _parted,
        NodeStarted: _node_started,
        RoomChanged: _room_changed,
        RoomRemoved: _room_removed,
        CategoryChanged: _category_changed,
        CategoryRemoved: _category_removed,
        RolesGranted: _granted,
        RolesRevoked: _revoked,
        UserRemoved: _user_removed,
        GroupRemoved: _group_removed,
        GroupMembersAdded: _members_added,
        GroupMembersRemoved: _members_removed,
        UsersInvited: _invited,
    }
