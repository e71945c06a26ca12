"""Looks at the server once a second, if it is on this machine and known by its process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError
from perchat.loadgen.procfs import read

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Look", "Watch"]

_INTERVAL = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Look:
    """
    The server at a moment.

    Attributes:
        at: Seconds of the machine's monotonic clock.
        cpu: Seconds of CPU since the first look, of all processes it was meanwhile.
        memory: Bytes.

    """

    at: float
    cpu: float
    memory: int


class Watch:
    """
    What the server used, look by look.

    Args:
        pid: Returns the server's process, which may change; None: it is not looked at.

    """

    def __init__(self, pid: Callable[[], int] | None) -> None:
        self._pid = pid
        self._now = 0
        self._base = 0.0
        self._last = Look(0.0, 0.0, 0)
        self.looks: list[Look] = []

    def look(self) -> Look | None:
        """Look now; None when the server is not known, or is gone at the moment."""
        if self._pid is None:
            return None
        pid = self._pid()
        try:
            reading = read(pid)
        except ConfigurationError:
            return None
        if pid != self._now:  # another process than before
            self._now = pid
            self._base = reading.cpu - self._last.cpu if not self.looks else -self._last.cpu
        cpu = reading.cpu - self._base
        self._last = Look(asyncio.get_running_loop().time(), cpu, reading.memory)
        self.looks.append(self._last)
        return self._last

    async def run(self) -> None:
        """Look until cancelled."""
        while self._pid is not None:
            self.look()
            await asyncio.sleep(_INTERVAL)
