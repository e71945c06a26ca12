"""Administration from elsewhere than the server: ``chat.admin``, in the command line's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from perchat.client.naming import CategoryLike, PrincipalLike, category_or_name, principals_of
from perchat.client.targets import room_or_name
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.administration import AdministratorGrant, GroupEntry, RoomEntry
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.principal import User
from perchat.xccos.administrative import AdministrativeReply, AdministrativeRequest, Values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from perchat.client.commands import Commands
    from perchat.client.naming import GroupLike
    from perchat.client.targets import RoomLike

__all__ = ["AdminServices", "CategoryAdmin", "GroupAdmin", "RoomAdmin", "UserAdmin"]

_T = TypeVar("_T", Category, RoomEntry, User, GroupEntry)


class _Operations:
    """What asks for operations, and reads what they return."""

    def __init__(self, chat: Commands) -> None:
        self._chat = chat

    async def _do(
        self, operation: str, *, password: str | None = None, **given: object
    ) -> AdministrativeReply:
        request = AdministrativeRequest(operation, Values.of(**given), password)
        return await self._chat.command("administer", request, AdministrativeReply)

    async def _one(
        self, kind: type[_T], operation: str, *, password: str | None = None, **given: object
    ) -> _T:
        reply = await self._do(operation, password=password, **given)
        for record in reply.records:
            if isinstance(record, kind):
                return record
        raise CommandFailed.of(ErrorCode.SERVER_ERROR, f"the reply to {operation} makes no sense")

    async def _all(
        self, kind: type[_T], operation: str, key: Callable[[_T], str]
    ) -> AsyncIterator[_T]:
        after, more = "", True
        while more:
            reply = await self._do(operation, after=after)
            found = [record for record in reply.records if isinstance(record, kind)]
            for record in found:
                yield record
            more = reply.more and bool(found)
            after = key(found[-1]) if found else after


class CategoryAdmin(_Operations):
    """Categories: all but looking at them asks for a role that is not confined to some."""

    def list(self) -> AsyncIterator[Category]:
        """Iterate over the categories that the caller administers, by name."""
        return self._all(Category, "category.list", lambda one: one.name)

    async def get(self, category: CategoryLike) -> Category:
        """Return a category by name or URI; RoomNotFound when there is none."""
        return await self._one(Category, "category.get", category=category_or_name(category))

    async def add(
        self,
        name: str,
        *,
        description: str = "",
        allow: PrincipalLike | Iterable[PrincipalLike] = (),
        deny: PrincipalLike | Iterable[PrincipalLike] = (),
        creators: PrincipalLike | Iterable[PrincipalLike] = (),
        invitations: bool = False,
        file_posts: bool = False,
        keeps_history: bool = True,
    ) -> Category:
        """
        Make a category; the whole domain is allowed in it unless somebody is named.

        Raises:
            DuplicateRoomName: A room or category of that name exists.
            NoSuchPrincipal, PrincipalsNotInScope: As they say.
            InvalidArgument: A name that cannot be.

        """
        return await self._one(
            Category,
            "category.add",
            name=name,
            description=description,
            allow=principals_of(allow),
            deny=principals_of(deny),
            creators=principals_of(creators),
            invitations=invitations,
            file_posts=file_posts,
            keeps_history=keeps_history,
        )

    async def set(
        self,
        category: CategoryLike,
        *,
        name: str | None = None,
        description: str | None = None,
        allow: PrincipalLike | Iterable[PrincipalLike] = (),
        no_allow: PrincipalLike | Iterable[PrincipalLike] = (),
        deny: PrincipalLike | Iterable[PrincipalLike] = (),
        no_deny: PrincipalLike | Iterable[PrincipalLike] = (),
        creators: PrincipalLike | Iterable[PrincipalLike] = (),
        no_creators: PrincipalLike | Iterable[PrincipalLike] = (),
        invitations: bool | None = None,
        file_posts: bool | None = None,
        keeps_history: bool | None = None,
    ) -> Category:
        """
        Change a category; who is no longer allowed loses roles and rooms.

        What is None stays; ``allow`` and the like are added to what there is, ``no_allow`` and
        the like taken away. Raises what ``add`` does, and RoomNotFound.
        """
        return await self._one(
            Category,
            "category.set",
            category=category_or_name(category),
            name=name,
            description=description,
            add_allowed=principals_of(allow),
            remove_allowed=principals_of(no_allow),
            add_denied=principals_of(deny),
            remove_denied=principals_of(no_deny),
            add_creators=principals_of(creators),
            remove_creators=principals_of(no_creators),
            invitations=invitations,
            file_posts=file_posts,
            keeps_history=keeps_history,
        )

    async def remove(self, category: CategoryLike) -> Category:
        """Remove a category that holds no rooms; HierarchyViolation when it does."""
        return await self._one(Category, "category.rm", category=category_or_name(category))


class RoomAdmin(_Operations):
    """Rooms in the categories that the caller administers, whoever may see them."""

    def list(self) -> AsyncIterator[RoomEntry]:
        """Iterate over the rooms that the caller administers, by name."""
        return self._all(RoomEntry, "room.list", lambda one: one.room.name)

    async def get(self, room: RoomLike) -> RoomEntry:
        """Return a room by name or URI; RoomNotFound when there is none."""
        return await self._one(RoomEntry, "room.get", room=room_or_name(room))

    async def add(
        self,
        name: str,
        category: CategoryLike,
        *,
        description: str = "",
        privacy: Privacy = Privacy.CLOSED,
        behavior: Behavior = Behavior.NORMAL,
        invites: bool = True,
        add_in: str = "",
        members: PrincipalLike | Iterable[PrincipalLike] = (),
        managers: PrincipalLike | Iterable[PrincipalLike] = (),
        presenters: PrincipalLike | Iterable[PrincipalLike] = (),
    ) -> RoomEntry:
        """
        Make a room, in which the caller gets no role.

        Raises:
            DuplicateRoomName: A room or category of that name exists.
            RoomNotFound: No such category or add-in.
            NoSuchPrincipal, PrincipalsNotInScope, PresenterNotMember: As they say.
            InvalidArgument: A name that cannot be.

        """
        return await self._one(
            RoomEntry,
            "room.add",
            name=name,
            category=category_or_name(category),
            description=description,
            privacy=privacy,
            behavior=behavior,
            invites=invites,
            add_in=add_in,
            members=principals_of(members),
            managers=principals_of(managers),
            presenters=principals_of(presenters),
        )

    async def set(
        self,
        room: RoomLike,
        *,
        name: str | None = None,
        description: str | None = None,
        privacy: Privacy | None = None,
        behavior: Behavior | None = None,
        disabled: bool | None = None,
        invites: bool | None = None,
        add_in: str | None = None,
    ) -> RoomEntry:
        """Change what is not None; a disabled room can be enabled. Raises as ``add`` does."""
        return await self._one(
            RoomEntry,
            "room.set",
            room=room_or_name(room),
            name=name,
            description=description,
            privacy=privacy,
            behavior=behavior,
            disabled=disabled,
            invites=invites,
            add_in=add_in,
        )

    async def move(self, room: RoomLike, category: CategoryLike) -> RoomEntry:
        """Move a room to another category; who may not be there loses roles and room."""
        named = category_or_name(category)
        return await self._one(RoomEntry, "room.move", room=room_or_name(room), category=named)

    async def remove(self, room: RoomLike) -> RoomEntry:
        """Remove a room and all that was said in it, for good; return what it was."""
        return await self._one(RoomEntry, "room.rm", room=room_or_name(room))

    async def grant(
        self, room: RoomLike, role: Role, principals: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]:
        """
        Give principals a role, and return the addresses of those that did not have it.

        Raises:
            NoSuchPrincipal, PrincipalsNotInScope, PresenterNotMember: As they say.
            InvalidArgument: CREATOR is not a role in rooms.

        """
        named = principals_of(principals)
        done = await self._do("room.grant", room=room_or_name(room), role=role, principals=named)
        return done.names

    async def revoke(
        self, room: RoomLike, role: Role, principals: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]:
        """Take a role from principals, and return the addresses of those that had it."""
        named = principals_of(principals)
        done = await self._do("room.revoke", room=room_or_name(room), role=role, principals=named)
        return done.names


class UserAdmin(_Operations):
    """Users; asks for a role that is not confined to categories."""

    def list(self) -> AsyncIterator[User]:
        """Iterate over all users, by address."""
        return self._all(User, "user.list", lambda one: one.uri)

    async def get(self, user: PrincipalLike) -> User:
        """Return a user; NoSuchPrincipal when there is none."""
        return await self._one(User, "user.get", user=_user(user))

    async def add(
        self,
        name: str,
        password: str | None = None,
        *,
        display_name: str = "",
        chat_enabled: bool = True,
        service: bool = False,
    ) -> User:
        """
        Make a user of the server's domain who can sign in, or a service account, which has no
        password and is whom applications act as.

        Raises:
            PermissionDenied: Also where the connection is not TLS: passwords go over nothing else.
            InvalidArgument: A name that cannot be or is taken, or an empty password.

        """
        return await self._one(
            User,
            "user.add",
            password=password,
            name=name,
            display_name=display_name,
            chat_enabled=chat_enabled,
            service=service,
        )

    async def set(
        self,
        user: PrincipalLike,
        *,
        display_name: str | None = None,
        enabled: bool | None = None,
        chat_enabled: bool | None = None,
        system: bool | None = None,
        service: bool | None = None,
        given_name: str | None = None,
        surname: str | None = None,
        email: str | None = None,
        company: str | None = None,
        password: str | None = None,
    ) -> User:
        """
        Change what is not None; who may not sign in or chat any more leaves all rooms.

        Raises:
            PermissionDenied: Also for users with an administrative role, who are changed at
                the server, and for a password without TLS.
            NoSuchPrincipal: No such user.

        """
        return await self._one(
            User,
            "user.set",
            password=password,
            user=_user(user),
            display_name=display_name,
            enabled=enabled,
            chat_enabled=chat_enabled,
            system=system,
            service=service,
            given_name=given_name,
            surname=surname,
            email=email,
            company=company,
        )

    async def remove(self, user: PrincipalLike) -> User:
        """Remove a user with all roles and memberships; what the user said stays."""
        return await self._one(User, "user.rm", user=_user(user))


class GroupAdmin(_Operations):
    """Groups; asks for a role that is not confined to categories."""

    def list(self) -> AsyncIterator[GroupEntry]:
        """Iterate over all groups, by name."""
        return self._all(GroupEntry, "group.list", lambda one: one.group.name)

    async def get(self, group: GroupLike) -> GroupEntry:
        """Return a group by name or URI; NoSuchPrincipal when there is none."""
        return await self._one(GroupEntry, "group.get", group=_group(group))

    async def add(
        self,
        name: str,
        members: PrincipalLike | Iterable[PrincipalLike] = (),
        *,
        container: bool = False,
    ) -> GroupEntry:
        """
        Make a group, or a container of the directory.

        Raises:
            NoSuchPrincipal: A member that does not exist.
            InvalidArgument: A name that cannot be, or is taken.

        """
        named = principals_of(members)
        return await self._one(
            GroupEntry, "group.add", name=name, members=named, container=container
        )

    async def add_members(
        self, group: GroupLike, members: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]:
        """Let a group hold more, and return the addresses that it did not hold."""
        named = principals_of(members)
        done = await self._do("group.member.add", group=_group(group), principals=named)
        return done.names

    async def remove_members(
        self, group: GroupLike, members: PrincipalLike | Iterable[PrincipalLike]
    ) -> tuple[str, ...]:
        """Let a group hold less, and return the addresses that it held."""
        named = principals_of(members)
        done = await self._do("group.member.rm", group=_group(group), principals=named)
        return done.names

    async def remove(self, group: GroupLike) -> GroupEntry:
        """Remove a group with all its roles; who had rights by it has them no more."""
        return await self._one(GroupEntry, "group.rm", group=_group(group))


class AdminServices(_Operations):
    """
    What administrators do from elsewhere than the server; an extension of Perchat servers.

    Users are given by address or by name (``alice``), groups by URI or name, rooms and
    categories by URI or name. Everything may raise besides what it says:

    * ChatServerConnectionError, OperationTimeout: no connection, or no answer.
    * PermissionDenied: the caller was not granted the role of administrator.
    * RoomNotFound: no such room or category, or the role does not reach it.
    * LimitExceeded: more principals than one command may name.
    * NotSupported: the service is of another kind.
    """

    @property
    def categories(self) -> CategoryAdmin:
        """The categories."""
        return CategoryAdmin(self._chat)

    @property
    def rooms(self) -> RoomAdmin:
        """The rooms, and the roles in them."""
        return RoomAdmin(self._chat)

    @property
    def users(self) -> UserAdmin:
        """The users."""
        return UserAdmin(self._chat)

    @property
    def groups(self) -> GroupAdmin:
        """The groups, and what they hold."""
        return GroupAdmin(self._chat)

    async def grants(self) -> tuple[AdministratorGrant, ...]:
        """Return the administrative roles that the caller holds; for everybody to ask."""
        found = await self._do("grants")
        return tuple(one for one in found.records if isinstance(one, AdministratorGrant))


def _user(user: PrincipalLike) -> str:
    (named,) = principals_of(user)
    return named


def _group(group: GroupLike) -> str:
    (named,) = principals_of(group)
    return named
