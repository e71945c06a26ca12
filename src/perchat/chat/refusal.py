"""What the service answers instead of doing what was asked; returned, never raised."""

from __future__ import annotations

from dataclasses import dataclass

from perchat.errors import ErrorCode

__all__ = ["Refusal", "refuse"]

_TEXTS = {
    ErrorCode.NO_SUCH_NODE: "there is no such room",
    ErrorCode.NODE_DISABLED: "the room is disabled",
    ErrorCode.USER_NOT_JOINED: "you are not in the room",
    ErrorCode.ERROR_PERMISSION: "your roles do not allow it",
    ErrorCode.CANNOT_GET_PARTICIPANT_LIST: "the room is not large: its participants were told",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Why not.

    Attributes:
        code: What programs act on.
        text: A sentence for people; it tells nothing the caller may not know.

    """

    code: ErrorCode
    text: str


def refuse(code: ErrorCode) -> Refusal:
    """Return the refusal that says no more than its code."""
    return Refusal(code, _TEXTS[code])
