"""The reference pages say what the code says; `make reference` makes them."""

from __future__ import annotations

import pytest

from tools.reference import FOLDER, PAGES, render


@pytest.mark.parametrize("page", PAGES)
def test_a_reference_page_is_what_the_code_says(page: str) -> None:
    assert (FOLDER / page).read_text("utf-8") == render(page), "run: make reference"
