"""
Rooms by what they are: every filter of a search, over the state.

What a filter lets through tells something, so each asks only for what the searcher
may know: who is a member is known to members and managers, who is in a room now to
those who may join or manage it, and a disabled room to its managers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perchat.chat.turns import patiently
from perchat.model.chatroom import Permission, Role
from perchat.model.name import search_fold
from perchat.model.principal import principal_uri
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.chat.state import ChatState, RoomState
    from perchat.model.chatroom import Behavior, Privacy
    from perchat.model.uri import CategoryUri, RoomUri

__all__ = ["RoomFilter", "find_rooms"]


@dataclass(frozen=True, slots=True)
class RoomFilter:
    """
    What rooms have to be; None and empty texts mean any.

    Attributes:
        text: Words, found anywhere in names whatever the case and the accents.
        descriptions: Whether descriptions count too.
        every_word: Whether all words have to be there, else one of them.
        phrase: Whether the text is one phrase instead of words.
        member: A principal that is a member, by itself or through a group.
        manager: A principal that manages, likewise.
        own: A role that the searcher has, through any principal.
        present: Someone who is in the room now; of others than the searcher this is known to
            those who may join or manage the room.
        add_in: The id of an add-in.
        disabled: Whether they are disabled; such rooms are found by their managers only.
        inherits: Whether invitations are left to the category.
        invites: Whether new members are invited.

    """

    text: str = ""
    descriptions: bool = False
    every_word: bool = False
    phrase: bool = False
    uri: RoomUri | None = None
    category: CategoryUri | None = None
    member: str = ""
    manager: str = ""
    own: Role | None = None
    present: SipUri | None = None
    add_in: str = ""
    disabled: bool | None = False
    privacy: Privacy | None = None
    behavior: Behavior | None = None
    inherits: bool | None = None
    invites: bool | None = None


_INSIDERS = {Role.MEMBER, Role.MANAGER}
_SEES_WHO_IS_IN = Permission.JOIN | Permission.MANAGE
_Test = Callable[["RoomState"], bool]


async def find_rooms(state: ChatState, user: SipUri, wanted: RoomFilter) -> list[RoomUri]:
    """
    Return the rooms that a user may find and that are what is wanted, sorted by name.

    Others have their turn meanwhile, so that a room may have changed when it is returned.

    Raises:
        ValueError: ``member`` or ``manager`` is no principal.

    """
    tests = [*_properties(wanted), _findable(state, user), *_people(state, user, wanted)]
    found = [
        place
        async for place in patiently(_candidates(state, wanted))
        if _is_there(state, place) and all(test(place) for test in tests)
    ]
    return [place.room.uri for place in sorted(found, key=lambda place: place.key)]


def _is_there(state: ChatState, place: RoomState) -> bool:
    return state.rooms.get(place.room.uri) is place


def _candidates(state: ChatState, wanted: RoomFilter) -> tuple[RoomState, ...]:
    if wanted.uri is None:
        return tuple(state.rooms.values())
    place = state.rooms.get(wanted.uri)
    return () if place is None else (place,)


def _properties(wanted: RoomFilter) -> Iterator[_Test]:
    """Yield what the room itself has to be."""
    for name in ("disabled", "category", "privacy", "behavior"):
        if (value := getattr(wanted, name)) is not None:
            yield partial(_has, name, value)
    if wanted.add_in:
        yield partial(_has, "add_in", wanted.add_in.strip().lower())
    if wanted.inherits is not None:
        yield partial(_has, "invites", wanted.inherits)
    if wanted.text.strip():
        yield _named(wanted)


def _has(name: str, value: object, place: RoomState) -> bool:
    return bool(getattr(place.room, name) == value)


def _named(wanted: RoomFilter) -> _Test:
    text = search_fold(wanted.text.strip())
    sought = (text,) if wanted.phrase else tuple(text.split())
    enough = all if wanted.every_word else any

    def test(place: RoomState) -> bool:
        among = search_fold(place.key)
        if wanted.descriptions:
            among = f"{among}\n{search_fold(place.room.description)}"
        return enough(word in among for word in sought)

    return test


def _findable(state: ChatState, user: SipUri) -> _Test:
    def test(place: RoomState) -> bool:
        needed = Permission.MANAGE if place.room.disabled else Permission.VIEW
        return needed in state.permission(user, place)

    return test


def _people(state: ChatState, user: SipUri, wanted: RoomFilter) -> Iterator[_Test]:
    """Yield who has to be there, or to belong there."""
    if wanted.invites is not None:
        yield lambda place: _invites(state, place) == wanted.invites
    if (present := wanted.present) is not None:
        yield _holds(state, user, present.address)
    if wanted.own is not None:
        yield lambda place: wanted.own in state.roles(user, place)
    for role, principal in ((Role.MEMBER, wanted.member), (Role.MANAGER, wanted.manager)):
        if principal:
            yield _held(state, user, role, principal_uri(principal))


def _holds(state: ChatState, user: SipUri, present: SipUri) -> _Test:
    def test(place: RoomState) -> bool:
        if present not in place.present:
            return False
        return present == user.address or bool(state.permission(user, place) & _SEES_WHO_IS_IN)

    return test


def _invites(state: ChatState, place: RoomState) -> bool:
    return place.room.invites and state.category(place).invitations


def _held(state: ChatState, user: SipUri, role: Role, principal: str) -> _Test:
    named = SipUri(principal).address if principal.startswith("sip:") else None
    affiliations = state.affiliations
    every = affiliations.of(named) if named else affiliations.above(principal)

    def test(place: RoomState) -> bool:
        if place.roles.get(role, frozenset()).isdisjoint(every):
            return False
        return named == user.address or bool(state.roles(user, place) & _INSIDERS)

    return test
