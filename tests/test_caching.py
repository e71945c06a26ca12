"""What recurs is read once, and a peer cannot fill the memory with what does not."""

from __future__ import annotations

import pytest

from perchat.caching import cached_if_short


class Reader:
    """Reads numbers, and counts how often."""

    def __init__(self) -> None:
        self.reads = 0
        self.number = cached_if_short(2)(self.read)

    def read(self, text: str) -> int:
        """Read a number."""
        self.reads += 1
        return int(text)


def test_a_short_text_is_read_once() -> None:
    reader = Reader()
    assert [reader.number("17") for _ in range(3)] == [17, 17, 17]
    assert reader.reads == 1


def test_a_long_text_is_read_each_time_and_not_kept() -> None:
    reader = Reader()
    assert [reader.number("17".zfill(512)) for _ in range(3)] == [17, 17, 17]
    assert reader.reads == 3


def test_what_was_not_asked_for_longest_makes_room() -> None:
    reader = Reader()
    for text in ("1", "2", "3", "1"):
        assert reader.number(text) == int(text)
    assert reader.reads == 4


def test_what_cannot_be_read_is_refused_each_time() -> None:
    reader = Reader()
    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            reader.number("x")
    assert reader.reads == 2


def test_the_function_is_still_called_what_it_is_called() -> None:
    number = Reader().number
    assert (number.__name__, number.__doc__) == ("read", "Read a number.")
