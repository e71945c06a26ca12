"""Being asked into a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.chatroom import RoomSnapshot

__all__ = ["Invitation"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """
    One user's invitation to one room.

    Attributes:
        id: Counts up within a user; ask for what is newer than the last one seen.
        created_on: Aware, UTC.

    """

    id: int
    created_on: datetime
    room: RoomSnapshot
