"""
Many users and rooms at once, as samples and load tests need them.

What one by one takes minutes, since each looks at the whole directory and waits for the
disk, takes seconds here. What exists already stays; what is missing is added.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.batching import batches
from perchat.chat.planning import Plan
from perchat.chat.state import ChatState
from perchat.errors import ConfigurationError
from perchat.lync.ntlm import nt_hash
from perchat.model.category import Category
from perchat.model.chatroom import Role
from perchat.model.journal import CategoryChanged, RolesGranted, UserChanged
from perchat.model.name import fold
from perchat.model.principal import User
from perchat.model.roomdetails import RoomSettings
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.server.storage import open_store
from perchat.store.directory import Directory, load_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.model.journal import Fact
    from perchat.server.config import ServerConfig
    from perchat.store.base import Store

__all__ = ["Populated", "PopulatedRoom", "Population", "populate", "room_uri"]

_FACTS = 500  # in one transaction, so that a running server's own writes get their turn
_SECRETS = 500
_NAMESPACE = uuid.UUID("6f1a6a5e-6c3a-5d0b-8f0e-0d6f4a2b1c55")


@dataclass(frozen=True, slots=True)
class PopulatedRoom:
    """A room with its members by login name."""

    name: str
    members: Sequence[str]


@dataclass(frozen=True, slots=True)
class Population:
    """
    Who and what there shall be.

    Attributes:
        users: Login names.
        category: Where the rooms are; everybody of the domain is allowed in it.

    """

    users: Sequence[str]
    category: str
    rooms: Sequence[PopulatedRoom]


@dataclass(frozen=True, slots=True)
class Populated:
    """How many of each were added."""

    users: int
    rooms: int
    members: int


def room_uri(domain: str, name: str) -> RoomUri:
    """Return the address of a populated room, which follows from its name."""
    return RoomUri.of(domain, str(uuid.uuid5(_NAMESPACE, f"{domain}/{fold(name)}")))


async def populate(config: ServerConfig, wanted: Population, password: str) -> Populated:
    """
    Add what is missing, and give all of these users the same password.

    Raises:
        ConfigurationError: A name that cannot be; the settings' files cannot be used.
        DuplicateRoomName: A room of that name exists and was not made here.
        StorageError: The database cannot be used.

    """
    key = load_key(config.path(config.paths.secret_key))
    async with open_store(config) as store:
        people = [_address(name, config.domain) for name in wanted.users]
        users = await _add_users(store, people)
        await _set_passwords(store, Directory(store, key), people, password)
        rooms, members = await _add_rooms(store, config.domain, wanted)
    return Populated(users, rooms, members)


def _address(name: str, domain: str) -> SipUri:
    try:
        return SipUri(f"sip:{name}@{domain}")
    except ValueError as error:
        raise ConfigurationError(f"{name!r} cannot be a user: {error}") from error


async def _add_users(store: Store, people: Sequence[SipUri]) -> int:
    known = {user.uri for user in (await store.snapshot()).users}
    facts = [
        UserChanged(User(uri, uri.user, uri.user, str(uuid.uuid4())))
        for uri in people
        if uri not in known
    ]
    await _append(store, facts)
    return len(facts)


async def _set_passwords(
    store: Store, directory: Directory, people: Sequence[SipUri], password: str
) -> None:
    secret = nt_hash(password)
    for some in batches(people, _SECRETS):
        await asyncio.gather(*(directory.set_secret(uri, secret) for uri in some))


async def _add_rooms(store: Store, domain: str, wanted: Population) -> tuple[int, int]:
    category = await _category(store, domain, wanted.category)
    state = ChatState("population")
    state.load(await store.snapshot())
    plan, added, members = Plan(state), 0, 0
    facts: list[Fact] = []
    for room in wanted.rooms:
        uri = room_uri(domain, room.name)
        names = [str(_address(name, domain)) for name in room.members]
        if place := state.rooms.get(uri):
            held = place.roles.get(Role.MEMBER, set())
            new = tuple(name for name in names if name not in held)
            facts += [RolesGranted(uri, Role.MEMBER, new)] if new else []
            members += len(new)
        else:
            facts += plan.create(uri, RoomSettings(room.name, category, members=tuple(names)))
            added, members = added + 1, members + len(names)
    await _append(store, facts)
    return added, members


async def _category(store: Store, domain: str, name: str) -> CategoryUri:
    for category in (await store.snapshot()).categories:
        if fold(category.name) == fold(name):
            return category.uri
    uri = CategoryUri.of(domain, str(uuid.uuid4()))
    everybody = frozenset((f"domain:{domain}",))
    await store.append(CategoryChanged(Category(uri, name, allowed=everybody)))
    return uri


async def _append(store: Store, facts: Sequence[Fact]) -> None:
    for some in batches(facts, _FACTS):
        await store.append(*some)
