"""
The commands a session can give: one row each.

A row says what carries a command out. What can be answered from memory is answered
on the spot; joins wait until the journal has come round to them (see ``fanout``), so
that nothing said after a join is missed and nothing before it is told twice.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from perchat.chat.refusal import Refusal
from perchat.model.uri import SipUri
from perchat.server.administering import ADMINISTERING
from perchat.server.browsing import BROWSING
from perchat.server.filing import FILING
from perchat.server.managing import MANAGING
from perchat.server.moderating import MODERATING
from perchat.server.questions import answer_question
from perchat.server.rows import Row, invalid, reading_on
from perchat.xccos.blocks import (
    History,
    Joined,
    RecentQuery,
    RoomIds,
    RoomUris,
    ServerInfoQuery,
    ServerInfoReply,
    ServerUri,
)
from perchat.xccos.primitives import Reply

if TYPE_CHECKING:
    from perchat.server.session import ChatSession
    from perchat.xccos.primitives import Command

__all__ = ["COMMANDS", "row_of"]


async def _requri(session: ChatSession, envid: str, command: Command) -> None:
    config, here = session.services.config, session.address
    uri = SipUri(here if here in config.chat.further_uris else config.service_uri)
    session.reply(Reply.to(command, envid, ServerUri(uri)))


async def _getserverinfo(session: ChatSession, envid: str, command: Command) -> None:
    services = session.services
    info = services.chat.server_info(services.clock())
    asked = command.data.info_type if isinstance(command.data, ServerInfoQuery) else 123
    session.reply(Reply.to(command, envid, ServerInfoReply(info, asked)))


async def _join(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, RoomIds) or len(command.data.rooms) != 1:
        return invalid(session, envid, command)
    arrival = await session.services.fanout.join(session, command.data.rooms)
    if refusal := next(iter(arrival.refused.values()), None):
        arrival.release(Reply.refusing(command, envid, refusal.code))
    else:
        arrival.release(Reply.to(command, envid, Joined(arrival.rooms)))
    return None


async def _bjoin(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, RoomIds):
        return invalid(session, envid, command)
    arrival = await session.services.fanout.join(session, command.data.rooms)
    data = Joined(arrival.rooms, tuple(arrival.refused))
    arrival.release(Reply.to(command, envid, data))
    return None


async def _part(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, RoomUris):
        return invalid(session, envid, command)
    for room in command.data.rooms:
        result = await session.services.chat.part(session.user.uri, session.id, room)
        if isinstance(result, Refusal):
            session.reply(Reply.refusing(command, envid, result.code))
            return None
    session.reply(Reply.to(command, envid, RoomUris(command.data.rooms)))
    return None


async def _bccontext(session: ChatSession, envid: str, command: Command) -> None:
    query = command.data
    if not isinstance(query, RecentQuery):
        return invalid(session, envid, command)
    chat = session.services.chat
    ask = partial(chat.recent, session.user.uri, query.room, query.count)
    result = await reading_on(session, ask)
    if isinstance(result, Refusal):
        session.reply(Reply.refusing(command, envid, result.code))
        return None
    name = next((message.room_name for message in result), "")
    session.reply(Reply.to(command, envid, History(query.room, name, tuple(result))))
    return None


COMMANDS: dict[str, Row] = {
    "requri": Row(_requri, enters_service=False, at_once=True),
    "getserverinfo": Row(_getserverinfo, enters_service=False, at_once=True),
    "join": Row(_join),
    "bjoin": Row(_bjoin),
    "part": Row(_part),
    "bccontext": Row(_bccontext),
    "bcbydate": Row(answer_question),
    "bcbymsg": Row(answer_question),
    **FILING,
    **BROWSING,
    **MANAGING,
    **MODERATING,
    **ADMINISTERING,
}


def row_of(name: str) -> Row | None:
    """Return what carries a command out; all that begins with ``bc`` asks about history."""
    return COMMANDS.get(name) or (COMMANDS["bcbydate"] if name.startswith("bc") else None)
