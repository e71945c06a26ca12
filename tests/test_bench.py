"""The figures' own messages are sound; nothing is measured here."""

from __future__ import annotations

import pytest

from bench.codecs import stations
from bench.storage import PAGE, TOGETHER, figures
from bench.trace import one_message
from perchat.net.trace import Seen


def test_every_station_that_is_measured_does_its_work() -> None:
    for name, call in stations().items():
        assert call(), name


def test_the_store_is_measured_on_pages_that_are_full() -> None:
    found = {figure.name: figure for figure in figures(messages=2 * PAGE + TOGETHER, repetitions=1)}
    assert len(found) == 4
    assert all(figure.value > 0 for figure in found.values())


@pytest.mark.requirement("R72")
async def test_a_message_is_traced_only_for_those_who_look() -> None:
    sight: list[Seen] = []
    (await one_message(sight.append))()
    (await one_message(None))()
    assert len(sight) == 1
