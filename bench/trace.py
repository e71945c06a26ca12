"""What seeing the wire costs: nothing to speak of while nobody looks."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs import INFO
from perchat.net.connection import Connection, ConnectionSettings
from perchat.net.tracefile import TraceFile
from perchat.sip.parser import StreamParser
from perchat.sip.useragent import UserAgentSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from perchat.net.trace import Tracer
    from perchat.sip.events import Event

OFF = "trace: off"
ON = "trace: to a file"


class _Nobody:
    """An owner that does nothing."""

    def connection_made(self, connection: Connection) -> None:
        del connection

    def events_received(self, events: Sequence[Event]) -> None:
        del events

    def connection_lost(self, error: Exception | None) -> None:
        del error


def stations(stack: ExitStack) -> dict[str, Callable[[], object]]:
    """Return what one message costs, with the trace off and into a file."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    file = TraceFile(Path(folder) / "trace")
    stack.callback(file.close)
    return {OFF: asyncio.run(one_message(None)), ON: asyncio.run(one_message(file))}


async def one_message(tracer: Tracer | None) -> Callable[[], object]:
    """Return what a connection does about the trace for one message."""
    (message,) = StreamParser().feed(INFO)
    connection = Connection(
        _Nobody(),
        agent=lambda via: UserAgentSettings(via=via),
        settings=ConnectionSettings(tracer=tracer),
    )
    return lambda: connection._trace("in", message)  # type: ignore[arg-type]  # noqa: SLF001
