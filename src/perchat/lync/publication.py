"""
Read and write what a user publishes: categories of presence, kept by version ([MS-PRES] 2.2.2).

A publication is named by its category, instance and container. The publisher gives the
version that it knows; one that is not current is refused with the current one, and the
publisher tries again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from perchat.errors import RemoteProtocolError
from perchat.lync.address import address_of
from perchat.markup import Element, escape_attribute, read, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "AGGREGATE",
    "FAULT_TYPE",
    "NOTE",
    "PUBLISH_TYPE",
    "STATE",
    "Publication",
    "PublicationKey",
    "availability_in",
    "kind_of_state",
    "note_content",
    "note_in",
    "publish_document",
    "read_publications",
    "read_version_fault",
    "state_content",
    "version_fault",
    "write_category",
]

PublicationKey: TypeAlias = tuple[str, int, int]
"""Category, instance and container."""

PUBLISH_TYPE = "application/msrtc-category-publish+xml"
FAULT_TYPE = "application/msrtc-fault+xml"
STATE = "state"
NOTE = "note"
AGGREGATE = "aggregateState"

_SIP = "http://schemas.microsoft.com/2006/09/sip"
_RICH_PRESENCE = f"{_SIP}/rich-presence"
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_WRONG_VERSION = "Client.BadCall.WrongDelta"
_EXPIRE_TYPES = frozenset({"endpoint", "static", "time", "user"})
_MOST = 2**32 - 1  # of an instance or version, which are unsigned
_MOST_SECONDS = 366 * 86400
_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Publication:
    """
    One category as it is published.

    Attributes:
        category: ``state``, ``note``, ``device`` …
        instance: Tells publications of one category apart.
        container: Whom it is meant for.
        version: The one that the publisher knows; 0 where there is none.
        expire_type: How long it lasts: ``endpoint``, ``static``, ``time`` or ``user``.
        expires: Seconds, for ``time``.
        content: What is published; None takes the publication back.

    """

    category: str
    instance: int
    container: int
    version: int
    expire_type: str
    expires: int = 0
    content: Element | None = None

    @property
    def key(self) -> PublicationKey:
        """What names it among all of one user."""
        return (self.category, self.instance, self.container)


def read_publications(body: bytes, user: str) -> tuple[Publication, ...]:
    """
    Read what ``user``, an address-of-record, publishes.

    Raises:
        RemoteProtocolError: The body is no such document, or one of another user.

    """
    root = read(body)
    several = root.find("publications") if root.name == "publish" else None
    if several is None:
        raise RemoteProtocolError(f"not a publication: {root.name!r}")
    if (named := several.get("uri")) and address_of(named) != user:
        raise RemoteProtocolError(f"a publication of {named}, not of {user}")
    return tuple(map(_publication, several.find_all("publication")))


def _publication(element: Element) -> Publication:
    category, expire_type = element.get("categoryName"), element.get("expireType")
    if not category.isidentifier() or not category.isascii():
        raise RemoteProtocolError(f"not a category: {category!r}")
    if expire_type not in _EXPIRE_TYPES:
        raise RemoteProtocolError(f"a publication expires by {expire_type!r}")
    content = next(iter(element.children), None)
    if element.get("expires") == "0":
        content = None
    if content is not None and content.name != category:
        raise RemoteProtocolError(f"{content.name!r} in a publication of {category!r}")
    return Publication(
        category,
        _number(element, "instance"),
        _number(element, "container"),
        _number(element, "version"),
        expire_type,
        min(_number(element, "expires"), _MOST_SECONDS),
        content,
    )


def _number(element: Element, attribute: str) -> int:
    text = element.get(attribute, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS) or int(text) > _MOST:
        raise RemoteProtocolError(f"{attribute} {text!r} of a publication is no number")
    return int(text)


def publish_document(user: str, publications: Iterable[Publication]) -> bytes:
    """Return the body of a SERVICE that publishes."""
    entries = tuple(_entry(one) for one in publications)
    several = Element("publications", {"uri": user}, entries)
    return write(Element("publish", {"xmlns": _RICH_PRESENCE}, (several,))).encode()


def _entry(one: Publication) -> Element:
    attributes = {
        "categoryName": one.category,
        "instance": str(one.instance),
        "container": str(one.container),
        "version": str(one.version),
        "expireType": one.expire_type,
    }
    if one.content is None or one.expires:
        attributes["expires"] = str(one.expires)
    children = () if one.content is None else (_with_schema(one.content),)
    return Element("publication", attributes, children)


def write_category(
    name: str, content: Element | None, at: str, *, more: Mapping[str, str] | None = None
) -> str:
    """
    Return a category as subscribers and the user's own devices are given it.

    Args:
        name: The category.
        content: What is published; None tells that there is nothing.
        at: When it was published, as XML writes times.
        more: Further attributes.

    """
    attributes = {"name": name, **(more or {}), "publishTime": at}
    children = () if content is None else (_with_schema(content),)
    return write(Element("category", attributes, children))


def _with_schema(content: Element) -> Element:
    """Give the content its namespace back, which reading takes off."""
    schema = {"xmlns": f"{_SIP}/{content.name}"}
    if "type" in content.attributes:
        schema["xmlns:xsi"] = _SCHEMA_INSTANCE
    kept = {
        "xsi:type" if name == "type" else name: value for name, value in content.attributes.items()
    }
    return replace(content, attributes=schema | kept)


def version_fault(current: Mapping[int, int]) -> bytes:
    """Return what a refused publisher is told: current versions by number, counted from 1."""
    operations = "".join(
        f'<operation index="{index}" curVersion="{version}"/>' for index, version in current.items()
    )
    return (
        f'<fault xmlns="{escape_attribute(_RICH_PRESENCE)}">'
        f"<Faultcode>{_WRONG_VERSION}</Faultcode>"
        f"<details>{operations}</details></fault>"
    ).encode()


def read_version_fault(body: bytes) -> dict[int, int]:
    """Read what a refused publisher is told; RemoteProtocolError if it is something else."""
    root = read(body)
    code, details = root.find("Faultcode"), root.find("details")
    if code is None or code.text.strip() != _WRONG_VERSION or details is None:
        raise RemoteProtocolError("a publication was refused for another reason than its version")
    return {
        _number(one, "index"): _number(one, "curVersion") for one in details.find_all("operation")
    }


# --- what is published --------------------------------------------------------------------------


def state_content(kind: str, availability: int, *, manual: bool = False) -> Element:
    """Return the content of a ``state``: ``userState``, ``machineState``, ``aggregateState``."""
    chosen = {"manual": str(manual).lower()} if kind != AGGREGATE else {}
    number = Element("availability", text=str(availability))
    return Element(STATE, {**chosen, "type": kind}, (number,))


def kind_of_state(content: Element) -> str:
    """Return what kind of state it is; empty when it does not say."""
    return content.get("type").rpartition(":")[2]


def availability_in(content: Element | None) -> int | None:
    """Return the number in a ``state``; None when there is none."""
    found = content.find("availability") if content is not None else None
    text = found.text.strip() if found is not None else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def note_content(text: str) -> Element:
    """Return the content of a ``note``."""
    return Element(NOTE, {}, (Element("body", {"type": "personal", "uri": ""}, text=text),))


def note_in(content: Element | None) -> str:
    """Return the text in a ``note``; empty when there is none."""
    body = content.find("body") if content is not None else None
    return body.text if body is not None else ""
