"""Being asked into a room."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.chatroom import RoomSnapshot

__all__ = ["Invitation", "Invitations", "InviteSetting"]


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


class InviteSetting(IntEnum):
    """What a room says about inviting its members (numbers of the original SDK)."""

    OFF = 0
    INHERIT = 1


@dataclass(frozen=True, slots=True)
class Invitations:
    """
    Whether new members of a room are invited.

    Attributes:
        local: The room's own setting; it can switch off what its category allows, no more.
        inherited: Whether the category allows it.

    """

    local: InviteSetting = InviteSetting.INHERIT
    inherited: bool = False

    @property
    def effective(self) -> bool:
        """What holds."""
        return self.inherited and self.local is InviteSetting.INHERIT
