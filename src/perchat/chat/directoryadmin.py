"""
What administrators do with the directory: users, groups, and who holds whom.

Every operation reads the store as it is and appends facts; a server that runs on the
same store, in this process or another, follows. Since people call these, what is
refused is raised, with the remedy.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from perchat.chat.guests import invite, may_invite
from perchat.chat.scope import checked_principal, principal_form
from perchat.chat.state import ChatState
from perchat.errors import CommandFailed, ConfigurationError, ErrorCode, GroupCycle
from perchat.model.administration import LOCAL
from perchat.model.journal import (
    Administered,
    CategoryChanged,
    Fact,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    SignInUnlocked,
    UserChanged,
    UserRemoved,
)
from perchat.model.name import checked_description, checked_name, fold
from perchat.model.principal import Group, PrincipalType, User
from perchat.model.uri import GroupUri

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from perchat.chat.settings import ChatSettings
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.uri import SipUri
    from perchat.store.base import Store
    from perchat.store.directory import Directory

__all__ = ["Account", "DirectoryAdministration"]


@dataclass(frozen=True, slots=True)
class Account:
    """
    A user to be made.

    Attributes:
        display_name: Empty for the name in the address.
        nt_hash: Of the password; None where no password shall be right.
        service: Whether it is a program's, which never has a password.

    """

    uri: SipUri
    display_name: str = ""
    nt_hash: bytes | None = field(default=None, repr=False)
    chat_enabled: bool = True
    service: bool = False


class DirectoryAdministration:
    """
    Administers the principals of one open store.

    Args:
        new_guid: Gives a GUID never given before.
        directory: Needed for passwords only.
        wakeup: Tells a server in the same process at once.
        by: Who does it, for the journal; see Administered.

    """

    def __init__(
        self,
        store: Store,
        settings: ChatSettings,
        *,
        new_guid: Callable[[], str],
        directory: Directory | None = None,
        wakeup: Wakeup | None = None,
        by: str = LOCAL,
    ) -> None:
        self._store = store
        self._settings = settings
        self._new_guid = new_guid
        self._directory = directory
        self._wakeup = wakeup
        self._by = by

    # users

    async def add_user(
        self,
        uri: SipUri,
        *,
        display_name: str = "",
        nt_hash: bytes | None = None,
        chat_enabled: bool = True,
        service: bool = False,
    ) -> User:
        """
        Make a user of this domain, who can sign in once there is a password.

        A service account never has one.

        Raises:
            ConfigurationError: Another domain, a name that cannot be, or taken; or a password
                for a service account.

        """
        account = Account(uri, display_name, nt_hash, chat_enabled, service)
        self.check_account(account)
        await self._refuse_known(uri.address)
        (user,) = await self.add_users((account,))
        return user

    async def add_users(self, accounts: Collection[Account]) -> list[User]:
        """Make users who are not there yet, all or none; raises as ``add_user`` does."""
        new = [(self._user_of(one), self._secret_of(one)) for one in accounts]
        if new:
            subject = new[0][0].uri if len(new) == 1 else self._settings.domain
            done = self._administered("user add", subject, len(new))
            await self._store.enroll(*new, facts=(done,))
            self._wake()
        return [user for user, _ in new]

    def _user_of(self, account: Account) -> User:
        address, name = account.uri.address, self.check_account(account)
        return User(
            address,
            address.user,
            name,
            self._new_guid(),
            chat_enabled=account.chat_enabled,
            service=account.service,
        )

    def _secret_of(self, account: Account) -> bytes | None:
        if account.nt_hash is None:
            return None
        return self._sealed(account.uri.address, account.nt_hash)

    def check_account(self, account: Account) -> str:
        """Return the display name a new user of this domain gets; raises as ``add_user`` does."""
        address = account.uri.address
        if address.domain != self._settings.domain.lower():
            raise ConfigurationError(
                f"{address} is not of this server's domain: name sip:...@{self._settings.domain}"
            )
        if account.service and account.nt_hash is not None:
            raise ConfigurationError(_without_password(address))
        return self._checked(account.display_name or address.user, "display name")

    def _sealed(self, address: SipUri, nt_hash: bytes) -> bytes:
        if self._directory is None:
            raise ConfigurationError("no directory key is configured, so no password can be kept")
        return self._directory.sealed(address, nt_hash)

    async def _refuse_known(self, address: SipUri) -> None:
        if await self._store.find_users(address):
            raise ConfigurationError(f"the user {address} exists already")

    async def set_password(self, uri: SipUri, nt_hash: bytes) -> None:
        """
        Replace what proves a user's identity.

        Raises:
            NoSuchPrincipal: Nobody has that address.
            ConfigurationError: There is no key for the directory, or it is a service account.

        """
        if (await self.user(uri)).service:
            raise ConfigurationError(_without_password(uri.address))
        unlocked = SignInUnlocked(uri.address)  # what failed was another password
        done = self._administered("user password", uri.address, 1)
        await self._store.set_secret(
            uri.address, self._sealed(uri.address, nt_hash), unlocked, done
        )
        self._wake()

    async def unlock(self, uri: SipUri | None = None) -> None:
        """
        Forget wrong passwords for a user, or for all: the next right one signs in at once.

        Raises:
            NoSuchPrincipal: Nobody has that address.

        """
        user = None if uri is None else (await self.user(uri)).uri
        await self._append("user unlock", user or self._settings.domain, SignInUnlocked(user))

    async def set_user(
        self,
        uri: SipUri,
        *,
        display_name: str | None = None,
        **changes: bool | str | None,
    ) -> User:
        """
        Change what is given, by the names of User; None leaves something as it is.

        A user that may not sign in or chat any more leaves all rooms.
        """
        user = await self.user(uri)
        given = {
            name: self._described(value, name) if isinstance(value, str) else value
            for name, value in changes.items()
            if value is not None
        }
        if display_name is not None:
            given["display_name"] = self._checked(display_name, "display name")
        user = replace(user, **given)  # type: ignore[arg-type]  # by the names of User
        await self._append("user set", user.uri, UserChanged(user))
        return user

    async def remove_user(self, uri: SipUri) -> User:
        """Take a user out of the directory, all roles and groups; what was said stays."""
        user = await self.user(uri)
        scopes = self._out_of_scopes(await self._outline(), user.uri)
        await self._append("user rm", user.uri, *scopes, UserRemoved(user.uri))
        return user

    async def user(self, uri: SipUri) -> User:
        """Return a user; NoSuchPrincipal when nobody has that address."""
        found = await self._store.find_users(uri.address)
        if not found:
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user: {uri.address}")
        return found[0]

    async def users(self, after: str = "", limit: int | None = None) -> list[User]:
        """Return users by address: all, or so many at most of those behind an address."""
        return await self._store.users(after, limit)

    # groups

    async def add_group(
        self,
        name: str,
        members: Collection[str] = (),
        *,
        kind: PrincipalType = PrincipalType.GROUP,
    ) -> Group:
        """
        Make a group, or with ``kind`` a container, that holds users, groups or domains.

        Raises:
            ConfigurationError: A name that cannot be, or is taken by a group.
            NoSuchPrincipal: A member that does not exist.

        """
        checked, state = self._checked(name, "group name"), await self._outline(members)
        if any(fold(group.name) == fold(checked) for group in state.groups.values()):
            raise ConfigurationError(f"the group {checked} exists already")
        guid = self._new_guid()
        uri = GroupUri(f"ma-grp:{guid}@u.g")
        group = Group(uri, checked, checked, kind, guid)
        held = self._existing(state, members)
        facts = [GroupMembersAdded(uri, held)] if held else []
        await self._append("group add", uri, GroupChanged(group), *facts)
        return group

    async def groups(
        self, after: str = "", limit: int | None = None
    ) -> list[tuple[Group, tuple[str, ...]]]:
        """
        Return groups by name, each with what it holds directly.

        All of them, or so many at most of those behind a name.
        """
        found = [one for one in await self._store.groups() if fold(one.name) > fold(after)]
        groups = sorted(found, key=lambda group: fold(group.name))[:limit]
        return [(group, tuple(await self._store.members(group.uri))) for group in groups]

    async def group_names(self) -> list[tuple[str, str]]:
        """Return address and name of every group."""
        return [(one.uri, one.name) for one in await self._store.groups()]

    async def group(self, name: str) -> tuple[Group, tuple[str, ...]]:
        """Return a group by name or address with what it holds; NoSuchPrincipal."""
        group = self._group(await self._outline(), name)
        return group, tuple(await self._store.members(group.uri))

    async def add_group_members(self, group: str, members: Collection[str]) -> tuple[str, ...]:
        """
        Let a group hold more; return what it did not hold.

        Raises:
            NoSuchPrincipal: No such group, or a member that does not exist.
            GroupCycle: It would come to hold itself.

        """
        state = await self._outline(members)
        found = self._group(state, group)
        held = set(await self._store.members(found.uri))
        new = tuple(one for one in self._existing(state, members) if one not in held)
        try:
            if new:
                added = GroupMembersAdded(GroupUri(found.uri), new)
                await self._append("group member add", found.uri, added)
        except GroupCycle as error:
            named = ", ".join(state.groups[one].name for one in new if one in state.groups)
            raise GroupCycle(f"{found.name} cannot hold {named}, which holds it") from error
        return new

    async def remove_group_members(self, group: str, members: Collection[str]) -> tuple[str, ...]:
        """Let a group hold less; return what it held."""
        state = await self._outline(members)
        found = self._group(state, group)
        held = set(await self._store.members(found.uri))
        gone = tuple(one for one in map(self._principal, members) if one in held)
        if gone:
            removed = GroupMembersRemoved(GroupUri(found.uri), gone)
            await self._append("group member rm", found.uri, removed)
        return gone

    async def remove_group(self, name: str) -> Group:
        """Take a group out of the directory, with its roles; who had rights by it has not."""
        state = await self._outline()
        group, uri = self._group(state, name), GroupUri(self._group(state, name).uri)
        held = tuple(await self._store.members(uri))
        emptied = [GroupMembersRemoved(uri, held)] if held else []
        scopes = self._out_of_scopes(state, uri)
        await self._append("group rm", uri, *scopes, *emptied, GroupRemoved(uri))
        return group

    def _group(self, state: ChatState, name: str) -> Group:
        for group in state.groups.values():
            if name.lower() == group.uri or fold(name) == fold(group.name):
                return group
        raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such group: {name}")

    def _out_of_scopes(self, state: ChatState, principal: str) -> list[Fact]:
        """Take a principal out of categories, so that nobody of that address inherits them."""
        gone = {principal}
        return [
            CategoryChanged(
                replace(
                    one,
                    allowed=one.allowed - gone,
                    denied=one.denied - gone,
                    creators=one.creators - gone,
                )
            )
            for one in state.categories.values()
            if principal in one.allowed | one.denied | one.creators
        ]

    # what all of it needs

    async def _state(self) -> ChatState:
        """Return all there is; where a part will do, see ``_outline``."""
        state = ChatState("administration", groups_of=self._store.groups_of)
        state.load(await self._store.snapshot())
        return state

    async def _outline(self, *principals: Iterable[str], rooms: Collection[str] = ()) -> ChatState:
        """Return the state with those users alone who are named, and roles in those rooms."""
        state = ChatState("administration", groups_of=self._store.groups_of)
        found = await self._store.outline(*rooms)
        named = dict.fromkeys(chain(*principals))
        users = [user for one in named for user in await self._named(one)]
        state.load(replace(found, users=tuple(users)))
        return state

    async def _named(self, principal: str) -> list[User]:
        return await self._store.find_users(principal) if "@" in principal else []

    async def _append(self, operation: str, subject: str, *facts: Fact) -> None:
        """Make facts true, and who brought them about with them."""
        await self._store.append(*facts, self._administered(operation, subject, len(facts)))
        self._wake()
        await self._invite(*facts)

    def _administered(self, operation: str, subject: str, facts: int) -> Administered:
        return Administered(self._by, operation, subject, facts)

    def _wake(self) -> None:
        if self._wakeup is not None:
            self._wakeup.wake()

    async def _invite(self, *facts: Fact) -> None:
        """Invite whoever became a member, or may enter a new room."""
        if await may_invite(self._store, facts):
            await invite(await self._state(), self._store, facts, self._store.append)
            self._wake()

    def _existing(self, state: ChatState, principals: Iterable[str]) -> tuple[str, ...]:
        named = (checked_principal(state, one) for one in principals)
        return tuple(dict.fromkeys(named))

    def _principal(self, text: str) -> str:
        try:
            return principal_form(text)
        except ValueError as error:
            raise ConfigurationError(
                f"name an address (sip:user@domain), a group (ma-grp:GUID@u.g) or a domain"
                f" (domain:NAME), not {text!r}"
            ) from error

    def _checked(self, name: str, what: str) -> str:
        try:
            return checked_name(name, self._settings.name_limit)
        except ValueError as error:
            raise ConfigurationError(f"{what}: {error}") from error

    def _described(self, text: str, what: str = "description") -> str:
        try:
            return checked_description(text, self._settings.name_limit)
        except ValueError as error:
            raise ConfigurationError(f"{what.replace('_', ' ')}: {error}") from error


def _without_password(uri: SipUri) -> str:
    return (
        f"{uri} is a service account, which has no password: register a trusted application"
        f" that acts as it, or make it a person's with: perchat user set {uri.user} --no-service"
    )
