"""
Permission masks: the numbers in ``aib/@key``.

A mask is tested bit by bit, never for equality, when it is read. One legacy
client takes a user for an operator only if the mask is exactly 12276, which
contains every bit of the 2013 manager; hence :func:`legacy_mask`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.chatroom import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.model.participant import Participant

__all__ = [
    "LEGACY_MANAGER",
    "LEGACY_MEMBER",
    "MANAGER",
    "MEMBER",
    "PRESENTER",
    "bits",
    "is_manager",
    "is_presenter",
    "legacy_mask",
    "mask_of",
    "participant_mask",
    "permission_of",
]

_BITS: Mapping[Permission, int] = {
    Permission.MANAGE: 1 << 2,
    Permission.JOIN: 1 << 7,
    Permission.POST: 1 << 8,
    Permission.READ_HISTORY: 1 << 10,
    Permission.VIEW: 1 << 11,
    Permission.POST_IN_AUDITORIUM: 1 << 12,
}
_MANAGE = _BITS[Permission.MANAGE]
_SEE_HIDDEN = 1 << 13

MEMBER = 3456
"""Join, chat, read history, see."""

MANAGER = MEMBER | _MANAGE | _SEE_HIDDEN
"""11652: a member who also manages and sees what is hidden."""

PRESENTER = 1 << 12
"""Added to the mask of a member or manager."""

LEGACY_MEMBER = 3984
LEGACY_MANAGER = 12276
"""As captured from servers of 2007 and 2010; they also set bits without meaning today."""


def bits(mask: int) -> frozenset[int]:
    """Return the positions of the bits that are set, counted from 0."""
    return frozenset(n for n in range(mask.bit_length()) if mask >> n & 1)


def permission_of(mask: int) -> Permission:
    """Return what the mask lets a user do; bits nobody knows count for nothing."""
    permission = Permission.NONE
    for right, bit in _BITS.items():
        if mask & bit:
            permission |= right
    return permission


def mask_of(permission: Permission) -> int:
    """Return the mask with just those rights."""
    return sum(bit for right, bit in _BITS.items() if right in permission)


def participant_mask(participant: Participant) -> int:
    """Return the mask a roster shows for a participant."""
    role = MANAGER if participant.is_manager else MEMBER
    return role | PRESENTER if participant.is_presenter else role


def legacy_mask(mask: int) -> int:
    """Return the mask as legacy clients need it: whoever manages has all of 12276."""
    return mask | LEGACY_MANAGER if mask & _MANAGE else mask


def is_manager(mask: int) -> bool:
    """Whether the user manages the room; shown as operator."""
    return bool(mask & _MANAGE)


def is_presenter(mask: int) -> bool:
    """Whether the user may post in an auditorium."""
    return bool(mask & PRESENTER)
