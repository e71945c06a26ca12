"""Reading back what was said."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from perchat.chat import rules
from perchat.chat.refusal import Refusal, refuse
from perchat.errors import ErrorCode, StorageError
from perchat.model.history import HistoryResult
from perchat.store.words import words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from perchat.chat.desk import Desk
    from perchat.chat.settings import ChatSettings
    from perchat.model.history import HistoryQuery
    from perchat.model.message import Message
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["History"]

T = TypeVar("T")

_log = logging.getLogger(__name__)
_AROUND = 512  # bytes: what stands around a text


class History:
    """Answers from the store; reading needs the right to, not a join."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def recent(self, user: SipUri, room: RoomUri, count: int) -> Refusal | list[Message]:
        """See ChatService.recent."""
        if count < 1:
            return Refusal(ErrorCode.INVALID_ARGUMENT, f"cannot return {count} messages")
        kept = self._kept(user, room)
        if kept is not True:
            return kept or []
        settings = self._desk.settings
        found = await _read(self._desk.store.history(room, last=min(count, settings.history_limit)))
        if isinstance(found, Refusal):
            return found
        return _fitting(found[::-1], settings.history_bytes)[::-1]

    async def after(
        self, user: SipUri, room: RoomUri, message: int, limit: int
    ) -> Refusal | tuple[list[Message], bool]:
        """See ChatService.after."""
        if message < 0 or limit < 1:
            return Refusal(ErrorCode.INVALID_ARGUMENT, f"not {limit} after message {message}")
        kept = self._kept(user, room)
        if kept is not True:
            return kept or ([], False)
        settings = self._desk.settings
        limit = min(limit, settings.history_limit)
        found = await _read(self._desk.store.history_after(room, message, limit + 1))
        if isinstance(found, Refusal):
            return found
        page = _fitting(found[:limit], settings.history_bytes)
        return page, len(page) < len(found)

    async def query(
        self, user: SipUri, rooms: Sequence[RoomUri], query: HistoryQuery
    ) -> Refusal | list[HistoryResult]:
        """See ChatService.query."""
        settings = self._desk.settings
        if refusal := _refusal_of_query(rooms, query, settings):
            return refusal
        kept = {room: self._kept(user, room) for room in rooms}
        refusals = [one for one in kept.values() if isinstance(one, Refusal)]
        if len(refusals) == len(kept):
            return refusals[0]
        most = min(settings.history_limit, settings.query_bytes // _AROUND + 1)  # no more fit
        asked = replace(
            query, limit=min(query.limit or most, most), newest_first=query.search_newest_first
        )
        asking = self._desk.store.search([room for room in kept if kept[room] is True], asked)
        found = await _read(asking)
        if isinstance(found, Refusal):
            return found
        silent = {room: self._silent(room) for room in kept if kept[room] is False}
        results = silent | {result.room_uri: result for result in found}
        page = _sharing([results[room] for room in kept if room in results], settings.query_bytes)
        turned = query.newest_first is not query.search_newest_first
        return [replace(one, messages=one.messages[::-1]) for one in page] if turned else page

    def _silent(self, room: RoomUri) -> HistoryResult:
        return HistoryResult(room, self._desk.state.rooms[room].room.name)

    def _kept(self, user: SipUri, room: RoomUri) -> Refusal | bool:
        """Return whether a room keeps history, if the user may read it at all."""
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        place, granted = found
        if code := rules.refusal_to_read(place.room, granted):
            return refuse(code)
        return self._desk.category(place).keeps_history


async def _read(reading: Awaitable[T]) -> Refusal | T:
    try:
        return await reading
    except StorageError as error:
        _log.error("history not read: %s", error)
        return Refusal(ErrorCode.DATABASE_CONNECTION, "the service cannot read it now")


def _refusal_of_query(
    rooms: Sequence[RoomUri], query: HistoryQuery, settings: ChatSettings
) -> Refusal | None:
    if not rooms:
        return Refusal(ErrorCode.INVALID_ARGUMENT, "a question about history names rooms")
    for count, most, what in (
        (len(rooms), settings.query_rooms, "rooms"),
        (len(query.authors), settings.query_authors, "authors"),
        (len(words(query.text).split()), settings.query_words, "words"),
    ):
        if count > most:
            return Refusal(ErrorCode.LIMIT_EXCEEDED, f"{count} {what}, but {most} are the most")
    return None


def _sharing(results: list[HistoryResult], size: int) -> list[HistoryResult]:
    """Cut results, in the order of the search, so that they fit together; each its share."""
    if sum(_at_most(one) for result in results for one in result.messages) <= size:
        return results
    least = 1 if len(results) == 1 else 0  # so that the next page can be asked for
    waiting = sorted(results, key=lambda result: sum(map(_size, result.messages)))
    cut: dict[RoomUri, HistoryResult] = {}
    for place, result in enumerate(waiting):
        fit = _fitting(list(result.messages), size // (len(waiting) - place), least)
        size -= sum(map(_size, fit))
        short = len(fit) < len(result.messages)
        cut[result.room_uri] = replace(
            result, messages=tuple(fit), truncated=result.truncated or short
        )
    return [cut[result.room_uri] for result in results]


def _fitting(messages: list[Message], size: int, least: int = 1) -> list[Message]:
    """Return as many from the beginning as fit, but ``least`` of them in any case."""
    if sum(map(_at_most, messages)) <= size:
        return messages
    for place, message in enumerate(messages):
        size -= _size(message)
        if size < 0:
            return messages[: max(place, least)]
    return messages


def _at_most(message: Message) -> int:
    """Return what its size cannot exceed: no character takes more bytes than an ampersand."""
    return 5 * (len(message.text) + len(message.rtf or "")) + _AROUND


def _size(message: Message) -> int:
    return _written(message.text) + _written(message.rtf or "") + _AROUND


def _written(text: str) -> int:
    """Return the bytes of a text with its markup escaped."""
    return len(text.encode()) + 4 * sum(map(text.count, "&<>\n"))
