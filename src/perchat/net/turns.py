"""
What the connections of one loop share: a buffer to read into, and their turns to write.

Most of what a message to one of a thousand costs is the kernel's: it copies, routes and
wakes the reader while Python waits. What many are sent in one turn of the loop is
gathered therefore, and a second thread writes half of it. Meanwhile the loop writes the
other half and waits: nothing of it blocks, and nothing else runs that could get in between.
"""

from __future__ import annotations

import logging
import os
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

__all__ = ["Turns", "Writer", "turns_of"]

_log = logging.getLogger("perchat.net")
_READ = 65536  # bytes at once
_GATHERED = 80  # letters that leave together: the first of them waits for the last
_SHARED = 32  # letters that are worth waking a thread for


class Writer(Protocol):
    """What has its turn to write."""

    @property
    def number(self) -> int:
        """What tells it from others, in the log."""

    @property
    def is_closing(self) -> bool:
        """Whether its socket may not be written to any more."""

    def flush(self) -> None:
        """Write what it has to say."""

    def abort(self, error: Exception | None = None) -> None:
        """End it."""

    def mailed(self, data: bytes, written: int) -> None:
        """Write the rest of a letter itself."""


class Turns:
    """
    What the connections of one loop share.

    Attributes:
        buffer: To read into: what is read is taken in the same call.

    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.buffer = memoryview(bytearray(_READ))
        self._loop = weakref.ref(loop)
        self._due: list[Writer] = []
        self._mail: dict[Writer, tuple[int, bytes]] = {}

    def flush_soon(self, writer: Writer) -> None:
        """Have somebody write what they have to say when this turn of the loop is over."""
        if not self._due and (loop := self._loop()) is not None:
            loop.call_soon(self._flush)
        self._due.append(writer)

    def mail(self, writer: Writer, fd: int, data: bytes) -> None:
        """Write one letter to a socket with nothing unsent, together with others' in this turn."""
        if not self._mail and (loop := self._loop()) is not None:
            loop.call_soon(self.deliver)
        self._mail[writer] = (fd, data)
        if len(self._mail) >= _GATHERED:
            self.deliver()

    def has_mail(self, writer: Writer) -> bool:
        """Whether a letter of somebody's was not written yet."""
        return writer in self._mail

    def deliver(self) -> None:
        """Write what was mailed."""
        gathered, self._mail = self._mail, {}
        # Who is closing has no socket of their own any more, soon.
        mail = {writer: one for writer, one in gathered.items() if not writer.is_closing}
        letters = tuple(mail.values())
        for (writer, (_, data)), written in zip(mail.items(), self._write(letters), strict=True):
            if written < len(data):
                writer.mailed(data, written)

    def _write(self, letters: Sequence[tuple[int, bytes]]) -> list[int]:
        if len(letters) < _SHARED or self._second is None:
            return _written(letters)
        half = len(letters) // 2
        rest = self._second.submit(_written, letters[half:])
        return _written(letters[:half]) + rest.result()

    @cached_property
    def _second(self) -> ThreadPoolExecutor | None:
        several = len(os.sched_getaffinity(0)) > 1
        return ThreadPoolExecutor(1, "perchat-second-writer") if several else None

    def _flush(self) -> None:
        due, self._due = self._due, []
        for writer in due:
            try:
                writer.flush()
            except Exception as error:  # ours, and of this connection alone
                _log.exception("connection %d: cannot write", writer.number)
                writer.abort(error)


def _written(letters: Sequence[tuple[int, bytes]]) -> list[int]:
    """Write to sockets; return how many bytes of each letter they took."""
    counts = []
    for fd, data in letters:
        try:
            counts.append(os.write(fd, data))
        except OSError:  # who writes the rest comes upon it too, and knows what to do
            counts.append(0)
    return counts


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop) -> Turns:
    """Return what the connections of a loop share."""
    if (turns := _turns.get(loop)) is None:
        turns = _turns[loop] = Turns(loop)
    return turns
