"""
XML from strangers, read within limits, and XML written so that it reads back the same.

The documents of this world are small: XCCOS bodies, provisioning, presence.
They come as a light immutable tree with local names only, because peers differ
in prefixes and some bind none. There are no document types, hence no entities
but the five built in. Expat does the reading: each document has a parser and a
name table of its own, so that names a stranger invents are forgotten with it
(libxml2 as lxml drives it keeps every name it ever saw).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NoReturn
from xml.parsers import expat

from perchat.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Element",
    "MarkupLimits",
    "escape",
    "escape_attribute",
    "read",
    "write",
]


@dataclass(frozen=True, slots=True)
class Element:
    """
    One element and what it holds.

    Attributes:
        name: Without prefix when read; written as it is.
        attributes: Names without prefix when read, namespace declarations left out;
            written as they are, so ``xmlns`` and ``xsi:type`` can be given.
        children: In document order.
        text: The character data directly inside; blanks between children do not count.

    """

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[Element, ...] = ()
    text: str = ""

    def find(self, name: str) -> Element | None:
        """Return the first child of that name."""
        for child in self.children:
            if child.name == name:
                return child
        return None

    def find_all(self, name: str) -> Iterator[Element]:
        """Yield the children of that name in document order."""
        return (child for child in self.children if child.name == name)

    def get(self, attribute: str, default: str = "") -> str:
        """Return the attribute's value, ``default`` when it is absent."""
        return self.attributes.get(attribute, default)


@dataclass(frozen=True, slots=True)
class MarkupLimits:
    """
    What a document may have at most.

    Attributes:
        size: Bytes.
        depth: Elements inside each other, the root included.
        elements: Tags, opening and closing counted.
        attributes: On one element, namespace declarations included.

    """

    size: int = 1 << 20
    depth: int = 32
    elements: int = 50_000
    attributes: int = 64


_LIMITS = MarkupLimits()


def read(data: bytes, limits: MarkupLimits = _LIMITS) -> Element:
    """
    Read a UTF-8 document; a byte order mark and an XML declaration may precede it.

    Raises:
        RemoteProtocolError: It is not well-formed, has a document type, or breaks a limit.

    """
    if len(data) > limits.size:
        raise RemoteProtocolError(f"XML of {len(data)} bytes, {limits.size} allowed")
    if data.count(b"<") > limits.elements:
        raise RemoteProtocolError(f"XML with more than {limits.elements} tags")
    if b"\0" in data:  # no XML, or UTF-16, which Expat detects against what we tell it
        raise RemoteProtocolError("XML with NUL, or not in UTF-8")
    return _Tree(limits).read(data)


class _Tree:
    """Builds the tree of one document from the parser's calls."""

    __slots__ = ("_limits", "_open", "_root")

    def __init__(self, limits: MarkupLimits) -> None:
        self._limits = limits
        self._open: list[tuple[str, dict[str, str], list[Element], list[str]]] = []
        self._root: Element | None = None

    def read(self, data: bytes) -> Element:
        parser = expat.ParserCreate("utf-8")  # whatever the declaration claims
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_document_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise RemoteProtocolError(f"not well-formed XML: {error}") from error
        if self._root is None:
            raise RemoteProtocolError("XML without an element")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= self._limits.depth:
            raise RemoteProtocolError(f"XML deeper than {self._limits.depth} elements")
        if len(attributes) > self._limits.attributes:
            raise RemoteProtocolError(f"XML with {len(attributes)} attributes on one element")
        self._open.append((name, attributes, [], []))

    def _end(self, _name: str) -> None:
        name, attributes, children, parts = self._open.pop()
        text = "".join(parts)
        if children and text.isspace():
            text = ""
        element = Element(_local(name), _local_names(attributes), tuple(children), text)
        if self._open:
            self._open[-1][2].append(element)
        else:
            self._root = element

    def _characters(self, data: str) -> None:
        self._open[-1][3].append(data)


def _refuse_document_type(*_: object) -> NoReturn:
    raise RemoteProtocolError("XML with a document type")


def _local(name: str) -> str:
    if ":" not in name:
        return name
    if not _qualified().fullmatch(name):
        raise RemoteProtocolError(f"not a qualified name: {name!r}")
    return name.partition(":")[2]


def _local_names(attributes: dict[str, str]) -> dict[str, str]:
    """Drop prefixes and namespace declarations; a name without prefix wins over one with."""
    qualified = [name for name in attributes if ":" in name or name == "xmlns"]
    for name in qualified:
        value = attributes.pop(name)
        if name != "xmlns" and not name.startswith("xmlns:"):
            attributes.setdefault(_local(name), value)
    return attributes


_NAME_START = (  # XML 1.0 §2.3
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NCNAME = f"[{_NAME_START}][{_NAME_START}\\-.0-9\xb7\u0300-\u036f\u203f-\u2040]*"
_ILLEGAL = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"  # XML 1.0 §2.2
_TEXT = re.compile(f"[&<>\r{_ILLEGAL}]")
_ATTRIBUTE = re.compile(f'[&<>"\r\n\t{_ILLEGAL}]')


@cache
def _name() -> re.Pattern[str]:
    """Compile what few programs need, and what takes long, when it is needed."""
    return re.compile(f"{_NCNAME}(?::{_NCNAME})?")


@cache
def _qualified() -> re.Pattern[str]:
    """Do the same for names that have to have a prefix."""
    return re.compile(f"{_NCNAME}:{_NCNAME}")


_REFERENCES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\r": "&#13;",  # would be read back as a line feed
    "\n": "&#10;",  # in attributes: would be read back as a blank
    "\t": "&#9;",
}


def _reference(match: re.Match[str]) -> str:
    return _REFERENCES.get(match[0], "")


def escape(text: str) -> str:
    """Make text fit between tags; characters XML 1.0 cannot carry are dropped."""
    return _TEXT.sub(_reference, text)


def escape_attribute(text: str) -> str:
    """Make text fit between double quotes; characters XML 1.0 cannot carry are dropped."""
    return _ATTRIBUTE.sub(_reference, text)


def write(element: Element) -> str:
    """
    Write an element, without XML declaration and without adding blanks.

    Raises:
        LocalProtocolError: A name is none.

    """
    tag = _checked(element.name)
    inner = escape(element.text) + "".join(map(write, element.children))
    attributes = "".join(
        f' {_checked(name)}="{escape_attribute(value)}"'
        for name, value in element.attributes.items()
    )
    return f"<{tag}{attributes}>{inner}</{tag}>" if inner else f"<{tag}{attributes}/>"


def _checked(name: str) -> str:
    if not _name().fullmatch(name):
        raise LocalProtocolError(f"not an XML name: {name!r}")
    return name
