"""
What a store promises, whichever database stands behind it.

The journal is the only way in: a fact is appended, gets its position, and the
tables change in the same transaction. Other processes may append to the same
store at any time; what they wrote is found by reading on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.model.application import RegisteredApplication
    from perchat.model.category import Category
    from perchat.model.chatroom import Room
    from perchat.model.journal import Fact, JournalEntry, ParticipantJoined, RolesGranted
    from perchat.model.message import Message
    from perchat.model.principal import User
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["Clock", "Receipts", "Snapshot", "Store", "system_clock"]

Clock: TypeAlias = "Callable[[], float]"
"""Tells the seconds since the epoch."""


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

    """

    position: int
    database: str
    users: tuple[User, ...] = ()
    categories: tuple[Category, ...] = ()
    rooms: tuple[Room, ...] = ()
    roles: tuple[RolesGranted, ...] = ()
    participants: tuple[ParticipantJoined, ...] = ()
    applications: tuple[RegisteredApplication, ...] = ()


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


class Store(Protocol):
    """
    A journal with its tables.

    Every method may raise StorageError, which says what is wrong and what helps;
    then nothing was changed. All are called on one event loop.
    """

    async def open(self) -> None:
        """Make the database ready, creating or upgrading it where needed."""

    async def close(self) -> None:
        """Let what was appended become durable, then let go of the database."""

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        """
        Make the facts true, all or none; they are durable when this returns.

        The entries carry what the store decided: position, time, and for messages
        id, timestamp and room name. A cancelled call may still have taken effect.

        A message that its author has posted before, in the same room under the same
        ``client_id`` and not longer ago than the store keeps receipts, is not stored
        again: the entry it became then is returned, which followers were told of then.

        Raises:
            StorageError: Nothing was stored: disk full, too many waiting, unknown room.
            DuplicateRoomName: A room or category of that name exists.

        """

    async def read(self, after: int, limit: int = 1000) -> list[JournalEntry]:
        """Return the entries that follow a position, in order, without gaps."""

    async def position(self) -> int:
        """Return the newest position, whichever process wrote it; 0 when empty."""

    async def snapshot(self) -> Snapshot:
        """Return the tables, all as of the same position."""

    async def history(
        self, room: RoomUri, *, last: int, before: int | None = None, after: int | None = None
    ) -> list[Message]:
        """Return the newest kept messages with ids between the two, oldest first."""

    async def history_after(self, room: RoomUri, after: int, limit: int) -> list[Message]:
        """Return the oldest kept messages with greater ids, oldest first."""

    async def find_users(self, login: str) -> list[User]:
        """Return the users whose address or login name it is, without regard to case."""

    async def secret(self, user: SipUri) -> bytes | None:
        """Return the user's secret as it was given, encrypted by the directory."""

    async def set_secret(self, user: SipUri, secret: bytes) -> None:
        """Keep a secret for a user that exists; durable when this returns."""
