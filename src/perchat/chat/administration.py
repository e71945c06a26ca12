"""
What administrators do: users, categories, rooms and the roles in them.

Every operation reads the store as it is and appends facts; a server that runs on the
same store, in this process or another, follows. Since people call these, what is
refused is raised, with the remedy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.chat.categories import Scope, category_called, principal_form, room_called
from perchat.errors import CommandFailed, ConfigurationError, ErrorCode
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Role, Room
from perchat.model.journal import (
    CategoryChanged,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    UserChanged,
)
from perchat.model.name import checked_description, checked_name, fold
from perchat.model.principal import User
from perchat.model.uri import CategoryUri, RoomUri

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from perchat.chat.settings import ChatSettings
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.journal import Fact
    from perchat.model.uri import SipUri
    from perchat.store.base import Snapshot, Store
    from perchat.store.directory import Directory

__all__ = ["Administration"]


class Administration:
    """
    Administers one open store.

    Args:
        new_guid: Gives a GUID never given before.
        directory: Needed for passwords only.
        wakeup: Tells a server in the same process at once.

    """

    def __init__(
        self,
        store: Store,
        settings: ChatSettings,
        *,
        new_guid: Callable[[], str],
        directory: Directory | None = None,
        wakeup: Wakeup | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._new_guid = new_guid
        self._directory = directory
        self._wakeup = wakeup

    # users

    async def add_user(
        self,
        uri: SipUri,
        *,
        display_name: str = "",
        nt_hash: bytes | None = None,
        chat_enabled: bool = True,
    ) -> User:
        """
        Make a user of this domain, who can sign in once there is a password.

        Raises:
            ConfigurationError: Another domain, a name that cannot be, or taken.

        """
        address = uri.address
        if address.domain != self._settings.domain.lower():
            raise ConfigurationError(
                f"{address} is not of this server's domain: name sip:...@{self._settings.domain}"
            )
        name = self._checked(display_name or address.user, "display name")
        await self._refuse_known(address)
        user = User(address, address.user, name, self._new_guid(), chat_enabled=chat_enabled)
        await self._append(UserChanged(user))
        if nt_hash is not None:
            await self.set_password(address, nt_hash)
        return user

    async def _refuse_known(self, address: SipUri) -> None:
        if await self._store.find_users(address):
            raise ConfigurationError(f"the user {address} exists already")

    async def set_password(self, uri: SipUri, nt_hash: bytes) -> None:
        """
        Replace what proves a user's identity.

        Raises:
            NoSuchPrincipal: Nobody has that address.
            ConfigurationError: There is no key for the directory.

        """
        await self.user(uri)
        if self._directory is None:
            raise ConfigurationError("no directory key is configured, so no password can be kept")
        await self._directory.set_secret(uri.address, nt_hash)

    async def set_user(
        self,
        uri: SipUri,
        *,
        enabled: bool | None = None,
        chat_enabled: bool | None = None,
        display_name: str | None = None,
    ) -> User:
        """Change what is given; a user that may not chat any more leaves all rooms."""
        user = await self.user(uri)
        if display_name is not None:
            user = replace(user, display_name=self._checked(display_name, "display name"))
        user = replace(
            user,
            enabled=user.enabled if enabled is None else enabled,
            chat_enabled=user.chat_enabled if chat_enabled is None else chat_enabled,
        )
        await self._append(UserChanged(user))
        return user

    async def user(self, uri: SipUri) -> User:
        """Return a user; NoSuchPrincipal when nobody has that address."""
        found = await self._store.find_users(uri.address)
        if not found:
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user: {uri.address}")
        return found[0]

    async def users(self) -> list[User]:
        """Return all users, by address."""
        return list((await self._store.snapshot()).users)

    # categories and rooms

    async def add_category(
        self, name: str, description: str = "", *, allow: Iterable[str] | None = None
    ) -> Category:
        """
        Make a category; without ``allow``, everybody of this domain may be in its rooms.

        Raises:
            DuplicateRoomName: A room or category of that name exists.
            ConfigurationError: A name that cannot be.

        """
        category = Category(
            CategoryUri.of(self._settings.domain, self._new_guid()),
            self._checked(name, "category name"),
            self._described(description),
            allowed=frozenset([f"domain:{self._settings.domain.lower()}"])
            if allow is None
            else frozenset(map(_principal, allow)),
        )
        await self._append(CategoryChanged(category))
        return category

    async def set_category(self, category: Category) -> Category:
        """Replace a category by its changed value; who is denied now leaves its rooms."""
        changed = replace(
            category,
            name=self._checked(category.name, "category name"),
            description=self._described(category.description),
        )
        snapshot = await self._store.snapshot()
        if category.uri not in {known.uri for known in snapshot.categories}:
            raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such category: {category.uri}")
        await self._append(CategoryChanged(changed), *Scope(snapshot, changed).purge())
        return changed

    async def categories(self) -> list[Category]:
        """Return all categories, by name."""
        return sorted((await self._store.snapshot()).categories, key=lambda c: fold(c.name))

    async def add_room(
        self,
        name: str,
        category: str,
        description: str = "",
        *,
        members: Collection[str] = (),
        managers: Collection[str] = (),
        presenters: Collection[str] = (),
        privacy: Privacy = Privacy.CLOSED,
        behavior: Behavior = Behavior.NORMAL,
    ) -> Room:
        """
        Make a room in the category of that name, with the roles it starts with.

        Raises:
            DuplicateRoomName: A room or category of that name exists.
            RoomNotFound: No category of that name.
            NoSuchPrincipal: A member, manager or presenter that does not exist.
            PrincipalsNotInScope: One that the category does not allow.
            ConfigurationError: A name that cannot be.

        """
        snapshot = await self._store.snapshot()
        within = category_called(snapshot, category)
        room = Room(
            RoomUri.of(self._settings.domain, self._new_guid()),
            self._checked(name, "room name"),
            self._described(description),
            within.uri,
            privacy,
            behavior,
        )
        scope = Scope(snapshot, within)
        wanted = {Role.MEMBER: members, Role.MANAGER: managers, Role.PRESENTER: presenters}
        grants = [
            RolesGranted(room.uri, role, scope.checked(principals))
            for role, principals in wanted.items()
            if principals
        ]
        if presenters:
            scope.check_presenters(
                room, scope.checked(presenters), held=frozenset(map(_principal, members))
            )
        await self._append(RoomChanged(room), *grants)
        return room

    async def set_room(self, room: Room) -> Room:
        """Replace a room by its changed value; raises as ``add_room`` does."""
        changed = replace(
            room,
            name=self._checked(room.name, "room name"),
            description=self._described(room.description),
        )
        snapshot = await self._store.snapshot()
        room_called(snapshot, room.uri)
        within = category_called(snapshot, str(room.category))
        scope = Scope(snapshot, within)
        await self._append(RoomChanged(changed), *scope.purge_room(room.uri))
        return changed

    async def room(self, name: str) -> Room:
        """Return a room by name or address; RoomNotFound when there is none."""
        return room_called(await self._store.snapshot(), name)

    async def rooms(self) -> list[Room]:
        """Return all rooms, by name."""
        return sorted((await self._store.snapshot()).rooms, key=lambda r: fold(r.name))

    # roles

    async def grant(self, room: str, role: Role, principals: Collection[str]) -> tuple[str, ...]:
        """
        Give principals a role; return those that did not have it.

        Raises:
            RoomNotFound: No room of that name or address.
            NoSuchPrincipal: Not a user, and not ``domain:NAME``.
            PrincipalsNotInScope: The category does not allow one of them.
            PresenterNotMember: A presenter that is not a member.
            InvalidArgument: Presenters are for auditoriums.

        """
        snapshot = await self._store.snapshot()
        found = room_called(snapshot, room)
        scope = Scope(snapshot, category_called(snapshot, str(found.category)))
        wanted = scope.checked(principals)
        if role is Role.PRESENTER:
            scope.check_presenters(found, wanted, held=_held(snapshot, found, Role.MEMBER))
        new = tuple(p for p in wanted if p not in _held(snapshot, found, role))
        if new:
            await self._append(RolesGranted(found.uri, role, new))
        return new

    async def revoke(self, room: str, role: Role, principals: Collection[str]) -> tuple[str, ...]:
        """
        Take a role from principals; return those that had it.

        Who is no member any more is no presenter either, and leaves the room.
        """
        snapshot = await self._store.snapshot()
        found = room_called(snapshot, room)
        named = [_principal(principal) for principal in principals]
        roles = [role, Role.PRESENTER] if role is Role.MEMBER else [role]
        facts = [
            RolesRevoked(found.uri, each, gone)
            for each in roles
            if (gone := tuple(p for p in named if p in _held(snapshot, found, each)))
        ]
        if facts:
            await self._append(*facts)
        return next((fact.principals for fact in facts if fact.role is role), ())

    async def roles(self, room: str) -> dict[Role, tuple[str, ...]]:
        """Return the principals of each role in a room."""
        snapshot = await self._store.snapshot()
        uri = room_called(snapshot, room).uri
        return {grant.role: grant.principals for grant in snapshot.roles if grant.room == uri}

    async def _append(self, *facts: Fact) -> None:
        await self._store.append(*facts)
        if self._wakeup is not None:
            self._wakeup.wake()

    def _checked(self, name: str, what: str) -> str:
        try:
            return checked_name(name, self._settings.name_limit)
        except ValueError as error:
            raise ConfigurationError(f"{what}: {error}") from error

    def _described(self, description: str) -> str:
        try:
            return checked_description(description, self._settings.name_limit)
        except ValueError as error:
            raise ConfigurationError(f"description: {error}") from error


def _principal(text: str) -> str:
    try:
        return principal_form(text)
    except ValueError as error:
        raise ConfigurationError(
            f"name an address (sip:user@domain) or a domain (domain:NAME), not {text!r}"
        ) from error


def _held(snapshot: Snapshot, room: Room, role: Role) -> frozenset[str]:
    return frozenset(
        principal
        for grant in snapshot.roles
        if grant.room == room.uri and grant.role is role
        for principal in grant.principals
    )
