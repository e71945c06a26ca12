"""Why somebody may or may not do something in a room."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.model.chatroom import Permission
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["Answer", "AppliedRule", "Explanation", "Need", "RoomAction"]


class RoomAction(Enum):
    """What somebody may want to do."""

    FIND = "find the room"
    JOIN = "join the room"
    READ = "read its history"
    POST = "post"
    UPLOAD = "upload files"
    DOWNLOAD = "download files"
    CREATE = "make rooms in its category"
    EDIT = "change its properties"
    DISABLE = "disable it"
    ENABLE = "enable it again"
    STAFF = "change members, managers and presenters"
    MOVE = "move it to another category"
    DELETE = "delete it"
    FIND_USERS = "find users by name"
    LOOK_UP_USERS = "look up another user"
    LOOK_UP_GROUPS = "look up a group"
    MODERATE = "replace and remove messages"
    ADMINISTER = "administer categories, users and groups"


class Need(Enum):
    """What an action may need, as a reason why not."""

    CHATS = "the user is not enabled for chat"
    SEES = "the room is not one the user may see"
    TAKES_PART = "the room is for members"
    IS_JOINED = "the user is not in the room"
    IS_HEARD = "only presenters post in an auditorium"
    HAS_FILES = "the category has no files"
    IS_ENABLED = "the room is disabled"
    MANAGES = "the user does not manage the room"
    CREATES = "the user is no creator in the category"
    CREATES_THERE = "the user is no creator in the other category"
    ADMINISTERS = "that is for administrators"
    IS_SYSTEM = "that is for system users"
    MODERATES = "that is for moderators"


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """
    A rule, and how it came out.

    Attributes:
        rule: Names it, as ``allowed``, ``denied`` or ``member``.
        holds: Whether what it names is the case.
        because: The fact behind it, for people.

    """

    rule: str
    holds: bool
    because: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether something is allowed, and what is missing when it is not."""

    action: RoomAction
    allowed: bool
    missing: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    What a user may do in a room, and why.

    Attributes:
        permission: The mask that the service works with.

    """

    user: SipUri
    room: RoomUri
    room_name: str
    permission: Permission
    rules: tuple[AppliedRule, ...]
    answers: tuple[Answer, ...]

    def lines(self) -> Iterator[str]:
        """Yield it as text, a line a rule and an answer."""
        yield f"{self.user} in {self.room_name} ({self.room})"
        for rule in self.rules:
            yield f"  {rule.rule:<10} {'yes' if rule.holds else 'no':<4} {rule.because}"
        for answer in self.answers:
            why = "; ".join(need.value for need in answer.missing)
            word = "may" if answer.allowed else "may not"
            yield f"{word:<8} {answer.action.value}{f': {why}' if why else ''}"
