"""
What a user's programs keep here for each other: bundles, followed rooms, positions read.

Bundles are opaque. Followed rooms and positions are the service's own, in bundles of
reserved labels, so that all programs of a user see the same and two that write at once
do not undo each other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from perchat.chat.face import Face, refusing
from perchat.errors import CommandFailed, DataCollision, ErrorCode
from perchat.model.preference import LABEL_LIMIT, Preference
from perchat.model.uri import RoomUri

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from perchat.model.uri import SipUri

__all__ = ["FOLLOWED_LABEL", "READ_LABEL", "Preferences"]

FOLLOWED_LABEL = "perchat.followed"
READ_LABEL = "perchat.read"
_RESERVED = "perchat."


class Preferences(Face):
    """The preferences of users; everybody has their own only."""

    @refusing
    async def get_preference(self, user: SipUri, label: str, known: int = 0) -> Preference | None:
        """
        Return a bundle, None when there is none or the caller's version is the current one.

        Refused: INVALID_ARGUMENT (no label, or more than 255 characters).
        """
        found = await self._desk.store.preference(user.address, _checked(label))
        return found if found and found.version != known else None

    @refusing
    async def set_preference(
        self, user: SipUri, label: str, data: str, *, expected: int | None = None
    ) -> Preference:
        """
        Keep a bundle; return it with its new version.

        Refused: INVALID_ARGUMENT (the label), LIMIT_EXCEEDED (the data),
        DATA_COLLISION (another version than ``expected`` is current).
        """
        if _checked(label).startswith(_RESERVED):
            raise CommandFailed.of(
                ErrorCode.INVALID_ARGUMENT, f"labels that begin with {_RESERVED} are the service's"
            )
        limit = self._desk.settings.preference_limit
        if len(data.encode()) > limit:
            raise CommandFailed.of(ErrorCode.LIMIT_EXCEEDED, f"{limit} bytes are the most")
        return await self._desk.store.set_preference(user.address, label, data, expected=expected)

    @refusing
    async def followed_rooms(self, user: SipUri) -> tuple[RoomUri, ...]:
        """Return the rooms a user follows and still may see, in the order they were chosen."""
        return self._visible(user, _list(await self._bundle(user, FOLLOWED_LABEL)))

    @refusing
    async def follow(
        self, user: SipUri, *, add: Collection[RoomUri] = (), remove: Collection[RoomUri] = ()
    ) -> tuple[RoomUri, ...]:
        """Follow rooms, follow others no more; return those followed now."""

        def change(stored: Any) -> list[str]:
            kept = [one for one in _list(stored) if one not in remove]
            return kept + [one for one in dict.fromkeys(add) if one not in kept]

        return self._visible(user, _list(await self._changed(user, FOLLOWED_LABEL, change)))

    @refusing
    async def last_read(self, user: SipUri) -> Mapping[RoomUri, int]:
        """Return the newest message a user has read, by room the user may see."""
        return self._positions(user, await self._bundle(user, READ_LABEL))

    @refusing
    async def mark_read(self, user: SipUri, room: RoomUri, message: int) -> Mapping[RoomUri, int]:
        """Note how far a user has read; it never goes back. Returns all positions."""
        if message < 0:
            raise CommandFailed.of(ErrorCode.INVALID_ARGUMENT, f"no message has the id {message}")
        if not self._visible(user, (room,)):
            raise CommandFailed.of(ErrorCode.NO_SUCH_NODE, "there is no such room")

        def change(stored: Any) -> dict[str, int]:
            read = _dict(stored)
            return read | {str(room): max(message, read.get(room, 0))}

        return self._positions(user, await self._changed(user, READ_LABEL, change))

    # inside

    def _visible(self, user: SipUri, rooms: Collection[str]) -> tuple[RoomUri, ...]:
        state = self._desk.state
        uris = map(RoomUri, rooms)
        return tuple(
            uri for uri in uris if (place := state.rooms.get(uri)) and state.permission(user, place)
        )

    def _positions(self, user: SipUri, stored: Any) -> dict[RoomUri, int]:
        read = _dict(stored)
        return {room: read[room] for room in self._visible(user, tuple(read))}

    async def _bundle(self, user: SipUri, label: str) -> Any:
        found = await self._desk.store.preference(user.address, label)
        return json.loads(found.data) if found else None

    async def _changed(self, user: SipUri, label: str, change: Callable[[Any], Any]) -> Any:
        """Change a bundle of the service's own, again when somebody else was faster."""
        store = self._desk.store
        while True:
            found = await store.preference(user.address, label)
            stored = json.loads(found.data) if found else None
            changed = change(stored)
            if changed == stored:
                return stored
            version = found.version if found else 0
            try:
                await store.set_preference(
                    user.address, label, json.dumps(changed), expected=version
                )
            except DataCollision:
                continue
            return changed


def _list(stored: Any) -> list[str]:
    return stored if isinstance(stored, list) else []


def _dict(stored: Any) -> dict[str, int]:
    return stored if isinstance(stored, dict) else {}


def _checked(label: str) -> str:
    if not 0 < len(label) <= LABEL_LIMIT:
        raise CommandFailed.of(
            ErrorCode.INVALID_ARGUMENT, f"a label has between 1 and {LABEL_LIMIT} characters"
        )
    return label
