"""Line plots as SVG text, for a page that has to show itself without anybody's help."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Line", "plot"]

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 28
_TICKS = 4
_COLOURS = ("#1f6feb", "#d29922", "#cf222e", "#1a7f37")


@dataclass(frozen=True, slots=True)
class Line:
    """A named line: points of seconds and a value, None where there is none."""

    name: str
    points: Sequence[tuple[float, float | None]]


def plot(title: str, unit: str, lines: Sequence[Line]) -> str:
    """Return a figure with all lines over the seconds; empty when they have no point."""
    values = [y for line in lines for _, y in line.points if y is not None]
    if not values:
        return ""
    top = _round(max(*values, 0.0) or 1.0)
    end = max(x for line in lines for x, _ in line.points) or 1.0
    drawn = "".join(_drawn(line, end, top, colour) for line, colour in _coloured(lines))
    legend = "".join(
        f'<tspan fill="{colour}" dx="10">{escape(line.name)}</tspan>'
        for line, colour in _coloured(lines)
    )
    return (
        f"<figure><figcaption>{escape(title)}, {escape(unit)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(_axes(end, top))}{drawn}"
        f'<text x="{_LEFT}" y="{_TOP + 10}">{legend}</text></svg></figure>'
    )


def _coloured(lines: Sequence[Line]) -> Iterator[tuple[Line, str]]:
    for number, line in enumerate(lines):
        yield line, _COLOURS[number % len(_COLOURS)]


def _drawn(line: Line, end: float, top: float, colour: str) -> str:
    pieces: list[list[str]] = [[]]
    for x, y in line.points:
        if y is None:
            pieces.append([])  # a gap stays a gap
        else:
            pieces[-1].append(f"{_x(x, end):.1f},{_y(y, top):.1f}")
    return "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(piece)}"/>'
        for piece in pieces
        if piece
    )


def _axes(end: float, top: float) -> Iterator[str]:
    for step in range(_TICKS + 1):
        y, value = _y(top * step / _TICKS, top), top * step / _TICKS
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{value:,.6g}</text>'
        x, at = _x(end * step / _TICKS, end), end * step / _TICKS
        yield f'<text x="{x}" y="{_HEIGHT - 8}" text-anchor="middle">{at:,.4g} s</text>'


def _x(value: float, end: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / end


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top


def _round(value: float) -> float:
    """Return the next number above that reads well: 1, 2, 4, 5 or 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 10) if value <= step * power * 1.0001)
