"""
What the journal says about the directory: users, groups, add-ins, applications.

None of it is told to anybody in a room by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perchat.chat.affiliations import Affiliations
from perchat.chat.rules import may_take_part
from perchat.model.journal import (
    AddInChanged,
    AddInRemoved,
    Administered,
    AdministratorGranted,
    AdministratorRevoked,
    ApplicationChanged,
    ApplicationRemoved,
    GroupChanged,
    SignInUnlocked,
    UserChanged,
)
from perchat.model.name import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perchat.model.addin import AddIn
    from perchat.model.administration import AdministrativeRole, AdministratorGrant
    from perchat.model.application import RegisteredApplication
    from perchat.model.principal import Group, User
    from perchat.model.uri import CategoryUri, SipUri
    from perchat.store.base import Snapshot

__all__ = ["NOTED", "DirectoryState"]


class DirectoryState:
    """
    The directory as the journal left it.

    Attributes:
        groups: By URI.
        affiliations: Which groups and domains hold whom.
        add_ins: By id.
        applications: By folded name.
        administrators: The administrative roles that users hold, by user and role.

    Args:
        groups_of: See Affiliations.

    """

    def __init__(self, groups_of: Callable[[str], Iterable[str]] | None = None) -> None:
        self.users: dict[SipUri, User] = {}
        self.groups: dict[str, Group] = {}
        self.affiliations = Affiliations(groups_of)
        self.add_ins: dict[str, AddIn] = {}
        self.applications: dict[str, RegisteredApplication] = {}
        self.administrators: dict[SipUri, dict[AdministrativeRole, AdministratorGrant]] = {}

    def load_directory(self, snapshot: Snapshot) -> None:
        """Take over the directory of a snapshot; only into a new state."""
        self.users.update((user.uri, user) for user in snapshot.users)
        self.groups.update((group.uri, group) for group in snapshot.groups)
        self.add_ins.update((add_in.id, add_in) for add_in in snapshot.add_ins)
        self.applications.update((fold(one.name), one) for one in snapshot.applications)
        for grant in snapshot.administrators:
            self.administrators.setdefault(grant.user, {})[grant.role] = grant
        for membership in snapshot.memberships:
            self.affiliations.add(membership.group, membership.members)

    def holds(
        self, user: SipUri, role: AdministrativeRole, category: CategoryUri | None = None
    ) -> bool:
        """Tell whether a user holds a role in a category, or with None everywhere."""
        grant = self.administrators.get(user, {}).get(role)
        return grant is not None and may_take_part(self.users.get(user)) and grant.covers(category)


def _user_changed(state: DirectoryState, fact: UserChanged) -> None:
    state.users[fact.user.uri] = fact.user


def _group_changed(state: DirectoryState, fact: GroupChanged) -> None:
    state.groups[fact.group.uri] = fact.group


def _add_in_changed(state: DirectoryState, fact: AddInChanged) -> None:
    state.add_ins[fact.add_in.id] = fact.add_in


def _add_in_removed(state: DirectoryState, fact: AddInRemoved) -> None:
    state.add_ins.pop(fact.id, None)


def _application_changed(state: DirectoryState, fact: ApplicationChanged) -> None:
    state.applications[fold(fact.application.name)] = fact.application


def _application_removed(state: DirectoryState, fact: ApplicationRemoved) -> None:
    state.applications.pop(fold(fact.name), None)


def _administrator_granted(state: DirectoryState, fact: AdministratorGranted) -> None:
    state.administrators.setdefault(fact.grant.user, {})[fact.grant.role] = fact.grant


def _administrator_revoked(state: DirectoryState, fact: AdministratorRevoked) -> None:
    held = state.administrators.get(fact.user, {})
    held.pop(fact.role, None)
    if not held:
        state.administrators.pop(fact.user, None)


def _administered(_state: DirectoryState, _fact: Administered) -> None:
    """Change nothing: the entries before it have."""


NOTED: dict[type, Callable[[DirectoryState, Any], None]] = {
    UserChanged: _user_changed,
    GroupChanged: _group_changed,
    AddInChanged: _add_in_changed,
    AddInRemoved: _add_in_removed,
    ApplicationChanged: _application_changed,
    ApplicationRemoved: _application_removed,
    SignInUnlocked: lambda *_: None,  # that is no part of the directory
    AdministratorGranted: _administrator_granted,
    AdministratorRevoked: _administrator_revoked,
    Administered: _administered,
}
"""What each of these facts changes."""
