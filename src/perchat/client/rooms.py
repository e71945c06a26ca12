"""Rooms looked up, made, changed and staffed: ``chat.rooms``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from perchat.client.naming import add_in_id, at_most, category_uri, first, uris_of, user_uri
from perchat.client.personalrooms import PersonalRooms
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.explanation import Explanation
from perchat.model.invitation import InviteSetting
from perchat.model.name import checked_description, checked_name
from perchat.model.roomdetails import (
    RoleChange,
    RoleOperation,
    RoomDetails,
    RoomSettings,
    RoomUpdate,
)
from perchat.xccos.blocks import Nothing, QueryKind, RoomQuery, Rooms, RoomUris
from perchat.xccos.managing import AddIns, Categories, ExplanationQuery, RoomPermissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perchat.client.naming import AddInLike, CategoryLike, PrincipalLike
    from perchat.client.targets import RoomLike
    from perchat.model.addin import AddIn
    from perchat.model.category import CategorySummary
    from perchat.model.chatroom import Permission, RoomSnapshot
    from perchat.model.uri import RoomUri

__all__ = ["RoomServices"]


class RoomServices(PersonalRooms):
    """
    What one can do with rooms without being in them.

    A room is given by URI, name, or anything that carries its URI. What is wrong in itself
    raises ValueError or TypeError before anything is sent. Everything may raise besides
    what it says:

    * ChatServerConnectionError, OperationTimeout: no connection, or no answer.
    * RoomNotFound: no such room, or it may not be known.
    * PermissionDenied: the caller's roles do not allow it.
    * NotSupported: the service does not know the command.
    """

    # --- rooms ---

    async def create(
        self,
        name: str,
        category: CategoryLike,
        *,
        description: str = "",
        privacy: Privacy = Privacy.CLOSED,
        behavior: Behavior = Behavior.NORMAL,
        invitations: InviteSetting = InviteSetting.INHERIT,
        add_in: AddInLike = "",
        disabled: bool = False,
        members: Iterable[PrincipalLike] = (),
        managers: Iterable[PrincipalLike] = (),
        presenters: Iterable[PrincipalLike] = (),
        join_self: bool = False,
    ) -> RoomDetails:
        """
        Make a room; the caller becomes its manager, but a member only if so asked.

        Args:
            name: Up to 256 characters, unlike those of other rooms and categories.
            category: Where the caller may make rooms, see ``creatable_categories``.
            description: Up to 256 characters.
            privacy: Who sees it and may join.
            behavior: Who may post.
            invitations: Whether members are invited, where the category allows it.
            add_in: A registered add-in; empty for none.
            disabled: Whether it begins closed to everybody.
            members: Users and groups within the category's scope.
            managers: As the members, besides the caller.
            presenters: Who may post in an auditorium; members, too.
            join_self: Whether the caller is to be a member.

        Raises:
            CannotCreateRoom: The caller may not make rooms in that category.
            HierarchyViolation: Rooms do not live there.
            DuplicateRoomName: The name is taken.
            NoSuchPrincipal, PrincipalsNotInScope, PresenterNotMember: As they say.

        """
        own = (self._chat.owner_uri,) if join_self else ()
        settings = RoomSettings(
            name=checked_name(name),
            category=category_uri(category),
            description=checked_description(description),
            privacy=privacy,
            behavior=behavior,
            disabled=disabled,
            invitations=invitations,
            add_in=add_in_id(add_in),
            members=uris_of((*own, *uris_of(members))),
            managers=uris_of(managers),
            presenters=uris_of(presenters),
        )
        return await self._chat.command("chancreate", settings, RoomDetails)

    async def update(
        self,
        room: RoomLike,
        *,
        name: str | None = None,
        description: str | None = None,
        privacy: Privacy | None = None,
        behavior: Behavior | None = None,
        disabled: bool | None = None,
        invitations: InviteSetting | None = None,
        add_in: AddInLike | None = None,
        members: Iterable[PrincipalLike] | None = None,
        managers: Iterable[PrincipalLike] | None = None,
        presenters: Iterable[PrincipalLike] | None = None,
        expected: RoomDetails | None = None,
    ) -> RoomDetails:
        """
        Change a room, all or nothing, and return what it is now; None leaves as it is.

        Args:
            room: Which.
            name: As for ``create``.
            description: As for ``create``.
            privacy: As for ``create``.
            behavior: As for ``create``.
            disabled: True puts everybody out; only administrators enable it again.
            invitations: As for ``create``.
            add_in: An empty one takes the add-in away.
            members: Everybody who is to be a member; others are none any more.
            managers: As the members.
            presenters: As the members.
            expected: The room as the caller knows it: nothing is changed if it was changed
                since.

        Raises:
            ValueError: Nothing to change, or ``expected`` is another room.
            DataCollision: The room was changed since; read it again.
            DuplicateRoomName: The name is taken.
            NoSuchPrincipal, PrincipalsNotInScope, PresenterNotMember: As they say.

        """
        update = partial(
            RoomUpdate,
            name=None if name is None else checked_name(name),
            description=None if description is None else checked_description(description),
            privacy=privacy,
            behavior=behavior,
            disabled=disabled,
            invitations=invitations,
            add_in=None if add_in is None else add_in_id(add_in),
            roles=_replacing(members, managers, presenters),
        )
        if all(value in (None, ()) for value in update.keywords.values()):
            raise ValueError("nothing to change")
        return await self._modify(room, expected, update)

    async def move(
        self, room: RoomLike, category: CategoryLike, *, expected: RoomDetails | None = None
    ) -> RoomDetails:
        """
        Move a room to another category; who may not be there loses his roles.

        Raises:
            DataCollision: The room was changed since it was as ``expected``.
            HierarchyViolation: Rooms do not live there.

        """
        return await self._modify(
            room, expected, partial(RoomUpdate, category=category_uri(category))
        )

    async def permissions(self, room: RoomLike) -> Permission:
        """Return what the caller may do in a room."""
        found = await self._chat.command(
            "getperms", RoomUris((await self._uri(room),)), RoomPermissions
        )
        return found.permission

    async def explain(self, user: PrincipalLike, room: RoomLike) -> Explanation:
        """
        Return why a user may or may not do what in a room: every rule that applies.

        For administrators, as system users are: also rooms that the caller may not see, these
        by URI.

        Raises:
            PermissionDenied: The caller is no system user.
            NoSuchPrincipal, RoomNotFound: There is no such user, or room.

        """
        query = ExplanationQuery(user_uri(user), await self._uri(room))
        return await self._chat.command("explain", query, Explanation)

    # --- where rooms are ---

    async def creatable_categories(self) -> list[CategorySummary]:
        """Return the categories in which the caller may make rooms."""
        found = await self._chat.command("nodespermcreatechild", Nothing(), Categories)
        return list(found.categories)

    async def in_category(
        self, category: CategoryLike, *, limit: int | None = None
    ) -> list[RoomSnapshot]:
        """Return the visible rooms of a category."""
        return await self._find(QueryKind.BYCATEGORY, category_uri(category), limit)

    async def using(self, add_in: AddInLike, *, limit: int | None = None) -> list[RoomSnapshot]:
        """Return the visible rooms that show an add-in."""
        wanted = add_in_id(add_in)
        if not wanted:
            raise ValueError("an add-in's id is not empty")
        return await self._find(QueryKind.BYADDIN, wanted, limit)

    async def add_ins(self) -> list[AddIn]:
        """Return the add-ins that administrators registered."""
        return list((await self._chat.command("getaddins", Nothing(), AddIns)).add_ins)

    # --- inside ---

    async def _modify(
        self, room: RoomLike, expected: RoomDetails | None, update: Callable[[RoomUri], RoomUpdate]
    ) -> RoomDetails:
        since = None if expected is None else expected.changes.updated_on
        if expected is not None and since is None:
            raise ValueError("the expected room does not tell when it was changed")
        uri = await self._uri(room)
        if expected is not None and expected.uri != uri:
            raise ValueError(f"the expected room is another one: {expected.uri}")
        wanted = replace(update(uri), expected=since)
        return await self._chat.command("chanmodify", wanted, RoomDetails)

    async def _find(self, kind: QueryKind, criteria: str, limit: int | None) -> list[RoomSnapshot]:
        query = RoomQuery(criteria, kind, max_results=at_most(limit))
        return first((await self._chat.command("chansrch", query, Rooms)).rooms, limit)


def _replacing(
    members: Iterable[PrincipalLike] | None,
    managers: Iterable[PrincipalLike] | None,
    presenters: Iterable[PrincipalLike] | None,
) -> tuple[RoleChange, ...]:
    lists = {Role.MEMBER: members, Role.MANAGER: managers, Role.PRESENTER: presenters}
    return tuple(
        RoleChange(role, RoleOperation.REPLACE, uris_of(holders))
        for role, holders in lists.items()
        if holders is not None
    )
