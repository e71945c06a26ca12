"""
Invitations to those who became members of a room, or may enter a new one.

A new open room has no members: everybody whom its category allows is invited. Closed and secret
rooms invite their members alone, since nobody else could follow the invitation.

Who a group or a domain holds is gone through piece by piece; the store gives each
user one invitation to a room, whoever asks for it and however often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.turns import patiently
from perchat.model.chatroom import Privacy, Role
from perchat.model.journal import GroupMembersAdded, RolesGranted, RoomChanged, UsersInvited
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator

    from perchat.chat.state import ChatState
    from perchat.model.chatroom import Room
    from perchat.model.journal import Fact
    from perchat.model.uri import RoomUri
    from perchat.store.base import Store

__all__ = ["invite", "may_invite"]

_BATCH = 250
"""Users invited at a time."""


async def may_invite(store: Store, facts: Collection[Fact]) -> bool:
    """
    Tell whether somebody may have to be invited by facts that the store has taken.

    Cheaply, for those who would have to read the whole state to invite.
    """
    kinds = {type(fact) for fact in facts}
    if kinds.isdisjoint((RolesGranted, GroupMembersAdded, RoomChanged)):
        return False
    outline = await store.outline()
    if not any(category.invitations for category in outline.categories):
        return False
    if kinds & {RolesGranted, GroupMembersAdded}:
        return True
    changed = {fact.room.uri for fact in facts if isinstance(fact, RoomChanged)}
    return any(room.uri in changed and _is_new_and_open(room) for room in outline.rooms)


async def invite(
    state: ChatState,
    store: Store,
    facts: Iterable[Fact],
    append: Callable[[UsersInvited], Awaitable[object]],
) -> None:
    """Invite whom facts made a member, or gave a new open room; the state has applied them."""
    for room, principals in _rooms(state, facts):
        if not _invites(state, room):
            continue
        guests: list[SipUri] = []
        names = await store.held_by(principals)
        async for user in patiently(_users(state, names)):
            if _is_guest(state, room, user):
                guests.append(user)
            if len(guests) == _BATCH:
                await append(UsersInvited(room, tuple(guests)))
                guests = []
        if guests:
            await append(UsersInvited(room, tuple(guests)))


def _rooms(state: ChatState, facts: Iterable[Fact]) -> list[tuple[RoomUri, tuple[str, ...]]]:
    """Return the rooms and who was let in, as a group perhaps."""
    found: list[tuple[RoomUri, tuple[str, ...]]] = []
    for fact in facts:
        if isinstance(fact, RolesGranted) and fact.role is Role.MEMBER:
            found.append((fact.room, fact.principals))
        elif isinstance(fact, GroupMembersAdded):
            above = state.affiliations.above(fact.group)
            found += [(r, fact.members) for r in state.rooms if _is_member(state, r, above)]
        elif isinstance(fact, RoomChanged):
            found += _new_open_room(state, fact.room.uri)
    return found


def _new_open_room(state: ChatState, room: RoomUri) -> list[tuple[RoomUri, tuple[str, ...]]]:
    """Return an open room with whom its category allows; nothing once it was changed."""
    place = state.rooms.get(room)
    if place is None or not _is_new_and_open(place.room):
        return []
    return [(room, tuple(sorted(state.category(place).allowed)))]


def _is_new_and_open(room: Room) -> bool:
    changes = room.changes
    unchanged = changes.created_on is not None and changes.created_on == changes.updated_on
    return room.privacy is Privacy.OPEN and unchanged


def _is_member(state: ChatState, room: RoomUri, principals: frozenset[str]) -> bool:
    return not state.rooms[room].roles.get(Role.MEMBER, set()).isdisjoint(principals)


def _invites(state: ChatState, room: RoomUri) -> bool:
    place = state.rooms.get(room)
    if place is None or place.room.disabled:
        return False
    return place.room.invites and state.category(place).invitations


def _is_guest(state: ChatState, room: RoomUri, user: SipUri) -> bool:
    place = state.rooms.get(room)
    return place is not None and state.in_scope(user, state.category(place))


def _users(state: ChatState, names: Iterable[str]) -> Iterator[SipUri]:
    for name in names:
        if name.startswith("domain:"):
            yield from _of_domain(state, name.removeprefix("domain:"))
        elif name.startswith("sip:"):
            yield SipUri(name)


def _of_domain(state: ChatState, domain: str) -> Iterator[SipUri]:
    return (user for user in tuple(state.users) if user.domain == domain)
