"""
``make bench``: a table, and a line for each figure in ``bench/history.jsonl``.

``python -m bench SUBJECT...`` measures some; ``python -m bench micro --fast`` calls, in less
time; ``python -m bench peers --help`` the server next to others. Figures hold for one machine
at one time; compare runs of the same one.
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

SUBJECTS = ("startup", "memory", "micro", "storage", "search")


def main() -> None:
    """Measure the subjects named, or all, and note the figures."""
    words = sys.argv[1:]
    if words[:1] == ["peers"]:
        measure_peers(words[1:], prog_name="python -m bench peers")
        return
    subjects = [word for word in words if not word.startswith("-")]
    measure(subjects or SUBJECTS, [word for word in words if word.startswith("-")])
    if not subjects:
        measure_peers_here()


def measure(subjects: Sequence[str], options: Sequence[str]) -> None:
    """Print the figures of subjects as they are found, and note them; ``options``: pyperf's."""
    found: list[Figure] = []
    for subject in subjects:
        figures = importlib.import_module(f"bench.{subject}").figures
        for figure in figures(*options) if subject == "micro" else figures():
            print(row(figure), flush=True)
            found.append(figure)
    note(found)


def row(figure: Figure) -> str:
    """Return a line of the table."""
    promise = "" if figure.wanted is None else f"  wanted < {figure.wanted:g}"
    missed = " MISSED" if figure.wanted is not None and figure.value >= figure.wanted else ""
    value = f"{figure.value:>12.3f} {figure.unit:<3}"
    spread = "" if figure.deviation is None else f" +-{figure.deviation:>8.3f}"
    return f"{figure.name:<24}{value}{spread}{promise}{missed}"


main()
