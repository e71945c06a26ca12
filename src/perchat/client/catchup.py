"""
A stream of messages that misses none: what went by while nobody was listening comes first.

It reads history when it has to and as fast as its reader does, so that neither a long
absence nor a slow reader costs memory or a message.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol, Self

from perchat.errors import CommandFailed, PerchatError, ServerFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from perchat.client.sequel import Sequel
    from perchat.model.history import HistoryResult
    from perchat.model.message import Message

__all__ = ["CatchUpStream", "HistorySource"]

_log = logging.getLogger("perchat.session")
_PAUSE = 1.0  # seconds, before a service that is in trouble is asked again


class HistorySource(Protocol):
    """Where the past comes from."""

    async def _page_after(self, message: int, limit: int) -> HistoryResult:
        """Return the messages after one; waits for a connection, PerchatError when it is over."""


class CatchUpStream:
    """
    An async iterator over a room's messages from one of them on; one task reads it at a time.

    Attributes:
        lost: Messages that went by and stand in no history.

    """

    def __init__(
        self,
        source: HistorySource,
        sequel: Sequel,
        wanted: Callable[[Message], bool],
        *,
        page: int = 100,
    ) -> None:
        self._source = source
        self._sequel = sequel
        self._wanted = wanted
        self._page = page
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def lost(self) -> int:
        """See the class."""
        return self._sequel.lost

    @property
    def is_behind(self) -> bool:
        """Whether history has to be read before the next live message."""
        return self._sequel.is_behind

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        while True:
            while (message := self._sequel.take()) is not None:
                if self._wanted(message):
                    return message
            if self._ended:
                raise StopAsyncIteration
            if self._sequel.is_behind:
                await self._read_on()
            else:
                await self._wait()

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
        """Stop listening and forget what is held; safe to repeat."""
        while self._sequel.take() is not None:
            pass
        self._end()

    # --- from the room ---

    def _hear(self, message: Message) -> None:
        """Take a message as it was said."""
        if not self._ended:
            self._sequel.hear(message)
            self._wake()

    def _lose_track(self) -> None:
        """Something may have been missed."""
        self._sequel.lose_track()
        self._wake()

    def _end(self) -> None:
        """Hear no more; the reader still gets what is ready."""
        self._ended = True
        self._wake()

    # --- inside ---

    async def _read_on(self) -> None:
        losses, last = self._sequel.losses, self._sequel.last or 0
        try:
            page = await self._source._page_after(last, self._page)
        except ServerFault as error:
            _log.warning("history cannot be read now: %s", error)
            await asyncio.sleep(_PAUSE)
        except CommandFailed as error:
            _log.warning("messages may be missing, history was refused: %s", error)
            self._sequel.read((), more=False, losses=losses)
        except PerchatError as error:
            _log.info("history ends here: %s", error)
            self._ended = True
        else:
            self._sequel.read(page.messages, more=page.truncated, losses=losses)

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
