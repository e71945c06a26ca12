"""Questions about what was said, and their answers."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from enum import Enum
from typing import TYPE_CHECKING

from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.message import Message
    from perchat.model.uri import RoomUri

__all__ = ["HistoryQuery", "HistoryResult", "Match"]


_ALL = -1


class Match(Enum):
    """How the words of a search have to match."""

    ANY = "any word"
    ALL = "all words"
    PHRASE = "the exact phrase"


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """
    What to look for among the messages of some rooms; left out means any.

    Attributes:
        text: Words, parted by blanks.
        match: ALL is an extension; the original knows the other two.
        case_sensitive: Whether upper and lower case differ.
        authors: Addresses; only their messages.
        since: Aware; the earliest time, itself included. Without effect beside ``after_id``.
        until: Aware; the latest time, itself included. Without effect beside ``after_id``.
        after_id: The message the search starts behind: newer ones, or older ones with
            ``search_newest_first``. Ids count within a room, so ask for one room at a time.
        limit: The most messages of each room; the service's own limit prevails. None and, as in
            the original, -1 leave it to that.
        search_newest_first: Which messages count when there are more than the limit.
        newest_first: The order of the answer.

    Raises:
        ValueError: A time without zone, a range that ends before it begins, a negative id, a
            limit below 1, or an author that is no address.

    """

    text: str = ""
    _: KW_ONLY
    match: Match = Match.ANY
    case_sensitive: bool = False
    authors: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    after_id: int | None = None
    limit: int | None = None
    search_newest_first: bool = False
    newest_first: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "authors", tuple(map(SipUri, self.authors)))
        for name in ("since", "until"):
            at: datetime | None = getattr(self, name)
            if at is not None and at.utcoffset() is None:
                raise ValueError(f"{name} is a time without zone: {at}")
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"the range ends, {self.until}, before it begins, {self.since}")
        if self.after_id is not None and self.after_id < 0:
            raise ValueError(f"no message has the id {self.after_id}")
        if self.limit == _ALL:
            object.__setattr__(self, "limit", None)
        elif self.limit is not None and self.limit < 1:
            raise ValueError(f"a limit of {self.limit} finds nothing")


@dataclass(frozen=True, slots=True)
class HistoryResult:
    """
    What was found in one room.

    Attributes:
        messages: In the order that was asked for.
        total: How many matched, those not returned counted too; 0 when the service did not say.
        truncated: Whether more matched than are returned; ask again behind the last one.

    """

    room_uri: RoomUri
    room_name: str = ""
    messages: tuple[Message, ...] = ()
    total: int = 0
    truncated: bool = False
