"""
A record of the wire as people read it: a line that says who, when and to whom, then the
message, with the headers that matter and its document indented.

What came from the network is shown so that it cannot steer a terminal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from perchat.errors import RemoteProtocolError
from perchat.markup import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perchat.markup import Element

__all__ = ["has_document", "render", "without_text"]

_ARROWS = {"in": "<-", "out": "->", "note": "--"}
_ROUTINE = frozenset(  # shown only when all are asked for
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "allow",
        "allow-events",
        "call-id",
        "content-length",
        "contact",
        "date",
        "max-forwards",
        "proxy-require",
        "record-route",
        "route",
        "server",
        "supported",
        "user-agent",
        "via",
    }
)
_MATTER_IN = {"REGISTER": frozenset({"contact", "user-agent", "supported"})}
_TEXTS = ("chat", "rtf")  # elements that hold what people wrote
_TAG = re.compile(rf"<(/?)(?:[\w.-]+:)?({'|'.join(_TEXTS)})(?:\s[^<>]*)?>")
_HIDDEN = re.compile(r"\(\d+ characters hidden\)|")
_INDENT = "    "


def render(record: Mapping[str, Any], *, all_headers: bool = False) -> str:
    """Return a record as a block of lines that ends with an empty one."""
    return "\n".join([_title(record), *map(_plain, _inside(record, all_headers)), ""])


def has_document(record: Mapping[str, Any]) -> bool:
    """Tell whether a message carries a document of the chat service."""
    return "<xccos" in record.get("body", "")[:1024]


def without_text(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without what people wrote; a body that is not understood is left out."""
    body = record.get("body", "")
    if not body or _header(record, "content-type").startswith("application/sdp"):
        return dict(record)
    return {**record, "body": _hidden(body)}


# --- as lines --------------------------------------------------------------------------------


def _title(record: Mapping[str, Any]) -> str:
    at = str(record["at"]).partition("+")[0].replace("T", " ")
    words = [
        at,
        str(record["connection"]),
        _ARROWS.get(record["direction"], "??"),
        f"{record['peer']} {'TLS' if record['tls'] else 'TCP'}",
    ]
    if "transaction" in record:
        words += [f"transaction {record['transaction']}", f"call {record['call'][:8]}"]
    return _plain("  ".join(words))


def _inside(record: Mapping[str, Any], all_headers: bool) -> Iterator[str]:
    if "note" in record:
        yield _INDENT + record["note"]
        return
    yield _INDENT + record["start"]
    method = _header(record, "cseq").rpartition(" ")[2].upper()
    routine = frozenset() if all_headers else _ROUTINE - _MATTER_IN.get(method, frozenset())
    for name, value in record["headers"]:
        if name.lower() not in routine:
            yield f"{_INDENT}{name}: {value}"
    yield from _document(record["body"])


def _document(body: str) -> Iterator[str]:
    if not body.strip():
        return
    try:
        lines = list(_tree(read(body.encode()), 2))
    except RemoteProtocolError:
        lines = [_INDENT * 2 + line for line in body.splitlines()]
    yield from lines


def _tree(element: Element, depth: int) -> Iterator[str]:
    margin = _INDENT * 2 + "  " * (depth - 2)
    words = "".join(f' {name}="{value}"' for name, value in element.attributes.items())
    if not element.children:
        text = f">{element.text}</{element.name}>" if element.text else "/>"
        yield f"{margin}<{element.name}{words}{text}"
        return
    yield f"{margin}<{element.name}{words}>"
    if element.text.strip():
        yield f"{margin}  {element.text.strip()}"
    for child in element.children:
        yield from _tree(child, depth + 1)
    yield f"{margin}</{element.name}>"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in text)


# --- without texts ---------------------------------------------------------------------------


def _hidden(body: str) -> str:
    """Return a document with its texts replaced by their length."""
    masked = _masked(body)
    try:
        safe = "<!" not in body and _is_silent(read(masked.encode()))
    except RemoteProtocolError:
        safe = False
    return masked if safe else f"({len(body)} characters hidden)"


def _masked(body: str) -> str:
    parts, at, opened = list[str](), 0, None
    for tag in _TAG.finditer(body):
        if opened is None:
            opened = None if tag[1] else tag
        elif tag[1] and tag[2] == opened[2]:
            hidden = tag.start() - opened.end()
            parts += (body[at : opened.end()], f"({hidden} characters hidden)")
            at, opened = tag.start(), None
    return "".join((*parts, body[at:]))


def _is_silent(element: Element) -> bool:
    if element.name in _TEXTS:
        return not element.children and _HIDDEN.fullmatch(element.text) is not None
    return all(map(_is_silent, element.children))


def _header(record: Mapping[str, Any], wanted: str) -> str:
    headers = record.get("headers", ())
    return next((str(value) for name, value in headers if name.lower() == wanted), "").lower()
