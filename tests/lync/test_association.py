from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perchat.lync.association import CounterWindow

counters = st.integers(-5, 60)


@given(st.lists(counters, max_size=60), st.integers(1, 20))
def test_a_counter_is_new_once_and_not_when_it_is_old(numbers: list[int], width: int) -> None:
    window = CounterWindow(width)
    seen: set[int] = set()
    for number in numbers:
        highest = max(seen, default=0)
        expected = number > 0 and number not in seen and number > highest - width
        assert window.add(number) is expected
        if expected:
            seen.add(number)


def test_a_leap_costs_nothing() -> None:
    window = CounterWindow()
    assert window.add(1)
    assert window.add(9_999_999_999)
    assert window.add(9_999_999_998)
    assert not window.add(1)
    assert not window.add(9_999_999_999)
    assert window._seen.bit_length() <= 256
