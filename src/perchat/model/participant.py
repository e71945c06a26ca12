"""Who is in a room right now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.uri import SipUri

__all__ = ["Participant"]


@dataclass(frozen=True, slots=True)
class Participant:
    """A user in a room, however many devices that user has there."""

    uri: SipUri
    name: str = ""
    guid: str = ""
    is_manager: bool = False
    is_presenter: bool = False
