"""
The mark in each message's text: which run, which post, and when it was due.

By it a receiver knows without asking anybody whether a message is of this run, how long
it took from the moment it should have been sent, and which post it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["LINE", "Mark", "mark_of", "marked"]

_WORD = "perchat-load"
_TEXT = re.compile(rf"{_WORD} ([0-9a-f]{{1,16}}) (\d{{1,18}}) (\d{{1,18}})(?= |\Z)")
_POSTER_SHIFT = 32

LINE = re.compile(
    rb'<grpchat [^>]{0,2000}?chanUri="([^"]{1,300})"[^>]{0,2000}?chatId="(\d{1,18})"[^>]{0,2000}>'
    rb"<chat>perchat-load ([0-9a-f]{1,16}) (\d{1,18}) (\d{1,18})[ <]"
)
"""A delivered line as servers write it: room, id of the message, run, post, due."""


@dataclass(frozen=True, slots=True)
class Mark:
    """
    What a message of ours says of itself.

    Attributes:
        run: Tells runs apart, hexadecimal.
        post: Who posted, and the how manieth of that seat.
        due: Microseconds of the machine's monotonic clock.

    """

    run: str
    post: int
    due: int

    @staticmethod
    def post_of(seat: int, number: int) -> int:
        """Return the name of a seat's post."""
        return seat << _POSTER_SHIFT | number


def marked(mark: Mark, size: int) -> str:
    """Return a text with a mark, ``size`` characters long unless the mark needs more."""
    return f"{_WORD} {mark.run} {mark.post} {mark.due} ".ljust(size, "x")


def mark_of(text: str) -> Mark | None:
    """Return the mark of a message's text; None when it is not one of ours."""
    found = _TEXT.match(text)
    return Mark(found[1], int(found[2]), int(found[3])) if found else None
