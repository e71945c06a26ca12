"""The figures' own messages are sound; nothing is measured here."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from bench import micro, storage
from bench.figure import Figure
from bench.record import note
from bench.storage import PAGE, TOGETHER
from bench.trace import one_message
from perchat.net.trace import Seen

if TYPE_CHECKING:
    from pathlib import Path

QUICKLY = ("--processes=1", "--values=2", "--loops=1", "--warmups=0")


def test_every_station_that_is_measured_does_its_work() -> None:
    with ExitStack() as stack:
        for name, call in micro.stations(stack).items():
            assert call() or name.startswith("trace"), name


def test_every_station_is_measured_in_a_process_of_its_own() -> None:
    found = {figure.name: figure for figure in micro.figures(*QUICKLY)}
    with ExitStack() as stack:
        assert list(found) == list(micro.stations(stack))
    assert all(one.value > 0 and one.deviation is not None for one in found.values())
    assert found["trace: off"].wanted


def test_how_much_a_figure_varies_is_kept_with_it(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    note([Figure("parse", 16.4, "us", deviation=1.5), Figure("start", 0.9, "s")], history)
    parse, start = map(json.loads, history.read_text().splitlines())
    assert (parse["value"], parse["deviation"]) == (16.4, 1.5)
    assert "deviation" not in start


def test_the_store_is_measured_on_pages_that_are_full() -> None:
    found = list(storage.figures(messages=2 * PAGE + TOGETHER, repetitions=1))
    assert len({figure.name for figure in found}) == 4
    assert all(figure.value > 0 for figure in found)


@pytest.mark.requirement("R72")
async def test_a_message_is_traced_only_for_those_who_look() -> None:
    sight: list[Seen] = []
    (await one_message(sight.append))()
    (await one_message(None))()
    assert len(sight) == 1
