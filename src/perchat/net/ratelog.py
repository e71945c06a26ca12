"""Log what strangers can cause, without letting them fill the disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["RateLimitedLog"]

_LINES = 5  # of one kind
_SECONDS = 10.0  # in so many


class RateLimitedLog:
    """
    Write so many lines of one kind in a span of time, with the number of those left out.

    Kinds are words of the source, so they are few.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, tuple[float, int]] = {}  # when its span ends, and how many came

    def write(
        self, log: logging.Logger, level: int, kind: str, message: str, *values: object
    ) -> None:
        """Write a line, or count it."""
        now = self._clock()
        end, count = self._kinds.get(kind, (now, 0))
        if now >= end:
            if count > _LINES:
                left_out = count - _LINES
                message, values = f"{message} (and %d such lines before it)", (*values, left_out)
            end, count = now + _SECONDS, 0
        self._kinds[kind] = (end, count + 1)
        if count < _LINES:
            log.log(level, message, *values)
