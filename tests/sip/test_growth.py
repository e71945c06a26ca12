"""What reading costs grows with what came, and not faster: counted in steps, not in seconds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.sip.message import Headers, indexed
from perchat.sip.parser import ParserLimits, StreamBroken, StreamParser

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

WIDE = ParserLimits(header_count=1 << 20, headers=1 << 20, header_line=1 << 20)
START = "OPTIONS sip:example.com SIP/2.0\r\n"
LINES = (
    "a:",
    "b: x",
    "Via: SIP/2.0/TCP h;branch=z9hG4bKx",
    "Via: SIP/2.0/TCP a, SIP/2.0/TCP b",
    "Contact: <sip:a@b>;expires=3",
    'Contact: "a\\"b" <sip:a@b>, <sip:c@d>',
    "Route: <sip:p;lr>",
    "Allow: A, B, C",
    "X-Y: z\r\n folded",
    "no colon",
    "Content-Type: text/plain",
)


def steps(call: Callable[[], object]) -> int:
    """Return how many lines of the SIP floor run."""
    count = 0

    def line(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if "perchat/sip" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def fed(text: str, limits: ParserLimits) -> list[object]:
    try:
        return list(StreamParser(limits).feed(text.encode()))
    except StreamBroken as error:
        return [error.status]


@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=5), st.integers(8, 40))
def test_twice_the_headers_take_twice_the_steps(lines: list[str], times: int) -> None:
    once = START + "".join(f"{line}\r\n" for line in lines * times)
    twice = START + "".join(f"{line}\r\n" for line in lines * (2 * times))
    few, many = (steps(lambda text=text: fed(text + "\r\n", WIDE)) for text in (once, twice))  # type: ignore[misc]
    assert many <= 2 * few + 50


@pytest.mark.parametrize("line", ["a:\r\n", "Via: SIP/2.0/TCP h\r\n", "x\r\n", "\r\n x\r\n"])
def test_no_more_headers_are_read_than_may_be(line: str) -> None:
    limits = ParserLimits()
    full = START + line * limits.header_count + "\r\n"
    pour = START + line * (limits.headers // len(line) - 20) + "\r\n"
    assert steps(lambda: fed(pour, limits)) <= steps(lambda: fed(full, limits)) + 60


class Counting(dict[str, tuple[str, ...]]):
    """An index that counts what is copied into it."""

    copied = 0

    def __setitem__(self, name: str, values: tuple[str, ...]) -> None:
        self.copied += len(values)
        super().__setitem__(name, values)


def test_an_index_of_repeated_headers_copies_each_value_a_few_times() -> None:
    index = Counting()
    indexed([("a", str(number)) for number in range(1000)], index)
    assert index["accept-contact"] == tuple(map(str, range(1000)))
    assert index.copied <= 2000


def test_repeated_headers_keep_their_order_and_stay_apart() -> None:
    text = START + "a: 1\r\nb: 2\r\nAccept-Contact: 3\r\na: 4\r\n"
    (item,) = fed(text + "Content-Length: 0\r\n\r\n", WIDE)
    headers: Headers = item.headers  # type: ignore[attr-defined]
    assert headers.get_all("Accept-Contact") == ("1", "3", "4")
