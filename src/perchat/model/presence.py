"""What users let others know of how reachable they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.uri import SipUri

__all__ = ["Availability", "Presence"]


class Availability(Enum):
    """
    How reachable a user is; the values are those that are published ([MS-PRES] 3.7.5.5).

    Greater values are less reachable ones. ``of`` reads every other number as well: the
    number of a range stands for all of it.
    """

    AVAILABLE = 3500
    IDLE = 5000
    BUSY = 6500
    BUSY_IDLE = 7500
    DO_NOT_DISTURB = 9500
    BE_RIGHT_BACK = 12500
    AWAY = 15500
    OFFLINE = 18500

    @classmethod
    def of(cls, number: int) -> Availability:
        """Return the availability whose range holds a number; below every range is OFFLINE."""
        found = cls.OFFLINE
        for start, availability in _RANGES:
            if number >= start:
                found = availability
        return found


_RANGES = (
    (3000, Availability.AVAILABLE),
    (4500, Availability.IDLE),
    (6000, Availability.BUSY),
    (7500, Availability.BUSY_IDLE),
    (9000, Availability.DO_NOT_DISTURB),
    (12000, Availability.BE_RIGHT_BACK),
    (15000, Availability.AWAY),
    (18000, Availability.OFFLINE),
)


@dataclass(frozen=True, slots=True)
class Presence:
    """
    How reachable one user is, over all devices of that user.

    Attributes:
        note: What the user says about it; empty for nothing.

    """

    user: SipUri
    availability: Availability
    note: str = ""
