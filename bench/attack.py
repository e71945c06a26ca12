"""
What others notice of a flood: a post of theirs, in the middle and at its worst, beside calm.

``perchat serve`` runs in a process of its own, the flood in another, and the two who talk in
a third, which is this one. Each flood has a server to itself. Figures with more than two
programs on two cores have their share of waiting for a core: calm has it too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.attackers import FLOODS
from bench.figure import Figure
from perchat.loadgen import procfs
from tests.server.harness import make_sample
from tests.server.process import process
from tests.server.talking import Bystanders, bystanders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.server.process import Process

POSTS = int(os.environ.get("PERCHAT_BENCH_POSTS", "300"))
CHOSEN = [one for one in os.environ.get("PERCHAT_BENCH_FLOODS", "").split(",") if one]
BETWEEN = 0.01  # seconds from one post to the next
FIRST = 1.0  # seconds that a flood has to become one
AT_MOST = 5.0  # times calm, in the middle
WORST = 250.0  # ms
MEMORY = 128.0  # MiB more: what is held for those who have not signed in, with what it is held in


def figures() -> Iterator[Figure]:
    """Return calm's p50 and p99, then each flood's, and by how much it made the server grow."""
    for flood in CHOSEN or FLOODS:
        with tempfile.TemporaryDirectory() as folder:
            yield from asyncio.run(measured(flood, Path(folder) / "data"))


async def measured(flood: str, folder: Path) -> list[Figure]:
    """Return the figures of one flood, on a server that is made in a new folder."""
    async with process(await make_sample(folder)) as server, bystanders(server.sample) as pair:
        calm = await _waits(pair)
        before = procfs.read(server.process.pid)
        with _flood(flood, server):
            await asyncio.sleep(FIRST)
            begun, first = time.perf_counter(), procfs.read(server.process.pid)
            waits = await _waits(pair)
            after, took = procfs.read(server.process.pid), time.perf_counter() - begun
    middle = _share(calm, 0.5)
    return [
        Figure(f"{flood}: calm p50", middle, "ms"),
        Figure(f"{flood}: calm p99", _share(calm, 0.99), "ms"),
        Figure(f"{flood}: p50", _share(waits, 0.5), "ms", AT_MOST * middle),
        Figure(f"{flood}: p99", _share(waits, 0.99), "ms", WORST),
        Figure(f"{flood}: processor", (after.cpu - first.cpu) / took * 100, "%"),
        Figure(f"{flood}: memory", (after.memory - before.memory) / 2**20, "MiB", MEMORY),
    ]


async def _waits(pair: Bystanders) -> list[float]:
    """Return how long each of some posts took to its receipt, in ms."""
    waits = []
    for number in range(POSTS):
        begun = time.perf_counter()
        await pair.speaker.post(f"number {number}")
        waits.append((time.perf_counter() - begun) * 1e3)
        await asyncio.sleep(BETWEEN)
    return waits


def _share(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


@contextlib.contextmanager
def _flood(name: str, server: Process) -> Iterator[None]:
    addresses = server.sample.addresses
    ports = {"idle": addresses.sip_tls, "idle files": addresses.https, "churn": addresses.sip_tls}
    host, _, port = (ports.get(name) or addresses.sip_tcp or "").rpartition(":")
    attacker = subprocess.Popen(
        [sys.executable, "-m", "bench.attackers", name, host, port],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert attacker.stdout is not None
    assert attacker.stdout.readline() == b"begun\n"
    try:
        yield
    finally:
        attacker.communicate(b"")
