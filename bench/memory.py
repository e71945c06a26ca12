"""What a server holds that nobody talks to."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure
from tests.peers.server import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator


def figures() -> Iterator[Figure]:
    """Start a server with one room and read what the kernel says it holds."""
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation.create(Path(folder) / "data")
        installation.add_user("alice")
        installation.perchat("category", "add", "General")
        installation.add_room("Lobby", "General", "alice")
        server = installation.serve()
        try:
            yield Figure("idle perchat serve", resident(server.process.pid), "MB", wanted=100)
        finally:
            server.stop()


def resident(process: int) -> float:
    """Return the megabytes a process holds."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"no VmRSS for {process}")
