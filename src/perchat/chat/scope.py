"""What a category's scope demands of the roles in its rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat import rules
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.chatroom import Behavior, Privacy
from perchat.model.principal import Principal, PrincipalType
from perchat.model.uri import GroupUri, SipUri

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from collections.abc import Set as AbstractSet

    from perchat.chat.state import ChatState
    from perchat.model.category import Category
    from perchat.model.chatroom import Room

__all__ = ["Scope", "check_presenters", "checked_principal", "principal_form", "principal_of"]

_DOMAIN = "domain:"
_GROUP = "ma-grp:"


def principal_form(principal: str) -> str:
    """Return a principal as roles and scopes keep it; ValueError when it can be none."""
    lower = principal.lower()
    if lower.startswith(_DOMAIN) and len(principal) > len(_DOMAIN):
        return lower
    if lower.startswith(_GROUP):
        return str(GroupUri(lower))
    return str(SipUri(principal).address)


def checked_principal(state: ChatState, principal: str) -> str:
    """Return the form of a principal that exists; NoSuchPrincipal when it does not."""
    try:
        form = principal_form(principal)
    except ValueError:
        form = ""
    if form.startswith(_DOMAIN) or form in state.groups or form in state.users:
        return form
    raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user or group: {principal}")


def principal_of(state: ChatState, uri: str) -> Principal:
    """Return a principal as lists show it; one that is gone by its address alone."""
    if uri in state.groups:
        group = state.groups[uri]
        return Principal(
            uri, group.name, group.display_name, group.type, group.guid, group.directory_path
        )
    if uri.startswith(_DOMAIN):
        name = uri.removeprefix(_DOMAIN)
        return Principal(uri, name, name, PrincipalType.DOMAIN)
    user = state.users.get(SipUri(uri)) if uri.startswith("sip:") else None
    if user is None:
        return Principal(uri)
    return Principal(uri, user.name, user.display_name, PrincipalType.USER, user.guid)


class Scope:
    """One category, and the principals there are."""

    def __init__(self, state: ChatState, category: Category) -> None:
        self._state = state
        self._category = category

    def checked(self, principals: Collection[str]) -> tuple[str, ...]:
        """
        Return the principals in the form roles keep them, each once.

        Raises:
            NoSuchPrincipal: One does not exist.
            PrincipalsNotInScope: One is not allowed, or denied.

        """
        found = tuple(dict.fromkeys(checked_principal(self._state, one) for one in principals))
        if outside := self.outside(found):
            raise CommandFailed.of(
                ErrorCode.PRINCIPALS_NOT_IN_SCOPE,
                f"the category {self._category.name} does not allow {', '.join(outside)}",
            )
        return found

    def allows(self, principal: str) -> bool:
        """
        Tell whether a principal may hold roles in this category's rooms.

        A group is taken for one of the domains that are allowed: whom it holds is looked at
        when they come.
        """
        if not principal.startswith("sip:"):
            return self._allows_group(principal)
        return rules.in_scope(self._category, self._state.affiliations.of(SipUri(principal)))

    def _allows_group(self, principal: str) -> bool:
        if principal.startswith("sip:"):
            return False
        affiliations, category = self._state.affiliations, self._category
        known = affiliations.above(principal)
        if principal.startswith(_GROUP):
            known |= {one for one in category.allowed if one.startswith(_DOMAIN)}
        return rules.in_scope(category, known - (category.denied - affiliations.above(principal)))

    def outside(self, principals: Iterable[str]) -> tuple[str, ...]:
        """Return the principals that this category does not allow."""
        named = tuple(principals)
        users = {SipUri(one) for one in named if one.startswith("sip:")}
        among, category = self._state.affiliations.among, self._category
        within = among(users, category.allowed) - among(users, category.denied)
        return tuple(one for one in named if one not in within and not self._allows_group(one))


def check_presenters(room: Room, presenters: Collection[str], members: AbstractSet[str]) -> None:
    """Raise unless the room is an auditorium and they are among its members."""
    if not presenters:
        return
    if room.behavior is not Behavior.AUDITORIUM:
        raise CommandFailed.of(
            ErrorCode.INVALID_ARGUMENT, f"{room.name} is no auditorium: it has no presenters"
        )
    strangers = [one for one in presenters if one not in members]
    if strangers and room.privacy is not Privacy.OPEN:  # open rooms need no members
        raise CommandFailed.of(
            ErrorCode.PRESENTER_NOT_IN_MEM_LIST,
            f"make them members of {room.name} first: {', '.join(strangers)}",
        )
