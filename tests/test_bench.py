"""The figures' own messages are sound; nothing is measured here."""

from __future__ import annotations

from bench.codecs import stations


def test_every_station_that_is_measured_does_its_work() -> None:
    for name, call in stations().items():
        assert call(), name
