"""
Where figures are kept: a line for each in ``bench/history.jsonl``, which is not committed.

A figure holds for one machine at one time, so both are in the line.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.figure import Figure

__all__ = ["HISTORY", "commit", "machine", "note"]

HERE = Path(__file__).parent
HISTORY = HERE / "history.jsonl"


def note(figures: Iterable[Figure], history: Path = HISTORY) -> None:
    """Append the figures of a run."""
    run = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
    }
    with history.open("a", encoding="utf-8") as lines:
        for one in figures:
            line = {**run, "figure": one.name, "value": round(one.value, 4), "unit": one.unit}
            if one.deviation is not None:
                line["deviation"] = round(one.deviation, 4)
            lines.write(json.dumps(line) + "\n")


def commit() -> str:
    """Return the commit that is measured, marked when files differ from it."""
    if shutil.which("git") is None:
        return ""
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


def machine() -> str:
    """Return the processor and how many cores of it there are."""
    return f"{_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
