"""A TCP proxy between client and server that does to their bytes what bad lines do."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Way(Enum):
    """Where bytes go."""

    UP = "to the server"
    DOWN = "to the client"


class Deed(Enum):
    """What is done to them."""

    CUT = "cut"
    SWALLOW = "swallow"
    DOUBLE = "double"
    HALVE = "halve"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One thing that goes wrong on one connection.

    Attributes:
        after: How many bytes go through before.
        size: How much is doubled at once, or the longest piece when halving.

    """

    deed: Deed
    way: Way
    after: int = 0
    size: int = 64

    def __str__(self) -> str:
        return f"{self.deed.value} {self.way.value} after {self.after}"


@dataclass(slots=True)
class Line:
    """One connection through the proxy, and where its segments ended."""

    fault: Fault | None
    ends: dict[Way, list[int]] = field(default_factory=lambda: {Way.UP: [0], Way.DOWN: [0]})
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Cutter:
    """
    The proxy; the faults are used up by one connection each, later ones are sound.

    Attributes:
        lines: All connections so far.

    """

    def __init__(self, upstream: tuple[str, int], *faults: Fault) -> None:
        self.address = ("", 0)
        self.faults = list(faults)
        self.lines: list[Line] = []
        self.refusing = False
        self._upstream = upstream
        self._opened = asyncio.Event()

    def cut(self) -> None:
        """Cut every connection there is."""
        for line in self.lines:
            line.abort()

    async def opened(self, number: int) -> None:
        """Wait until so many connections have been opened in all."""
        while len(self.lines) < number:
            self._opened.clear()
            await self._opened.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        line = Line(self.faults.pop(0) if self.faults else None, writers=[writer])
        self.lines.append(line)
        self._opened.set()
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            line.abort()
            return
        line.writers.append(up_writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(_carry(line, Way.UP, reader, up_writer))
            group.create_task(_carry(line, Way.DOWN, up_reader, writer))


async def _carry(
    line: Line, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    fault = line.fault if line.fault is not None and line.fault.way is way else None
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            before = line.ends[way][-1]
            line.ends[way].append(before + len(data))
            if fault is None:
                writer.write(data)
                await writer.drain()
            elif not await _mistreat(line, fault, before, data, writer):
                return
    line.abort()


async def _mistreat(
    line: Line, fault: Fault, before: int, data: bytes, writer: asyncio.StreamWriter
) -> bool:
    """Carry on as the fault says; False when nothing is carried any more."""
    sound, rest = data[: max(fault.after - before, 0)], data[max(fault.after - before, 0) :]
    writer.write(sound)
    match fault.deed:
        case Deed.CUT if rest:
            await writer.drain()
            line.abort()
            return False
        case Deed.SWALLOW | Deed.CUT:
            pass
        case Deed.DOUBLE:
            first = before < fault.after + fault.size  # then the line is sound again
            writer.write(rest[: fault.size] + rest if first else rest)
        case Deed.HALVE | Deed.DELAY:
            await _piecemeal(fault, rest, writer)
    await writer.drain()
    return True


async def _piecemeal(fault: Fault, data: bytes, writer: asyncio.StreamWriter) -> None:
    size = fault.size if fault.deed is Deed.HALVE else len(data)
    for start in range(0, len(data), max(size, 1)):
        writer.write(data[start : start + size])
        await writer.drain()
        await asyncio.sleep(0 if fault.deed is Deed.HALVE else 0.02)


@contextlib.asynccontextmanager
async def cutter_up(upstream: str, *faults: Fault) -> AsyncIterator[Cutter]:
    """Run a proxy in front of ``host:port`` for as long as the block runs."""
    host, _, port = upstream.rpartition(":")
    cutter = Cutter((host, int(port)), *faults)
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    cutter.address = server.sockets[0].getsockname()[:2]
    try:
        yield cutter
    finally:
        server.close()
        cutter.cut()
        while any(not w.transport.is_closing() for line in cutter.lines for w in line.writers):
            await asyncio.sleep(0)
