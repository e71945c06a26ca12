"""
The administrator's words, done on the database of a server's settings.

Works with the server stopped or running: what is written here is read there from the
journal, within a second. Users may be named as ``alice``, ``alice@example.com`` or
``sip:alice@example.com``.
"""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

from perchat.chat.administration import Administration
from perchat.errors import ConfigurationError
from perchat.lync.ntlm import nt_hash
from perchat.model.chatroom import Role
from perchat.model.uri import SipUri
from perchat.server.app import chat_settings, open_store
from perchat.store.directory import Directory, create_key, load_key
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from perchat.model.category import Category
    from perchat.model.chatroom import Room
    from perchat.model.principal import User
    from perchat.server.config import ServerConfig

__all__ = ["Admin", "administration", "create_storage"]


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
        yield Admin(service, config.domain)


async def create_storage(config: ServerConfig) -> None:
    """Make the key and the empty database that the settings name."""
    create_key(config.path(config.paths.secret_key))
    store = SqliteStore(config.path(config.paths.database))
    await store.open()
    await store.close()


class Admin:
    """Users, categories and rooms of one server."""

    def __init__(self, service: Administration, domain: str) -> None:
        self._service = service
        self._domain = domain

    async def add_user(
        self, name: str, password: str, *, display_name: str = "", chat_enabled: bool = True
    ) -> User:
        """Add a user who can sign in; ConfigurationError says what is wrong with the name."""
        return await self._service.add_user(
            self._address(name),
            display_name=display_name or name,
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

    async def add_members(self, room: str, users: Collection[str]) -> tuple[str, ...]:
        """Make users members of a room; returns those that were not."""
        return await self._service.grant(room, Role.MEMBER, [self._address(one) for one in users])

    def _address(self, name: str) -> SipUri:
        address = name.removeprefix("sip:")
        try:
            return SipUri(f"sip:{address}" if "@" in address else f"sip:{address}@{self._domain}")
        except ValueError as error:
            raise ConfigurationError(f"{name!r} cannot be a user's name: {error}") from error


def _new_guid() -> str:
    return str(uuid.uuid4())
