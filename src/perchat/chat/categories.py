"""What a category's scope demands of the roles in its rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat import rules
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.chatroom import Behavior, Privacy
from perchat.model.journal import RolesRevoked
from perchat.model.name import fold
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from collections.abc import Set as AbstractSet

    from perchat.model.category import Category
    from perchat.model.chatroom import Room
    from perchat.model.uri import RoomUri
    from perchat.store.base import Snapshot

__all__ = ["Scope", "category_called", "principal_form", "room_called"]

_DOMAIN = "domain:"


def category_called(snapshot: Snapshot, name: str) -> Category:
    """Return the category of that name or address; RoomNotFound when there is none."""
    for category in snapshot.categories:
        if name == category.uri or fold(name) == fold(category.name):
            return category
    raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such category: {name}")


def room_called(snapshot: Snapshot, name: str) -> Room:
    """Return the room of that name or address; RoomNotFound when there is none."""
    for room in snapshot.rooms:
        if name == room.uri or fold(name) == fold(room.name):
            return room
    raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such room: {name}")


def principal_form(principal: str) -> str:
    """Return a principal as roles and scopes keep it; ValueError when it can be none."""
    if principal.lower().startswith(_DOMAIN) and len(principal) > len(_DOMAIN):
        return principal.lower()
    return str(SipUri(principal).address)


def _principals_of(user: SipUri) -> frozenset[str]:
    return frozenset((user.address, f"domain:{user.domain}"))


class Scope:
    """One category, and the principals there are."""

    def __init__(self, snapshot: Snapshot, category: Category) -> None:
        self._snapshot = snapshot
        self._category = category
        self._users = {user.uri for user in snapshot.users}

    def checked(self, principals: Collection[str]) -> tuple[str, ...]:
        """
        Return the principals in the form roles keep them, each once.

        Raises:
            NoSuchPrincipal: One does not exist.
            PrincipalsNotInScope: One is not allowed, or denied.

        """
        found = tuple(dict.fromkeys(self._existing(principal) for principal in principals))
        outside = [principal for principal in found if not self.allows(principal)]
        if outside:
            raise CommandFailed.of(
                ErrorCode.PRINCIPALS_NOT_IN_SCOPE,
                f"the category {self._category.name} does not allow {', '.join(outside)}",
            )
        return found

    def _existing(self, principal: str) -> str:
        try:
            form = principal_form(principal)
        except ValueError:
            form = ""
        if not form.startswith(_DOMAIN) and form not in self._users:
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user: {principal}")
        return form

    def allows(self, principal: str) -> bool:
        """Tell whether a principal may hold roles in this category's rooms."""
        named = principal.startswith(_DOMAIN)
        known = frozenset([principal]) if named else _principals_of(SipUri(principal))
        return rules.in_scope(self._category, known)

    def check_presenters(
        self, room: Room, presenters: Collection[str], *, held: AbstractSet[str]
    ) -> None:
        """Raise unless the room is an auditorium and they are among its members."""
        if room.behavior is not Behavior.AUDITORIUM:
            raise CommandFailed.of(
                ErrorCode.INVALID_ARGUMENT, f"{room.name} is no auditorium: it has no presenters"
            )
        strangers = [p for p in presenters if p not in held]
        if strangers and room.privacy is not Privacy.OPEN:  # open rooms need no members
            raise CommandFailed.of(
                ErrorCode.PRESENTER_NOT_IN_MEM_LIST,
                f"make them members of {room.name} first: {', '.join(strangers)}",
            )

    def purge(self) -> list[RolesRevoked]:
        """Return what takes away the roles that this category does not allow."""
        rooms = [r.uri for r in self._snapshot.rooms if r.category == self._category.uri]
        return [fact for room in rooms for fact in self.purge_room(room)]

    def purge_room(self, room: RoomUri) -> list[RolesRevoked]:
        """Return the same for one room, which may be coming from another category."""
        return [
            RolesRevoked(room, grant.role, gone)
            for grant in self._snapshot.roles
            if grant.room == room and (gone := tuple(self._outside(grant.principals)))
        ]

    def _outside(self, principals: Iterable[str]) -> Iterable[str]:
        return (principal for principal in principals if not self.allows(principal))
