"""Searching by looking at every message: for stores without an index, and to check theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.history import HistoryResult
from perchat.store.words import Sought

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perchat.model.chatroom import Room
    from perchat.model.history import HistoryQuery
    from perchat.model.message import Message

__all__ = ["scan"]


def scan(room: Room, messages: Iterable[Message], query: HistoryQuery, most: int) -> HistoryResult:
    """Return what ``Store.search`` promises of one room, given its messages."""
    sought = Sought(query)
    found = [one for one in messages if _is_meant(one, query) and sought.is_in(one.text)]
    found.sort(key=_place(query, sought), reverse=query.search_newest_first)
    limit = query.limit or most
    page = sorted(found[:limit], key=lambda message: message.id, reverse=query.newest_first)
    total = min(len(found), max(most, limit + 1))
    return HistoryResult(room.uri, room.name, tuple(page), total, len(found) > limit)


def _place(query: HistoryQuery, sought: Sought) -> Callable[[Message], tuple[object, ...]]:
    """Return what messages are looked at in the order of: time where nothing else was asked."""
    timed = query.since is not None or query.until is not None
    if timed and sought.anything and not query.after_id:
        return lambda message: (message.timestamp, message.id)
    return lambda message: (message.id,)


def _is_meant(message: Message, query: HistoryQuery) -> bool:
    """Tell whether author, and place or time, are what a query asks for."""
    authors = {author.partition(";")[0] for author in query.authors}
    if authors and message.author not in authors:
        return False
    if query.after_id and query.search_newest_first:
        return message.id < query.after_id
    if query.after_id:
        return message.id > query.after_id
    return not (
        (query.since is not None and message.timestamp < query.since)
        or (query.until is not None and message.timestamp > query.until)
    )
