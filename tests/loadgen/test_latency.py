"""Durations are true to two per cent, and can be added up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.loadgen.latency import Latencies, Timeline


def of(*milliseconds: float) -> Latencies:
    found = Latencies()
    for one in milliseconds:
        found.add(one)
    return found


@given(st.floats(0.001, 1e6))
def test_what_was_counted_is_told_nearly(milliseconds: float) -> None:
    assert of(milliseconds).percentile(50) == pytest.approx(milliseconds, rel=0.011)


def test_percentiles_are_those_of_all() -> None:
    found = of(*range(1, 51))
    found.merge(of(*range(51, 101)))
    assert found.percentile(50) == pytest.approx(50, rel=0.02)
    assert found.percentile(99) == pytest.approx(99, rel=0.02)
    assert found.summary()["count"] == 100


def test_nothing_counted_is_nothing() -> None:
    assert Latencies().summary() == {"count": 0, "p50": 0, "p95": 0, "p99": 0, "max": 0}


def test_a_clock_that_differs_a_little_does_no_harm() -> None:
    assert of(-0.5, 0.0).percentile(100) < 0.002


def test_a_timeline_travels_as_numbers() -> None:
    line, other = Timeline(10.0), Timeline(10.0)
    line.add(10.5, 3.0)
    other.add(12.9, 5.0)
    line.merge(other.counts())
    assert sorted(line.seconds) == [0, 2]
    assert line.total().summary()["count"] == 2
