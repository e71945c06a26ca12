"""Who made and last changed something, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.uri import SipUri

__all__ = ["Changes"]


@dataclass(frozen=True, slots=True)
class Changes:
    """
    The history of one room, group or role entry, as far as it is told; None where it is not.

    Attributes:
        created_by: None also when no user did it but the administrator at the server.
        created_on: Aware, UTC.
        updated_by: As ``created_by``.
        updated_on: Aware, UTC; tells two states of the same room apart.

    """

    created_by: SipUri | None = None
    created_on: datetime | None = None
    updated_by: SipUri | None = None
    updated_on: datetime | None = None
