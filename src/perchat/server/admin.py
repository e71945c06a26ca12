"""
The administrator's words, done on the database of a server's settings.

Works with the server stopped or running: what is written here is read there from the
journal, and a change returns when a running server has followed it. Users may be named as
``alice``, ``alice@example.com`` or ``sip:alice@example.com``.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from perchat.chat.administration import Administration
from perchat.chat.administrators import AdministratorRegister
from perchat.chat.directoryadmin import Account
from perchat.chat.moderation import Moderation
from perchat.errors import ConfigurationError
from perchat.lync.ntlm import nt_hash
from perchat.model.administration import RoomEntry
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.name import fold
from perchat.model.principal import PrincipalType
from perchat.model.roomdetails import RoomUpdate
from perchat.model.uri import CategoryUri, SipUri
from perchat.server.config import checked_domain
from perchat.server.storage import chat_settings, local_operator, open_store
from perchat.store.directory import Directory, create_key, load_key
from perchat.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

    from perchat.chat.settings import ChatSettings
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.addin import AddIn
    from perchat.model.administration import AdministrativeRole, AdministratorGrant
    from perchat.model.category import Category
    from perchat.model.chatroom import Room
    from perchat.model.explanation import Explanation
    from perchat.model.principal import Group, User
    from perchat.server.config import ServerConfig
    from perchat.store.base import RunningNode, Store

__all__ = ["Admin", "administration", "admin_for", "create_storage"]

_NAME = re.compile(r"[A-Za-z0-9._+'-]{1,64}")


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
        yield admin_for(store, Directory(store, key), chat_settings(config), local_operator())


def admin_for(
    store: Store,
    directory: Directory,
    settings: ChatSettings,
    by: str,
    *,
    wakeup: Wakeup | None = None,
) -> Admin:
    """
    Return the administration of an open store in somebody's name, at the server or elsewhere.

    ``by`` is a user's address, or what ``local_operator`` returns; the journal notes it. The
    server of this process is woken by ``wakeup``.
    """
    service = Administration(
        store, settings, new_guid=_new_guid, directory=directory, wakeup=wakeup, by=by
    )
    moderation = Moderation(store, settings, wakeup=wakeup, by=by)
    return Admin(service, store, settings.domain, moderation, AdministratorRegister(store, by=by))


async def create_storage(config: ServerConfig) -> None:
    """Make the key and the empty database that the settings name."""
    create_key(config.path(config.paths.secret_key))
    store = SqliteStore(config.path(config.paths.database))
    await store.open()
    await store.close()


class Admin:
    """
    Users, categories and rooms of one server.

    Attributes:
        moderation: What can be done to what was said.
        administrators: Who administers over the network.

    """

    def __init__(
        self,
        service: Administration,
        store: Store,
        domain: str,
        moderation: Moderation,
        administrators: AdministratorRegister,
    ) -> None:
        self.moderation = moderation
        self.administrators = administrators
        self._service = service
        self._store = store
        self._domain = domain

    @property
    def behind(self) -> tuple[RunningNode, ...]:
        """The servers that had not followed the last change in time; they will."""
        return self._store.behind

    async def check_new(self, name: str) -> None:
        """Raise ConfigurationError unless a user of that name can be added."""
        address = self.address(name)
        if address.domain != self._domain:
            raise ConfigurationError(f"{address} is not of this server's domain {self._domain}")
        if await self._knows(address):
            raise ConfigurationError(f"the user {address} exists already; see perchat user set")

    def check_account(self, name: str, display_name: str) -> SipUri:
        """Return the address of a user to be; ConfigurationError says what cannot be."""
        address = self.address(name)
        self._service.check_account(Account(address, display_name))
        return address

    async def add_accounts(self, accounts: Collection[Account]) -> list[User]:
        """Add users who are not there yet, all or none."""
        return await self._service.add_users(accounts)

    async def unfit(self, names: Sequence[str], room: str | None = None) -> dict[int, str]:
        """Return what is wrong with principals people typed, for a room perhaps, by place."""
        wrong: dict[int, str] = {}
        found: dict[int, str] = {}
        groups = {fold(name): uri for uri, name in await self._service.group_names()}
        for place, name in enumerate(names):
            try:
                found[place] = await self._principal(name, groups)
            except ConfigurationError as error:
                wrong[place] = str(error)
        unfit = await self._service.unfit(tuple(dict.fromkeys(found.values())), room)
        return wrong | {place: unfit[one] for place, one in found.items() if one in unfit}

    async def add_user(
        self,
        name: str,
        password: str | None,
        *,
        display_name: str = "",
        chat_enabled: bool = True,
        service: bool = False,
    ) -> User:
        """
        Add a user who can sign in, or a service account, which has no password.

        Raises:
            ConfigurationError: The name cannot be, or is taken; or a password for a service.

        """
        address = self.address(name)
        return await self._service.add_user(
            address,
            display_name=display_name or address.user,
            nt_hash=None if password is None else nt_hash(password),
            chat_enabled=chat_enabled,
            service=service,
        )

    async def set_user(
        self,
        name: str,
        *,
        display_name: str | None = None,
        enabled: bool | None = None,
        chat_enabled: bool | None = None,
        password: str | None = None,
        **changes: bool | str | None,
    ) -> User:
        """Change what is given, by the names of User; NoSuchPrincipal when there is no such."""
        uri = self.address(name)
        changed = await self._service.set_user(
            uri,
            display_name=display_name,
            enabled=enabled,
            chat_enabled=chat_enabled,
            **changes,
        )
        if password is not None:  # afterwards: a service account that was has one again
            await self._service.set_password(uri, nt_hash(password))
        return changed

    async def unlock(self, name: str | None = None) -> None:
        """Forget wrong passwords for a user, or for all; NoSuchPrincipal when there is no such."""
        await self._service.unlock(None if name is None else self.address(name))

    async def user(self, name: str) -> User:
        """Return a user; NoSuchPrincipal when there is none of that name."""
        return await self._service.user(self.address(name))

    async def users(self, after: str = "", limit: int | None = None) -> list[User]:
        """Return users by address: all, or so many at most of those behind an address."""
        return await self._service.users(after, limit)

    async def remove_user(self, name: str) -> User:
        """Remove a user, all roles and memberships; NoSuchPrincipal when there is none."""
        return await self._service.remove_user(self.address(name))

    async def grant_role(
        self, name: str, role: AdministrativeRole, categories: Collection[str] = ()
    ) -> AdministratorGrant:
        """Let a user administer over the network; see AdministratorRegister."""
        return await self.administrators.grant(self.address(name), role, categories)

    async def revoke_role(self, name: str, role: AdministrativeRole) -> bool:
        """Take that back; return whether the user held the role."""
        return await self.administrators.revoke(self.address(name), role)

    async def explain(self, user: str, room: str) -> Explanation:
        """Return why a user may or may not do what in a room."""
        return await self._service.explain((await self.user(user)).uri, room)

    # groups

    async def add_group(
        self, name: str, members: Collection[str] = (), *, container: bool = False
    ) -> Group:
        """Add a group, or a container of the directory."""
        kind = PrincipalType.FOLDER if container else PrincipalType.GROUP
        return await self._service.add_group(name, await self._principals(members), kind=kind)

    async def groups(
        self, after: str = "", limit: int | None = None
    ) -> list[tuple[Group, tuple[str, ...]]]:
        """Return groups by name with what they hold: all, or so many at most behind a name."""
        return await self._service.groups(after, limit)

    async def group(self, name: str) -> tuple[Group, tuple[str, ...]]:
        """Return a group by name or address, with what it holds."""
        return await self._service.group(name)

    async def add_group_members(self, group: str, members: Collection[str]) -> tuple[str, ...]:
        """Let a group hold more; returns what it did not hold."""
        return await self._service.add_group_members(group, await self._principals(members))

    async def remove_group_members(self, group: str, members: Collection[str]) -> tuple[str, ...]:
        """Let a group hold less; returns what it held."""
        return await self._service.remove_group_members(group, await self._principals(members))

    async def remove_group(self, name: str) -> Group:
        """Remove a group and all its roles."""
        return await self._service.remove_group(name)

    # categories

    async def add_category(
        self,
        name: str,
        *,
        description: str = "",
        allow: Collection[str] = (),
        deny: Collection[str] = (),
        creators: Collection[str] = (),
        invitations: bool = False,
        file_posts: bool = False,
        keeps_history: bool = True,
    ) -> Category:
        """Add a category; the whole domain is allowed in it unless somebody is named."""
        return await self._service.add_category(
            name,
            description,
            allow=await self._principals(allow) if allow else None,
            deny=await self._principals(deny),
            creators=await self._principals(creators),
            invitations=invitations,
            file_posts=file_posts,
            keeps_history=keeps_history,
        )

    async def set_category(
        self,
        category: str,
        *,
        add: Mapping[str, Collection[str]],
        remove: Mapping[str, Collection[str]],
        **changes: str | bool,
    ) -> Category:
        """Change a category; ``add`` and ``remove`` are by allowed, denied and creators."""
        known = await self._service.category(category)
        lists = {
            field: (getattr(known, field) | set(await self._principals(add.get(field, ()))))
            - set(await self._principals(remove.get(field, ())))
            for field in {*add, *remove}
        }
        changed = replace(known, **changes, **lists)  # type: ignore[arg-type]  # its own fields
        return await self._service.set_category(changed)

    async def category(self, name: str) -> Category:
        """Return a category by name or address; RoomNotFound when there is none."""
        return await self._service.category(name)

    async def categories(self) -> list[Category]:
        """Return all categories, by name."""
        return await self._service.categories()

    async def remove_category(self, name: str) -> Category:
        """Remove a category that holds no rooms."""
        return await self._service.remove_category(name)

    # rooms

    async def add_room(
        self,
        name: str,
        category: str,
        *,
        description: str = "",
        privacy: Privacy = Privacy.CLOSED,
        behavior: Behavior = Behavior.NORMAL,
        invites: bool = True,
        add_in: str = "",
        members: Collection[str] = (),
        managers: Collection[str] = (),
        presenters: Collection[str] = (),
    ) -> Room:
        """Add a room; members, managers and presenters have to exist."""
        return await self._service.add_room(
            name,
            category,
            description,
            privacy=privacy,
            behavior=behavior,
            invites=invites,
            add_in=add_in,
            members=await self._principals(members),
            managers=await self._principals(managers),
            presenters=await self._principals(presenters),
        )

    async def set_room(self, room: str, **changes: Any) -> Room:
        """Change a room by the fields of RoomUpdate, its category and add-in by name."""
        found = await self._service.room(room)
        if changes.get("add_in"):
            changes["add_in"] = (await self._service.add_in(changes["add_in"])).id
        return await self._service.update_room(RoomUpdate(found.uri, **changes))

    async def move_room(self, room: str, category: str) -> Room:
        """Move a room to another category."""
        return await self._service.move_room(room, category)

    async def remove_room(self, room: str) -> Room:
        """Remove a room and all that was said in it."""
        return await self._service.remove_room(room)

    async def rooms(
        self,
        after: str = "",
        limit: int | None = None,
        within: Callable[[CategoryUri | None], bool] = lambda _: True,
    ) -> list[RoomEntry]:
        """
        Return rooms by name: all, or so many at most of those behind a name.

        Args:
            after: The name.
            limit: How many.
            within: Tells of a category whether its rooms are wanted.

        """
        rooms = sorted((await self._store.outline()).rooms, key=lambda room: fold(room.name))
        some = [one for one in rooms if fold(one.name) > fold(after) and within(one.category)]
        return await self._entries(some[:limit])

    async def room(self, name: str) -> RoomEntry:
        """Return a room by name or address; RoomNotFound when there is none."""
        (entry,) = await self._entries([await self._service.room(name)])
        return entry

    async def _entries(self, rooms: Sequence[Room]) -> list[RoomEntry]:
        found = await self._store.outline(*(room.uri for room in rooms))
        names = {category.uri: category.name for category in found.categories}
        roles = {(grant.room, grant.role): sorted(grant.principals) for grant in found.roles}
        return [
            RoomEntry(
                room,
                names[room.category] if room.category else "",
                tuple(roles.get((room.uri, Role.MEMBER), ())),
                tuple(roles.get((room.uri, Role.MANAGER), ())),
                tuple(roles.get((room.uri, Role.PRESENTER), ())),
            )
            for room in rooms
        ]

    async def grant(self, room: str, role: Role, principals: Collection[str]) -> tuple[str, ...]:
        """Give principals a role in a room; returns those that did not have it."""
        return await self._service.grant(room, role, await self._principals(principals))

    async def revoke(self, room: str, role: Role, principals: Collection[str]) -> tuple[str, ...]:
        """Take a role in a room from principals; returns those that had it."""
        return await self._service.revoke(room, role, await self._principals(principals))

    async def add_members(self, room: str, users: Collection[str]) -> tuple[str, ...]:
        """Make principals members of a room; returns those that were not."""
        return await self.grant(room, Role.MEMBER, users)

    # add-ins

    async def add_add_in(self, name: str, url: str) -> AddIn:
        """Register an add-in."""
        return await self._service.add_add_in(name, url)

    async def add_ins(self) -> list[AddIn]:
        """Return all add-ins, by name."""
        return await self._service.add_ins()

    async def remove_add_in(self, name: str) -> AddIn:
        """Remove an add-in, from rooms too."""
        return await self._service.remove_add_in(name)

    async def _principals(self, names: Collection[str]) -> list[str]:
        """Return principals from what people type: users, groups by name, addresses."""
        if not names:
            return []
        groups = {fold(name): uri for uri, name in await self._service.group_names()}
        return [await self._principal(name, groups) for name in names]

    async def _knows(self, address: SipUri) -> bool:
        return any(user.uri == address for user in await self._store.find_users(address))

    async def _principal(self, name: str, groups: Mapping[str, str]) -> str:
        if name.lower().startswith(("domain:", "ma-grp:")):
            return name.lower()
        if name.lower().startswith("group:"):
            return groups.get(fold(name[6:].strip()), name)  # which nobody is
        try:
            address = self.address(name)
        except ConfigurationError:
            if fold(name) in groups:
                return groups[fold(name)]
            raise
        known = fold(name) not in groups or await self._knows(address)
        return str(address) if known else groups[fold(name)]

    def address(self, name: str) -> SipUri:
        """Return the address of a user of that name, whether there is one or not."""
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
