"""
A trace in a file: one record a line, readable by its owner alone, never larger than agreed.

When the limit is reached the file becomes ``FILE.1`` and a new one begins, so the newest
is always there and at most twice the limit is used. Trouble with the file ends the trace,
not the connection.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perchat.net.trace import Seen

__all__ = ["TRACE_LIMIT", "TraceFile", "previous", "tracing_to"]

TRACE_LIMIT = 16 * 1024 * 1024  # bytes of one file; there are two at most
_log = logging.getLogger("perchat.net")
_wire = logging.getLogger("perchat.wire")
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


def previous(path: Path) -> Path:
    """Return where the older half of a trace is."""
    return path.with_name(f"{path.name}.1")


class TraceFile:
    """
    Takes what is seen on the wire and appends it to a file.

    Raises:
        ConfigurationError: The file cannot be written, or is something else than a trace.

    """

    def __init__(self, path: Path, *, limit: int = TRACE_LIMIT) -> None:
        self.path = path
        self._limit = limit
        self._size = 0
        self._file: int | None = None
        try:
            self._open()
        except OSError as error:
            raise ConfigurationError(f"cannot trace to {path}: {error.strerror}") from error

    def __call__(self, seen: Seen) -> None:
        """Write one record."""
        if self._file is None:
            return
        line = json.dumps(seen.record(), ensure_ascii=False, separators=(",", ":"))
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        try:
            if self._size and self._size + len(data) > self._limit:
                self._rotate()
            os.write(self._file, data)
            self._size += len(data)
        except OSError as error:
            _log.error("the trace to %s ends: %s", self.path, error.strerror)
            self.close()

    def close(self) -> None:
        """Write nothing more; may be repeated."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _open(self) -> None:
        file = os.open(self.path, _FLAGS, 0o600)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode) or os.pread(file, 1, 0) not in (b"", b"{"):
                raise ConfigurationError(f"{self.path} is there and is not a trace: name another")
            if status.st_mode & 0o077:
                os.fchmod(file, 0o600)
        except BaseException:
            os.close(file)
            raise
        self._file, self._size = file, status.st_size

    def _rotate(self) -> None:
        self.close()
        with suppress(FileNotFoundError):
            self.path.replace(previous(self.path))
        self._open()


class _Handler(logging.Handler):
    """Hands what the wire's logger is told to a tracer."""

    def __init__(self, file: TraceFile) -> None:
        super().__init__()
        self._tracer = file

    def emit(self, record: logging.LogRecord) -> None:
        seen: Seen | None = getattr(record, "seen", None)
        if seen is not None:
            self._tracer(seen)


@contextmanager
def tracing_to(path: Path, *, limit: int = TRACE_LIMIT) -> Iterator[None]:
    """
    Trace every connection of this process for as long as the block.

    Raises:
        ConfigurationError: The file cannot be written, or is something else than a trace.

    """
    file = TraceFile(path, limit=limit)
    handler = _Handler(file)
    level, propagate = _wire.level, _wire.propagate
    _wire.addHandler(handler)
    _wire.propagate = propagate and _wire.isEnabledFor(logging.DEBUG)  # the log stays as it was
    _wire.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        _wire.removeHandler(handler)
        _wire.setLevel(level)
        _wire.propagate = propagate
        file.close()
