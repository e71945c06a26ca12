"""
How facts and values are written down.

Stored names and numbers are fixed here, apart from the classes: what was stored
stays readable when a class gains a field, which then has its default.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from perchat.model.addin import AddIn
from perchat.model.administration import AdministrativeRole, AdministratorGrant
from perchat.model.application import RegisteredApplication
from perchat.model.category import Category
from perchat.model.changes import Changes
from perchat.model.chatroom import Behavior, Privacy, Role, Room
from perchat.model.journal import (
    AddInChanged,
    AddInRemoved,
    Administered,
    AdministratorGranted,
    AdministratorRevoked,
    ApplicationChanged,
    ApplicationRemoved,
    CategoryChanged,
    CategoryRemoved,
    Fact,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    MessagesModerated,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    RoomRemoved,
    SignInUnlocked,
    UserChanged,
    UserRemoved,
    UsersInvited,
)
from perchat.model.message import Message
from perchat.model.principal import Group, PrincipalType, User
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ADD_IN",
    "ADMINISTRATOR",
    "APPLICATION",
    "CATEGORY",
    "GROUP",
    "KIND_ADMINISTERED",
    "KIND_FORGOTTEN",
    "KIND_KEPT",
    "KIND_TOLD",
    "MESSAGE",
    "ROOM",
    "USER",
    "fact_of",
    "moment",
    "row_of",
    "sip_uri",
]

T = TypeVar("T")

KIND_KEPT = 1
"""A message that stands in the message table."""
KIND_TOLD = 2
"""A message that stands nowhere but in the journal, for followers to read."""
KIND_FORGOTTEN = 11
"""The same when its time is over: its text is gone."""
KIND_ADMINISTERED = 27
"""Who brought about the entries before it."""

_EPOCH = datetime.fromtimestamp(0, UTC)

sip_uri = lru_cache(maxsize=10_000)(SipUri)
_room_uri = lru_cache(maxsize=10_000)(RoomUri)


def moment(micros: int) -> datetime:
    """Return the time a stored number of microseconds stands for."""
    return _EPOCH + timedelta(0, 0, micros)  # named it takes longer, and history is full of times


class Shape(Generic[T]):
    """Writes values of one class as JSON objects and reads them back."""

    def __init__(self, kind: type[T], **fields: Callable[[Any], Any]) -> None:
        self._kind = kind
        self._fields = fields

    def encode(self, value: T) -> bytes:
        """Return the value as stored."""
        return msgspec.json.encode(self.plain(value))

    def plain(self, value: T) -> dict[str, Any]:
        """Return the object before it is encoded."""
        return {name: _plain(getattr(value, name)) for name in self._fields}

    def decode(self, stored: bytes) -> T:
        """Return the value that was stored."""
        return self.build(msgspec.json.decode(stored))

    def build(self, plain: dict[str, Any]) -> T:
        """Return the value of a decoded object."""
        fields = self._fields
        return self._kind(**{name: fields[name](plain[name]) for name in plain if name in fields})


def _plain(value: Any) -> Any:
    match value:
        case str():
            return str(value)
        case frozenset():
            return sorted(map(str, value))
        case tuple():
            return [_plain(item) for item in value]
        case Role() | Privacy() | Behavior() | AdministrativeRole():
            return value.value
        case PrincipalType():
            return value.directory_number
        case Changes():
            return CHANGES.plain(value)
        case datetime():
            return (value - _EPOCH) // timedelta(microseconds=1)
        case _:
            return value


def _optional(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


CHANGES = Shape(
    Changes,
    created_by=_optional(sip_uri),
    created_on=_optional(moment),
    updated_by=_optional(sip_uri),
    updated_on=_optional(moment),
)
CATEGORY = Shape(
    Category,
    uri=CategoryUri,
    name=str,
    description=str,
    keeps_history=bool,
    invitations=bool,
    file_posts=bool,
    allowed=frozenset,
    denied=frozenset,
    creators=frozenset,
)
ROOM = Shape(
    Room,
    uri=_room_uri,
    name=str,
    description=str,
    category=_optional(CategoryUri),
    privacy=Privacy,
    behavior=Behavior,
    disabled=bool,
    invites=bool,
    add_in=str,
    changes=CHANGES.build,
)
USER = Shape(
    User,
    uri=sip_uri,
    name=str,
    display_name=str,
    guid=str,
    enabled=bool,
    chat_enabled=bool,
    system=bool,
    given_name=str,
    surname=str,
    email=str,
    company=str,
    service=bool,
)
GROUP = Shape(
    Group,
    uri=GroupUri,
    name=str,
    display_name=str,
    type=PrincipalType.of_directory,
    guid=str,
    directory_path=str,
)
ADD_IN = Shape(AddIn, id=str, name=str, url=str)
APPLICATION = Shape(
    RegisteredApplication,
    name=str,
    fqdn=str,
    port=int,
    gruu=SipUri,
    certificate_names=frozenset,
    identities=lambda uris: frozenset(map(sip_uri, uris)),
)
ADMINISTRATOR = Shape(
    AdministratorGrant,
    user=sip_uri,
    role=AdministrativeRole,
    categories=_optional(lambda uris: frozenset(map(CategoryUri, uris))),
)
MESSAGE = Shape(
    Message,
    id=int,
    timestamp=moment,
    author=sip_uri,
    room_uri=_room_uri,
    text=str,
    author_name=str,
    rtf=_optional(str),
    is_alert=bool,
    client_id=str,
)
_ATTENDANCE: dict[str, Callable[[Any], Any]] = {
    "room": _room_uri,
    "user": sip_uri,
    "session": str,
    "node": str,
}
_ROLES: dict[str, Callable[[Any], Any]] = {"room": _room_uri, "role": Role, "principals": tuple}
_MEMBERS: dict[str, Callable[[Any], Any]] = {"group": GroupUri, "members": tuple}


def _changed(kind: Callable[[T], Fact], field: str, shape: Shape[T]) -> tuple[Any, Any]:
    """Return how a fact that carries one value is written and read."""
    return (
        lambda fact: shape.encode(getattr(fact, field)),
        lambda stored: kind(shape.decode(stored)),
    )


def _plainly(kind: type[Any], **fields: Callable[[Any], Any]) -> tuple[Any, Any]:
    shape = Shape(kind, **fields)
    return shape.encode, shape.decode


_KINDS: dict[int, tuple[type, tuple[Any, Any]]] = {
    3: (ParticipantJoined, _plainly(ParticipantJoined, **_ATTENDANCE)),
    4: (ParticipantParted, _plainly(ParticipantParted, **_ATTENDANCE)),
    5: (NodeStarted, _plainly(NodeStarted, node=str)),
    6: (RoomChanged, _changed(RoomChanged, "room", ROOM)),
    7: (CategoryChanged, _changed(CategoryChanged, "category", CATEGORY)),
    8: (RolesGranted, _plainly(RolesGranted, **_ROLES, by=_optional(sip_uri))),
    9: (RolesRevoked, _plainly(RolesRevoked, **_ROLES)),
    10: (UserChanged, _changed(UserChanged, "user", USER)),
    12: (ApplicationChanged, _changed(ApplicationChanged, "application", APPLICATION)),
    13: (ApplicationRemoved, _plainly(ApplicationRemoved, name=str)),
    14: (RoomRemoved, _plainly(RoomRemoved, room=_room_uri)),
    15: (CategoryRemoved, _plainly(CategoryRemoved, category=CategoryUri)),
    16: (UserRemoved, _plainly(UserRemoved, user=sip_uri)),
    17: (GroupChanged, _changed(GroupChanged, "group", GROUP)),
    18: (GroupRemoved, _plainly(GroupRemoved, group=GroupUri)),
    19: (GroupMembersAdded, _plainly(GroupMembersAdded, **_MEMBERS)),
    20: (GroupMembersRemoved, _plainly(GroupMembersRemoved, **_MEMBERS)),
    21: (AddInChanged, _changed(AddInChanged, "add_in", ADD_IN)),
    22: (AddInRemoved, _plainly(AddInRemoved, id=str)),
    23: (
        UsersInvited,
        _plainly(
            UsersInvited,
            room=_room_uri,
            users=lambda uris: tuple(map(sip_uri, uris)),
            ids=tuple,
        ),
    ),
    24: (
        MessagesModerated,
        _plainly(
            MessagesModerated,
            room=_room_uri,
            messages=tuple,
            text=_optional(str),
            originals=bool,
        ),
    ),
    40: (SignInUnlocked, _plainly(SignInUnlocked, user=_optional(sip_uri))),
    25: (AdministratorGranted, _changed(AdministratorGranted, "grant", ADMINISTRATOR)),
    26: (
        AdministratorRevoked,
        _plainly(AdministratorRevoked, user=sip_uri, role=AdministrativeRole),
    ),
    KIND_ADMINISTERED: (
        Administered,
        _plainly(Administered, by=str, operation=str, subject=str, facts=int),
    ),
}
"""Stored number, class, writer and reader; numbers are never given twice."""

_WRITERS = {kind: (number, ways[0]) for number, (kind, ways) in _KINDS.items()}
_READERS = {number: ways[1] for number, (_, ways) in _KINDS.items()}


def row_of(fact: Fact) -> tuple[int, bytes]:
    """Return number and stored form of a fact other than a message."""
    number, write = _WRITERS[type(fact)]
    return number, write(fact)


def fact_of(number: int, stored: bytes) -> Fact:
    """Return the fact a journal row holds, other than a message."""
    fact: Fact = _READERS[number](stored)
    return fact
