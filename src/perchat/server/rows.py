"""
How the rows of the table of commands are made, and how long an answer may get.

Most commands ask the service one thing and reply with what it returns; such a row
is a kind of data and a question. What the data cannot be read as, what the service
refuses and what is too long for one body is dealt with here, once.
"""

from __future__ import annotations

import logging
from asyncio import to_thread
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from perchat.chat.refusal import Refusal, may_change
from perchat.errors import ErrorCode
from perchat.sip.lane import framed
from perchat.xccos.primitives import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from perchat.server.session import ChatSession
    from perchat.xccos.blocks import Data
    from perchat.xccos.primitives import Command

__all__ = [
    "ANSWER_LIMIT",
    "PAGE_LIMIT",
    "Handler",
    "Listing",
    "Row",
    "answering",
    "invalid",
    "refuse_saying",
    "reading_on",
    "fitting",
]

T = TypeVar("T")
_log = logging.getLogger(__name__)

PAGE_LIMIT = 61_440
"""Bytes of a body with a list of which the rest can be asked for: it shares the connection."""

ANSWER_LIMIT = 786_432
"""Bytes of any other list: clients read bodies of a megabyte."""

_LONG = 250
"""Items that are written on the spot; more of them beside the event loop."""


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
        at_once: Whether it awaits nothing: its reply leaves with the 200 then.

    """

    handle: Handler
    enters_service: bool = True
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """
    An answer that is cut where it gets too long.

    Attributes:
        make: Makes the data of what is left, and whether something was cut off.
        limit: Bytes of the body.

    """

    items: Sequence[T]
    make: Callable[[Sequence[T], bool], Data]
    limit: int = ANSWER_LIMIT


def invalid(session: ChatSession, envid: str, command: Command) -> None:
    """Refuse a command whose data is of no use."""
    session.reply(Reply.refusing(command, envid, ErrorCode.INVALID_ARGUMENT))


def answering(
    kind: type[T], ask: Callable[[ChatSession, T], Awaitable[Refusal | Data | Listing[Any]]]
) -> Handler:
    """Return what replies to commands with data of a kind by what ``ask`` returns."""

    async def handle(session: ChatSession, envid: str, command: Command) -> None:
        if not isinstance(command.data, kind):
            return invalid(session, envid, command)
        found = await reading_on(session, partial(ask, session, command.data))
        if isinstance(found, Refusal):
            session.reply(Reply.refusing(command, envid, found.code))
        elif isinstance(found, Listing):
            session.outbox.put(framed(await fitting(session, envid, command, found)))
        else:
            session.reply(Reply.to(command, envid, found))
        return None

    return handle


async def reading_on(session: ChatSession, ask: Callable[[], Awaitable[T]]) -> T:
    """
    Return the answer to a question; one that found nothing is asked again by the newest journal.

    Another process may have made what is asked for a moment ago. A refused command changed
    nothing, so it can be carried out again.
    """
    found = await ask()
    if _is_miss(found) and await session.services.fanout.read_on():
        found = await ask()
    return found


def _is_miss(found: object) -> bool:
    if isinstance(found, Refusal):
        return may_change(found)
    return isinstance(found, Listing) and not found.items


def refuse_saying(
    session: ChatSession, envid: str, command: Command, refusal: Refusal, data: Data
) -> None:
    """Refuse a command with data that say why; log that somebody tried what he was not granted."""
    if refusal.code is ErrorCode.ERROR_PERMISSION:
        session.services.denied.write(
            _log,
            logging.WARNING,
            command.name,
            "session %s of %s: cmd:%s was denied: %s",
            *(session.id, session.user.uri, command.name, refusal.text),
        )
    session.reply(Reply.refusing(command, envid, refusal.code, data=data))


async def fitting(session: ChatSession, envid: str, command: Command, found: Listing[Any]) -> bytes:
    """Return a reply with as much of a list as fits; of a long one some is written first."""

    def written(items: Sequence[Any], *, cut: bool) -> bytes:
        return session.encode(Reply.to(command, envid, found.make(items, cut)))

    items, cut = found.items, False
    if len(items) > _LONG:
        most = 1 + _LONG * found.limit // len(written(items[:_LONG], cut=False))
        items, cut = items[:most], len(items) > most
    while True:
        short = len(items) <= _LONG
        body = written(items, cut=cut) if short else await to_thread(written, items, cut=cut)
        if len(body) <= found.limit or len(items) <= 1:
            return body
        items, cut = items[: max(1, len(items) * found.limit // len(body))], True
