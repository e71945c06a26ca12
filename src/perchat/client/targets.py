"""The ways to name a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from perchat.errors import CommandFailed, ErrorCode
from perchat.model.chatroom import RoomSummary
from perchat.model.history import Match
from perchat.model.invitation import Invitation
from perchat.model.uri import RoomUri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.model.chatroom import RoomSnapshot

__all__ = ["Match", "RoomLike", "pick_by_name", "room_or_name"]

RoomLike: TypeAlias = RoomUri | str | RoomSummary | Invitation
"""A room's URI or name, or anything that carries its URI."""


def room_or_name(room: RoomLike) -> RoomUri | str:
    """
    Return the room's URI, or its name where only that was given.

    Raises:
        ValueError: The name is empty, or the URI is not a room's.
        TypeError: It is nothing that names a room.

    """
    match room:
        case RoomUri():
            return room
        case RoomSummary():
            return room.uri
        case Invitation():
            return room.room.uri
        case str() if "://" in room:
            return RoomUri(room)
        case str() if room.strip():
            return room.strip()
        case str():
            raise ValueError("a room's name is not empty")
    raise TypeError(f"not a room: {type(room).__name__}")


def pick_by_name(rooms: Sequence[RoomSnapshot], name: str) -> RoomUri:
    """Return the room of just that name, letter case apart; RoomNotFound if there is none."""
    wanted = name.casefold()
    for room in rooms:
        if room.name.casefold() == wanted:
            return room.uri
    raise CommandFailed.of(
        ErrorCode.NO_SUCH_NODE, f"no room that you can see is named {name!r}", request="join"
    )
