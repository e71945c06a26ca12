"""Who holds which role in a room, and who could: the part of ``chat.rooms`` about people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.client.naming import at_most, category_uri, first, uris_of
from perchat.client.targets import room_or_name
from perchat.errors import PrincipalsAlreadyDefined
from perchat.model.chatroom import Role
from perchat.model.excerpt import Excerpt
from perchat.model.principal import principal_uri
from perchat.model.roomdetails import RoleChange, RoleOperation, RoomDetails
from perchat.model.uri import RoomUri
from perchat.xccos.managing import (
    PrincipalQuery,
    Principals,
    RoleAssignment,
    RoleLists,
    RoleQuery,
    RoomLookup,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.client.commands import Commands
    from perchat.client.naming import CategoryLike, PrincipalLike
    from perchat.client.targets import RoomLike
    from perchat.model.principal import Principal, RoleEntry

__all__ = ["RoomStaff"]


class RoomStaff:
    """Rooms as places where people hold roles."""

    def __init__(self, chat: Commands) -> None:
        self._chat = chat

    async def get(self, room: RoomLike) -> RoomDetails:
        """Return everything about a room but who is in it; a name has to be exact."""
        wanted = room_or_name(room)
        lookup = RoomLookup(wanted) if isinstance(wanted, RoomUri) else RoomLookup(name=wanted)
        return await self._chat.command("getchan", lookup, RoomDetails)

    async def members(self, room: RoomLike) -> Excerpt[RoleEntry]:
        """Return the users and groups that are members."""
        return await self._holders(room, Role.MEMBER)

    async def managers(self, room: RoomLike) -> Excerpt[RoleEntry]:
        """Return the users and groups that manage the room."""
        return await self._holders(room, Role.MANAGER)

    async def presenters(self, room: RoomLike) -> Excerpt[RoleEntry]:
        """Return the users and groups that may post in the auditorium."""
        return await self._holders(room, Role.PRESENTER)

    async def grant(
        self,
        room: RoomLike,
        role: Role,
        principals: PrincipalLike | Iterable[PrincipalLike],
        *,
        ignore_existing: bool = False,
    ) -> Excerpt[RoleEntry]:
        """
        Give users and groups a role, all of them or none, and return who holds it now.

        Args:
            room: Which.
            role: MEMBER, MANAGER or PRESENTER.
            principals: By URI, or what carries it.
            ignore_existing: Whether those who hold it already are passed over.

        Raises:
            ValueError: The role is not one in rooms, or nobody is named.
            PrincipalsAlreadyDefined: They hold it already.
            NoSuchPrincipal, PrincipalsNotInScope, PresenterNotMember: As they say.

        """
        wanted = RoleChange(_in_rooms(role), RoleOperation.ADD, _some(principals))
        where = await self._uri(room)
        try:
            return await self._assign(where, wanted)
        except PrincipalsAlreadyDefined:
            if not ignore_existing:
                raise
        entries = await self._holders(where, role)
        present = {principal_uri(entry.principal.uri) for entry in entries}
        missing = tuple(uri for uri in wanted.principals if uri not in present)
        if not missing:
            return entries
        return await self._assign(where, replace(wanted, principals=missing))

    async def revoke(
        self,
        room: RoomLike,
        role: Role,
        principals: PrincipalLike | Iterable[PrincipalLike],
    ) -> Excerpt[RoleEntry]:
        """
        Take a role from users and groups, and return who holds it still.

        Raises:
            ValueError: The role is not one in rooms, or nobody is named.
            NoSuchPrincipal: No such user or group.

        """
        change = RoleChange(_in_rooms(role), RoleOperation.REMOVE, _some(principals))
        return await self._assign(await self._uri(room), change)

    async def eligible(
        self, room: RoomLike, role: Role, text: str, *, limit: int | None = None
    ) -> list[Principal]:
        """
        Return the users and groups that could be given a role.

        Args:
            room: Which.
            role: MEMBER, MANAGER or PRESENTER.
            text: Part of a name.
            limit: The most to return.

        Raises:
            ValueError: The role is not one in rooms, or the text is empty.

        """
        if not text.strip():
            raise ValueError("who is eligible is asked for by a part of their names")
        wanted, most = _in_rooms(role), at_most(limit)
        where = await self._uri(room)
        query = PrincipalQuery(text, room=where, role=wanted, max_results=most)
        return await self._principals(query, limit)

    async def eligible_creators(
        self, category: CategoryLike, prefix: str, *, limit: int | None = None
    ) -> list[Principal]:
        """Return the users and groups that could be let make rooms in a category."""
        query = PrincipalQuery(prefix, category=category_uri(category), max_results=at_most(limit))
        return await self._principals(query, limit)

    # --- inside ---

    async def _uri(self, room: RoomLike) -> RoomUri:
        """Return a room's URI; disabled ones are found by name too, unlike in a search."""
        wanted = room_or_name(room)
        return wanted if isinstance(wanted, RoomUri) else (await self.get(wanted)).uri

    async def _holders(self, room: RoomLike, role: Role) -> Excerpt[RoleEntry]:
        query = RoleQuery(await self._uri(room), role)
        return _entries(await self._chat.command("getroles", query, RoleLists), role)

    async def _assign(self, room: RoomUri, change: RoleChange) -> Excerpt[RoleEntry]:
        assignment = RoleAssignment(room, (change,))
        lists = await self._chat.command("setroles", assignment, RoleLists)
        return _entries(lists, change.role)

    async def _principals(self, query: PrincipalQuery, limit: int | None) -> list[Principal]:
        found = await self._chat.command("prinsrch", query, Principals)
        return first(found.principals, limit)


def _entries(lists: RoleLists, role: Role) -> Excerpt[RoleEntry]:
    found = (entry for one in lists.lists if one.role is role for entry in one.entries)
    return Excerpt(found, truncated=lists.truncated)


def _in_rooms(role: Role) -> Role:
    if role is Role.CREATOR:
        raise ValueError("creators are named in categories, by administrators")
    return role


def _some(principals: PrincipalLike | Iterable[PrincipalLike]) -> tuple[str, ...]:
    uris = uris_of(principals)
    if not uris:
        raise ValueError("nobody is named")
    return uris
