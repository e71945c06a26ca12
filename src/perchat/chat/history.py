"""Reading back what was said."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from perchat.chat import rules
from perchat.chat.refusal import Refusal, refuse
from perchat.errors import ErrorCode, StorageError

if TYPE_CHECKING:
    from perchat.chat.desk import Desk
    from perchat.model.message import Message
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["History"]

_log = logging.getLogger(__name__)


class History:
    """Answers from the store; reading needs the right to, not a join."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def recent(self, user: SipUri, room: RoomUri, count: int) -> Refusal | list[Message]:
        """See ChatService.recent."""
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        place, granted = found
        if code := rules.refusal_to_read(place.room, granted):
            return refuse(code)
        if count < 1:
            return Refusal(ErrorCode.INVALID_ARGUMENT, f"cannot return {count} messages")
        if not self._desk.category(place).keeps_history:
            return []
        return await self._read(room, min(count, self._desk.settings.history_limit))

    async def _read(self, room: RoomUri, last: int) -> Refusal | list[Message]:
        try:
            return await self._desk.store.history(room, last=last)
        except StorageError as error:
            _log.error("history not read: %s", error)
            return Refusal(ErrorCode.DATABASE_CONNECTION, "the service cannot read it now")
