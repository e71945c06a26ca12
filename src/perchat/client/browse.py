"""
What every chat offers besides sessions: finding rooms, and keeping preferences.

All of it is one command each; a chat only has to say how those are sent.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

from perchat.client.administration import AdminServices
from perchat.client.moderation import ModerationServices
from perchat.client.naming import add_in_id, at_most, category_uri, first, uri_of, user_uri
from perchat.client.rooms import RoomServices
from perchat.client.streams import DEFAULT_BUFFER, Overflow
from perchat.client.users import UserServices
from perchat.model.chatroom import Role
from perchat.model.history import Match
from perchat.model.invitation import InviteSetting
from perchat.model.preference import LABEL_LIMIT, Preference
from perchat.xccos.blocks import QueryKind, RoomQuery, Rooms
from perchat.xccos.managing import (
    AssociationQuery,
    PreferenceQuery,
    PreferenceReply,
    PreferenceVersion,
)

if TYPE_CHECKING:
    from perchat.client.events import FollowedRoomsChanged, ReadPositionChanged
    from perchat.client.naming import AddInLike, CategoryLike, PrincipalLike
    from perchat.client.preferences import PreferenceCopies
    from perchat.client.streams import EventStream
    from perchat.client.userdata import UserData
    from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
    from perchat.model.uri import SipUri
    from perchat.xccos.blocks import Data

__all__ = ["CHANGING", "ChatServices"]

_Block = TypeVar("_Block")

CHANGING = frozenset({"chancreate", "chanmodify", "setroles", "setpref", "administer"})
"""Commands that are not to be sent again when nobody knows whether they were carried out."""


class ChatServices:
    """What endpoints of chat services have in common: what is asked of the service itself."""

    _copies: PreferenceCopies
    _data: UserData

    @property
    @abstractmethod
    def owner_uri(self) -> SipUri:
        """The user's address-of-record."""

    @abstractmethod
    async def command(self, name: str, data: Data, kind: type[_Block]) -> _Block:
        """Send a command to the service and return its reply's data, a ``kind``."""

    @property
    def rooms(self) -> RoomServices:
        """Rooms looked up, made, changed and staffed."""
        return RoomServices(self, self._data)

    @property
    def users(self) -> UserServices:
        """People and groups looked up."""
        return UserServices(self)

    @property
    def moderation(self) -> ModerationServices:
        """Messages looked for, replaced and removed, by who was granted it."""
        return ModerationServices(self)

    @property
    def admin(self) -> AdminServices:
        """Categories, rooms, users and groups administered, by who was granted it."""
        return AdminServices(self)

    # --- rooms ---

    async def filter_rooms(
        self,
        text: str = "",
        *,
        descriptions: bool = False,
        match: Match = Match.ANY,
        member: PrincipalLike | None = None,
        manager: PrincipalLike | None = None,
        category: CategoryLike | None = None,
        add_in: AddInLike | None = None,
        disabled: bool | None = False,
        privacy: Privacy | None = None,
        behavior: Behavior | None = None,
        invitations: InviteSetting | None = None,
        limit: int | None = None,
    ) -> list[RoomSnapshot]:
        """
        Return the visible rooms that pass every filter; None lets all pass.

        Args:
            text: Words of the name.
            descriptions: Whether descriptions count too.
            match: How many of the words have to be there.
            member: Who is a member.
            manager: Who manages.
            category: Where they live.
            add_in: What they show.
            disabled: Whether they are disabled; only their managers see such rooms.
            privacy: Who sees and may join them.
            behavior: Who may post.
            invitations: What the rooms themselves say about inviting members.
            limit: The most to return, -1 for all; ``server.search_limit`` is above it.

        Raises:
            ValueError: A filter is not what it should be.
            CommandFailed: The service refused.

        """
        query = RoomQuery(
            text,
            QueryKind.BYFILTER,
            extended=descriptions,
            match_all=match is Match.ALL,
            match_exact_phrase=match is Match.PHRASE,
            max_results=at_most(limit),
            member="" if member is None else uri_of(member),
            manager="" if manager is None else uri_of(manager),
            category=None if category is None else category_uri(category),
            add_in="" if add_in is None else add_in_id(add_in),
            disabled=disabled,
            privacy=privacy,
            behavior=behavior,
            search_invites=invitations is not None,
            invites=False if invitations is InviteSetting.OFF else None,
        )
        return first((await self.command("chansrch", query, Rooms)).rooms, limit)

    async def rooms_in(self, category: CategoryLike, limit: int | None = 100) -> list[RoomSnapshot]:
        """Return the visible rooms of a category, so many at most."""
        return await self.rooms.in_category(category, limit=limit)

    async def rooms_joined_by(self, user: PrincipalLike) -> list[RoomSnapshot]:
        """Return the visible rooms that a user is in at this moment."""
        query = RoomQuery(user_uri(user), QueryKind.BYUSER)
        return list((await self.command("chansrch", query, Rooms)).rooms)

    async def my_rooms(self, limit: int | None = None) -> list[RoomSnapshot]:
        """Return the rooms that the caller is a member of, by himself or by a group."""
        return await self._associated(Role.MEMBER, limit)

    async def rooms_i_manage(self, limit: int | None = None) -> list[RoomSnapshot]:
        """Return the rooms that the caller manages, by himself or by a group."""
        return await self._associated(Role.MANAGER, limit)

    async def _associated(self, role: Role, limit: int | None) -> list[RoomSnapshot]:
        query = AssociationQuery(role, self.owner_uri.domain, at_most(limit))
        return first((await self.command("getassociations", query, Rooms)).rooms, limit)

    # --- preferences ---

    def followed_changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[FollowedRoomsChanged]:
        """Return what other programs of the user follow and unfollow, from now on."""
        changes = self._data.followed_changes
        return changes.stream(lambda change: change, limit=limit, overflow=overflow)

    def read_changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[ReadPositionChanged]:
        """Return how far other programs of the user mark rooms as read, from now on."""
        changes = self._data.position_changes
        return changes.stream(lambda change: change, limit=limit, overflow=overflow)

    async def get_preference(
        self, label: str, known: int = -1, *, default: bool = False
    ) -> Preference | None:
        """
        Return what the caller's programs keep at the service under a label.

        Args:
            label: 1 to 255 characters.
            known: The version one has already; None is returned unless there is a newer one.
            default: Whether the service makes one up where there is none.

        Raises:
            ValueError: The label is empty or too long.

        """
        copy = self._copies.get(_checked(label)) if known < 0 else None
        query = PreferenceQuery(label, copy.version if copy else known, default)
        found = (await self.command("getpref", query, PreferenceReply)).preference
        if found is None:
            return copy
        self._copies.put(found)
        return found

    async def set_preference(self, label: str, data: str, version: int) -> int:
        """
        Keep something for all programs of the caller, and return its new version.

        Args:
            label: 1 to 255 characters.
            data: Any text that XML can carry; put base64 there for anything else.
            version: The one that was read; 0 where there was none, -1 to write always.

        Raises:
            ValueError: The label is empty or too long.
            LocalProtocolError: The data holds what XML cannot carry.
            DataCollision: Another program wrote since.
            LimitExceeded: More than the service keeps.

        """
        bundle = Preference(_checked(label), version, data)
        kept = (await self.command("setpref", bundle, PreferenceVersion)).version
        self._copies.put(Preference(label, kept, data))
        return kept


def _checked(label: str) -> str:
    if not 0 < len(label) <= LABEL_LIMIT:
        raise ValueError(f"a preference has a label of 1 to {LABEL_LIMIT} characters")
    return label
