"""What went wrong with deliveries is found, and only that."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.loadgen.checking import Board, Faults, faults_of

SAID = [3, 4, 7, 9]


@pytest.mark.parametrize(
    ("heard", "faults"),
    [
        ([3, 4, 7, 9], Faults()),
        ([3, 4, 9], Faults(lost=1)),
        ([], Faults(lost=4)),
        ([3, 4, 4, 7, 9], Faults(duplicated=1)),
        ([3, 4, 7, 9, 3], Faults(duplicated=1)),
        ([3, 7, 4, 9], Faults(misordered=1)),
        ([9, 3, 4, 7], Faults(misordered=3)),
        ([4, 3, 4, 9], Faults(lost=1, duplicated=1, misordered=1)),
    ],
)
def test_a_session_is_held_to_what_was_said(heard: list[int], faults: Faults) -> None:
    assert faults_of(array("q", heard), SAID) == faults


@given(st.sets(st.integers(1, 1000), max_size=50), st.integers(0, 60))
def test_whatever_is_left_out_is_counted(said: set[int], left: int) -> None:
    heard = array("q", sorted(said)[left:])
    assert faults_of(heard, sorted(said)) == Faults(lost=min(left, len(said)))


def test_a_post_that_became_two_messages_is_seen() -> None:
    board = Board()
    for message, post in ((3, 100), (4, 101), (7, 100)):
        board.note(0, message, post)
    assert board.stored_twice() == 1
    assert board.unheard(0, [100, 101, 102, 103]) == 2
    assert board.unheard(1, [100]) == 1


def test_a_message_that_is_not_the_same_to_all_is_seen() -> None:
    board, other = Board(), Board()
    board.note(0, 3, 100)
    other.note(0, 3, 200)
    board.merge(other.rooms)
    assert board.torn == 1
    assert board.ids() == {0: [3]}
