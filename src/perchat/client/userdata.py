"""
Share what a user follows and has read among all programs of that user.

Both are bundles of preferences, so that any chat service that keeps preferences keeps
them. A change is read, made and written with the version it came of; a program that was
slower reads again, and nothing of what another one wrote is lost. A service that
announces writes has them seen at once by the user's other programs.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any, Protocol

from perchat.client.events import FollowedRoomsChanged, ReadPositionChanged
from perchat.client.streams import Broadcast
from perchat.errors import DataCollision, PerchatError
from perchat.model.preference import FOLLOWED_LABEL, READ_LABEL
from perchat.model.uri import RoomUri

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perchat.model.preference import Preference

__all__ = ["MOST_FOLLOWED", "MOST_POSITIONS", "PreferenceBundles", "UserData"]

_log = logging.getLogger("perchat.chat")
MOST_FOLLOWED = 1000
"""Rooms a user may follow; a service keeps so many bytes of a bundle only."""

MOST_POSITIONS = 1000
"""Rooms whose read positions are kept; beyond it the one longest unmoved is forgotten."""

_TRIES = 10  # of a change that others are faster with, again and again


class PreferenceBundles(Protocol):
    """Read and write bundles of preferences, as chat endpoints do."""

    async def get_preference(
        self, label: str, known: int = -1, *, default: bool = False
    ) -> Preference | None:
        """Return a bundle; None when there is none."""

    async def set_preference(self, label: str, data: str, version: int) -> int:
        """Keep a bundle; DataCollision when another version than that is current."""


class UserData:
    """
    The followed rooms and read positions of one user.

    Attributes:
        followed_changes: Of each ``FollowedRoomsChanged`` by another program.
        position_changes: Of each ``ReadPositionChanged`` by another program.

    """

    def __init__(self, bundles: PreferenceBundles, lost: tuple[type[Exception], ...] = ()) -> None:
        """
        Take where bundles are kept.

        Args:
            bundles: The chat.
            lost: Errors after which a write is repeated: it may be, being no second one.

        """
        self.followed_changes: Broadcast[FollowedRoomsChanged] = Broadcast()
        self.position_changes: Broadcast[ReadPositionChanged] = Broadcast()
        self._bundles = bundles
        self._repeated: tuple[type[Exception], ...] = (DataCollision, *lost)
        self._followed: tuple[RoomUri, ...] | None = None
        self._positions: dict[RoomUri, int] = {}
        self._moves: dict[RoomUri, int] = {}  # to be written
        self._writing = asyncio.Lock()
        self._stale: set[str] = set()
        self._reading = False

    # --- followed rooms ---

    async def followed(self) -> tuple[RoomUri, ...]:
        """Return the rooms that are followed, in the order they were chosen."""
        self._followed = _rooms(await self._read(FOLLOWED_LABEL))
        return self._followed

    async def follow(self, room: RoomUri) -> None:
        """Follow a room as well; ValueError beyond 1000."""

        def add(stored: Any) -> list[RoomUri]:
            rooms = _rooms(stored)
            if room not in rooms and len(rooms) >= MOST_FOLLOWED:
                raise ValueError(f"{MOST_FOLLOWED} rooms are followed, which are the most")
            return list(dict.fromkeys((*rooms, room)))

        self._followed = _rooms(await self._change(FOLLOWED_LABEL, add))

    async def unfollow(self, room: RoomUri) -> None:
        """Follow a room no more; harmless when it is not followed."""
        changed = await self._change(
            FOLLOWED_LABEL, lambda stored: [one for one in _rooms(stored) if one != room]
        )
        self._followed = _rooms(changed)

    # --- read positions ---

    async def positions(self) -> Mapping[RoomUri, int]:
        """Return the newest message that was read, by room."""
        self._positions = _positions(await self._read(READ_LABEL))
        return self._positions

    async def mark_read(self, room: RoomUri, message: int) -> None:
        """
        Move the read position of a room to a message; it never goes back.

        Moves that are made while one is written are written together after it.
        """
        self._moves[room] = max(message, self._moves.get(room, 0))
        async with self._writing:
            moves, self._moves = self._moves, {}
            try:
                changed = await self._change(READ_LABEL, lambda stored: _moved(stored, moves))
            except BaseException:
                self._moves = _moved(moves, self._moves)  # for who waits to write them, too
                raise
            self._positions = _positions(changed)

    # --- what other programs write ---

    def is_news(self, label: str) -> bool:
        """Take note of a write by another program; whether ``refresh`` has to be started."""
        wanted = {
            FOLLOWED_LABEL: self.followed_changes.is_wanted,
            READ_LABEL: self.position_changes.is_wanted,
        }
        if not wanted.get(label):
            return False
        self._stale.add(label)
        return not self._reading

    def may_be_stale(self) -> bool:
        """Take note that writes may have been missed; returns as ``is_news``."""
        return any([self.is_news(FOLLOWED_LABEL), self.is_news(READ_LABEL)])

    async def refresh(self) -> None:
        """Read what others wrote, and publish what is new in it."""
        self._reading = True
        try:
            while self._stale:
                await self._reload(self._stale.pop())
        except PerchatError as error:
            _log.debug("what another program wrote was not read: %s", error)
        finally:
            self._reading = False

    def end(self) -> None:
        """End the streams of changes."""
        self.followed_changes.end()
        self.position_changes.end()

    # --- inside ---

    async def _reload(self, label: str) -> None:
        if label == FOLLOWED_LABEL:
            before = self._followed
            if (now := await self.followed()) != before:
                self.followed_changes.publish(FollowedRoomsChanged(now))
            return
        known = self._positions
        for room, message in (await self.positions()).items():
            if known.get(room) != message:
                self.position_changes.publish(ReadPositionChanged(room, message))

    async def _read(self, label: str) -> Any:
        return _value(await self._bundles.get_preference(label))

    async def _change(self, label: str, change: Callable[[Any], Any]) -> Any:
        """Change a bundle, again when another program was faster; return what it is now."""
        for left in reversed(range(_TRIES)):
            try:
                found = await self._bundles.get_preference(label)
                stored = _value(found)
                changed = change(stored)
                if changed != (stored or type(changed)()):
                    version = found.version if found else 0
                    await self._bundles.set_preference(label, json.dumps(changed), version)
            except self._repeated:
                if not left:
                    raise
            else:
                break
        return changed


def _value(bundle: Preference | None) -> Any:
    """Return what a bundle holds; None for what no program of ours has written."""
    try:
        return json.loads(bundle.data) if bundle and bundle.data else None
    except (ValueError, RecursionError):
        return None


def _rooms(stored: Any) -> tuple[RoomUri, ...]:
    """Return the rooms of a bundle; what is none is left out."""
    some = stored if isinstance(stored, (list, tuple)) else ()
    return tuple(uri for one in some if (uri := _room(one)))


def _positions(stored: Any) -> dict[RoomUri, int]:
    """Return the positions of a bundle, the one longest unmoved first."""
    some = stored.items() if isinstance(stored, dict) else ()
    return {
        uri: message
        for room, message in some
        if type(message) is int and message >= 0 and (uri := _room(room))
    }


def _moved(stored: Any, moves: Mapping[RoomUri, int]) -> dict[RoomUri, int]:
    positions = _positions(stored)
    for room, message in moves.items():
        known = positions.get(room, -1)
        if message > known:
            positions.pop(room, None)  # to the end: the last that moved
            positions[room] = message
    return dict(list(positions.items())[-MOST_POSITIONS:])


def _room(text: object) -> RoomUri | None:
    try:
        return RoomUri(text) if isinstance(text, str) else None
    except ValueError:
        return None
