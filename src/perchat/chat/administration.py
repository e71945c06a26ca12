"""
What administrators do with categories, rooms, the roles in them, and add-ins.

They are bound by what can be, not by who may: an administrator needs no role, but a
principal outside a category's scope gets none from an administrator either.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from perchat.chat.directoryadmin import DirectoryAdministration
from perchat.chat.explain import explain
from perchat.chat.planning import Plan
from perchat.chat.scope import Scope, checked_principal
from perchat.errors import CommandFailed, ConfigurationError, DuplicateRoomName, ErrorCode
from perchat.model.addin import AddIn
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Role, Room
from perchat.model.invitation import InviteSetting
from perchat.model.journal import (
    AddInChanged,
    AddInRemoved,
    CategoryChanged,
    CategoryRemoved,
    RolesRevoked,
    RoomChanged,
    RoomRemoved,
)
from perchat.model.name import checked_name, fold, name_key
from perchat.model.roomdetails import RoleChange, RoleOperation, RoomSettings, RoomUpdate
from perchat.model.uri import CategoryUri, RoomUri

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from perchat.chat.state import ChatState, RoomState
    from perchat.model.explanation import Explanation
    from perchat.model.journal import Fact
    from perchat.model.uri import SipUri

__all__ = ["Administration"]

_ADD_IN_NAME, _ADD_IN_URL = 50, 255


class Administration(DirectoryAdministration):
    """Administers one open store; see DirectoryAdministration for the principals."""

    # categories

    async def add_category(
        self,
        name: str,
        description: str = "",
        *,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
        creators: Iterable[str] = (),
        invitations: bool = False,
        file_posts: bool = False,
        keeps_history: bool = True,
    ) -> Category:
        """
        Make a category; without ``allow``, everybody of this domain may be in its rooms.

        Raises:
            DuplicateRoomName: A room or category of that name exists.
            NoSuchPrincipal: A principal that does not exist.
            PrincipalsNotInScope: A creator that the category does not allow.
            ConfigurationError: A name that cannot be.

        """
        state = await self._outline(allow or (), deny, creators)
        everybody = (f"domain:{self._settings.domain.lower()}",)
        category = Category(
            CategoryUri.of(self._settings.domain, self._new_guid()),
            self._checked(name, "category name"),
            self._described(description),
            keeps_history,
            invitations,
            file_posts,
            frozenset(self._existing(state, everybody if allow is None else allow)),
            frozenset(self._existing(state, deny)),
            frozenset(self._existing(state, creators)),
        )
        Scope(state, category).checked(category.creators)
        await self._append("category add", category.uri, CategoryChanged(category))
        return category

    async def set_category(self, category: Category) -> Category:
        """Replace a category by its changed value; who is denied now leaves its rooms."""
        state = await self._state()
        if category.uri not in state.categories:
            raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such category: {category.uri}")
        changed = replace(
            category,
            name=self._checked(category.name, "category name"),
            description=self._described(category.description),
            allowed=frozenset(self._existing(state, category.allowed)),
            denied=frozenset(self._existing(state, category.denied)),
            creators=frozenset(self._existing(state, category.creators)),
        )
        scope = Scope(state, changed)
        changed = replace(changed, creators=changed.creators - set(scope.outside(changed.creators)))
        within = [p for p in state.rooms.values() if p.room.category == category.uri]
        purged = [fact for place in within for fact in _purge(place, scope)]
        await self._append("category set", changed.uri, CategoryChanged(changed), *purged)
        return changed

    async def remove_category(self, name: str) -> Category:
        """Remove a category that holds no rooms; HierarchyViolation when it does."""
        category = _category(await self._outline(), name)
        await self._append("category rm", category.uri, CategoryRemoved(category.uri))
        return category

    async def category(self, name: str) -> Category:
        """Return a category by name or address; RoomNotFound when there is none."""
        return _category(await self._outline(), name)

    async def categories(self) -> list[Category]:
        """Return all categories, by name."""
        return sorted((await self._store.outline()).categories, key=lambda c: fold(c.name))

    # rooms

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
        invites: bool = True,
        add_in: str = "",
    ) -> Room:
        """
        Make a room in the category of that name, with the roles it starts with.

        Raises:
            DuplicateRoomName: A room or category of that name exists, or one that looks so.
            RoomNotFound: No category of that name.
            NoSuchPrincipal: A member, manager or presenter that does not exist.
            PrincipalsNotInScope: One that the category does not allow.
            PresenterNotMember, InvalidArgument: Presenters are members of auditoriums.
            ConfigurationError: A name that cannot be.

        """
        state = await self._outline(members, managers, presenters)
        wanted = RoomSettings(
            self._checked(name, "room name"),
            _category(state, category).uri,
            self._described(description),
            privacy,
            behavior,
            invitations=InviteSetting.INHERIT if invites else InviteSetting.OFF,
            add_in=_add_in(state, add_in).id if add_in else "",
            members=tuple(members),
            managers=tuple(managers),
            presenters=tuple(presenters),
        )
        uri = RoomUri.of(self._settings.domain, self._new_guid())
        facts = Plan(state, name_limit=self._settings.name_limit).create(uri, wanted)
        await self._append("room add", uri, *facts)
        return await self.room(uri)

    async def set_room(self, room: Room) -> Room:
        """Replace a room by its changed value; raises as ``add_room`` does."""
        return await self.update_room(
            RoomUpdate(
                room.uri,
                room.name,
                room.description,
                room.category,
                room.privacy,
                room.behavior,
                room.disabled,
                InviteSetting.INHERIT if room.invites else InviteSetting.OFF,
                room.add_in,
            )
        )

    async def update_room(self, wanted: RoomUpdate) -> Room:
        """Change what is given; roles that do not fit the room any more are taken away."""
        named = (change.principals for change in wanted.roles)
        state = await self._outline(*named, rooms=(wanted.uri,))
        place = _place(state, wanted.uri)
        if wanted.name is not None:
            wanted = replace(wanted, name=self._checked(wanted.name, "room name"))
        if wanted.description is not None:
            wanted = replace(wanted, description=self._described(wanted.description))
        facts = Plan(state, name_limit=self._settings.name_limit).update(place, wanted)
        await self._append("room set", wanted.uri, *facts)
        return await self.room(wanted.uri)

    async def move_room(self, room: str, category: str) -> Room:
        """Move a room to the category of that name; who has no part in it leaves."""
        state = await self._outline()
        target = _category(state, category).uri
        return await self.update_room(RoomUpdate(_place(state, room).room.uri, category=target))

    async def remove_room(self, room: str) -> Room:
        """Remove a room and all that was said in it, for good; whoever is in it leaves."""
        found = _place(await self._outline(), room).room
        closed = RoomChanged(replace(found, disabled=True))
        await self._append("room rm", found.uri, closed, RoomRemoved(found.uri))
        return found

    async def room(self, name: str) -> Room:
        """Return a room by name or address; RoomNotFound when there is none."""
        return _place(await self._outline(), name).room

    async def rooms(self) -> list[Room]:
        """Return all rooms, by name."""
        return sorted((await self._store.outline()).rooms, key=lambda r: fold(r.name))

    # roles

    async def grant(self, room: str, role: Role, principals: Collection[str]) -> tuple[str, ...]:
        """
        Give principals a role; return those that did not have it.

        Raises:
            RoomNotFound: No room of that name or address.
            NoSuchPrincipal: Not a user, group or ``domain:NAME``.
            PrincipalsNotInScope: The category does not allow one of them.
            PresenterNotMember: A presenter that is not a member.
            InvalidArgument: Presenters are for auditoriums.

        """
        state = await self._outline(principals, rooms=(room,))
        place = _place(state, room)
        named = Scope(state, state.category(place)).checked(principals)
        new = tuple(one for one in named if one not in place.roles.get(role, ()))
        if new:
            facts = self._planned(state, place, role, RoleOperation.ADD, new)
            await self._append(f"room {role.value} add", place.room.uri, *facts)
        return new

    async def unfit(self, principals: Collection[str], room: str | None = None) -> dict[str, str]:
        """Return why some principals cannot be named, or hold a role in a room, by principal."""
        state = await self._outline(principals)
        wrong: dict[str, str] = {}
        forms: dict[str, str] = {}
        for one in principals:
            try:
                forms[one] = checked_principal(state, one)
            except CommandFailed as error:
                wrong[one] = str(error)
        if room is not None:
            category = state.category(_place(state, room))
            outside = set(Scope(state, category).outside(forms.values()))
            why = f"the category {category.name} does not allow"
            wrong |= {one: f"{why} {form}" for one, form in forms.items() if form in outside}
        return wrong

    async def revoke(self, room: str, role: Role, principals: Collection[str]) -> tuple[str, ...]:
        """
        Take a role from principals; return those that had it.

        Who is no member any more is no presenter either, and leaves the room.
        """
        state = await self._outline(principals, rooms=(room,))
        place = _place(state, room)
        named = dict.fromkeys(self._principal(principal) for principal in principals)
        gone = tuple(one for one in named if one in place.roles.get(role, ()))
        if gone:
            facts = self._planned(state, place, role, RoleOperation.REMOVE, gone)
            await self._append(f"room {role.value} rm", place.room.uri, *facts)
        return gone

    def _planned(
        self,
        state: ChatState,
        place: RoomState,
        role: Role,
        operation: RoleOperation,
        principals: tuple[str, ...],
    ) -> list[Fact]:
        return Plan(state).roles(place, RoleChange(role, operation, principals))

    async def roles(self, room: str) -> dict[Role, tuple[str, ...]]:
        """Return the principals of each role in a room."""
        held = _place(await self._outline(rooms=(room,)), room).roles
        return {role: tuple(sorted(principals)) for role, principals in held.items() if principals}

    async def explain(self, user: SipUri, room: str) -> Explanation:
        """Return why a user may or may not do what in a room; RoomNotFound."""
        state = await self._state()
        return explain(state, user, _place(state, room))

    async def _append(self, operation: str, subject: str, *facts: Fact) -> None:
        try:
            await super()._append(operation, subject, *facts)
        except DuplicateRoomName as error:
            why = _taken(await self._outline(), facts) or str(error)
            raise CommandFailed.of(ErrorCode.DUPLICATE_ROOM_NAME, why) from error

    # add-ins

    async def add_add_in(self, name: str, url: str) -> AddIn:
        """
        Register a web page that can be shown beside rooms.

        Raises:
            DuplicateAddInName: An add-in of that name exists.
            ConfigurationError: More than 50 or 255 characters, or not ``http`` or ``https``.

        """
        try:
            checked = checked_name(name, _ADD_IN_NAME)
            parts = urlsplit(url)
        except ValueError as error:
            raise ConfigurationError(f"add-in: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > _ADD_IN_URL:
            raise ConfigurationError(
                f"an add-in has an http or https URL of up to {_ADD_IN_URL} characters, not {url!r}"
            )
        add_in = AddIn(self._new_guid().lower(), checked, url)
        await self._append("addin add", add_in.id, AddInChanged(add_in))
        return add_in

    async def add_ins(self) -> list[AddIn]:
        """Return all add-ins, by name."""
        return sorted((await self._outline()).add_ins.values(), key=lambda one: fold(one.name))

    async def add_in(self, name: str) -> AddIn:
        """Return an add-in by name or id; RoomNotFound when there is none."""
        return _add_in(await self._outline(), name)

    async def remove_add_in(self, name: str) -> AddIn:
        """Remove an add-in, by name or id, from the register and from all rooms."""
        state = await self._outline()
        add_in = _add_in(state, name)
        using = [place.room for place in state.rooms.values() if place.room.add_in == add_in.id]
        freed = [RoomChanged(replace(room, add_in="")) for room in using]
        await self._append("addin rm", add_in.id, *freed, AddInRemoved(add_in.id))
        return add_in


def _category(state: ChatState, name: str) -> Category:
    for category in state.categories.values():
        if name == category.uri or fold(name) == fold(category.name):
            return category
    raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such category: {name}")


def _place(state: ChatState, name: str) -> RoomState:
    for place in state.rooms.values():
        if name == place.room.uri or fold(name) == place.key:
            return place
    raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such room: {name}")


def _taken(state: ChatState, facts: Iterable[Fact]) -> str:
    """Return which room or category has a name that one of some facts would give another."""
    wanted: dict[str, str] = {}
    for fact in facts:
        if isinstance(fact, (RoomChanged, CategoryChanged)):
            one = fact.room if isinstance(fact, RoomChanged) else fact.category
            wanted[one.uri] = one.name
    known: list[tuple[str, str, str]] = [
        *((one.uri, one.name, "the category") for one in state.categories.values()),
        *((place.room.uri, place.room.name, "the room") for place in state.rooms.values()),
    ]
    for uri, name in wanted.items():
        for other, taken, kind in known:
            if other != uri and name_key(taken) == name_key(name):
                same = fold(taken) == fold(name)
                why = f"by {kind} {taken}" if same else f"it looks like that of {kind} {taken}"
                return f"the name {name} is taken{' ' if same else ': '}{why}"
    return ""


def _add_in(state: ChatState, name: str) -> AddIn:
    for add_in in state.add_ins.values():
        if name == add_in.id or fold(name) == fold(add_in.name):
            return add_in
    raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such add-in: {name}")


def _purge(place: RoomState, scope: Scope) -> list[RolesRevoked]:
    """Return what takes away the roles in a room that a scope does not allow."""
    return [
        RolesRevoked(place.room.uri, role, gone)
        for role, held in place.roles.items()
        if (gone := scope.outside(sorted(held)))
    ]
