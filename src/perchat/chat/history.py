"""Reading back what was said."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from perchat.chat import rules
from perchat.chat.refusal import Refusal, refuse
from perchat.errors import ErrorCode, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from perchat.chat.desk import Desk
    from perchat.model.message import Message
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["History"]

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

    def _kept(self, user: SipUri, room: RoomUri) -> Refusal | bool:
        """Return whether a room keeps history, if the user may read it at all."""
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        place, granted = found
        if code := rules.refusal_to_read(place.room, granted):
            return refuse(code)
        return self._desk.category(place).keeps_history


async def _read(reading: Awaitable[list[Message]]) -> Refusal | list[Message]:
    try:
        return await reading
    except StorageError as error:
        _log.error("history not read: %s", error)
        return Refusal(ErrorCode.DATABASE_CONNECTION, "the service cannot read it now")


def _fitting(messages: list[Message], size: int) -> list[Message]:
    """Return as many from the beginning as fit, but one at least."""
    for place, message in enumerate(messages):
        size -= _written(message.text) + _written(message.rtf or "") + _AROUND
        if size < 0:
            return messages[: max(place, 1)]
    return messages


def _written(text: str) -> int:
    """Return the bytes of a text with its markup escaped."""
    return len(text.encode()) + 4 * sum(map(text.count, "&<>\n"))
