from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from perchat.batching import batches


@given(st.lists(st.integers()), st.integers(1, 9))
def test_every_row_is_in_one_batch_in_order_and_only_the_last_is_short(
    rows: list[int], size: int
) -> None:
    found = list(batches(rows, size))
    assert list(chain.from_iterable(found)) == rows
    assert [len(one) for one in found[:-1]] == [size] * (len(found) - 1)
    assert all(found)
