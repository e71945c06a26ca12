"""
What one call costs, measured by pyperf: in processes of its own, each calibrated and warmed up.

``python -m bench micro`` notes mean and deviation; ``--fast`` asks for less certainty. The
module is also the script that pyperf runs again for each of its processes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pyperf  # type: ignore[import-untyped]

from bench import codecs, trace
from bench.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULE = ("-m", "bench.micro")
WANTED = {trace.OFF: 0.5}  # us; a message costs some hundred


def figures(*options: str) -> Iterator[Figure]:
    """Measure every station; ``options`` are those of pyperf's scripts."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        command = [sys.executable, *MODULE, "--quiet", "--output", str(file), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        yield from map(_figure, pyperf.BenchmarkSuite.load(str(file)))


def _figure(found: pyperf.Benchmark) -> Figure:
    name = found.get_name()
    deviation = found.stdev() * 1e6 if found.get_nvalue() > 1 else None
    return Figure(name, found.mean() * 1e6, "us", WANTED.get(name), deviation)


def stations(stack: ExitStack) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name; what it holds open ends with ``stack``."""
    return codecs.stations() | trace.stations(stack)


def main() -> None:
    """Be the script that pyperf starts, and starts again."""
    runner = pyperf.Runner(program_args=MODULE)
    with ExitStack() as stack:
        for name, call in stations(stack).items():
            runner.bench_func(name, call)


if __name__ == "__main__":
    main()
