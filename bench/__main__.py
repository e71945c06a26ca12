"""
``make bench``: a table, and a line for each figure in ``bench/history.jsonl``.

``python -m bench SUBJECT...`` measures some; ``python -m bench peers --help`` measures the
server next to others. Figures hold for one machine at one time; compare runs of the same one.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from bench.peers.cli import main as measure_peers
from bench.peers.cli import measure_peers_here
from bench.record import note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.figure import Figure

SUBJECTS = ("startup", "memory", "codecs", "storage", "trace", "search")


def main() -> None:
    """Measure the subjects named, or all, and note the figures."""
    if sys.argv[1:2] == ["peers"]:
        measure_peers(sys.argv[2:], prog_name="python -m bench peers")
        return
    measure(sys.argv[1:] or SUBJECTS)
    if not sys.argv[1:]:
        measure_peers_here()


def measure(subjects: Sequence[str]) -> None:
    """Print the figures of subjects as they are found, and note them."""
    found: list[Figure] = []
    for subject in subjects:
        for figure in importlib.import_module(f"bench.{subject}").figures():
            print(row(figure), flush=True)
            found.append(figure)
    note(found)


def row(figure: Figure) -> str:
    """Return a line of the table."""
    promise = "" if figure.wanted is None else f"  wanted < {figure.wanted:g}"
    missed = " MISSED" if figure.wanted is not None and figure.value >= figure.wanted else ""
    return f"{figure.name:<24}{figure.value:>12.3f} {figure.unit:<3}{promise}{missed}"


main()
