"""The page shows itself, and what it shows are the figures."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from perchat.loadgen.page import page
from perchat.loadgen.plot import Line, plot
from perchat.loadgen.report import table
from perchat.loadgen.result import Result, Second, ServerCost

SPREAD = {"count": 3, "p50": 1.5, "p95": 2.5, "p99": 3.5, "max": 4567.8}
COST = ServerCost(
    cpu_percent=12, us_per_delivery=77, ms_per_sign_in=4.4, memory=123, kib_per_session=55
)


def result(**changes: object) -> Result:
    seconds = [
        Second(at=n, deliveries=n * 10, p50=1, p99=2, longest=3, cpu=5, memory=40) for n in range(4)
    ]
    fields: dict[str, object] = {
        **dict.fromkeys(("sign_ins", "joins", "receipts", "latencies", "away"), SPREAD),
        **dict.fromkeys(("unknown", "lost", "duplicated", "misordered", "stored_twice"), 0),
        **dict.fromkeys(("torn", "lost_sessions", "late", "driver_percent"), 0),
        **dict.fromkeys(("returning", "stopped"), False),
        **dict.fromkeys(("sessions", "present"), 8),
        **dict.fromkeys(("posts", "stored"), 40),
        **dict.fromkeys(("expected", "heard"), 320),
        "profile": "room",
        "server": "127.0.0.1:1",
        "started": "2026-01-01T00:00:00+00:00",
        "rooms": 1,
        "seconds": 4.0,
        "refused": {},
        "deliveries_per_second": 80,
        "cost": COST,
        "errors": {"<b>odd": 2},
        "timeline": seconds,
    }
    return Result(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_terminal_shows_what_matters() -> None:
    text = table(result())
    for figure in ("8 of 8", "320 of 320, 80/s", "max 4,567.8", "77 us", "55 KiB", "2 x <b>odd"):
        assert figure in text


def test_the_page_holds_the_same_figures_and_needs_nobody() -> None:
    text = page(result())
    for figure in ("320 of 320, 80/s", "max 4,567.8", "77 us", "once and in", "&lt;b&gt;odd"):
        assert figure in text
    assert text.count("<svg") == 4
    assert "http" not in text
    assert "<script" not in text


def test_the_page_says_what_was_wrong() -> None:
    assert "2 lost; 1 stored twice" in page(result(lost=2, stored_twice=1))


def test_without_the_servers_process_there_are_no_plots_of_it() -> None:
    seconds = [Second(at=0, deliveries=1, p50=1, p99=1, longest=1)]
    assert page(result(cost=None, timeline=seconds)).count("<svg") == 2


def test_programs_get_all_of_it() -> None:
    told = json.loads(result(duplicated=3).json())
    assert told["latencies"] == SPREAD
    assert told["cost"]["us_per_delivery"] == 77
    assert told["timeline"][2]["deliveries"] == 20
    assert told["problems"] == ["3 duplicated"]


def test_a_plot_is_sound_and_has_its_gaps() -> None:
    drawn = plot("a < b", "ms", [Line("x & y", [(0, 1.0), (1, None), (2, 3.0)])])
    root = ET.fromstring(drawn)  # noqa: TID251 - our own
    lines = root.findall(".//polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [1, 1]
    assert plot("nothing", "ms", [Line("x", [(0, None)])]) == ""


def test_losing_sessions_is_wrong_unless_it_was_meant() -> None:
    assert result(lost_sessions=5).problems() == ["5 sessions lost"]
    assert result(lost_sessions=5, returning=True).problems() == []
    away = result(returning=True, errors={"a session did not come back": 2})
    assert away.problems() == ["2 sessions did not come back"]
