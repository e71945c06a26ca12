"""A run's figures for a terminal: what a person looks at first stands first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perchat.loadgen.result import Result

__all__ = ["rows", "table"]

_ERRORS = 8  # kinds of errors that are listed
_WIDTH = 26


def table(result: Result) -> str:
    """Return the figures, a line each."""
    return "\n".join(f"{name:<{_WIDTH}} {text}" for name, text in rows(result))


def rows(result: Result) -> Iterator[tuple[str, str]]:
    """Return names and figures."""
    yield "profile", f"{result.profile} on {result.server}{', ended early' * result.stopped}"
    yield "sessions", f"{result.present} of {result.sessions}, in {result.rooms} rooms"
    yield "sign-in ms", _spread(result.sign_ins)
    yield "join ms, all rooms", _spread(result.joins)
    yield "posts", f"{result.posts} in {result.seconds:.1f} s, {result.stored} stored{_bad(result)}"
    yield "receipt ms", _spread(result.receipts)
    yield (
        "deliveries",
        f"{result.heard} of {result.expected}, {result.deliveries_per_second:,.0f}/s",
    )
    yield "delivery ms, from due", _spread(result.latencies)
    yield (
        "lost / twice / order",
        f"{result.lost} / {result.duplicated + result.stored_twice} / {result.misordered}",
    )
    if result.lost_sessions:
        yield "sessions lost", f"{result.lost_sessions}, away ms {_spread(result.away)}"
    if cost := result.cost:
        used = f"{cost.cpu_percent:.0f} %, {cost.us_per_delivery:,.0f} us a delivery"
        yield "server CPU", f"{used}, {cost.ms_per_sign_in:.1f} ms a sign-in with its joins"
        held = f"{cost.memory:,.0f} MiB"
        yield "server memory", f"{held}, {cost.kib_per_session:,.0f} KiB came with each session"
    yield (
        "load generator",
        f"busiest worker {result.driver_percent:.0f} % CPU, at most {result.late:.0f} ms late",
    )
    for error, count in list(result.errors.items())[:_ERRORS]:
        yield "", f"{count} x {error}"


def _bad(result: Result) -> str:
    told = [f", {count} refused with {status}" for status, count in result.refused.items()]
    return "".join(told) + (f", {result.unknown} of unknown fate" if result.unknown else "")


def _spread(summary: Mapping[str, float]) -> str:
    if not summary["count"]:
        return "-"
    shares = (f"{name} {summary[name]:,.1f}" for name in ("p50", "p95", "p99", "max"))
    return "  ".join(shares)
