"""
Where a running server's time goes, by looking at it: ``perchat serve --profile``.

A thread looks at the stack of every other thread some hundred times a second and counts
what it sees. That costs a few per cent, while a profiler that follows every call makes
the server half as fast and short functions look dear. A thread that waits is not counted.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

__all__ = ["Sampler"]

_log = logging.getLogger(__name__)
_INTERVAL = 0.005  # seconds between looks
_RUNNING = 0.1  # of the interval that a thread has to have worked, to count as running
_DEEPEST = 120  # frames that are kept of a stack
_STACKS = 50_000  # different ones that are kept; the others are counted together
_OTHERS = "(other stacks)"
_WAITING = frozenset({("selectors", "select")})


class Sampler:
    """
    Looks at all threads from entering to leaving, then writes what it saw.

    The file has a line for each different stack, outermost frame first, and how often it
    was seen: the folded form that flame graphs are made from.

    Args:
        file: Is written at the end, anew.
        interval: Seconds between looks.

    Raises:
        ConfigurationError: The file cannot be written; at once, not at the end.

    """

    def __init__(self, file: Path, *, interval: float = _INTERVAL) -> None:
        self._file = file
        self._interval = interval
        self._stacks: Counter[str] = Counter()
        self._looks = 0
        self._spent: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perchat-profile", daemon=True)
        self._write("")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        lines = (f"{stack} {count}\n" for stack, count in sorted(self._stacks.items()))
        with contextlib.suppress(ConfigurationError):  # the server's own end matters more
            self._write("".join(lines))
        _log.info("profile: %d looks, %d stacks in %s", self._looks, len(self._stacks), self._file)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            self._look()

    def _look(self) -> None:
        self._looks += 1
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():  # noqa: SLF001 - documented
            if ident in names and ident != self._thread.ident and self._runs(ident, frame):
                self._count(f"{names[ident]};{_folded(frame)}")

    def _runs(self, ident: int, frame: FrameType) -> bool:
        """Tell whether a thread has worked since the last look, and does."""
        try:
            spent = time.clock_gettime(time.pthread_getcpuclockid(ident))
        except OSError:  # it has just ended
            return False
        before, self._spent[ident] = self._spent.get(ident, spent), spent
        where = (frame.f_globals.get("__name__"), frame.f_code.co_name)
        return where not in _WAITING and spent - before >= self._interval * _RUNNING

    def _count(self, stack: str) -> None:
        if stack in self._stacks or len(self._stacks) < _STACKS:
            self._stacks[stack] += 1
        else:
            self._stacks[_OTHERS] += 1

    def _write(self, text: str) -> None:
        try:
            self._file.write_text(text, "utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write {self._file}: {error.strerror}") from error


def _folded(frame: FrameType | None) -> str:
    names: list[str] = []
    while frame is not None and len(names) < _DEEPEST:
        names.append(f"{frame.f_globals.get('__name__', '?')}:{frame.f_code.co_qualname}")
        frame = frame.f_back
    return ";".join(name.replace(";", ",").replace(" ", "_") for name in reversed(names))
