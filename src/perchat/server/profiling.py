"""
Where a running server's time goes, by looking at it: ``perchat serve --profile``.

Whenever the process has worked for some milliseconds the kernel sends a signal, and the
stack that is then at work is counted. That costs a per cent or two; a profiler that
follows every call makes the server half as fast and short functions look dear. A thread
that looks at the others would only ever get to look when they let go of the interpreter,
and so see little but system calls.
"""

from __future__ import annotations

import contextlib
import logging
import signal
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
_INTERVAL = 0.005  # seconds of work between looks, of all threads together
_WORKED = 0.5  # of the interval that a thread has to have worked, to be the one
_DEEPEST = 120  # frames that are kept of a stack
_STACKS = 50_000  # different ones that are kept; the others are counted together
_OTHERS = "(other stacks)"


class Sampler:
    """
    Looks from entering to leaving, in the main thread, then writes what it saw.

    The file has a line for each different stack, outermost frame first, and how often it
    was seen: the folded form that flame graphs are made from.

    Args:
        file: Is written at the end, anew.
        interval: Seconds of work between looks.

    Raises:
        ConfigurationError: The file cannot be written; at once, not at the end.

    """

    def __init__(self, file: Path, *, interval: float = _INTERVAL) -> None:
        self._file = file
        self._interval = interval
        self._stacks: Counter[str] = Counter()
        self._spent: dict[int, float] = {}
        self._write("")

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._look)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, self._interval, self._interval)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        lines = (f"{stack} {count}\n" for stack, count in sorted(self._stacks.items()))
        with contextlib.suppress(ConfigurationError):  # the server's own end matters more
            self._write("".join(lines))
        looks, stacks = sum(self._stacks.values()), len(self._stacks)
        _log.info("profile: %d looks, %d stacks in %s", looks, stacks, self._file)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        frames = {**sys._current_frames(), threading.get_ident(): frame}  # noqa: SLF001 - public
        for thread in threading.enumerate():
            if thread.ident in frames and self._has_worked(thread.ident):
                self._count(f"{thread.name};{_folded(frames[thread.ident])}")

    def _has_worked(self, ident: int) -> bool:
        try:
            spent = time.clock_gettime(time.pthread_getcpuclockid(ident))
        except OSError:  # it has just ended
            return False
        before, self._spent[ident] = self._spent.get(ident, 0.0), spent
        return spent - before >= self._interval * _WORKED

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
