"""
What administrators do with what was said: replace messages, or take them away.

It is done after the fact, as in the original: whoever was in the room has read them.
Histories and searches do not have them any more; the first texts stay with the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perchat.batching import batches
from perchat.chat.messages import refusal_of_text
from perchat.errors import CommandFailed
from perchat.model.administration import LOCAL
from perchat.model.history import HistoryQuery
from perchat.model.journal import Administered, MessagesModerated
from perchat.model.plaintext import with_line_feeds
from perchat.store.scan import scan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
    from datetime import datetime

    from perchat.chat.settings import ChatSettings
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.chatroom import Room
    from perchat.model.message import Message, ModeratedMessage
    from perchat.store.base import Store

__all__ = ["REPLACEMENT", "Moderation", "Step"]

REPLACEMENT = "An administrator took this message back."
"""What replaced messages say where nothing else is given."""


@dataclass(frozen=True, slots=True)
class Step:
    """
    A part of a longer work, done.

    Attributes:
        ids: Messages that it changed.
        after: The message that the next step begins behind; None when nothing is left.

    """

    ids: tuple[int, ...]
    after: int | None


class Moderation:
    """
    Moderates the rooms of one open store.

    Messages are named by a question, as those about history, whose limit and place count
    for nothing; ``ids``, if there are any, narrow it down to these. Long work is done in
    steps, each of them whole: what is cut short can be begun again.

    Args:
        wakeup: Tells a server in the same process at once.
        by: Who does it, for the journal; see Administered.

    """

    def __init__(
        self,
        store: Store,
        settings: ChatSettings,
        *,
        wakeup: Wakeup | None = None,
        by: str = LOCAL,
    ) -> None:
        self._store = store
        self._settings = settings
        self._wakeup = wakeup
        self._by = by

    async def find(
        self, room: Room, query: HistoryQuery, ids: Collection[int] = ()
    ) -> AsyncIterator[Message]:
        """Yield the messages that are meant, oldest first."""
        after: int | None = 0
        while after is not None:
            found, after = await self.find_step(room, query, ids, after)
            for message in found:
                yield message

    async def find_step(
        self, room: Room, query: HistoryQuery, ids: Collection[int] = (), after: int = 0
    ) -> tuple[Sequence[Message], int | None]:
        """Return the first of those behind a message, and behind which to go on, or None."""
        page, rest = await self._page(room, ids, after)
        return scan(room, page, _without_place(query), max(len(page), 1)).messages, rest

    async def unknown(self, room: Room, ids: Collection[int]) -> tuple[int, ...]:
        """Return the numbers of no message of a room, whether still there or moderated."""
        there, rest = set[int](), 0 if ids else None
        while rest is not None:
            page, rest = await self._page(room, ids, rest)
            there |= {message.id for message in page}
        if there.issuperset(ids):
            return ()
        there |= {one.original.id for one in await self._store.originals(room.uri)}
        return tuple(sorted(set(ids) - there))

    async def remove(
        self, room: Room, query: HistoryQuery, ids: Collection[int] = ()
    ) -> tuple[int, ...]:
        """Take messages away; return their ids."""
        return await _all_steps(partial(self.remove_step, room, query, ids))

    async def remove_step(
        self, room: Room, query: HistoryQuery, ids: Collection[int] = (), after: int = 0
    ) -> Step:
        """Take the first of those behind a message away."""
        found, rest = await self.find_step(room, query, ids, after)
        return Step(await self._moderate(room, found, None), rest)

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
        return await _all_steps(partial(self.replace_step, room, query, ids, text=text))

    async def replace_step(
        self,
        room: Room,
        query: HistoryQuery,
        ids: Collection[int] = (),
        after: int = 0,
        *,
        text: str = REPLACEMENT,
    ) -> Step:
        """Let the first of those behind a message say something else; raises as ``replace``."""
        text = with_line_feeds(text)
        if refusal := refusal_of_text(text, None, self._settings):
            raise CommandFailed.of(refusal.code, refusal.text)
        found, rest = await self.find_step(room, query, ids, after)
        return Step(await self._moderate(room, found, text), rest)

    async def purge(self, room: Room, until: datetime) -> int:
        """
        Forget for good what was said until then, that included; return how many messages.

        What was replaced or taken away before goes with it.
        """
        return len(await _all_steps(partial(self.purge_step, room, until)))

    async def purge_step(self, room: Room, until: datetime, after: int = 0) -> Step:
        """Forget the first of those behind a message; the last step forgets the originals too."""
        found, rest = await self.find_step(room, HistoryQuery(until=until), (), after)
        ids = [message.id for message in found]
        gone: set[int] = set()
        if rest is None:
            kept = await self._store.originals(room.uri)
            gone = {one.original.id for one in kept if one.original.timestamp <= until}
        for some in batches(sorted({*ids, *gone}), self._settings.moderation_batch):
            purged = MessagesModerated(room.uri, tuple(some), originals=False)
            await self._append("room purge", room, purged)
        return Step(tuple(ids), rest)

    async def originals(self, room: Room) -> Sequence[ModeratedMessage]:
        """Return what was moderated in a room, as it was posted, oldest first."""
        return await self._store.originals(room.uri)

    async def _moderate(
        self, room: Room, found: Sequence[Message], text: str | None
    ) -> tuple[int, ...]:
        if not found:
            return ()
        wanted = MessagesModerated(room.uri, tuple(message.id for message in found), text)
        done = await self._append("message rm" if text is None else "message replace", room, wanted)
        return done.messages

    async def _append(
        self, operation: str, room: Room, wanted: MessagesModerated
    ) -> MessagesModerated:
        done, _ = await self._store.append(wanted, Administered(self._by, operation, room.uri, 1))
        if self._wakeup is not None:
            self._wakeup.wake()
        assert isinstance(done.fact, MessagesModerated)
        return done.fact

    async def _page(
        self, room: Room, ids: Collection[int], after: int
    ) -> tuple[list[Message], int | None]:
        """Return some messages behind one, of those with ids if there are any, and the last."""
        most, history = self._settings.moderation_batch, self._store.history
        if not ids:
            page = await self._store.history_after(room.uri, after, most)
            return page, page[-1].id if page else None
        named = sorted({one for one in ids if one > after})
        some = named[:most]
        found = [await history(room.uri, last=1, before=one + 1, after=one - 1) for one in some]
        return [m for page in found for m in page], some[-1] if len(named) > most else None


async def _all_steps(step: Callable[..., Awaitable[Step]]) -> tuple[int, ...]:
    """Do one step after another, and return the messages that all of them changed."""
    ids: list[int] = []
    after: int | None = 0
    while after is not None:
        done = await step(after=after)
        ids += done.ids
        after = done.after
    return tuple(ids)


def _without_place(query: HistoryQuery) -> HistoryQuery:
    return HistoryQuery(
        query.text,
        match=query.match,
        case_sensitive=query.case_sensitive,
        authors=query.authors,
        since=query.since,
        until=query.until,
    )
