"""Messages put together of history and of what is heard: no gap, no repeat, in order."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from perchat.client.sequel import Sequel
from perchat.model.message import Message
from perchat.model.uri import RoomUri, SipUri

ROOM, ADA = RoomUri("ma-chan://example.com/a0"), SipUri("sip:ada@example.com")
AT = datetime.fromtimestamp(0, UTC)


def said(number: int) -> Message:
    return Message(number, AT, ADA, ROOM, f"message {number}")


def drained(sequel: Sequel) -> list[int]:
    found = []
    while (message := sequel.take()) is not None:
        found.append(message.id)
    return found


class Line(RuleBasedStateMachine):
    """
    A room in which people talk, a line that breaks, and one reader.

    What is heard may still be on its way when history is read, and a page of history may
    still be on its way when the line breaks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.said = 0
        self.heard_up_to = 0  # of what was said while the line stands
        self.up = True
        self.page: tuple[int, list[Message], bool] | None = None
        self.taken: list[int] = []

    @initialize(begin=st.integers(0, 5), limit=st.integers(1, 6))
    def begin(self, begin: int, limit: int) -> None:
        self.said = self.heard_up_to = self.start = begin
        self.limit = limit
        self.sequel = Sequel(begin, limit=limit)

    @rule(count=st.integers(1, 4))
    def say(self, count: int) -> None:
        self.said += count

    @precondition(lambda self: self.up and self.heard_up_to < self.said)
    @rule()
    def hear(self) -> None:
        self.heard_up_to += 1
        self.sequel.hear(said(self.heard_up_to))

    @precondition(lambda self: self.up)
    @rule()
    def cut(self) -> None:
        self.up = False
        self.sequel.lose_track()

    @precondition(lambda self: not self.up)
    @rule()
    def rejoin(self) -> None:
        self.up = True
        self.heard_up_to = self.said

    @precondition(lambda self: self.up and self.sequel.is_behind and self.page is None)
    @rule(size=st.integers(1, 3))
    def ask(self, size: int) -> None:
        last = self.sequel.last or 0
        ids = range(last + 1, min(last + size, self.said) + 1)
        self.page = (self.sequel.losses, [said(n) for n in ids], last + size < self.said)

    @precondition(lambda self: self.page is not None)
    @rule()
    def answer(self) -> None:
        assert self.page is not None
        losses, page, more = self.page
        self.page = None
        self.sequel.read(page, more=more, losses=losses)

    @precondition(lambda self: self.page is not None and not self.up)
    @rule()
    def answer_is_lost(self) -> None:
        self.page = None

    @rule()
    def take(self) -> None:
        self.taken += drained(self.sequel)

    @invariant()
    def nothing_is_missing_and_nothing_comes_twice(self) -> None:
        assert self.taken == list(range(self.start + 1, self.start + 1 + len(self.taken)))

    @invariant()
    def memory_is_bounded(self) -> None:
        if hasattr(self, "sequel"):
            assert len(self.sequel) <= self.limit + 3 * 50

    def teardown(self) -> None:
        """However it went, a line that stands and a reader that reads get to the end."""
        if not hasattr(self, "sequel"):
            return
        if not self.up:
            self.rejoin()
        while self.heard_up_to < self.said:
            self.hear()
        if self.page is not None:
            self.answer()
        for _ in range(2 * self.said + 10):
            self.take()
            if not self.sequel.is_behind:
                break
            self.ask(2)
            self.answer()
        self.take()
        assert self.taken == list(range(self.start + 1, self.said + 1))
        assert self.sequel.lost == 0


TestLine = Line.TestCase
TestLine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_while_all_is_well_messages_go_straight_through() -> None:
    sequel = Sequel(4, limit=10)
    for number in (5, 6, 6, 3, 7):
        sequel.hear(said(number))
    assert drained(sequel) == [5, 6, 7]
    assert not sequel.is_behind


def test_a_gap_is_noticed_and_filled() -> None:
    sequel = Sequel(4, limit=10)
    sequel.hear(said(7))
    assert sequel.is_behind
    assert drained(sequel) == []
    sequel.read([said(5), said(6)], more=False, losses=0)
    assert drained(sequel) == [5, 6, 7]


def test_a_gap_that_history_cannot_fill_is_passed_over_at_the_second_look() -> None:
    sequel = Sequel(4, limit=10)
    sequel.hear(said(7))
    sequel.read([], more=False, losses=0)
    assert sequel.is_behind
    sequel.read([], more=False, losses=0)
    assert drained(sequel) == [7]
    assert not sequel.is_behind


def test_messages_without_a_number_are_taken_as_they_come() -> None:
    sequel = Sequel(None, limit=10)
    for number in (0, 0, 0):
        sequel.hear(said(number))
    sequel.lose_track()
    assert drained(sequel) == [0, 0, 0]
    assert not sequel.is_behind


@given(st.integers(1, 5), st.integers(1, 20))
def test_where_nothing_is_kept_the_oldest_go_and_are_counted(limit: int, count: int) -> None:
    sequel = Sequel(None, limit=limit, kept=False)
    for number in range(1, count + 1):
        sequel.hear(said(number))
    left = list(range(1, count + 1))[-limit:]
    assert drained(sequel) == left
    assert sequel.lost == count - len(left)


@pytest.mark.parametrize("kept", [True, False])
def test_where_the_room_begins_may_be_unknown(kept: bool) -> None:
    sequel = Sequel(None, limit=10, kept=kept)
    sequel.hear(said(41))
    sequel.hear(said(42))
    assert drained(sequel) == [41, 42]
