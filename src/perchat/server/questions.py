"""Questions about history, under whichever name they come; see the rows in ``commands``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.model.history import HistoryQuery, HistoryResult
from perchat.server.rows import reading_on
from perchat.xccos.blocks import Histories, HistorySearch
from perchat.xccos.primitives import Reply

if TYPE_CHECKING:
    from perchat.model.uri import RoomUri
    from perchat.server.session import ChatSession
    from perchat.xccos.primitives import Command

__all__ = ["answer_question"]


async def answer_question(session: ChatSession, envid: str, command: Command) -> None:
    """Answer with what was said in each room, or why not."""
    search = command.data
    if not isinstance(search, HistorySearch):
        session.reply(Reply.refusing(command, envid, ErrorCode.INVALID_ARGUMENT))
        return
    found = await reading_on(session, partial(_found, session, search))
    if isinstance(found, Refusal):
        session.reply(Reply.refusing(command, envid, found.code))
    else:
        session.reply(Reply.to(command, envid, Histories(tuple(found))))


async def _found(session: ChatSession, search: HistorySearch) -> Refusal | list[HistoryResult]:
    query = search.query
    following = HistoryQuery(after_id=query.after_id or 0, limit=query.limit)
    if len(search.rooms) == 1 and query == following:
        return await _following(session, search.rooms[0], query)
    return await session.services.chat.query(session.user.uri, search.rooms, query)


async def _following(
    session: ChatSession, room: RoomUri, query: HistoryQuery
) -> Refusal | list[HistoryResult]:
    """Return what a client missed: as much as it can read, uncounted, since it will ask on."""
    chat = session.services.chat
    limit = query.limit or chat.settings.history_limit
    result = await chat.after(session.user.uri, room, query.after_id or 0, limit)
    if isinstance(result, Refusal):
        return result
    found, more = result
    name = next((message.room_name for message in found), "")
    return [HistoryResult(room, name, tuple(found), truncated=more)]
