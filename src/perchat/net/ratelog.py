"""Log what strangers can cause, without letting them fill the disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["RateLimitedLog"]

_BETWEEN = 10.0  # seconds from one line of a kind to the next


class RateLimitedLog:
    """
    Write lines of one kind at most every so many seconds, with the number of those left out.

    Kinds are words of the source, so they are few.
    """

    def __init__(
        self,
        log: logging.Logger,
        between: float = _BETWEEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._between = between
        self._clock = clock
        self._kinds: dict[str, tuple[float, int]] = {}

    def write(self, level: int, kind: str, message: str, *values: object) -> None:
        """Write a line, or count it."""
        now = self._clock()
        due, left_out = self._kinds.get(kind, (now, 0))
        if now < due:
            self._kinds[kind] = (due, left_out + 1)
            return
        self._kinds[kind] = (now + self._between, 0)
        if left_out:
            message, values = f"{message} (and %d such lines before this one)", (*values, left_out)
        self._log.log(level, message, *values)
