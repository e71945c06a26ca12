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
    ParticipantJoined,
    ParticipantParted,
    RolesRevoked,
    RoomChanged,
    UserChanged,
    UserRemoved,
)
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from perchat.chat.state import ChatState
    from perchat.model.journal import Fact
    from perchat.model.uri import RoomUri

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
        self._kicked = {(r, u) for r, u in self._kicked if self._is_there(r, u)}
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

    def _is_there(self, room: RoomUri, user: SipUri) -> bool:
        place = self._state.rooms.get(room)
        return place is not None and user in place.present

    def _touched(self, fact: Fact) -> Mapping[RoomUri, Iterable[SipUri] | None]:
        """Return the rooms to look at, with the users to look at, None for all."""
        rooms = self._state.rooms
        match fact:
            case ParticipantJoined(room=room, user=user):
                return {room: (user,)}
            case RolesRevoked(room=room, principals=gone):
                direct = all(one.startswith("sip:") for one in gone)
                return {room: [SipUri(one) for one in gone] if direct else None}
            case RoomChanged(room=changed):
                return {changed.uri: None}
            case CategoryChanged(category=category):
                return {u: None for u, p in rooms.items() if p.room.category == category.uri}
            case UserChanged() | UserRemoved():
                user = fact.user.uri if isinstance(fact, UserChanged) else fact.user
                return self._rooms_of({user})
            case GroupMembersAdded(members=members) | GroupMembersRemoved(members=members):
                return self._rooms_of(self._state.users_below(members))
            case GroupRemoved():
                return dict.fromkeys(rooms)
            case _:
                return {}

    def _rooms_of(self, users: set[SipUri]) -> dict[RoomUri, set[SipUri]]:
        found: dict[RoomUri, set[SipUri]] = {}
        for (user, _), rooms in self._state.joined.items():
            if user in users:
                for room in rooms:
                    found.setdefault(room, set()).add(user)
        return found

    def _unwelcome(self, room: RoomUri, only: Iterable[SipUri] | None) -> Iterable[UserKicked]:
        place = self._state.rooms[room]
        users = place.present if only is None else [u for u in only if u in place.present]
        gone = {u for u in users if Permission.JOIN not in self._state.permission(u, place)}
        if gone:
            self._sessions += [
                ParticipantParted(room, user, session, self._state.node)
                for session, user in place.here.items()
                if user in gone
            ]
        return [UserKicked(room, user, place.room.disabled) for user in gone]
