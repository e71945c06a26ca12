"""What the service answers instead of doing what was asked; returned, never raised."""

from __future__ import annotations

from dataclasses import dataclass

from perchat.errors import ErrorCode

__all__ = ["Refusal", "may_change", "refuse"]

_TEXTS = {
    ErrorCode.NO_SUCH_NODE: "there is no such room",
    ErrorCode.NODE_DISABLED: "the room is disabled",
    ErrorCode.USER_NOT_JOINED: "you are not in the room",
    ErrorCode.ERROR_PERMISSION: "your roles do not allow it",
    ErrorCode.CANNOT_GET_PARTICIPANT_LIST: "the room is not large: its participants were told",
}


_BY_STATE = frozenset(
    {
        ErrorCode.ERROR_PERMISSION,
        ErrorCode.NO_SUCH_NODE,
        ErrorCode.NO_SUCH_PRINCIPAL,
        ErrorCode.NODE_DISABLED,
        ErrorCode.PRINCIPALS_NOT_IN_SCOPE,
        ErrorCode.UNABLE_TO_CREATE_ROOM,
    }
)
"""What depends on the directory, the rooms and the roles, and not on the question alone."""


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


def may_change(refusal: Refusal) -> bool:
    """Whether the same question may be answered otherwise once more of the journal is known."""
    return refusal.code in _BY_STATE
