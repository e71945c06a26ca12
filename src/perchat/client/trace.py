"""
Traces read back: the records of a file, in order, filtered, as they were written or followed.

What writes them is ``trace=`` on a platform, ``--trace`` on the command line, or
``tracing_to`` for all connections of a process.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perchat.errors import ConfigurationError
from perchat.net.tracefile import previous, tracing_to
from perchat.net.traceview import has_document, render, without_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from perchat.net.trace import Record

__all__ = [
    "TraceFilter",
    "follow_trace",
    "read_trace",
    "render",
    "tracing_to",
    "without_text",
]

_POLL = 0.2  # seconds
_FIELDS = ("at", "connection", "direction", "local", "peer", "tls")
_MESSAGE = ("transaction", "call", "start", "headers", "body")


@dataclass(slots=True)
class TraceFilter:
    """
    Picks records.

    Attributes:
        call: The beginning of a Call-ID; empty for all.
        user: ``name`` or ``name@domain`` in From or To; empty for all.
        documents: Whether only messages with documents of the chat service are wanted.

    """

    call: str = ""
    user: str = ""
    documents: bool = False
    _connections: set[str] = field(default_factory=set)

    def wants(self, record: Record) -> bool:
        """Tell whether a record is wanted; notes belong to the connections of those that are."""
        if "note" in record:
            picky = self.call or self.user or self.documents
            return not picky or record["connection"] in self._connections
        if not record["call"].startswith(self.call) or not self._is_of_user(record):
            return False
        self._connections.add(record["connection"])
        return has_document(record) or not self.documents

    def _is_of_user(self, record: Record) -> bool:
        if not self.user:
            return True
        name = self.user.lower().removeprefix("sip:")
        wanted = f"sip:{name}" if "@" in name else f"sip:{name}@"
        ends = [value.lower() for key, value in record["headers"] if key.lower() in ("from", "to")]
        return any(wanted in end for end in ends)


def read_trace(path: Path) -> Iterator[Record]:
    """
    Yield the records of a trace, its older half first.

    Raises:
        ConfigurationError: There is no such file, or it is no trace.

    """
    for file in (previous(path), path):
        if file == path or file.exists():
            with _opened(file) as lines:
                yield from _records(file, lines)


def follow_trace(path: Path, *, poll: float = _POLL) -> Iterator[Record]:
    """Yield what is in the newest file, then what is added, for ever; also across rotations."""
    while True:
        with _opened(path) as lines:
            yield from _growing(path, lines, poll)


def _growing(path: Path, lines: TextIO, poll: float) -> Iterator[Record]:
    yield from _records(path, lines)
    while True:
        time.sleep(poll)
        current = path.exists() and path.stat().st_ino == os.fstat(lines.fileno()).st_ino
        yield from _records(path, lines)  # what came before it was turned over, too
        if not current and path.exists():
            return


def _opened(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error


def _records(path: Path, lines: TextIO) -> Iterator[Record]:
    at = lines.tell()
    while (line := lines.readline()).endswith("\n"):
        at = lines.tell()
        yield _record(path, line)
    lines.seek(at)  # the last line may still be being written


def _record(path: Path, line: str) -> Record:
    try:
        record = json.loads(line)
        needed = _FIELDS if "note" in record else _FIELDS + _MESSAGE
        if all(name in record for name in needed):
            return dict(record)
    except (ValueError, TypeError):
        pass
    raise ConfigurationError(f"{path} is no trace: {line[:40].rstrip()!r}")
