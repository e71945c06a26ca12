"""
From what somebody wants of a room to the facts that bring it about.

Nothing here asks who may: the callers do. Everything here asks whether it can be:
names, scope, presenters, the tree. What cannot be is raised.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.chat.scope import Scope, check_presenters
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.changes import Changes
from perchat.model.chatroom import Behavior, Role, Room
from perchat.model.invitation import InviteSetting
from perchat.model.journal import RolesGranted, RolesRevoked, RoomChanged
from perchat.model.name import NAME_LIMIT, checked_description, checked_name
from perchat.model.roomdetails import RoleOperation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from perchat.chat.state import ChatState, RoomState
    from perchat.model.category import Category
    from perchat.model.journal import Fact
    from perchat.model.roomdetails import RoleChange, RoomSettings, RoomUpdate
    from perchat.model.uri import CategoryUri, RoomUri, SipUri

__all__ = ["Plan", "no_such_category"]

_ROLES = (Role.MEMBER, Role.MANAGER, Role.PRESENTER)
_NOBODY: frozenset[str] = frozenset()


def no_such_category(uri: CategoryUri) -> CommandFailed:
    """Return the refusal of a category that is not there, or not for whoever asks."""
    return CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such category: {uri}")


class Plan:
    """
    Plans changes of rooms.

    Args:
        state: As it is now.
        root: The top of the tree, which holds no rooms.
        by: The user who wants it; None for an administrator.
        name_limit: Characters of names and descriptions.

    """

    def __init__(
        self,
        state: ChatState,
        *,
        root: CategoryUri | None = None,
        by: SipUri | None = None,
        name_limit: int = NAME_LIMIT,
    ) -> None:
        self._state = state
        self._root = root
        self._by = by
        self._limit = name_limit

    def category(self, uri: CategoryUri) -> Category:
        """Return a category that can hold rooms; HierarchyViolation, RoomNotFound."""
        if uri == self._root:
            raise CommandFailed.of(
                ErrorCode.NODE_HIERARCHY_VIOLATION, "rooms live in categories, not at the root"
            )
        category = self._state.categories.get(uri)
        if category is None:
            raise no_such_category(uri)
        return category

    def create(self, uri: RoomUri, wanted: RoomSettings) -> list[Fact]:
        """
        Return what makes a room; the first fact is the room.

        Raises:
            HierarchyViolation, RoomNotFound: Of the category.
            NoSuchPrincipal, PrincipalsNotInScope, PresenterNotMember, InvalidArgument: Of roles.
            ValueError: A name that cannot be.

        """
        category = self.category(wanted.category)
        room = Room(
            uri,
            checked_name(wanted.name, self._limit),
            checked_description(wanted.description, self._limit),
            category.uri,
            wanted.privacy,
            wanted.behavior,
            wanted.disabled,
            wanted.invitations is InviteSetting.INHERIT,
            self._add_in(wanted.add_in),
            Changes(updated_by=self._by),
        )
        named = (wanted.members, wanted.managers, wanted.presenters)
        scope = Scope(self._state, category)
        roles = {role: scope.checked(who) for role, who in zip(_ROLES, named, strict=True)}
        check_presenters(room, roles[Role.PRESENTER], frozenset(roles[Role.MEMBER]))
        grants = [RolesGranted(uri, role, who, self._by) for role, who in roles.items() if who]
        return [RoomChanged(room), *grants]

    def _add_in(self, wanted: str) -> str:
        if wanted and wanted not in self._state.add_ins:
            raise CommandFailed.of(ErrorCode.INVALID_ARGUMENT, f"no such add-in: {wanted}")
        return wanted

    def update(self, place: RoomState, wanted: RoomUpdate) -> list[Fact]:
        """
        Return what changes a room, the roles that do not fit it any more included.

        Raises:
            What ``create`` does, and PrincipalsAlreadyDefined.

        """
        room = self._updated(place.room, wanted)
        assert room.category is not None
        scope = Scope(self._state, self.category(room.category))
        held = {role: frozenset(place.roles.get(role, ())) for role in _ROLES}
        kept = {role: who - set(scope.outside(who)) for role, who in held.items()}
        for change in wanted.roles:
            kept[change.role] = self._after(change, kept.get(change.role, _NOBODY), scope)
        if room.behavior is Behavior.NORMAL and place.room.behavior is Behavior.AUDITORIUM:
            kept[Role.PRESENTER] = _NOBODY
        return [RoomChanged(room, wanted.expected), *self._differences(room, held, kept)]

    def _updated(self, room: Room, wanted: RoomUpdate) -> Room:
        given: dict[str, object] = {
            name: value
            for name in ("category", "privacy", "behavior", "disabled")
            if (value := getattr(wanted, name)) is not None
        }
        if wanted.name is not None:
            given["name"] = checked_name(wanted.name, self._limit)
        if wanted.description is not None:
            given["description"] = checked_description(wanted.description, self._limit)
        if wanted.invitations is not None:
            given["invites"] = wanted.invitations is InviteSetting.INHERIT
        if wanted.add_in is not None:
            given["add_in"] = self._add_in(wanted.add_in)
        return replace(room, **given, changes=Changes(updated_by=self._by))  # type: ignore[arg-type]

    def roles(self, place: RoomState, change: RoleChange) -> list[Fact]:
        """
        Return what changes the roles in a room; nobody is a presenter without being a member.

        Raises:
            NoSuchPrincipal, PrincipalsNotInScope, PresenterNotMember, InvalidArgument: As in
                ``create``; taking a role away asks only whether the principal can be one.
            PrincipalsAlreadyDefined: All of them have the role.

        """
        scope = Scope(self._state, self._state.category(place))
        held = {role: frozenset(place.roles.get(role, ())) for role in _ROLES}
        kept = held | {change.role: self._after(change, held.get(change.role, _NOBODY), scope)}
        return self._differences(place.room, held, kept)

    def _after(self, change: RoleChange, held: AbstractSet[str], scope: Scope) -> frozenset[str]:
        if change.role not in _ROLES:
            raise CommandFailed.of(ErrorCode.INVALID_ARGUMENT, "creators belong to categories")
        if change.operation is RoleOperation.REMOVE:
            return frozenset(held) - set(change.principals)
        named = frozenset(scope.checked(change.principals))
        if change.operation is RoleOperation.REPLACE:
            return named
        if named and named <= held:
            raise CommandFailed.of(
                ErrorCode.PRINCIPALS_ALREADY_DEFINED,
                f"already {change.role.value}: {', '.join(sorted(named))}",
            )
        return frozenset(held) | named

    def _differences(
        self,
        room: Room,
        held: Mapping[Role, AbstractSet[str]],
        kept: Mapping[Role, AbstractSet[str]],
    ) -> list[Fact]:
        members = frozenset(kept[Role.MEMBER])
        presenters = kept[Role.PRESENTER] - (held[Role.MEMBER] - members)
        check_presenters(room, presenters - held[Role.PRESENTER], members)
        kept = {**kept, Role.PRESENTER: presenters}
        gone = {role: tuple(sorted(held[role] - kept[role])) for role in _ROLES}
        new = {role: tuple(sorted(kept[role] - held[role])) for role in _ROLES}
        return [
            *(RolesRevoked(room.uri, role, who) for role, who in gone.items() if who),
            *(RolesGranted(room.uri, role, who, self._by) for role, who in new.items() if who),
        ]
