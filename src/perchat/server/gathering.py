"""
What comings and goings are told of together: one write a session, not one a notice.

When a morning begins the journal brings hundreds of arrivals at a time, and whoever is in
twenty rooms is to be told of several. Their notices are gathered while such a batch is
applied and leave at its end; whatever else a session is sent meanwhile leaves behind
what was gathered for it, so that it hears everything in the order of the journal.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from perchat.chat.turns import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.server.session import ChatSession

__all__ = ["Gathering"]

_log = logging.getLogger(__name__)
_TOGETHER = 32  # notices that one session is told at a time; its window holds more


class Gathering:
    """The notices of one batch that have not left, by session."""

    def __init__(self) -> None:
        self._sessions: dict[ChatSession, None] = {}

    def put(self, sessions: Sequence[ChatSession], end_for: Callable[[ChatSession], bytes]) -> None:
        """Have sessions told what ``end_for`` returns, with what else is gathered for them."""
        for session in sessions:
            if session.outbox.gather(end_for(session)) >= _TOGETHER:
                _tell(session)
            else:
                self._sessions[session] = None

    async def tell(self) -> None:
        """Let all leave that was gathered."""
        sessions, self._sessions = self._sessions, {}
        async for session in patiently(sessions):
            _tell(session)


def _tell(session: ChatSession) -> None:
    try:
        if ends := session.outbox.gathered():
            session.tell(ends)
    except Exception:
        _log.exception("session %s was not told who came and went", session.id)
