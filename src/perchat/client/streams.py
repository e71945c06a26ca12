"""
Events for any number of readers, none of whom can hold up another.

A stream is subscribed when it is made, not when it is first awaited. It buffers a
bounded number of events and says what it does beyond that. The source knows its
streams weakly: one that nobody holds any more is gone.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from perchat.client.handlers import Handler
from perchat.errors import OperationFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["DEFAULT_BUFFER", "Broadcast", "EventStream", "Overflow"]

DEFAULT_BUFFER = 1000  # events
_log = logging.getLogger("perchat.chat")
_Event = TypeVar("_Event")
_Item = TypeVar("_Item")


class Overflow(Enum):
    """What a stream does when its reader is too slow."""

    DROP_OLDEST = "drop oldest"
    RAISE = "raise"


class EventStream(Generic[_Item]):
    """
    An async iterator over events from the moment it was made.

    It ends when its source does, after what is buffered has been read; ``close`` (or
    ``async with``) ends it at once. One task reads it at a time.

    Attributes:
        lost: How many events were dropped so far.

    """

    def __init__(
        self,
        *,
        limit: int = DEFAULT_BUFFER,
        overflow: Overflow = Overflow.DROP_OLDEST,
        marker: Callable[[int], _Item] | None = None,
    ) -> None:
        if limit < 1:
            raise ValueError(f"a stream buffers at least one event, not {limit}")
        self.lost = 0
        self._items: deque[_Item] = deque()
        self._limit = limit
        self._overflow = overflow
        self._marker = marker
        self._unmarked = 0
        self._failed = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _Item:
        while not self._ready():
            if self._ended:
                raise StopAsyncIteration
            await self._wait()
        return self._take()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and forget what is buffered; safe to repeat."""
        self._items.clear()
        self._unmarked = 0
        self._end()

    def _push(self, item: _Item) -> None:
        """Add an event (its source calls this)."""
        if self._ended:
            return
        if len(self._items) >= self._limit:
            self._drop()
        if not self._failed:
            self._items.append(item)
        self._wake()

    def _end(self) -> None:
        """Add no more; the reader still gets what is buffered (its source calls this)."""
        self._ended = True
        self._wake()

    def _drop(self) -> None:
        if not self.lost:
            _log.warning("a reader is too slow: more than %d events wait for it", self._limit)
        self.lost += 1
        if self._overflow is Overflow.RAISE:
            self._failed = True
            return
        self._items.popleft()
        self._unmarked += 1

    def _ready(self) -> bool:
        return bool(self._items) or self._failed

    def _take(self) -> _Item:
        if self._unmarked and self._marker is not None:
            count, self._unmarked = self._unmarked, 0
            return self._marker(count)
        if self._items:
            return self._items.popleft()
        self.close()
        self._failed = False
        raise OperationFailure("events were lost: the reader was too slow", reason="overflow")

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("another task reads this stream already")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Broadcast(Generic[_Event]):
    """The source of streams: each sees, from its own beginning, what it selects."""

    def __init__(self) -> None:
        self._readers: weakref.WeakKeyDictionary[EventStream[Any], Callable[[_Event], Any]]
        self._readers = weakref.WeakKeyDictionary()
        self._handlers: list[Handler[Any]] = []
        self._ended = False

    @property
    def is_wanted(self) -> bool:
        """Whether any stream or handler would be given an event."""
        return bool(self._handlers or self._readers)

    def stream(
        self,
        select: Callable[[_Event], _Item | None],
        *,
        limit: int = DEFAULT_BUFFER,
        overflow: Overflow = Overflow.DROP_OLDEST,
        marker: Callable[[int], _Item] | None = None,
    ) -> EventStream[_Item]:
        """Return a new stream of what ``select`` makes of events, None leaving one out."""
        stream: EventStream[_Item] = EventStream(limit=limit, overflow=overflow, marker=marker)
        if self._ended:
            stream._end()
        else:
            self._readers[stream] = select
        return stream

    def call(self, kind: type[_Item], handler: Callable[[_Item], object]) -> Callable[[], None]:
        """Have ``handler`` called with each event of a kind; return what takes it off again."""
        added = Handler(kind, handler)
        self._handlers.append(added)

        def take_off() -> None:
            added.close()
            if added in self._handlers:
                self._handlers.remove(added)

        return take_off

    def publish(self, event: _Event) -> None:
        """Give the event to every stream and handler that wants it."""
        for handler in tuple(self._handlers):
            handler.offer(event)
        for stream, select in list(self._readers.items()):
            item = select(event)
            if item is not None:
                stream._push(item)

    def end_streams(self) -> None:
        """End the streams there are; new ones may be made."""
        for stream in list(self._readers):
            stream._end()
        self._readers.clear()

    def end(self) -> None:
        """End all streams, those made later too."""
        self._ended = True
        self.end_streams()
