"""
Who may do what, as one table of what each action needs.

``rules`` answers the questions of every join and post from a mask; this table says the
same for all actions there are, with the reasons. A test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.explanation import Need, RoomAction

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Need", "RoomAction", "RoomStanding", "may", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomStanding:
    """
    What a user is to a room; the defaults are a stranger and an ordinary room.

    Attributes:
        chats: Known, enabled, and enabled for chat.
        scoped: Allowed by the category and not denied.
        creates: Creator in the room's category.
        creates_there: Creator in the category the room would move to.
        files: Whether the category has files.
        administrator: Holds that role in the category, or is the operator at the server.
        moderator: Holds that role in the category.

    """

    chats: bool = True
    scoped: bool = True
    roles: frozenset[Role] = frozenset()
    privacy: Privacy = Privacy.CLOSED
    behavior: Behavior = Behavior.NORMAL
    disabled: bool = False
    files: bool = False
    joined: bool = False
    creates: bool = False
    creates_there: bool = False
    administrator: bool = False
    moderator: bool = False
    system: bool = False

    @property
    def inside(self) -> bool:
        """Whether the user has any part in the category's rooms."""
        return self.chats and self.scoped


_MET: dict[Need, Callable[[RoomStanding], bool]] = {
    Need.CHATS: lambda s: s.chats,
    Need.SEES: lambda s: (
        s.inside
        and (s.privacy is not Privacy.SECRET or bool(s.roles & {Role.MEMBER, Role.MANAGER}))
    ),
    Need.TAKES_PART: lambda s: s.inside and (s.privacy is Privacy.OPEN or Role.MEMBER in s.roles),
    Need.IS_JOINED: lambda s: s.joined,
    Need.IS_HEARD: lambda s: s.behavior is Behavior.NORMAL or Role.PRESENTER in s.roles,
    Need.HAS_FILES: lambda s: s.files,
    Need.IS_ENABLED: lambda s: not s.disabled,
    Need.MANAGES: lambda s: s.inside and Role.MANAGER in s.roles,
    Need.CREATES: lambda s: s.inside and s.creates,
    Need.CREATES_THERE: lambda s: s.chats and s.creates_there,
    Need.ADMINISTERS: lambda s: s.administrator,
    Need.IS_SYSTEM: lambda s: s.chats and s.system,
    Need.MODERATES: lambda s: s.chats and s.moderator,
}

_NEEDS: dict[RoomAction, tuple[Need, ...]] = {
    RoomAction.FIND: (Need.SEES, Need.IS_ENABLED),
    RoomAction.JOIN: (Need.TAKES_PART, Need.IS_ENABLED),
    RoomAction.READ: (Need.TAKES_PART, Need.IS_ENABLED),
    RoomAction.POST: (Need.TAKES_PART, Need.IS_ENABLED, Need.IS_JOINED, Need.IS_HEARD),
    RoomAction.UPLOAD: (
        Need.TAKES_PART,
        Need.IS_ENABLED,
        Need.IS_JOINED,
        Need.IS_HEARD,
        Need.HAS_FILES,
    ),
    RoomAction.DOWNLOAD: (Need.TAKES_PART, Need.IS_ENABLED),
    RoomAction.CREATE: (Need.CREATES,),
    RoomAction.EDIT: (Need.MANAGES,),
    RoomAction.DISABLE: (Need.MANAGES,),
    RoomAction.ENABLE: (Need.ADMINISTERS,),
    RoomAction.STAFF: (Need.MANAGES,),
    RoomAction.MOVE: (Need.MANAGES, Need.CREATES_THERE),
    RoomAction.DELETE: (Need.ADMINISTERS,),
    RoomAction.FIND_USERS: (Need.CHATS,),
    RoomAction.LOOK_UP_USERS: (Need.IS_SYSTEM,),
    RoomAction.LOOK_UP_GROUPS: (Need.IS_SYSTEM,),
    RoomAction.MODERATE: (Need.MODERATES,),
    RoomAction.ADMINISTER: (Need.ADMINISTERS,),
}
"""All that an action needs; one that is missing forbids it."""

_BY_ADMINISTRATORS = frozenset(
    {
        RoomAction.FIND,
        RoomAction.CREATE,
        RoomAction.EDIT,
        RoomAction.DISABLE,
        RoomAction.ENABLE,
        RoomAction.STAFF,
        RoomAction.MOVE,
        RoomAction.DELETE,
        RoomAction.LOOK_UP_USERS,
        RoomAction.LOOK_UP_GROUPS,
        RoomAction.MODERATE,
        RoomAction.ADMINISTER,
    }
)
"""What administrators do whatever they are to a room; taking part is not among it."""


def missing(action: RoomAction, standing: RoomStanding) -> tuple[Need, ...]:
    """Return what somebody lacks for an action; nothing when it is allowed."""
    if standing.administrator and action in _BY_ADMINISTRATORS:
        return ()
    return tuple(need for need in _NEEDS[action] if not _MET[need](standing))


def may(action: RoomAction, standing: RoomStanding) -> bool:
    """Tell whether somebody may do something."""
    return not missing(action, standing)
