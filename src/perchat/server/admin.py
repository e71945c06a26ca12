"""
The administrator's words, done on the database of a server's settings.

Works with the server stopped or running: what is written here is read there from the
journal, within a second. Users may be named as ``alice``, ``alice@example.com`` or
``sip:alice@example.com``.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.chat.administration import Administration
from perchat.errors import ConfigurationError
from perchat.lync.ntlm import nt_hash
from perchat.model.chatroom import Role
from perchat.model.name import fold
from perchat.model.uri import SipUri
from perchat.server.config import checked_domain
from perchat.server.storage import chat_settings, open_store
from perchat.store.directory import Directory, create_key, load_key
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from perchat.model.category import Category
    from perchat.model.chatroom import Room
    from perchat.model.principal import User
    from perchat.server.config import ServerConfig
    from perchat.store.base import Store

__all__ = ["Admin", "RoomEntry", "administration", "create_storage"]

_NAME = re.compile(r"[A-Za-z0-9._+'-]{1,64}")


@dataclass(frozen=True, slots=True)
class RoomEntry:
    """A room as its administrator sees it: the category by name, the roles by address."""

    room: Room
    category: str
    members: tuple[str, ...]
    managers: tuple[str, ...]


@contextlib.asynccontextmanager
async def administration(config: ServerConfig) -> AsyncIterator[Admin]:
    """
    Open the server's database for administration, for as long as the block runs.

    Raises:
        ConfigurationError: The settings name files that are not there or not usable.
        StorageError: The database cannot be used.

    """
    key = load_key(config.path(config.paths.secret_key))
    async with open_store(config) as store:
        service = Administration(
            store,
            chat_settings(config),
            new_guid=_new_guid,
            directory=Directory(store, key),
        )
        yield Admin(service, store, config.domain)


async def create_storage(config: ServerConfig) -> None:
    """Make the key and the empty database that the settings name."""
    create_key(config.path(config.paths.secret_key))
    store = SqliteStore(config.path(config.paths.database))
    await store.open()
    await store.close()


class Admin:
    """Users, categories and rooms of one server."""

    def __init__(self, service: Administration, store: Store, domain: str) -> None:
        self._service = service
        self._store = store
        self._domain = domain

    async def check_new(self, name: str) -> None:
        """Raise ConfigurationError unless a user of that name can be added."""
        address = self._address(name)
        if address.domain != self._domain:
            raise ConfigurationError(f"{address} is not of this server's domain {self._domain}")
        if any(user.uri == address for user in await self.users()):
            raise ConfigurationError(f"the user {address} exists already; see perchat user set")

    async def add_user(
        self, name: str, password: str, *, display_name: str = "", chat_enabled: bool = True
    ) -> User:
        """Add a user who can sign in; ConfigurationError says what is wrong with the name."""
        address = self._address(name)
        return await self._service.add_user(
            address,
            display_name=display_name or address.user,
            nt_hash=nt_hash(password),
            chat_enabled=chat_enabled,
        )

    async def set_user(
        self,
        name: str,
        *,
        display_name: str | None = None,
        enabled: bool | None = None,
        chat_enabled: bool | None = None,
        password: str | None = None,
    ) -> User:
        """Change what is given; NoSuchPrincipal when there is no such user."""
        uri = self._address(name)
        if password is not None:
            await self._service.set_password(uri, nt_hash(password))
        return await self._service.set_user(
            uri, display_name=display_name, enabled=enabled, chat_enabled=chat_enabled
        )

    async def user(self, name: str) -> User:
        """Return a user; NoSuchPrincipal when there is none of that name."""
        return await self._service.user(self._address(name))

    async def users(self) -> list[User]:
        """Return all users, by address."""
        return await self._service.users()

    async def add_category(self, name: str, *, description: str = "") -> Category:
        """Add a category in which the whole domain is allowed."""
        return await self._service.add_category(name, description)

    async def categories(self) -> list[Category]:
        """Return all categories, by name."""
        return await self._service.categories()

    async def add_room(
        self,
        name: str,
        category: str,
        *,
        description: str = "",
        members: Collection[str] = (),
        managers: Collection[str] = (),
    ) -> Room:
        """Add a room; members and managers have to be users."""
        return await self._service.add_room(
            name,
            category,
            description,
            members=[self._address(one) for one in members],
            managers=[self._address(one) for one in managers],
        )

    async def rooms(self) -> list[RoomEntry]:
        """Return all rooms, by name."""
        snapshot = await self._store.snapshot()
        names = {category.uri: category.name for category in snapshot.categories}
        roles = {(grant.room, grant.role): sorted(grant.principals) for grant in snapshot.roles}
        return [
            RoomEntry(
                room,
                names[room.category] if room.category else "",
                tuple(roles.get((room.uri, Role.MEMBER), ())),
                tuple(roles.get((room.uri, Role.MANAGER), ())),
            )
            for room in sorted(snapshot.rooms, key=lambda room: fold(room.name))
        ]

    async def room(self, name: str) -> RoomEntry:
        """Return a room by name or address; RoomNotFound when there is none."""
        wanted = await self._service.room(name)
        return next(entry for entry in await self.rooms() if entry.room.uri == wanted.uri)

    async def add_members(self, room: str, users: Collection[str]) -> tuple[str, ...]:
        """Make users members of a room; returns those that were not."""
        return await self._service.grant(room, Role.MEMBER, [self._address(one) for one in users])

    def _address(self, name: str) -> SipUri:
        typed = name[4:] if name.lower().startswith("sip:") else name
        user, _, domain = typed.partition("@")
        if not _NAME.fullmatch(user):
            raise ConfigurationError(
                f"{name!r} cannot be a user: up to 64 letters a-z, digits and . _ - + ', and"
                f" perhaps @{self._domain}; a display name may have any letters"
            )
        return SipUri(f"sip:{user}@{checked_domain(domain) if domain else self._domain}")


def _new_guid() -> str:
    return str(uuid.uuid4())
