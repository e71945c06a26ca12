"""The text of messages: its line ends, and the characters that cannot be sent."""

from __future__ import annotations

import re

__all__ = ["check_characters", "with_line_feeds"]

_LINE_END = re.compile("\r\n?")
# XML 1.0 §2.2: no document can carry them, not even as a character reference. Until they were
# refused they were dropped on the way, and nobody was told.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def with_line_feeds(text: str) -> str:
    """Return a text whose lines end with LF: CR LF and a CR alone become one (XML 1.0 §2.11)."""
    return text if text.isprintable() else _LINE_END.sub("\n", text)


def check_characters(text: str, what: str = "a message") -> None:
    """
    Refuse a text with characters that XML 1.0 cannot carry.

    These are the controls U+0000 to U+001F but for tab and line ends, halves of surrogate pairs,
    U+FFFE and U+FFFF.

    Args:
        text: What is to be sent.
        what: What the error calls it.

    Raises:
        ValueError: Names the first such character and its place, counted from 1.

    """
    if text.isprintable():
        return
    if found := _UNSENDABLE.search(text):
        raise ValueError(
            f"{what} cannot have U+{ord(found[0]):04X}, its character {found.start() + 1}:"
            " no message can carry it; leave it out"
        )
