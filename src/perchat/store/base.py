"""
What a store promises, whichever database stands behind it.

The journal is the only way in: a fact is appended, gets its position, and the
tables change in the same transaction. Other processes may append to the same
store at any time; what they wrote is found by reading on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.errors import PerchatError
    from perchat.model.addin import AddIn
    from perchat.model.administration import AdministratorGrant
    from perchat.model.application import RegisteredApplication
    from perchat.model.category import Category
    from perchat.model.changes import Changes
    from perchat.model.chatroom import Role, Room
    from perchat.model.history import HistoryQuery, HistoryResult
    from perchat.model.journal import (
        Fact,
        GroupMembersAdded,
        JournalEntry,
        ParticipantJoined,
        RolesGranted,
    )
    from perchat.model.message import Message, ModeratedMessage
    from perchat.model.preference import Preference
    from perchat.model.principal import Group, User
    from perchat.model.uri import RoomUri, SipUri

__all__ = [
    "COUNTED",
    "LOOK_AGAIN",
    "Clock",
    "GivenInvitation",
    "Receipts",
    "RunningNode",
    "Snapshot",
    "Store",
    "Told",
    "system_clock",
]

COUNTED = 10_000
"""Where the count of a search's matches ends, so that no question keeps the store long."""

LOOK_AGAIN = 0.005
"""Seconds between looks at how far servers have followed."""

Clock: TypeAlias = "Callable[[], float]"
"""Tells the seconds since the epoch."""

Told: TypeAlias = "Callable[[list[JournalEntry] | PerchatError], None]"
"""Is told what became of an append."""


def system_clock() -> float:
    """Return the seconds since the epoch."""
    return time.time_ns() / 1e9


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    Everything but the messages, as it is after one journal entry.

    Attributes:
        position: The entry's; follow the journal from here.
        database: Identifies this database for ever, a GUID.
        roles: One value a room and role.
        participants: One value a room and session.
        applications: Those that are trusted, by name.
        administrators: The administrative roles that users hold, by user.
        memberships: One value a group that holds groups or domains; of users there may be
            many millions, which are asked for one by one (see Store.groups_of).

    """

    position: int
    database: str
    users: tuple[User, ...] = ()
    categories: tuple[Category, ...] = ()
    rooms: tuple[Room, ...] = ()
    roles: tuple[RolesGranted, ...] = ()
    participants: tuple[ParticipantJoined, ...] = ()
    applications: tuple[RegisteredApplication, ...] = ()
    groups: tuple[Group, ...] = ()
    memberships: tuple[GroupMembersAdded, ...] = ()
    add_ins: tuple[AddIn, ...] = ()
    administrators: tuple[AdministratorGrant, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenInvitation:
    """An invitation as it is stored; ``id`` counts up within its user."""

    id: int
    created_on: datetime
    room: RoomUri


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """
    How long a post is known by the id its author gave it; whichever ends first.

    Attributes:
        seconds: By the store's clock.
        entries: Of the journal, which bounds what is kept.

    """

    seconds: int = 86_400
    entries: int = 1_000_000


@dataclass(frozen=True, slots=True)
class RunningNode:
    """
    A server that runs on a store.

    Attributes:
        node: Its name, by which the journal knows its sessions.
        pid: Its process; 0 when that is not known.
        since: When it began, seconds since the epoch; 0 when that is not known.
        followed: Position of the newest entry that it has delivered.

    """

    node: str
    pid: int = 0
    since: float = 0.0
    followed: int = 0

    def __str__(self) -> str:
        if not self.pid:
            return f"node {self.node}"
        began = datetime.fromtimestamp(self.since, UTC)
        return f"node {self.node}, process {self.pid}, since {began:%Y-%m-%dT%H:%M:%SZ}"


class Store(Protocol):
    """
    A journal with its tables.

    Every method may raise StorageError, which says what is wrong and what helps;
    then nothing was changed. All are called on one event loop.

    Attributes:
        behind: The servers that had not followed in time when something was last appended.

    """

    behind: tuple[RunningNode, ...]

    async def open(self) -> None:
        """Make the database ready, creating or upgrading it where needed."""

    async def close(self) -> None:
        """Let what was appended become durable, then let go of the database."""

    # the servers that run on it

    async def claim(self, node: str) -> None:
        """
        Run as this node until the store is closed, or the process ends in whatever way.

        Raises:
            NodeInUse: Another server runs as it; the message says which.

        """

    async def nodes(self) -> list[RunningNode]:
        """Return the servers that run on this store, in whatever process, by name."""

    def note_followed(self, position: int) -> None:
        """Let others know that the node this store was claimed for has followed so far."""

    async def grown(self) -> None:
        """Return when another process says that it appended; it may fail to say so."""

    async def followed(self, position: int, within: float) -> list[RunningNode]:
        """
        Return once every server has followed to a position, or after so many seconds.

        Those that have not by then are returned.
        """

    # writing

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        """
        Make the facts true, all or none; they are durable when this returns.

        The entries carry what the store decided: position, time, and for messages
        id, timestamp and room name. A cancelled call may still have taken effect. A store
        that was opened for administration waits for the servers that run on it, see ``followed``.

        A message that its author has posted before, in the same room under the same
        ``client_id`` and not longer ago than the store keeps receipts, is not stored
        again: the entry it became then is returned, which followers were told of then.

        Raises:
            StorageError: Nothing was stored: disk full, too many waiting.
            RoomNotFound: No such room or category.
            NoSuchPrincipal: No such group.
            DuplicateRoomName: A room or category of that name, or one that looks like it, exists.
            DuplicateAddInName: An add-in of that name exists.
            DataCollision: The room was changed since it was read; see RoomChanged.
            HierarchyViolation: A category that still holds rooms cannot be removed.
            GroupCycle: A group would hold itself.

        """

    def append_then(self, told: Told, *facts: Fact) -> None:
        """
        Append for somebody who does not wait, without a task or a future of its own.

        ``told`` is called on the loop, once, with what ``append`` would return or raise; of
        those called in one turn in the order of the calls. It must not block.

        Raises:
            StorageError: Too many are waiting, or the store is closed; it is not told then.

        """

    async def read(self, after: int, limit: int = 1000) -> list[JournalEntry]:
        """Return the entries that follow a position, in order, without gaps."""

    def has_told(self, after: int) -> bool:
        """Whether nothing that this process appended follows, as far as it remembers."""

    async def position(self) -> int:
        """Return the newest position, whichever process wrote it; 0 when empty."""

    async def snapshot(self) -> Snapshot:
        """Return the tables, all as of the same position."""

    async def outline(self, *rooms: str) -> Snapshot:
        """Return the same without users and participants, with roles in the rooms so called."""

    async def history(
        self, room: RoomUri, *, last: int, before: int | None = None, after: int | None = None
    ) -> list[Message]:
        """Return the newest kept messages with ids between the two, oldest first."""

    async def history_after(self, room: RoomUri, after: int, limit: int) -> list[Message]:
        """Return the oldest kept messages with greater ids, oldest first."""

    async def search(
        self, rooms: Sequence[RoomUri], query: HistoryQuery, *, most: int = COUNTED
    ) -> list[HistoryResult]:
        """
        Return what was said in rooms that matches, a value for each known room, in order.

        A range of time counts only where ``after_id`` is not given or 0. Counting ends at
        ``most``, or at one more than the query's limit; without limit that is the limit.
        """

    async def originals(self, room: RoomUri) -> list[ModeratedMessage]:
        """Return what was moderated in a room, as it was posted, oldest first."""

    async def users(self, after: str = "", limit: int | None = None) -> list[User]:
        """Return users by address: all, or so many at most of those behind an address."""

    async def groups(self) -> list[Group]:
        """Return all groups, by address."""

    def groups_of(self, user: str) -> list[str]:
        """Return the groups that hold a user directly, sorted; at once, by one look-up."""

    async def members(self, group: str) -> list[str]:
        """Return what a group holds directly, sorted."""

    async def held_by(self, principals: Sequence[str]) -> list[str]:
        """Return principals and all that they hold, directly or not, each once."""

    async def role_entries(self, room: RoomUri, role: Role) -> list[tuple[str, Changes]]:
        """Return the principals of a role, sorted, with who gave it to them and when."""

    async def invitations(self, user: SipUri, after: int, limit: int) -> list[GivenInvitation]:
        """Return the oldest invitations of a user with greater ids, oldest first."""

    async def preference(self, user: SipUri, label: str) -> Preference | None:
        """Return a bundle of a user's, None when there is none."""

    async def set_preference(
        self, user: SipUri, label: str, data: str, *, expected: int | None = None
    ) -> Preference:
        """
        Keep a bundle for a user that exists; durable when this returns.

        Raises:
            DataCollision: Its version is not ``expected``, where 0 is none at all.
            NoSuchPrincipal: No such user.

        """

    async def find_users(self, login: str) -> list[User]:
        """Return the users whose address or login name it is, without regard to case."""

    def secret(self, user: SipUri) -> bytes | None:
        """Return a user's secret as it was given, sealed by the directory; at once."""

    async def administered(self, after: int, limit: int) -> list[JournalEntry]:
        """Return the oldest Administered entries that follow a position, oldest first."""

    async def enroll(
        self, *accounts: tuple[User, bytes | None], facts: Sequence[Fact] = ()
    ) -> list[JournalEntry]:
        """Make users known with their secrets, and facts true, all or none; as ``append``."""

    async def set_secret(self, user: SipUri, secret: bytes, *facts: Fact) -> None:
        """
        Keep a secret and make facts true, both or neither; durable when this returns.

        Raises:
            NoSuchPrincipal: No such user; or as ``append``.

        """
