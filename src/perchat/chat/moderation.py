"""
What administrators do with what was said: replace messages, or take them away.

It is done after the fact, as in the original: whoever was in the room has read them.
Histories and searches do not have them any more; the first texts stay with the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.chat.messages import refusal_of_text
from perchat.errors import CommandFailed
from perchat.model.history import HistoryQuery
from perchat.model.journal import MessagesModerated
from perchat.model.plaintext import with_line_feeds
from perchat.store.scan import scan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Sequence
    from datetime import datetime

    from perchat.chat.settings import ChatSettings
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.chatroom import Room
    from perchat.model.message import Message, ModeratedMessage
    from perchat.store.base import Store

__all__ = ["REPLACEMENT", "Moderation"]

REPLACEMENT = "An administrator took this message back."
"""What replaced messages say where nothing else is given."""

_AT_ONCE = 1000
"""Messages that are looked at, or changed, in one go."""


class Moderation:
    """
    Moderates the rooms of one open store.

    Messages are named by a question, as those about history, whose limit and place count
    for nothing; ``ids``, if there are any, narrow it down to these.
    """

    def __init__(
        self, store: Store, settings: ChatSettings, *, wakeup: Wakeup | None = None
    ) -> None:
        """Take ``wakeup``, which tells a server in the same process at once."""
        self._store = store
        self._settings = settings
        self._wakeup = wakeup

    async def find(
        self, room: Room, query: HistoryQuery, ids: Collection[int] = ()
    ) -> AsyncIterator[Message]:
        """Yield the messages that are meant, oldest first."""
        asked, after = _without_place(query), 0
        while page := await self._store.history_after(room.uri, after, _AT_ONCE):
            for message in scan(room, page, asked, _AT_ONCE).messages:
                if not ids or message.id in ids:
                    yield message
            after = page[-1].id

    async def remove(
        self, room: Room, query: HistoryQuery, ids: Collection[int] = ()
    ) -> tuple[int, ...]:
        """Take messages away; return their ids."""
        return await self._moderate(room, query, ids, None)

    async def replace(
        self,
        room: Room,
        query: HistoryQuery,
        ids: Collection[int] = (),
        *,
        text: str = REPLACEMENT,
    ) -> tuple[int, ...]:
        """
        Let messages say something else; author, time and place stay. Return their ids.

        Raises:
            InvalidArgument: The text is empty.
            LimitExceeded: It is longer than a message may be.

        """
        text = with_line_feeds(text)
        if refusal := refusal_of_text(text, None, self._settings):
            raise CommandFailed.of(refusal.code, refusal.text)
        return await self._moderate(room, query, ids, text)

    async def purge(self, room: Room, until: datetime) -> int:
        """
        Forget for good what was said until then, that included; return how many messages.

        What was replaced or taken away before goes with it.
        """
        ids = [one.id async for one in self.find(room, HistoryQuery(until=until))]
        kept = await self._store.originals(room.uri)
        gone = {one.original.id for one in kept if one.original.timestamp <= until}
        for some in _batches(sorted({*ids, *gone})):
            await self._store.append(MessagesModerated(room.uri, some, originals=False))
        self._tell()
        return len(ids)

    async def originals(self, room: Room) -> Sequence[ModeratedMessage]:
        """Return what was moderated in a room, as it was posted, oldest first."""
        return await self._store.originals(room.uri)

    async def _moderate(
        self, room: Room, query: HistoryQuery, ids: Collection[int], text: str | None
    ) -> tuple[int, ...]:
        meant = [message.id async for message in self.find(room, query, ids)]
        done: list[int] = []
        for some in _batches(meant):
            (entry,) = await self._store.append(MessagesModerated(room.uri, some, text))
            assert isinstance(entry.fact, MessagesModerated)
            done += entry.fact.messages
        self._tell()
        return tuple(done)

    def _tell(self) -> None:
        if self._wakeup is not None:
            self._wakeup.wake()


def _batches(ids: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return (tuple(ids[at : at + _AT_ONCE]) for at in range(0, len(ids), _AT_ONCE))


def _without_place(query: HistoryQuery) -> HistoryQuery:
    return HistoryQuery(
        query.text,
        match=query.match,
        case_sensitive=query.case_sensitive,
        authors=query.authors,
        since=query.since,
        until=query.until,
    )
