"""The queue in front of one session."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perchat.server.outbox import Outbox


class Line:
    """What an outbox has sent, and whether it gave up."""

    def __init__(self, *, limit: int = 5, window: int = 2) -> None:
        self.sent: list[bytes] = []
        self.overflowed = 0
        self.outbox = Outbox(self.sent.append, self._overflow, limit=limit, window=window)

    def _overflow(self) -> None:
        self.overflowed += 1


def test_what_fits_the_window_goes_out_at_once() -> None:
    line = Line(window=2)
    line.outbox.put(b"1")
    line.outbox.put(b"2")
    assert line.sent == [b"1", b"2"]


def test_an_answer_lets_the_next_one_out() -> None:
    line = Line(window=1)
    line.outbox.put(b"1")
    line.outbox.put(b"2")
    assert line.sent == [b"1"]
    line.outbox.answered()
    assert line.sent == [b"1", b"2"]


def test_what_is_held_back_comes_after_the_answer_that_lets_it_through() -> None:
    line = Line()
    line.outbox.hold()
    line.outbox.put(b"message")
    line.outbox.put_first(b"reply")
    assert line.sent == []
    line.outbox.release()
    assert line.sent == [b"reply", b"message"]


def test_two_holds_need_two_releases() -> None:
    line = Line()
    line.outbox.hold()
    line.outbox.hold()
    line.outbox.put(b"1")
    line.outbox.release()
    assert line.sent == []
    line.outbox.release()
    assert line.sent == [b"1"]


def test_one_too_many_waiting_ends_it_once_and_for_all() -> None:
    line = Line(limit=1, window=1)
    for body in (b"1", b"2", b"3", b"4"):
        line.outbox.put(body)
    line.outbox.answered()
    assert (line.sent, line.overflowed, len(line.outbox)) == ([b"1"], 1, 0)


def test_no_more_are_admitted_than_the_window_holds() -> None:
    line = Line(window=2)
    assert not line.outbox.admits(3)
    assert line.outbox.admits(2)
    assert not line.outbox.admits(1)
    line.outbox.answered()
    assert line.outbox.admits(1)


def test_nothing_is_admitted_once_it_is_closed() -> None:
    line = Line()
    line.outbox.close()
    assert not line.outbox.admits(1)


_steps = st.lists(st.sampled_from(["put", "many", "answered", "hold", "release"]), max_size=60)


def _send_or_put(line: Line, bodies: list[bytes]) -> None:
    if line.outbox.admits(len(bodies)):
        line.sent += bodies
    else:
        for one in bodies:
            line.outbox.put(one)


def _let_everything_out(line: Line, holds: int) -> None:
    for _ in range(holds):
        line.outbox.release()
    while len(line.outbox):
        line.outbox.answered()


@given(_steps)
def test_order_is_kept_whatever_happens(steps: list[str]) -> None:
    line, holds, number = Line(limit=1000, window=3), 0, 0
    for step in steps:
        match step:
            case "put":
                line.outbox.put(str(number).encode())
                number += 1
            case "many":
                _send_or_put(line, [str(number).encode(), str(number + 1).encode()])
                number += 2
            case "answered":
                line.outbox.answered()
            case "hold":
                line.outbox.hold()
                holds += 1
            case _ if holds:
                line.outbox.release()
                holds -= 1
            case _:
                pass
    _let_everything_out(line, holds)
    assert line.sent == [str(n).encode() for n in range(number)]
