"""Posting: from what somebody typed to a fact."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from perchat.chat import rules
from perchat.chat.refusal import Refusal, refuse
from perchat.errors import ErrorCode
from perchat.model.journal import MessagePosted
from perchat.model.message import CLIENT_ID_LIMIT, Message, check_content
from perchat.model.plaintext import with_line_feeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.chat.desk import Desk
    from perchat.chat.settings import ChatSettings
    from perchat.chat.state import RoomState
    from perchat.model.journal import JournalEntry
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["Messages", "refusal_of_text"]

STORY_MARK = "[STORY]"
"""What the text of a story begins with."""

_NOT_YET = datetime.fromtimestamp(0, UTC)


class Messages:
    """Takes messages in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def post(  # each is part of a message
        self,
        told: Callable[[Refusal | JournalEntry], None],
        user: SipUri,
        session: str,
        room: RoomUri,
        text: str,
        *,
        alert: bool = False,
        rtf: str | None = None,
        client_id: str = "",
    ) -> None:
        """See ChatService.post."""
        found = self._place(user, session, room)
        if isinstance(found, Refusal):
            told(found)
            return
        text, rtf = with_line_feeds(text), None if rtf is None else with_line_feeds(rtf)
        if refusal := self._refusal_of(text, rtf, client_id):
            told(refusal)
            return
        message = Message(
            id=0,
            timestamp=_NOT_YET,
            author=user,
            room_uri=found.room.uri,
            text=text,
            author_name=self._desk.state.users[user].display_name,
            rtf=rtf,
            is_alert=alert,
            client_id=client_id,
        )
        kept = self._desk.category(found).keeps_history
        self._desk.append_then(partial(_tell, told), MessagePosted(message, kept))

    def _place(self, user: SipUri, session: str, room: RoomUri) -> Refusal | RoomState:
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        place, granted = found
        joined = self._desk.state.is_joined(room, user, session)
        code = rules.refusal_to_post(place.room, granted, joined=joined)
        return place if code is None else refuse(code)

    def _refusal_of(self, text: str, rtf: str | None, client_id: str) -> Refusal | None:
        if len(client_id) > CLIENT_ID_LIMIT:
            return Refusal(ErrorCode.INVALID_ARGUMENT, "the id of the post is too long")
        return refusal_of_text(text, rtf, self._desk.settings)


def _tell(
    told: Callable[[Refusal | JournalEntry], None], outcome: Refusal | list[JournalEntry]
) -> None:
    told(outcome if isinstance(outcome, Refusal) else outcome[0])


def refusal_of_text(text: str, rtf: str | None, settings: ChatSettings) -> Refusal | None:
    """Return what is wrong with a text and its twin in RTF, None when nothing is."""
    if not text.strip():
        return Refusal(ErrorCode.INVALID_ARGUMENT, "a message needs text")
    story = text.startswith(STORY_MARK)
    limit = settings.story_size_limit if story else settings.message_size_limit
    too_long = _too_long(text, limit) or (rtf and _too_long(rtf, settings.story_size_limit))
    return too_long or _unsayable(text, rtf)


def _unsayable(text: str, rtf: str | None) -> Refusal | None:
    try:
        check_content(text, rtf)
    except ValueError as error:
        return Refusal(ErrorCode.INVALID_ARGUMENT, str(error))
    return None


def _too_long(text: str, limit: int) -> Refusal | None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size <= limit:
        return None
    return Refusal(ErrorCode.LIMIT_EXCEEDED, f"{size} bytes, but {limit} are the most")
