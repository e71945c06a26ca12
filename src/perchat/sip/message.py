"""
Requests and responses as values (RFC 3261 §7).

A message that came out of the parser is sound: what RFC 3261 §8.1.1 requires is there
and can be read, so the properties below never raise on it. On one made by hand they
raise `RemoteProtocolError` when the header is missing or malformed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from perchat.errors import RemoteProtocolError
from perchat.sip.grammar import NAMES, decimal
from perchat.sip.header import (
    CSeq,
    NameAddr,
    Via,
    parse_contacts,
    parse_cseq,
    parse_name_addr,
    parse_name_addrs,
    parse_vias,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Headers", "Message", "Request", "Response", "grouped", "indexed"]

T = TypeVar("T")
_NOTHING_READ: dict[str, Any] = {}  # most are asked for nothing


def indexed(
    items: Iterable[tuple[str, str]], index: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Add header fields to an index by names in lower case, and return it."""
    return grouped(
        ((NAMES[name][1] if name in NAMES else name.lower(), value) for name, value in items), index
    )


def grouped(
    fields: Iterable[tuple[str, str]], index: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """
    Add header fields to an index by the names they have there, and return it.

    What is repeated is gathered first: a tuple that grows by one costs quadratic time, and 64 KB
    of short headers held the loop for 150 ms.
    """
    repeated: dict[str, list[str]] = {}
    for key, value in fields:
        if key in index:
            repeated.setdefault(key, [*index[key]]).append(value)
        else:
            index[key] = (value,)
    for key, values in repeated.items():
        index[key] = tuple(values)
    return index


class Headers:
    """
    Header fields in order; names match without case, repeated ones stay apart.

    Immutable: `plus` and `replaced` return new ones.

    Attributes:
        written: What they were read from, the start line before them; empty when made here.

    """

    __slots__ = ("_index", "_items", "_read", "written")

    def __init__(
        self,
        items: Iterable[tuple[str, str]] = (),
        index: dict[str, tuple[str, ...]] | None = None,
        written: bytes = b"",
    ) -> None:
        """Take the items; ``index`` is what `by_name` is to return, if known already."""
        self.written = written
        self._items = tuple(items)
        self._index = index
        self._read = _NOTHING_READ

    def by_name(self) -> Mapping[str, tuple[str, ...]]:
        """Return all values by name in lower case."""
        index = self._index
        if index is None:
            index = self._index = indexed(self._items, {})
        return index

    def read(self, name: str, parse: Callable[[str], T]) -> T:
        """
        Return what ``parse`` makes of the first value of a name in lower case; made once.

        Raises:
            RemoteProtocolError: There is none, or as ``parse`` says.

        """
        known: T | None = self._read.get(name)
        if known is None:
            values = (self._index or self.by_name()).get(name)
            if values is None:
                raise RemoteProtocolError(f"no {name}")
            known = parse(values[0])
            if self._read is _NOTHING_READ:
                self._read = {}
            self._read[name] = known
        return known

    def read_all(self, required: Iterable[tuple[str, Callable[[str], object]]]) -> None:
        """
        Read the first values of names in lower case, as `read` does, all at once.

        Raises:
            RemoteProtocolError: One is not there, or as its reader says.

        """
        index, known = self.by_name(), dict(self._read)
        for name, parse in required:
            if name not in index:
                raise RemoteProtocolError(f"no {name}")
            known[name] = parse(index[name][0])
        self._read = known

    def get(self, name: str) -> str | None:
        """Return the first value of that name."""
        values = self.by_name().get(name.lower())
        return values[0] if values else None

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return the values of that name in order."""
        return self.by_name().get(name.lower(), ())

    @property
    def repeated(self) -> frozenset[str]:
        """Names, in lower case, that come more than once."""
        index = self.by_name()
        if len(index) == len(self._items):
            return frozenset()
        return frozenset(name for name, values in index.items() if len(values) > 1)

    def plus(self, *items: tuple[str, str]) -> Headers:
        """Return these and the given ones after them."""
        return Headers((*self._items, *items))

    def replaced(self, name: str, *values: str) -> Headers:
        """Return these with all of one name replaced, where the first stood; none: removed."""
        key, items, fresh = name.lower(), list[tuple[str, str]](), [(name, v) for v in values]
        for item in self._items:
            if item[0].lower() != key:
                items.append(item)
            else:
                items += fresh
                fresh = []
        return Headers((*items, *fresh))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self.by_name()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._folded() == other._folded()

    def __hash__(self) -> int:
        return hash(self._folded())

    def __repr__(self) -> str:
        return f"Headers({list(self._items)!r})"

    def _folded(self) -> tuple[tuple[str, str], ...]:
        return tuple((name.lower(), value) for name, value in self._items)


class _Fields:
    """What requests and responses read alike."""

    __slots__ = ()
    headers: Headers

    @property
    def call_id(self) -> str:
        """Call-ID, compared as text."""
        return self.headers.read("call-id", str)

    @property
    def cseq(self) -> CSeq:
        """Number and method."""
        return self.headers.read("cseq", parse_cseq)

    @property
    def from_(self) -> NameAddr:
        """Who asks."""
        return self.headers.read("from", parse_name_addr)

    @property
    def to(self) -> NameAddr:
        """Who is asked."""
        return self.headers.read("to", parse_name_addr)

    @property
    def vias(self) -> tuple[Via, ...]:
        """All hops, the latest first."""
        others = self.headers.get_all("via")[1:]
        first = self.headers.read("via", parse_vias)
        return (*first, *(via for text in others for via in parse_vias(text)))

    @property
    def via(self) -> Via:
        """The latest hop."""
        return self.headers.read("via", parse_vias)[0]

    @property
    def contacts(self) -> tuple[NameAddr, ...]:
        """All contacts; a star counts as none."""
        values = self.headers.get_all("Contact")
        return tuple(contact for text in values for contact in parse_contacts(text))

    @property
    def contact(self) -> NameAddr | None:
        """The first contact."""
        contacts = self.contacts
        return contacts[0] if contacts else None

    @property
    def routes(self) -> tuple[NameAddr, ...]:
        """The Route set still ahead."""
        return self._addresses("Route")

    @property
    def record_routes(self) -> tuple[NameAddr, ...]:
        """Proxies that want to stay in the path, as listed."""
        return self._addresses("Record-Route")

    def _addresses(self, name: str) -> tuple[NameAddr, ...]:
        values = self.headers.get_all(name)
        return tuple(address for text in values for address in parse_name_addrs(text))

    @property
    def content_type(self) -> str:
        """Media type in lower case, without parameters; empty when not said."""
        value = self.headers.get("Content-Type")
        return value.partition(";")[0].strip().lower() if value else ""

    @property
    def expires(self) -> int | None:
        """Seconds, if said."""
        value = self.headers.get("Expires")
        return None if value is None else decimal(value, "Expires")

    def options(self, name: str) -> tuple[str, ...]:
        """Return the tokens of a list header such as Supported, Require or Allow."""
        values = self.headers.get_all(name)
        if not values:
            return ()
        return tuple(t for text in values for part in text.split(",") if (t := part.strip()))


@dataclass(frozen=True, slots=True)
class Request(_Fields):
    """A request; ``uri`` is the Request-URI as written."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response(_Fields):
    """A response; ``reason`` is for people."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""


Message: TypeAlias = Request | Response
