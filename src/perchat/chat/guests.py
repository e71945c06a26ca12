"""
Inviting those who became members of a room, without holding up anybody.

Who a group or a domain holds is gone through piece by piece; the store gives each
user one invitation to a room, whoever asks for it and however often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.turns import patiently
from perchat.model.chatroom import Role
from perchat.model.journal import GroupMembersAdded, RolesGranted, UsersInvited
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from perchat.chat.state import ChatState
    from perchat.model.journal import Fact
    from perchat.model.uri import RoomUri
    from perchat.store.base import Store

__all__ = ["invite"]

_BATCH = 250
"""Users invited at a time."""


async def invite(
    state: ChatState,
    store: Store,
    facts: Iterable[Fact],
    append: Callable[[UsersInvited], Awaitable[object]],
) -> None:
    """Invite whoever became a member by facts that the state has applied."""
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
    return found


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
