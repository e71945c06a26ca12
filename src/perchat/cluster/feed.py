"""
The journal as a follower sees it: every entry after a position, once and in order.

Woken at once by what this process appends, and polling slowly for what other
processes append.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from perchat.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.cluster.wakeup import Wakeup
    from perchat.model.journal import JournalEntry
    from perchat.store.base import Store

__all__ = ["Feed"]

_log = logging.getLogger(__name__)


class Feed:
    """
    Follows one store; any number of followers may share it.

    Args:
        poll: Seconds between looks for what other processes appended, and
            between attempts while the store cannot be read.
        pause: Seconds between questions for the newest position, at least.
        batch: Entries a follower is given at once, at most.

    """

    def __init__(
        self,
        store: Store,
        wakeup: Wakeup,
        *,
        poll: float = 0.25,
        pause: float = 0.02,
        batch: int = 1000,
    ) -> None:
        self._store = store
        self._wakeup = wakeup
        self._poll = poll
        self._pause = pause
        self._batch = batch
        self._looks = 0
        self._asked: asyncio.Task[int] | None = None
        self._ask_from = 0.0

    async def newest(self) -> int:
        """
        Return the newest position of the journal at a moment after the call.

        The store is asked once for all who want to know meanwhile, and not sooner than
        ``pause`` after it was asked before: many who ask cost no more than one who does.

        Raises:
            StorageError: As the store says.

        """
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_task(self._ask())
        return await asyncio.shield(self._asked)

    async def _ask(self) -> int:
        now = asyncio.get_running_loop().time
        if (wait := self._ask_from - now()) > 0:
            await asyncio.sleep(wait)
        self._ask_from = now() + self._pause
        self._asked = None  # whoever comes now wants to know more than this answer says
        return await self._store.position()

    def look(self) -> None:
        """Look at once for what other processes appended."""
        self._looks += 1
        self._wakeup.wake()

    async def follow(self, after: int) -> AsyncIterator[list[JournalEntry]]:
        """
        Yield the entries after a position as they come, never an empty batch, without end.

        The store is let know how far the follower got whenever it asks for more. A store that
        cannot be read is waited for.

        Raises:
            StorageError: Entries are missing: this is not the journal the position is from.

        """
        look_at, looks, now = 0.0, self._looks, asyncio.get_running_loop().time
        self._store.note_followed(after)
        while True:
            seen = self._wakeup.count
            if self._store.has_told(after) and now() < look_at and looks == self._looks:
                await self._wakeup.wait(seen, self._poll)  # others are looked for in a while
                continue
            look_at, looks = now() + self._poll, self._looks
            entries = await self._read(after)
            if entries:
                _check(entries, after)
                after = entries[-1].position
                yield entries
                self._store.note_followed(after)
            else:
                await self._wakeup.wait(seen, self._poll)

    async def _read(self, after: int) -> list[JournalEntry]:
        try:
            return await self._store.read(after, self._batch)
        except StorageError as error:
            _log.warning("journal not readable after %d, trying again: %s", after, error)
            return []


def _check(entries: list[JournalEntry], after: int) -> None:
    if entries[0].position != after + 1 or entries[-1].position != after + len(entries):
        raise StorageError(
            f"the journal has a gap after position {after}; was the database replaced? "
            "Restart the service."
        )
