"""
The command by which moderators work from elsewhere: one step of a longer work each.

So no command keeps others waiting for long, and what is cut short is begun again where
it stopped; each step is done whole or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.moderation import REPLACEMENT
from perchat.chat.refusal import Refusal, refuse
from perchat.errors import CommandFailed, ErrorCode
from perchat.model.administration import AdministrativeRole
from perchat.server.rows import Listing, Row, fitting, invalid, refuse_saying
from perchat.sip.lane import framed
from perchat.xccos.administrative import ModerationAction, ModerationReply, ModerationRequest
from perchat.xccos.primitives import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perchat.chat.moderation import Moderation, Step
    from perchat.model.chatroom import Room
    from perchat.model.message import Message
    from perchat.model.uri import SipUri
    from perchat.server.session import ChatSession
    from perchat.xccos.primitives import Command

__all__ = ["MODERATING"]

_CHANGES = {ModerationAction.REMOVE, ModerationAction.REPLACE}


async def _moderate(session: ChatSession, envid: str, command: Command) -> None:
    if not isinstance(command.data, ModerationRequest):
        return invalid(session, envid, command)
    found = await _answer(session, command.data)
    if isinstance(found, Refusal):
        refuse_saying(session, envid, command, found, ModerationReply(why=found.text))
    elif isinstance(found, Listing):
        session.outbox.put(framed(await fitting(session, envid, command, found)))
    else:
        session.reply(Reply.to(command, envid, found))
    return None


async def _answer(
    session: ChatSession, asked: ModerationRequest
) -> Refusal | ModerationReply | Listing[Message]:
    services, user = session.services, session.user.uri
    room = _room(session, user, asked)
    if isinstance(room, Refusal):
        return room
    moderation = services.admin_for(user).moderation
    try:
        if asked.action is ModerationAction.FIND:
            return await _find(moderation, room, asked)
        done = await _do(moderation, room, asked)
    except CommandFailed as error:
        return Refusal(error.code, str(error))
    await services.fanout.read_on()  # what is asked next knows of it
    return done


def _room(session: ChatSession, user: SipUri, asked: ModerationRequest) -> Refusal | Room:
    """Return the room, if it is the caller's to moderate; others do not learn whether it is."""
    chat = session.services.chat
    held = [role for role in AdministrativeRole if role in chat.state.administrators.get(user, {})]
    if not held:
        return refuse(ErrorCode.ERROR_PERMISSION)
    if len(asked.ids) > (limit := chat.settings.administration_values):
        return Refusal(ErrorCode.LIMIT_EXCEEDED, f"one command names {limit} messages at most")
    place = chat.state.called(asked.room)
    if place is None:
        return refuse(ErrorCode.NO_SUCH_NODE)
    category = place.room.category
    if not any(chat.state.holds(user, role, category) for role in held):
        return refuse(ErrorCode.NO_SUCH_NODE)
    return place.room


async def _find(moderation: Moderation, room: Room, asked: ModerationRequest) -> Listing[Message]:
    found, rest = await moderation.find_step(room, asked.query, asked.ids, asked.after)

    def made(some: Sequence[Message], cut: bool) -> ModerationReply:
        return ModerationReply(messages=tuple(some), after=some[-1].id if cut else rest)

    return Listing(found, made)


async def _do(moderation: Moderation, room: Room, asked: ModerationRequest) -> ModerationReply:
    if asked.action is ModerationAction.ORIGINALS:
        return await _originals(moderation, room, asked)
    if asked.action is ModerationAction.PURGE:
        return _done(await _purge(moderation, room, asked))
    _check_meant(asked)
    if asked.ids and not asked.after and (unknown := await moderation.unknown(room, asked.ids)):
        raise _invalid(f"no such message: {', '.join(map(str, unknown[:10]))}")
    meant = (room, asked.query, asked.ids, asked.after)
    if asked.action is ModerationAction.REMOVE:
        return _done(await moderation.remove_step(*meant))
    text = REPLACEMENT if asked.text is None else asked.text
    return _done(await moderation.replace_step(*meant, text=text))


def _check_meant(asked: ModerationRequest) -> None:
    """Refuse a question that names nothing: it does not mean everything."""
    query = asked.query
    if not (asked.ids or query.text or query.authors or query.since or query.until):
        raise _invalid("name messages by number, words, author or date")


async def _purge(moderation: Moderation, room: Room, asked: ModerationRequest) -> Step:
    if asked.query.until is None:
        raise _invalid("say until when the room is to be cleared")
    return await moderation.purge_step(room, asked.query.until, asked.after)


async def _originals(
    moderation: Moderation, room: Room, asked: ModerationRequest
) -> ModerationReply:
    kept = [one for one in await moderation.originals(room) if one.original.id > asked.after]
    page = kept[:_ORIGINALS]
    more = len(kept) > len(page)
    return ModerationReply(originals=tuple(page), after=page[-1].original.id if more else None)


_ORIGINALS = 50  # of one answer: a story may have 64 KB, and its RTF as much


def _done(step: Step) -> ModerationReply:
    return ModerationReply(step.ids, after=step.after)


def _invalid(why: str) -> CommandFailed:
    return CommandFailed.of(ErrorCode.INVALID_ARGUMENT, why)


MODERATING: Mapping[str, Row] = {"moderate": Row(_moderate)}
