"""Every requirement is shown by a test, and the page says by which."""

from __future__ import annotations

import pytest

from tools.requirements import PAGE, REQUIREMENTS, page, shown

SHOWN = shown()


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_no_requirement_is_without_a_test(number: str) -> None:
    assert SHOWN.get(number), REQUIREMENTS[number]


def test_markers_name_requirements_there_are() -> None:
    assert sorted(set(SHOWN) - set(REQUIREMENTS)) == []
    assert list(REQUIREMENTS) == [f"R{number}" for number in range(1, 74)]


def test_the_page_is_what_the_markers_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: make reference"
