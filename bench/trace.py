"""What seeing the wire costs: nothing to speak of while nobody looks."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs import INFO
from bench.figure import Figure, microseconds
from perchat.net.connection import Connection, ConnectionSettings
from perchat.net.tracefile import TraceFile
from perchat.sip.parser import StreamParser
from perchat.sip.useragent import UserAgentSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perchat.net.trace import Tracer
    from perchat.sip.events import Event

OFF = 0.5  # us; a message costs some hundred


class _Nobody:
    """An owner that does nothing."""

    def connection_made(self, connection: Connection) -> None:
        del connection

    def events_received(self, events: Sequence[Event]) -> None:
        del events

    def connection_lost(self, error: Exception | None) -> None:
        del error


def figures() -> Iterator[Figure]:
    """Measure one message, with the trace off and into a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = TraceFile(Path(folder) / "trace")
        try:
            yield Figure("trace: off", microseconds(asyncio.run(one_message(None))), "us", OFF)
            yield Figure("trace: to a file", microseconds(asyncio.run(one_message(file))), "us")
        finally:
            file.close()


async def one_message(tracer: Tracer | None) -> Callable[[], object]:
    """Return what a connection does about the trace for one message."""
    (message,) = StreamParser().feed(INFO)
    connection = Connection(
        _Nobody(),
        agent=lambda via: UserAgentSettings(via=via),
        settings=ConnectionSettings(tracer=tracer),
    )
    return lambda: connection._trace("in", message)  # type: ignore[arg-type]  # noqa: SLF001
