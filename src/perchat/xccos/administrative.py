"""
The data of commands about administration and moderation.

Kept apart from their codecs, as those of other commands are in ``blocks`` and ``managing``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar

from perchat.model.administration import AdministratorGrant, GroupEntry, RoomEntry
from perchat.model.category import Category
from perchat.model.history import HistoryQuery
from perchat.model.principal import User
from perchat.xccos.codec import flag, optional_flag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.model.message import Message, ModeratedMessage

__all__ = [
    "AdministrativeReply",
    "AdministrativeRequest",
    "ModerationAction",
    "ModerationReply",
    "ModerationRequest",
    "Record",
    "Values",
]

E = TypeVar("E", bound=Enum)
_EVERYTHING = HistoryQuery()

Record: TypeAlias = Category | RoomEntry | User | GroupEntry | AdministratorGrant


@dataclass(frozen=True, slots=True)
class Values:
    """Named texts in order; a name may stand several times."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, **given: object) -> Self:
        """Return what is given, without what is None."""
        named = ((name, one) for name, value in given.items() for one in _texts(value))
        return cls(tuple(named))

    def text(self, name: str, default: str = "") -> str:
        """Return the first value of a name."""
        return next((text for one, text in self.pairs if one == name), default)

    def maybe(self, name: str) -> str | None:
        """Return it, or None when there is none."""
        return next((text for one, text in self.pairs if one == name), None)

    def many(self, name: str) -> tuple[str, ...]:
        """Return all values of a name."""
        return tuple(text for one, text in self.pairs if one == name)

    def switch(self, name: str) -> bool | None:
        """Return a truth value, None when there is none; ValueError when it is neither."""
        text = self.maybe(name)
        value = None if text is None else optional_flag(text)
        if text is not None and value is None:
            raise ValueError(f"{name} is neither true nor false: {text[:40]!r}")
        return value

    def word(self, name: str, kind: type[E]) -> E | None:
        """Return a member of an enumeration by its name; ValueError when it is none."""
        text = self.maybe(name)
        if text is not None and text.upper() not in kind.__members__:
            raise ValueError(f"{text[:40]!r} is no {kind.__name__}")
        return None if text is None else kind[text.upper()]


def _texts(value: object) -> Iterable[str]:
    match value:
        case None:
            return ()
        case bool():
            return (flag(value),)
        case Enum():
            return (value.name,)
        case str() | int():
            return (str(value),)
        case frozenset():
            return sorted(map(str, value))
        case tuple() | list():
            return map(str, value)
        case _:
            raise TypeError(f"not a value: {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class AdministrativeRequest:
    """
    Asks for an operation of an administrator.

    Attributes:
        operation: As ``room.add``; see `perchat.server.administering`.
        password: Only where one is set.

    """

    operation: str
    values: Values = Values()
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AdministrativeReply:
    """
    What an operation found, made or changed.

    Attributes:
        records: Categories, rooms, users, groups, or roles of the caller.
        names: Addresses of principals it changed something for.
        more: Whether there are more than an answer holds; ask for those behind the last.
        why: In a refusal, a sentence for people.

    """

    records: tuple[Record, ...] = ()
    names: tuple[str, ...] = ()
    more: bool = False
    why: str = ""


class ModerationAction(Enum):
    """What to do with the messages that are meant."""

    FIND = "find"
    REMOVE = "remove"
    REPLACE = "replace"
    PURGE = "purge"
    ORIGINALS = "originals"


@dataclass(frozen=True, slots=True)
class ModerationRequest:
    """
    Asks for one step of a moderator's work in a room.

    Attributes:
        room: By address or by name.
        query: Which messages are meant; of PURGE only its ``until`` counts.
        ids: Those alone, if there are any.
        text: What they say instead; None is the service's own text.
        after: Where the step begins, behind the message with that number.

    """

    room: str
    action: ModerationAction
    query: HistoryQuery = _EVERYTHING
    ids: tuple[int, ...] = ()
    text: str | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class ModerationReply:
    """
    What the step found or did.

    Attributes:
        ids: Of the messages that it changed.
        messages: Those that it found.
        originals: What was moderated in the room, as it was posted.
        after: Where the next step begins; None when nothing is left to do.
        why: In a refusal, a sentence for people.

    """

    ids: tuple[int, ...] = ()
    messages: tuple[Message, ...] = ()
    originals: tuple[ModeratedMessage, ...] = ()
    after: int | None = None
    why: str = ""
