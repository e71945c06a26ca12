"""
What the driver's lines say: a row of figures for each peer and size.

Of the repetitions the least disturbed is taken, value by value: other work on the machine
only ever makes a figure worse. What was lost is added up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["COLUMNS", "Column", "Row", "figures", "rows", "table"]

_Lines = list[dict[str, Any]]
DISTURBING = 50.0  # percent of one core
FEW = 2  # members, where the price of one post is asked for


@dataclass(frozen=True, slots=True)
class Column:
    """
    One figure of a row.

    Attributes:
        phase: Of the driver, which tells it under ``key``.
        best: Takes one value of the repetitions'.
        digits: Behind the point, where it is shown.
        compared: Whether ours is shown as a share of it.

    """

    name: str
    unit: str
    phase: str
    key: str
    best: Callable[[Iterable[float]], float] = min
    digits: int = 1
    compared: bool = True


COLUMNS = (
    Column("CPU/delivery, max", "us", "max", "server_us_per_delivery"),
    Column("CPU/delivery, rate", "us", "rate", "server_us_per_delivery"),
    Column("deliveries/s, max", "/s", "max", "deliveries_per_s", max, 0),
    Column("p50, rate", "ms", "rate", "lat_ms_p50"),
    Column("p99, rate", "ms", "rate", "lat_ms_p99"),
    Column("lost, max", "", "max", "lost", sum, 0),
    Column("lost, rate", "", "rate", "lost", sum, 0),
    Column("CPU/login", "ms", "login", "server_ms_per_login", min, 2),
    Column("CPU/join", "ms", "join", "server_ms_per_join", min, 2),
    Column("RSS/session", "KiB", "join", "rss_kib_per_client"),
    Column("driver CPU, max", "%", "max", "driver_cpu_pct", min, 0, compared=False),
    Column("other CPU", "%", "max", "other_cpu_pct", min, 0, compared=False),
    Column("CPU/post", "us", "posts", "server_us_per_post", min, 0),
    Column("posts/s", "/s", "posts", "posts_per_s", max, 0),
    Column("lost, posts", "", "posts", "lost", sum, 0),
    Column("last page p50", "ms", "history-last", "query_ms_p50", min, 2),
    Column("middle page p50", "ms", "history-mid", "query_ms_p50", min, 2),
    Column("CPU/last page", "ms", "history-last", "server_ms_per_query", min, 2),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A peer (``-tls`` behind its name with TLS) with so many members, and its figures."""

    peer: str
    size: int
    values: dict[str, float]

    @property
    def complete(self) -> bool:
        """Whether the driver came to the posts; it ends where a sign-in or a join fails."""
        return "CPU/post" in self.values or "CPU/delivery, rate" in self.values

    @property
    def disturbed(self) -> bool:
        """Whether other work took more than half a core even in the quietest repetition."""
        return self.values.get("other CPU", 0.0) > DISTURBING


def rows(files: Iterable[Path]) -> list[Row]:
    """Read the driver's lines, a file a peer."""
    found = []
    for file in files:
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        for size in sorted({line["n"] for line in lines}):
            of_size = [line for line in lines if line["n"] == size]
            found.append(Row(file.stem, size, dict(_values(of_size))))
    return found


def _values(lines: _Lines) -> Iterator[tuple[str, float]]:
    for column in COLUMNS:
        of_phase = [line for line in lines if line["phase"] == column.phase]
        told = [line[column.key] for line in of_phase if _tells(line, column)]
        if told:
            yield column.name, float(column.best(told))


def _tells(line: dict[str, Any], column: Column) -> bool:
    """Whether a line has the figure; a phase in which nothing was delivered has only its losses."""
    return column.key in line and (column.key == "lost" or line.get("deliveries", 1) > 0)


def figures(found: Iterable[Row]) -> Iterator[Figure]:
    """Name each figure for the history: ``perchat 150: CPU/delivery, max``."""
    units = {column.name: column.unit for column in COLUMNS}
    for row in found:
        for name, value in row.values.items():
            yield Figure(f"{row.peer} {row.size}: {name}", value, units[name])


def table(found: list[Row]) -> Iterator[str]:
    """Return a block for each size: a line a figure, a column a peer, and ours as a share."""
    for size in sorted({row.size for row in found}):
        of_size = [row for row in found if row.size == size]
        yield f"\n{size} members{' (one post after another)' if size == FEW else ''}"
        yield f"  {'':<24}" + "".join(f"{row.peer[:20]:>21}" for row in of_size)
        for column in COLUMNS:
            if any(column.name in row.values for row in of_size):
                yield f"  {f'{column.name} {column.unit}':<24}" + _cells(column, of_size)


def _cells(column: Column, found: list[Row]) -> str:
    """Return the values, each with how many times as much ours is, of the same TLS."""
    return "".join(_cell(column, row, _ours(row, found)) for row in found)


def _ours(row: Row, found: list[Row]) -> Row | None:
    if row.peer.startswith("perchat"):
        return None
    wanted = "perchat-tls" if row.peer.endswith("-tls") else "perchat"
    return next((one for one in found if one.peer == wanted), None)


def _cell(column: Column, row: Row, ours: Row | None) -> str:
    value = row.values.get(column.name)
    if value is None:
        return f"{'-':>21}"
    own = ours.values.get(column.name) if ours and column.compared else None
    share = f" x{own / value:.2f}" if own and value else ""
    return f"{f'{value:,.{column.digits}f}':>13}{share:<8}"
