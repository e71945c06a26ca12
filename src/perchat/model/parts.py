"""
What a message's plain text is made of: words, links, emoticons, and the title of a story.

The text itself is what is stored and sent; parts are a way to read and to write it. Links
stand in it as ``<a href="...">...</a>``, files too, emoticons as the characters one would
type, and a story begins with ``[STORY]`` and its title. :func:`parse` loses nothing: the
``raw`` texts of its parts make up the message again.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import IntEnum
from html import escape
from typing import TYPE_CHECKING, Self, TypeAlias

from perchat.model.uri import RoomUri

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "STORY",
    "STORY_END",
    "Emoticon",
    "EmoticonPart",
    "FilePart",
    "LinkPart",
    "MessagePart",
    "RoomLinkPart",
    "StoryTitlePart",
    "TextPart",
    "raw_text",
]

STORY = "[STORY]"
STORY_END = "[/STORY]"


class Emoticon(IntEnum):
    """The emoticons, with the numbers of the original SDK."""

    SMILE = 0
    FROWN = 1
    COOL = 2
    LAUGHING = 3
    SHOCKED = 4
    CONFUSED = 5
    CRYING = 6
    TONGUE = 7
    WINK = 8
    ANGRY = 9
    KISSING = 10

    @property
    def code(self) -> str:
        """The characters that stand for it."""
        return _CODES[self]


_CODES = dict(
    zip(
        Emoticon,
        (":)", ":(", "8-)", ":-D", ":-O", ":-/", ":'(", ":-P", ";)", ">:O", ":-*"),
        strict=True,
    )
)


# --- the parts -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part(ABC):
    """
    What all parts have.

    Attributes:
        source: The text it was read from, where that may differ from how it is written.

    """

    source: str = field(default="", kw_only=True, compare=False, repr=False)

    @property
    @abstractmethod
    def display(self) -> str:
        """What people are to see."""

    @property
    def raw(self) -> str:
        """What stands for it in the message's text."""
        return self.source or self._written()

    def _written(self) -> str:
        return self.display


@dataclass(frozen=True, slots=True)
class TextPart(_Part):
    """Words."""

    text: str

    @property
    def display(self) -> str:
        """The same."""
        return self.text


@dataclass(frozen=True, slots=True)
class EmoticonPart(_Part):
    """A face."""

    emoticon: Emoticon

    @property
    def display(self) -> str:
        """The characters that stand for it."""
        return self.emoticon.code


@dataclass(frozen=True, slots=True)
class LinkPart(_Part):
    """
    A link to a page, an address or a file share.

    Attributes:
        url: Absolute, of a scheme that only shows something.
        text: What to show instead of the URL.

    Raises:
        ValueError: It is no such URL.

    """

    url: str
    text: str = ""

    def __post_init__(self) -> None:
        if not _SHOWN.fullmatch(self.url):
            raise ValueError(f"not a link that is safe to follow: {self.url[:200]!r}")

    @property
    def display(self) -> str:
        """The text, or the URL without one."""
        return self.text or self.url

    def _written(self) -> str:
        return _anchor(self.url, self.display)


@dataclass(frozen=True, slots=True)
class RoomLinkPart(_Part):
    """
    A link to a chat room.

    Attributes:
        text: What to show, mostly the room's name.

    """

    room: RoomUri
    text: str = ""

    @property
    def display(self) -> str:
        """The text, or the URI without one."""
        return self.text or self.room

    def _written(self) -> str:
        return _anchor(self.room, self.display)


@dataclass(frozen=True, slots=True)
class FilePart(_Part):
    """
    A file that was posted.

    Attributes:
        name: As its author called it.
        uri: ``ma-filelink:``, what to fetch it by.
        size_text: Its size in words, as "10 kilobytes"; empty when that was not told.

    """

    name: str
    uri: str
    size_text: str = ""

    @classmethod
    def of(cls, name: str, uri: str, size: int) -> Self:
        """Return the part for a file of that many bytes."""
        unit = max((u for u in _UNITS if _UNITS[u] <= size), key=_UNITS.__getitem__, default="byte")
        count = size // _UNITS[unit]
        return cls(name, uri, f"{count} {unit}" if count == 1 else f"{count} {unit}s")

    @property
    def display(self) -> str:
        """Name and size."""
        return f"{self.name} ({self.size_text})" if self.size_text else self.name

    @property
    def size(self) -> int | None:
        """About how many bytes it has; None when that was not told."""
        match = _SIZE.fullmatch(self.size_text)
        return int(match[1]) * _UNITS[match[2].lower()] if match else None

    def _written(self) -> str:
        return _anchor(self.uri, self.display)


@dataclass(frozen=True, slots=True)
class StoryTitlePart(_Part):
    """
    The title of a story; its body follows as other parts.

    Raises:
        ValueError: It is empty, or has several lines.

    """

    title: str

    def __post_init__(self) -> None:
        if not self.title.strip() or len(self.title.splitlines()) > 1 or STORY_END in self.title:
            raise ValueError(f"not the title of a story: {self.title[:80]!r}")

    @property
    def display(self) -> str:
        """The title."""
        return self.title

    def _written(self) -> str:
        return f"{STORY}{self.title}\n"


MessagePart: TypeAlias = (
    TextPart | EmoticonPart | LinkPart | RoomLinkPart | FilePart | StoryTitlePart
)


def _anchor(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text, quote=False)}</a>'


_UNITS = {"byte": 1, "kilobyte": 1 << 10, "megabyte": 1 << 20, "gigabyte": 1 << 30}
_SIZE = re.compile(r"(\d{1,15}) (byte|kilobyte|megabyte|gigabyte)s?", re.IGNORECASE | re.ASCII)
_SHOWN = re.compile(
    r"(?:(?:https?|ftps?)://[^/]|(?:file|mailto|sips?|tel):)[^\s<>\"\x00-\x1f\x7f]+",
    re.IGNORECASE,
)


_LETTER = re.compile(r"\w")


def raw_text(parts: Iterable[MessagePart]) -> str:
    """Return the text of a message; a blank keeps an emoticon off the letters beside it."""
    text, after_face = "", False
    for part in parts:
        if not part.raw:
            continue
        face = isinstance(part, EmoticonPart)
        blank = " " if (face or after_face) and _runs_together(text[-1:], part.raw[:1]) else ""
        text += blank + part.raw
        after_face = face
    return text


def _runs_together(left: str, right: str) -> bool:
    letters = _LETTER.match(left) or _LETTER.match(right)
    return bool(letters and left and right and not left.isspace() and not right.isspace())
