"""
The commands a session can give: one row each.

A row says what carries a command out. What can be answered from memory is answered
on the spot; joins wait until the journal has come round to them (see ``fanout``), so
that nothing said after a join is missed and nothing before it is told twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.model.uri import SipUri
from perchat.server.questions import answer_question
from perchat.xccos.blocks import (
    History,
    InvitationQuery,
    Invitations,
    Joined,
    RecentQuery,
    RoomIds,
    RoomQuery,
    Rooms,
    RoomUris,
    ServerInfoQuery,
    ServerInfoReply,
    ServerUri,
)
from perchat.xccos.primitives import Reply

if TYPE_CHECKING:
    from perchat.server.session import ChatSession
    from perchat.xccos.primitives import Command

__all__ = ["COMMANDS", "Row", "row_of"]


class Handler(Protocol):
    """Carries one command out and replies to it."""

    async def __call__(self, session: ChatSession, envid: str, command: Command) -> None:
        """Do it."""


@dataclass(frozen=True, slots=True)
class Row:
    """
    How a command is carried out.

    Attributes:
        enters_service: Whether it makes the dialog a chat session; a look-up does not.

    """

    handle: Handler
    enters_service: bool = True


async def _requri(session: ChatSession, envid: str, command: Command) -> None:
    uri = SipUri(session.services.config.service_uri)
    session.reply(Reply.to(command, envid, ServerUri(uri)))


async def _getserverinfo(session: ChatSession, envid: str, command: Command) -> None:
    services = session.services
    info = services.chat.server_info(services.clock())
    asked = command.data.info_type if isinstance(command.data, ServerInfoQuery) else 123
    session.reply(Reply.to(command, envid, ServerInfoReply(info, asked)))


async def _join(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, RoomIds) or len(command.data.rooms) != 1:
        return _invalid(session, envid, command)
    arrival = await session.services.fanout.join(session, command.data.rooms)
    if refusal := next(iter(arrival.refused.values()), None):
        arrival.release(Reply.refusing(command, envid, refusal.code))
    else:
        arrival.release(Reply.to(command, envid, Joined(arrival.rooms)))
    return None


async def _bjoin(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, RoomIds):
        return _invalid(session, envid, command)
    arrival = await session.services.fanout.join(session, command.data.rooms)
    data = Joined(arrival.rooms, tuple(arrival.refused))
    arrival.release(Reply.to(command, envid, data))
    return None


async def _part(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, RoomUris):
        return _invalid(session, envid, command)
    for room in command.data.rooms:
        result = await session.services.chat.part(session.user.uri, session.id, room)
        if isinstance(result, Refusal):
            session.reply(Reply.refusing(command, envid, result.code))
            return None
    session.reply(Reply.to(command, envid, RoomUris(command.data.rooms)))
    return None


async def _chansrch(session: ChatSession, envid: str, command: Command) -> None:
    query = command.data
    if not isinstance(query, RoomQuery) or query.kind != "BYNAME":
        return _invalid(session, envid, command)
    rooms = session.services.chat.search(
        session.user.uri,
        query.criteria,
        extended=query.extended,
        limit=query.max_results if query.max_results > 0 else None,
    )
    session.reply(Reply.to(command, envid, Rooms(tuple(rooms))))
    return None


async def _bccontext(session: ChatSession, envid: str, command: Command) -> None:
    query = command.data
    if not isinstance(query, RecentQuery):
        return _invalid(session, envid, command)
    chat = session.services.chat
    result = await chat.recent(session.user.uri, query.room, query.count)
    if isinstance(result, Refusal):
        session.reply(Reply.refusing(command, envid, result.code))
        return None
    name = next((message.room_name for message in result), "")
    session.reply(Reply.to(command, envid, History(query.room, name, tuple(result))))
    return None


async def _getinv(session: ChatSession, envid: str, command: Command) -> None:
    """Answer with none: no category of this version can have its members invited."""
    if not isinstance(command.data, InvitationQuery):
        return _invalid(session, envid, command)
    session.reply(Reply.to(command, envid, Invitations()))
    return None


def _invalid(session: ChatSession, envid: str, command: Command) -> None:
    session.reply(Reply.refusing(command, envid, ErrorCode.INVALID_ARGUMENT))


COMMANDS: dict[str, Row] = {
    "requri": Row(_requri, enters_service=False),
    "getserverinfo": Row(_getserverinfo, enters_service=False),
    "join": Row(_join),
    "bjoin": Row(_bjoin),
    "part": Row(_part),
    "chansrch": Row(_chansrch),
    "bccontext": Row(_bccontext),
    "bcbydate": Row(answer_question),
    "bcbymsg": Row(answer_question),
    "getinv": Row(_getinv),
}


def row_of(name: str) -> Row | None:
    """Return what carries a command out; all that begins with ``bc`` asks about history."""
    return COMMANDS.get(name) or (COMMANDS["bcbydate"] if name.startswith("bc") else None)
