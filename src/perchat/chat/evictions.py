"""Who may not stay in a room any more, because the journal took the right away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.happenings import UserKicked
from perchat.model.chatroom import Permission
from perchat.model.journal import (
    CategoryChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesRevoked,
    RoomChanged,
    RoomRemoved,
    UserChanged,
    UserRemoved,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from perchat.chat.state import ChatState
    from perchat.model.journal import Fact
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["Evictions"]


class Evictions:
    """Finds, after each entry, the participants who have lost the right to be where they are."""

    def __init__(self, state: ChatState) -> None:
        self._state = state
        self._kicked: set[tuple[RoomUri, SipUri]] = set()
        self._sessions: list[ParticipantParted] = []

    def of(self, fact: Fact) -> list[UserKicked]:
        """Return those who have to leave because of an applied fact, each told once."""
        self._sessions = []
        self._forget(fact)
        kicks = [
            kick
            for room, users in self._touched(fact).items()
            for kick in self._unwelcome(room, users)
        ]
        new = [kick for kick in kicks if (kick.room, kick.user) not in self._kicked]
        self._kicked.update((kick.room, kick.user) for kick in new)
        return new

    def sessions(self) -> list[ParticipantParted]:
        """Return how the sessions of this node leave, of those found last."""
        return self._sessions

    def _forget(self, fact: Fact) -> None:
        """Who is gone can be kicked again."""
        match fact:
            case ParticipantParted(room=room, user=user) if not self._is_there(room, user):
                self._kicked.discard((room, user))
            case NodeStarted() | RoomRemoved():
                self._kicked = {(r, u) for r, u in self._kicked if self._is_there(r, u)}
            case _:
                return

    def _is_there(self, room: RoomUri, user: SipUri) -> bool:
        place = self._state.rooms.get(room)
        return place is not None and user in place.present

    def _touched(self, fact: Fact) -> Mapping[RoomUri, AbstractSet[SipUri] | None]:
        """Return the rooms to look at, with the users to look at, None for all."""
        rooms = self._state.rooms
        match fact:
            case ParticipantJoined(room=room, user=user):
                return {room: {user}}
            case RolesRevoked(room=room, principals=gone):
                there = rooms[room].present.keys()
                return {room: self._state.affiliations.among(there, frozenset(gone))}
            case RoomChanged(room=changed):
                return {changed.uri: None}
            case CategoryChanged(category=category):
                return {u: None for u, p in rooms.items() if p.room.category == category.uri}
            case UserChanged() | UserRemoved():
                user = fact.user.uri if isinstance(fact, UserChanged) else fact.user
                return self._state.rooms_of({user})
            case GroupMembersAdded(members=members) | GroupMembersRemoved(members=members):
                return self._state.rooms_below(members)
            case GroupRemoved():
                return dict.fromkeys(rooms)
            case _:
                return {}

    def _unwelcome(self, room: RoomUri, only: AbstractSet[SipUri] | None) -> Iterable[UserKicked]:
        state, place = self._state, self._state.rooms[room]
        there = place.present.keys() if only is None else place.present.keys() & only
        if not there:
            return []
        gone = set().union(
            *(some for may, some in state.permissions(there, place) if Permission.JOIN not in may)
        )
        self._sessions += [
            ParticipantParted(room, user, session, node)
            for user in gone
            for session, node in place.present[user].items()
            if node == state.node
        ]
        return [UserKicked(room, user, place.room.disabled) for user in gone]
