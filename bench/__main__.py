"""
``make bench``: a table, and a line for each run in ``var/bench-history.jsonl``.

Figures hold for one machine at one time; compare runs of the same one.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.figure import Figure

HERE = Path(__file__).parent
HISTORY = HERE.parent / "var" / "bench-history.jsonl"
SUBJECTS = ("startup", "memory", "codecs", "trace", "search")


def main() -> None:
    """Measure the subjects named, or all, and note the figures."""
    found: list[Figure] = []
    for subject in sys.argv[1:] or SUBJECTS:
        for figure in importlib.import_module(f"bench.{subject}").figures():
            print(row(figure), flush=True)
            found.append(figure)
    note(found)


def row(figure: Figure) -> str:
    """Return a line of the table."""
    promise = "" if figure.wanted is None else f"  wanted < {figure.wanted:g}"
    missed = " MISSED" if figure.wanted is not None and figure.value >= figure.wanted else ""
    return f"{figure.name:<24}{figure.value:>12.3f} {figure.unit:<3}{promise}{missed}"


def note(found: list[Figure]) -> None:
    """Append the run to the history."""
    HISTORY.parent.mkdir(exist_ok=True)
    run = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "figures": {figure.name: [round(figure.value, 4), figure.unit] for figure in found},
    }
    with HISTORY.open("a") as history:
        history.write(json.dumps(run) + "\n")


def commit() -> str:
    """Return the commit that is measured, marked when files differ from it."""
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()


main()
