"""
Sessions that ended, until they are out of their rooms: many in one append.

A network that fails takes thousands of sessions at once. Each by itself would be an append
and a task of its own, more than the store lets wait. So whoever ends is gathered here, and
one task takes out as many as there are, then those who came meanwhile, until nobody is left.
"""

from __future__ import annotations

import logging
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.chat.refusal import Refusal
    from perchat.chat.service import ChatService
    from perchat.model.uri import SipUri
    from perchat.server.tasks import Tasks

__all__ = ["Departures"]

_log = logging.getLogger(__name__)
_TOGETHER = 250  # sessions whose leaves are worked out in one go


class Departures:
    """Takes sessions out of all rooms, in the order they ended, until the store has it."""

    def __init__(self, chat: ChatService, tasks: Tasks) -> None:
        self._chat = chat
        self._tasks = tasks
        self._ended: dict[tuple[SipUri, str], None] = {}  # no more than the store let join
        self._under_way = False

    def add(self, user: SipUri, session: str) -> None:
        """Take a session out of its rooms, those it is just joining included."""
        if not self._chat.is_anywhere(user, session):
            return
        self._ended[user, session] = None
        if not self._under_way:
            self._under_way = True
            self._tasks.insist(self._part, "taking sessions out of their rooms")

    async def _part(self) -> Refusal | None:
        while some := tuple(islice(self._ended, _TOGETHER)):
            try:
                if refusal := await self._chat.part_all(some):
                    return refusal  # and called again
                gone = [one for one in some if not self._chat.is_anywhere(*one)]
            except Exception:
                _log.exception("%d sessions were not taken out of their rooms", len(some))
                gone = list(some)
            for one in gone:
                del self._ended[one]
        self._under_way = False
        return None
