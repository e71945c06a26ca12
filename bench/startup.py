"""How long a program waits for the SDK, and a person for the command line."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PERCHAT = Path(sys.executable).with_name("perchat")
BARE = [sys.executable, "-c", ""]
SDK = [sys.executable, "-c", "import perchat; perchat.connect_user"]


def figures() -> Iterator[Figure]:
    """Measure whole processes; the interpreter's own start is taken off the import."""
    bare = _seconds(BARE)
    yield Figure("import of the SDK", _seconds(SDK) - bare, "s", wanted=0.3)
    yield Figure("perchat --help", _seconds([str(PERCHAT), "--help"]), "s")


def _seconds(command: Sequence[str], rounds: int = 7) -> float:
    return min(_once(command) for _ in range(rounds))


def _once(command: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun
