"""What a server holds that nobody talks to, and how long it takes to be there."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from bench.peers.ours import DOMAIN, make_server
from tests.peers.server import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = 1000
ROOMS = 20_000  # of five members each


def figures() -> Iterator[Figure]:
    """Start a server with one room, and one with many, and read what the kernel says of them."""
    for rooms, wanted in ((0, 100), (ROOMS, None)):
        with tempfile.TemporaryDirectory() as folder:
            yield from _served(Path(folder) / "data", rooms, wanted)


def _served(folder: Path, rooms: int, wanted: float | None) -> Iterator[Figure]:
    asyncio.run(make_server(folder, trust=False, users=USERS if rooms else 1, rooms=rooms))
    of_many = f", {rooms} rooms" if rooms else ""
    begun = time.perf_counter()
    server = Installation(folder, DOMAIN).serve()
    try:
        yield Figure(f"start{of_many}", time.perf_counter() - begun, "s")
        yield Figure(f"idle perchat serve{of_many}", resident(server.process.pid), "MB", wanted)
    finally:
        server.stop()


def resident(process: int) -> float:
    """Return the megabytes a process holds."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"no VmRSS for {process}")
