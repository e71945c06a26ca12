"""
Rooms as their managers and creators handle them: made, changed, moved, staffed.

Whoever may not see a room is answered that there is none; whoever sees it and may not
change it is refused. Likewise of categories, which only those in their scope see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.details import details_of, summary_of
from perchat.chat.face import Face, refusing
from perchat.chat.guests import invite
from perchat.chat.planning import Plan, no_such_category
from perchat.chat.refusal import Refusal, refuse
from perchat.chat.scope import principal_form, principal_of
from perchat.chat.turns import patiently
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.category import CategorySummary
from perchat.model.chatroom import Permission, Role
from perchat.model.journal import Fact, RolesGranted
from perchat.model.principal import RoleEntry
from perchat.model.roomdetails import RoleChange, RoleOperation, RoomDetails, RoomUpdate
from perchat.model.uri import CategoryUri, RoomUri

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from perchat.chat.state import RoomState
    from perchat.model.addin import AddIn
    from perchat.model.category import Category
    from perchat.model.roomdetails import RoomSettings
    from perchat.model.uri import SipUri

__all__ = ["Management"]


class Management(Face):
    """What users do with rooms besides being in them."""

    _new_guid: Callable[[], str]
    _root: CategoryUri | None

    # making and changing

    @refusing
    async def create_room(self, user: SipUri, wanted: RoomSettings) -> RoomDetails:
        """
        Make a room whose manager, but not member, is its creator.

        Refused: NODE_HIERARCHY_VIOLATION, NO_SUCH_NODE, UNABLE_TO_CREATE_ROOM (not a creator
        there), DUPLICATE_ROOM_NAME, INVALID_ARGUMENT, and what roles can be refused for.
        """
        plan, state = self._plan(user), self._desk.state
        category = self._seen_category(user, wanted.category)
        if not self._may_create(user, category):
            raise CommandFailed.of(
                ErrorCode.UNABLE_TO_CREATE_ROOM, "you may not create rooms in this category"
            )
        uri = RoomUri.of(self._desk.settings.domain, self._new_guid())
        own = RolesGranted(uri, Role.MANAGER, (str(user.address),), user)
        await self._become(*plan.create(uri, wanted), own)
        return details_of(self._desk.state, state.rooms[uri])

    @refusing
    async def update_room(self, user: SipUri, wanted: RoomUpdate) -> RoomDetails:
        """
        Change what is given, for a manager; moving asks for a creator's right in the target.

        Refused besides: DATA_COLLISION (changed since ``expected``), ERROR_PERMISSION (also to
        enable a room, which administrators do).
        """
        place = self._managed(user, wanted.uri)
        if wanted.disabled is False and place.room.disabled:
            raise _denied("an administrator can enable the room")
        if wanted.category is not None and wanted.category != place.room.category:
            target = self._seen_category(user, wanted.category)
            if not self._may_create(user, target):
                raise _denied("you may not create rooms in that category")
        await self._become(*self._plan(user).update(place, wanted))
        return details_of(self._desk.state, place)

    async def move_room(
        self, user: SipUri, room: RoomUri, category: CategoryUri
    ) -> Refusal | RoomDetails:
        """Move a room; roles that the new category does not allow are taken away."""
        return await self.update_room(user, RoomUpdate(room, category=category))

    @refusing
    async def grant(
        self, user: SipUri, room: RoomUri, role: Role, principals: Collection[str]
    ) -> list[RoleEntry]:
        """
        Give principals a role; return all who have it now.

        Refused: NO_SUCH_NODE, ERROR_PERMISSION, NO_SUCH_PRINCIPAL, PRINCIPALS_NOT_IN_SCOPE,
        PRESENTER_NOT_IN_MEM_LIST, PRINCIPALS_ALREADY_DEFINED (all of them), INVALID_ARGUMENT.
        """
        return await self._change_roles(user, room, role, RoleOperation.ADD, principals)

    @refusing
    async def revoke(
        self, user: SipUri, room: RoomUri, role: Role, principals: Collection[str]
    ) -> list[RoleEntry]:
        """Take a role from principals; return all who still have it. Members are kicked."""
        return await self._change_roles(user, room, role, RoleOperation.REMOVE, principals)

    @refusing
    async def replace_roles(
        self, user: SipUri, room: RoomUri, role: Role, principals: Collection[str]
    ) -> list[RoleEntry]:
        """Let exactly these principals have a role; return them."""
        return await self._change_roles(user, room, role, RoleOperation.REPLACE, principals)

    async def _change_roles(
        self,
        user: SipUri,
        room: RoomUri,
        role: Role,
        operation: RoleOperation,
        principals: Collection[str],
    ) -> list[RoleEntry]:
        place = self._managed(user, room)
        named = tuple(dict.fromkeys(map(principal_form, principals)))
        if facts := self._plan(user).roles(place, RoleChange(role, operation, named)):
            await self._become(*facts)
        return await self._entries(place, role)

    # looking

    @refusing
    async def room(self, user: SipUri, room: str) -> RoomDetails:
        """Return a room by address or name; NO_SUCH_NODE also for one the user may not see."""
        return details_of(self._desk.state, self._seen(user, self._uri_of(user, room)))

    @refusing
    async def members(self, user: SipUri, room: RoomUri) -> list[RoleEntry]:
        """Return the principals who are members, to those who are or manage the room."""
        return await self._role_list(user, room, Role.MEMBER)

    @refusing
    async def managers(self, user: SipUri, room: RoomUri) -> list[RoleEntry]:
        """Return the principals who manage a room, likewise."""
        return await self._role_list(user, room, Role.MANAGER)

    @refusing
    async def presenters(self, user: SipUri, room: RoomUri) -> list[RoleEntry]:
        """Return the principals who present, likewise."""
        return await self._role_list(user, room, Role.PRESENTER)

    def permissions(self, user: SipUri, room: RoomUri) -> Refusal | Permission:
        """Return what a user may do in a room that the user may see."""
        found = self._desk.find(user, room)
        return found if isinstance(found, Refusal) else found[1]

    def creatable_categories(self, user: SipUri) -> list[CategorySummary]:
        """Return the categories a user may make rooms in, by name."""
        found = [c for c in self._desk.state.categories.values() if self._may_create(user, c)]
        return sorted(map(summary_of, found), key=lambda one: one.name.casefold())

    def add_ins(self) -> list[AddIn]:
        """Return the add-ins that administrators registered, by name."""
        return sorted(self._desk.state.add_ins.values(), key=lambda one: one.name.casefold())

    # inside

    def _plan(self, by: SipUri) -> Plan:
        limit = self._desk.settings.name_limit
        return Plan(self._desk.state, root=self._root, by=by.address, name_limit=limit)

    async def _become(self, *facts: Fact) -> None:
        """Make facts true, wait until they are known here, invite whom they let in."""
        entries = await self._desk.settle(*facts)
        if isinstance(entries, Refusal):
            raise CommandFailed.of(entries.code, entries.text)
        await invite(self._desk.state, self._desk.store, facts, self._desk.append)

    def _may_create(self, user: SipUri, category: Category) -> bool:
        state = self._desk.state
        principals = state.affiliations.of(user)
        return state.in_scope(user, category) and not category.creators.isdisjoint(principals)

    def _seen_category(self, user: SipUri, uri: CategoryUri) -> Category:
        """Return a category for whoever is in its scope; to others there is none."""
        category = self._plan(user).category(uri)
        if not self._desk.state.in_scope(user, category):
            raise no_such_category(uri)
        return category

    def _seen(self, user: SipUri, room: RoomUri) -> RoomState:
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            raise CommandFailed.of(found.code, found.text)
        place, granted = found
        if place.room.disabled and Permission.MANAGE not in granted:
            raise CommandFailed.of(ErrorCode.NODE_DISABLED, refuse(ErrorCode.NODE_DISABLED).text)
        return place

    def _managed(self, user: SipUri, room: RoomUri) -> RoomState:
        place = self._seen(user, room)
        if Permission.MANAGE not in self._desk.permission(user, place):
            raise _denied("only its managers may do that to a room")
        return place

    def _uri_of(self, user: SipUri, room: str) -> RoomUri:
        try:
            return RoomUri(room)
        except ValueError:
            found = self._rooms.called(user, room)
        if found is None:
            text = refuse(ErrorCode.NO_SUCH_NODE).text
            raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, text)
        return found

    async def _role_list(self, user: SipUri, room: RoomUri, role: Role) -> list[RoleEntry]:
        place = self._seen(user, room)
        if not self._desk.roles(user, place) & {Role.MEMBER, Role.MANAGER}:
            raise _denied("only members and managers may know who is one")
        return await self._entries(place, role)

    async def _entries(self, place: RoomState, role: Role) -> list[RoleEntry]:
        entries = await self._desk.store.role_entries(place.room.uri, role)
        state = self._desk.state
        return [
            RoleEntry(principal_of(state, uri), changes)
            async for uri, changes in patiently(entries)
        ]


def _denied(text: str) -> CommandFailed:
    return CommandFailed.of(ErrorCode.ERROR_PERMISSION, text)
