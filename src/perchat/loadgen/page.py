"""A run's figures as one page that needs nothing but a browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from perchat.loadgen.plot import Line, plot
from perchat.loadgen.report import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.loadgen.result import Result, Second

__all__ = ["page"]

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #d0d7de }
th { font-weight: 600; white-space: nowrap; vertical-align: top }
figure { margin: 1.5rem 0 }
figcaption { font-weight: 600 }
svg { width: 100%; height: auto } svg text { font-size: 11px; fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: .5 }
.good { color: #1a7f37 } .bad { color: #cf222e }
"""


def page(result: Result) -> str:
    """Return the page."""
    title = f"Perchat under load: {result.profile}"
    found = result.problems()
    verdict = (
        f'<p class="bad">{escape("; ".join(found))}</p>'
        if found
        else '<p class="good">Every message was heard by everybody who was there, once and in'
        " order.</p>"
    )
    body = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows(result)
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(result.started)}"
        f"</p>{verdict}<table>{body}</table>{_plots(result)}</body></html>\n"
    )


def _plots(result: Result) -> str:
    def line(name: str, of: Callable[[Second], float | None]) -> Line:
        return Line(name, [(second.at, of(second)) for second in result.timeline])

    return "".join(
        (
            plot(
                "From when a post was due to when it was heard",
                "milliseconds",
                [
                    line("median", lambda second: second.p50 if second.deliveries else None),
                    line("99 %", lambda second: second.p99 if second.deliveries else None),
                    line("longest", lambda second: second.longest if second.deliveries else None),
                ],
            ),
            plot("Deliveries", "a second", [line("deliveries", lambda one: one.deliveries)]),
            plot("CPU of the server", "% of a core", [line("CPU", lambda second: second.cpu)]),
            plot("Memory of the server", "MiB", [line("memory", lambda second: second.memory)]),
        )
    )
