"""Every scenario of the original is gone through by a test, and the page says by which."""

from __future__ import annotations

from tools.requirements import shown
from tools.scenarios import PAGE, SCENARIOS, page


def test_no_scenario_is_without_a_test() -> None:
    assert sorted(SCENARIOS.keys() - shown("scenario").keys()) == []


def test_markers_name_scenarios_there_are() -> None:
    assert sorted(shown("scenario").keys() - SCENARIOS.keys()) == []


def test_the_page_is_what_the_markers_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: make reference"
