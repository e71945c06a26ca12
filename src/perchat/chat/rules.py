"""
Who may do what in a room: pure functions over two tables.

A role counts only inside the category's scope, which is what it allows minus what
it denies. Managers and presenters take part only where they could without that role.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from perchat.errors import ErrorCode
from perchat.model.chatroom import Behavior, Permission, Privacy, Role

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from perchat.model.category import Category
    from perchat.model.chatroom import Room
    from perchat.model.principal import User

__all__ = [
    "in_scope",
    "may_post",
    "may_take_part",
    "permission",
    "refusal_to_join",
    "refusal_to_post",
    "refusal_to_read",
    "refusal_to_upload",
    "shows_in_rooms",
]

_VIEW = Permission.VIEW
_TAKE_PART = Permission.VIEW | Permission.JOIN | Permission.POST | Permission.READ_HISTORY


class _Standing(Enum):
    IN_SCOPE = "in scope"
    MEMBER = "member"


_STANDINGS: dict[tuple[Privacy, _Standing], Permission] = {
    (Privacy.OPEN, _Standing.IN_SCOPE): _TAKE_PART,
    (Privacy.OPEN, _Standing.MEMBER): _TAKE_PART,
    (Privacy.CLOSED, _Standing.IN_SCOPE): _VIEW,
    (Privacy.CLOSED, _Standing.MEMBER): _TAKE_PART,
    (Privacy.SECRET, _Standing.IN_SCOPE): Permission.NONE,
    (Privacy.SECRET, _Standing.MEMBER): _TAKE_PART,
}
"""What privacy leaves to whom."""

_NEEDED_TO_POST = {
    Behavior.NORMAL: Permission.POST,
    Behavior.AUDITORIUM: Permission.POST | Permission.POST_IN_AUDITORIUM,
}

_LEFT_WHEN_DISABLED = Permission.VIEW | Permission.MANAGE


def in_scope(category: Category, principals: AbstractSet[str]) -> bool:
    """Tell whether the category allows any of them and denies none."""
    return not category.allowed.isdisjoint(principals) and category.denied.isdisjoint(principals)


def shows_in_rooms(before: Category, after: Category) -> bool:
    """Tell whether a change of a category is one of its rooms too."""
    return (before.keeps_history, before.invitations, before.file_posts) != (
        after.keeps_history,
        after.invitations,
        after.file_posts,
    )


def may_take_part(user: User | None) -> bool:
    """Unknown, disabled and users without chat are nobody."""
    return user is not None and user.enabled and user.chat_enabled


def permission(room: Room, roles: AbstractSet[Role], *, scoped: bool) -> Permission:
    """
    Return what a user may do in a room.

    ``roles`` are the user's in this room through any principal; ``scoped`` tells whether
    the user is in the category's scope and may take part at all.
    """
    if not scoped:
        return Permission.NONE
    return _permission(room.privacy, frozenset(roles), room.disabled)


@lru_cache(maxsize=1024)
def _permission(privacy: Privacy, roles: frozenset[Role], disabled: bool) -> Permission:
    granted = _STANDINGS[privacy, _standing(roles)]
    if Role.PRESENTER in roles and granted & Permission.JOIN:
        granted |= Permission.POST_IN_AUDITORIUM
    if Role.MANAGER in roles:
        granted |= Permission.MANAGE | Permission.VIEW
    return granted & _LEFT_WHEN_DISABLED if disabled else granted


def _standing(roles: AbstractSet[Role]) -> _Standing:
    return _Standing.MEMBER if Role.MEMBER in roles else _Standing.IN_SCOPE


def may_post(room: Room, granted: Permission) -> bool:
    """Whoever may take part posts; in an auditorium only those who also present."""
    return _NEEDED_TO_POST[room.behavior] in granted


def refusal_to_join(room: Room, granted: Permission) -> ErrorCode | None:
    """Return why a user with these permissions may not join, None when allowed."""
    return _refusal(room, granted, allowed=Permission.JOIN in granted)


def refusal_to_read(room: Room, granted: Permission) -> ErrorCode | None:
    """Return why a user may not read the room's history, None when allowed."""
    return _refusal(room, granted, allowed=Permission.READ_HISTORY in granted)


def refusal_to_post(room: Room, granted: Permission, *, joined: bool) -> ErrorCode | None:
    """Return why a user may not post, None when allowed."""
    code = _refusal(room, granted, allowed=True)
    if code is None and not joined:
        return ErrorCode.USER_NOT_JOINED
    return code or _refusal(room, granted, allowed=may_post(room, granted))


def refusal_to_upload(
    room: Room, granted: Permission, *, joined: bool, files: bool
) -> ErrorCode | None:
    """Return why a user may not put a file into a room, None when allowed."""
    code = refusal_to_post(room, granted, joined=joined)
    return code or (None if files else ErrorCode.ERROR_PERMISSION)


def _refusal(room: Room, granted: Permission, *, allowed: bool) -> ErrorCode | None:
    if Permission.VIEW not in granted:
        return ErrorCode.NO_SUCH_NODE  # a room one may not see does not exist
    if room.disabled:
        return ErrorCode.NODE_DISABLED
    return None if allowed else ErrorCode.ERROR_PERMISSION
