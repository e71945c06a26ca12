"""
Looking up people and groups.

Who walks through a whole directory lets others have their turn in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.explain import explain
from perchat.chat.face import refusing
from perchat.chat.management import Management
from perchat.chat.scope import Scope, principal_of
from perchat.chat.turns import patiently
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.chatroom import Role
from perchat.model.name import search_fold
from perchat.model.principal import DirectoryUser, Group, UserMatches
from perchat.model.uri import GroupUri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perchat.model.explanation import Explanation
    from perchat.model.principal import Principal, User
    from perchat.model.uri import CategoryUri, RoomUri, SipUri

__all__ = ["People"]


class People(Management):
    """The directory, as far as users may look into it."""

    @refusing
    async def find_users(
        self, user: SipUri, *, last: str = "", first: str = "", email: str = "", limit: int = 0
    ) -> UserMatches:
        """
        Return the enabled users in whom any of the texts is found, whatever case and accents.

        Who has no surname or given name of his own is sought by display name, who has no
        e-mail address by the SIP address. ``limit`` counts below the server's own.

        Refused: INVALID_ARGUMENT (nothing to look for), ERROR_PERMISSION (not a chat user).
        """
        self._check_chats(user)
        wanted = (search_fold(last), search_fold(first), search_fold(email))
        if not any(wanted):
            raise CommandFailed.of(ErrorCode.INVALID_ARGUMENT, "name something to look for")
        most = self._most(limit)
        found: list[Principal] = []
        async for known in patiently(tuple(self._desk.state.users.values())):
            if known.enabled and _is_called(known, wanted):
                found.append(principal_of(self._desk.state, known.uri))
            if len(found) > most:
                break
        return UserMatches(tuple(found[:most]), len(found) > most)

    @refusing
    async def get_user(self, user: SipUri, wanted: SipUri) -> DirectoryUser:
        """Return oneself, or for system users anybody; ERROR_PERMISSION, NO_SUCH_PRINCIPAL."""
        if wanted.address != user.address:
            self._check_system(user)
        state = self._desk.state
        known = state.users.get(wanted.address)
        if known is None:
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user: {wanted}")
        return DirectoryUser(
            uri=known.uri,
            name=known.name,
            display_name=known.display_name,
            guid=known.guid,
            company=known.company,
            email=known.email,
            disabled=not known.enabled,
            member_of=self._member_of(known.uri),
        )

    @refusing
    async def get_group(self, user: SipUri, wanted: str) -> Group:
        """Return a group, to system users; ERROR_PERMISSION, NO_SUCH_PRINCIPAL."""
        self._check_system(user)
        uri = str(GroupUri(wanted))
        known = self._desk.state.groups.get(uri)
        if known is None:
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such group: {wanted}")
        return Group(
            uri=uri,
            name=known.name,
            display_name=known.display_name,
            type=known.type,
            guid=known.guid,
            directory_path=known.directory_path,
            member_of=self._member_of(uri),
        )

    @refusing
    async def explain(self, user: SipUri, other: SipUri, room: RoomUri) -> Explanation:
        """
        Tell system users why somebody may or may not do what in a room, seen or not.

        Refused: ERROR_PERMISSION, NO_SUCH_PRINCIPAL, NO_SUCH_NODE.
        """
        self._check_system(user)
        state = self._desk.state
        place = state.rooms.get(room)
        if place is None:
            raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, f"no such room: {room}")
        if other.address not in state.users:
            raise CommandFailed.of(ErrorCode.NO_SUCH_PRINCIPAL, f"no such user: {other}")
        return explain(state, other, place)

    @refusing
    async def eligible(
        self, user: SipUri, room: RoomUri, role: Role, text: str, limit: int = 0
    ) -> list[Principal]:
        """
        Return who could get a role in a room, for its managers: names with ``text`` in them.

        Presenters come from the members, everybody else from the category's scope.

        Refused: NO_SUCH_NODE, ERROR_PERMISSION, INVALID_ARGUMENT (no text, creators).
        """
        place = self._managed(user, room)
        if not text.strip() or role is Role.CREATOR:
            raise CommandFailed.of(ErrorCode.INVALID_ARGUMENT, "name a role in a room and a text")
        scope, sought = (
            Scope(self._desk.state, self._desk.category(place)),
            search_fold(text.strip()),
        )
        among = place.roles.get(Role.MEMBER, set()) if role is Role.PRESENTER else None
        return await self._named(among, lambda name: sought in name, scope, limit)

    @refusing
    async def eligible_creators(
        self, user: SipUri, category: CategoryUri, prefix: str, limit: int = 0
    ) -> list[Principal]:
        """Return who could be a creator too, for creators: names that begin with ``prefix``."""
        known = self._seen_category(user, category)
        if not self._may_create(user, known):
            raise CommandFailed.of(ErrorCode.ERROR_PERMISSION, "only its creators may ask that")
        sought = search_fold(prefix)
        scope = Scope(self._desk.state, known)
        return await self._named(None, lambda name: name.startswith(sought), scope, limit)

    # inside

    async def _named(
        self,
        among: Iterable[str] | None,
        fits: Callable[[str], bool],
        scope: Scope,
        limit: int,
    ) -> list[Principal]:
        state = self._desk.state
        everybody = (*state.users, *state.groups) if among is None else tuple(among)
        found: list[Principal] = []
        async for uri in patiently(everybody):
            principal = principal_of(state, uri)
            names = [principal.name, principal.display_name]
            if uri in state.users:  # of others the address is a number
                names.append(uri.partition(":")[2])
            if any(fits(search_fold(name)) for name in names) and scope.allows(uri):
                found.append(principal)
            if len(found) == self._most(limit):
                break
        return found

    def _most(self, limit: int) -> int:
        most = self._desk.settings.search_limit
        return min(limit, most) if limit > 0 else most

    def _member_of(self, principal: str) -> tuple[Principal, ...]:
        state = self._desk.state
        return tuple(principal_of(state, one) for one in state.affiliations.holders(principal))

    def _check_chats(self, user: SipUri) -> None:
        known = self._desk.state.users.get(user.address)
        if known is None or not (known.enabled and known.chat_enabled):
            raise CommandFailed.of(ErrorCode.ERROR_PERMISSION, "you may not use the chat")

    def _check_system(self, user: SipUri) -> None:
        known = self._desk.state.users.get(user.address)
        if known is None or not (known.enabled and known.system):
            raise CommandFailed.of(ErrorCode.ERROR_PERMISSION, "only system users may look that up")


def _is_called(user: User, wanted: tuple[str, str, str]) -> bool:
    held = (
        user.surname or user.display_name,
        user.given_name or user.display_name,
        user.email or user.uri.user_at_host,
    )
    return any(text and text in search_fold(own) for text, own in zip(wanted, held, strict=True))
