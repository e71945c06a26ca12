"""
What all codecs share: how peers differ, and the text forms of times, numbers and flags.

A codec reads the ``data`` element of one command, reply or notice and writes
the inside of one. Reading raises ValueError when the data is of no use; the
decoder keeps it as :class:`~perchat.xccos.blocks.Unknown` then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from perchat.errors import LocalProtocolError
from perchat.markup import escape_attribute
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from perchat.markup import Element
    from perchat.model.uri import RoomUri

__all__ = [
    "CLIENT",
    "DOTNET",
    "EPOCH",
    "SIPE",
    "Codec",
    "Dialect",
    "attribute",
    "distinct",
    "extras",
    "flag",
    "instant",
    "number",
    "optional",
    "optional_flag",
    "parse_flag",
    "parse_time",
    "read_more",
    "required",
    "sip_uri",
    "tag",
    "time",
    "usable",
    "write_more",
]

S = TypeVar("S")
T = TypeVar("T")


_SIPE_CALL_ID = re.compile(
    "".join(f"[0-9A-F]{{4}}{letter}" for letter in "gaimtbx") + "[0-9A-F]{4}x"
)
_SIPE_PRODUCT = re.compile(r"(?:[^(]*\s)?sipe(?:/|\s|$)", re.IGNORECASE)  # RFC 3261 §20.41


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """
    How a sender writes, to suit who reads; one of few constants, each equal to itself alone.

    Attributes:
        server: As servers do: schema namespaces declared, times with seven digits.
        legacy_masks: Managers get the mask that legacy clients take for an operator.
        typed_messages: ``xsi:type`` on history messages, for .NET's serializer.
        plain_links: Links in messages as words and URL, for who shows their markup as it is.

    """

    server: bool = True
    legacy_masks: bool = False
    typed_messages: bool = False
    plain_links: bool = False

    @staticmethod
    def of(call_id: str, user_agent: str) -> Dialect:
        """
        Return the server's dialect for the client that sent an INVITE.

        pidgin-sipe is known by the form of its Call-ID. Its users are advised to set the
        User-Agent of the original client, so that header is the last hint only.
        """
        sipe = _SIPE_CALL_ID.fullmatch(call_id) or _SIPE_PRODUCT.match(user_agent)
        return SIPE if sipe else DOTNET


CLIENT = Dialect(server=False)
SIPE = Dialect(legacy_masks=True, plain_links=True)
DOTNET = Dialect(typed_messages=True)


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """Both directions of one kind of data."""

    kind: type[T]
    read: Callable[[Element], T]
    write: Callable[[T, Dialect], str]


def tag(name: str, attributes: Mapping[str, str] | None = None, inner: str = "") -> str:
    """Write an element around ``inner``, which is markup already."""
    written = ""
    if attributes:
        written = "".join([f' {k}="{escape_attribute(v)}"' for k, v in attributes.items()])
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def attribute(element: Element, name: str, default: str = "") -> str:
    """Return an attribute's value; peers do not agree on upper and lower case of names."""
    value = optional(element, name)
    return default if value is None else value


def optional(element: Element, name: str) -> str | None:
    """Return the same, but None when the attribute is absent."""
    attributes = element.attributes
    if name in attributes:
        return attributes[name]
    folded = name.lower()
    for candidate, value in attributes.items():
        if len(candidate) == len(name) and candidate.lower() == folded:
            return value
    return None


def extras(element: Element) -> dict[str, str]:
    """Return the text of each ``info`` and ``prop`` inside, by its id in lower case."""
    return {
        child.get("id").lower(): child.text
        for child in element.children
        if child.name in {"info", "prop"}
    }


_MORE = "urn:parlano:ma:info:more"


def read_more(element: Element) -> bool:
    """Return whether there is more than a list holds; an element of ours."""
    return parse_flag(extras(element).get(_MORE, ""))


def write_more(*, more: bool) -> str:
    """Write that."""
    return tag("info", {"id": _MORE}, flag(more))


def required(element: Element, name: str) -> str:
    """Return an attribute's value; ValueError when it is absent."""
    value = attribute(element, name)
    if not value:
        raise ValueError(f"{element.name} without {name}")
    return value


def usable(make: Callable[[S], T], source: S) -> T | None:
    """Return what ``make`` makes of the source, None when it cannot."""
    try:
        return make(source)
    except ValueError:
        return None


def sip_uri(text: str) -> SipUri:
    """Read an address; some peers leave out ``sip:``. ValueError when it is none."""
    text = text.strip()
    return SipUri(text if text[:4].lower() == "sip:" else f"sip:{text}")


_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,18})\s*")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})

_TWO = tuple(f"{n:02}" for n in range(60))
"""With these a time takes a third of what it takes by ``isoformat``; history is full of them."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(text: str, default: int = 0) -> int:
    """Read a decimal number; ``default`` when it is none of at most 18 digits."""
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else default


def flag(value: bool) -> str:
    """Write a truth value."""
    return "true" if value else "false"


def parse_flag(text: str) -> bool:
    """Read a truth value; what is not true is false."""
    return text.strip().lower() in _TRUE


def optional_flag(text: str) -> bool | None:
    """Read a truth value; None when it is neither."""
    text = text.strip().lower()
    return text in _TRUE if text in _TRUE or text in _FALSE else None


def time(at: datetime, *, seven_digits: bool) -> str:
    """
    Write an instant in UTC, with seven digits of a second or none.

    Raises:
        LocalProtocolError: It is naive.

    """
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            raise LocalProtocolError(f"a time without zone: {at}")
        at = at.astimezone(UTC)
    if seven_digits:
        clock = f"{_TWO[at.hour]}:{_TWO[at.minute]}:{_TWO[at.second]}.{at.microsecond:06}0"
        return f"{_day(at.toordinal())}T{clock}Z"
    return at.isoformat(timespec="seconds")[:19] + "Z"


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return date.fromordinal(number).isoformat()


def parse_time(text: str) -> datetime:
    """Read an instant, UTC if it names no zone; the epoch when it is unusable."""
    return usable(instant, text) or EPOCH


def instant(text: str) -> datetime:
    """Read the same; ValueError when it is unusable."""
    text = text.strip()
    if not _TIME.fullmatch(text):
        raise ValueError(f"not a time: {text[:40]!r}")
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"a time beyond the calendar: {text!r}") from error


def distinct(rooms: Iterator[RoomUri]) -> tuple[RoomUri, ...]:
    """Return the rooms in order, each once."""
    return tuple(dict.fromkeys(rooms))
