"""
Write what a client subscribes to of its own user: contact list and own data ([MS-PRES]).

Own data are the categories that the user's devices publish. Contact list, containers and
subscribers are empty: who may see whom is for the server to decide, not for users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.lync.diagnostics import Refused
from perchat.lync.publication import PUBLISH_TYPE
from perchat.markup import Element, escape_attribute, read, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perchat.sip.message import Request

__all__ = [
    "SELF_EVENT",
    "PresenceDocument",
    "answer_service",
    "own_document",
    "presence_document",
    "requested_data",
]

CONTACTS_EVENT = "vnd-microsoft-roaming-contacts"
SELF_EVENT = "vnd-microsoft-roaming-self"

_SIP = "http://schemas.microsoft.com/2006/09/sip"
_SELF_PARTS: Mapping[str, str] = {
    "categories": f"{_SIP}/categories",
    "containers": f"{_SIP}/containers",
    "subscribers": f"{_SIP}/presence-subscribers",
}
_PUBLICATIONS: Mapping[str, str] = {
    "application/msrtc-setcontainermembers+xml": "setContainerMembers",
    PUBLISH_TYPE: "publish",
}


@dataclass(frozen=True, slots=True)
class PresenceDocument:
    """What a subscription is told."""

    content_type: str
    body: bytes


def presence_document(
    event: str,
    uri: str,
    wanted: tuple[str, ...] = tuple(_SELF_PARTS),
    categories: Sequence[str] = (),
) -> PresenceDocument | None:
    """
    Return what a subscription to ``event`` is told; None for an event nobody serves.

    Args:
        event: The package, without parameters.
        uri: The user's address-of-record.
        wanted: For the user's own data, the parts that were asked for.
        categories: What the user's devices publish, written.

    """
    if event == CONTACTS_EVENT:
        return PresenceDocument(f"application/{event}+xml", _contact_list())
    if event == SELF_EVENT:
        return PresenceDocument(f"application/{event}+xml", _roaming_data(uri, wanted, categories))
    return None


def own_document(uri: str, categories: Sequence[str]) -> bytes:
    """Return what a device that published is answered: all that its user's devices publish."""
    return _roaming_data(uri, ("categories",), categories)


def requested_data(body: bytes) -> tuple[str, ...]:
    """
    Return which parts of his own data a user asks for; an empty body asks for all.

    Raises:
        RemoteProtocolError: The body is no such request.

    """
    if not body:
        return tuple(_SELF_PARTS)
    root = read(body)
    if root.name != "roamingList":
        raise RemoteProtocolError(f"not a request for roaming data: {root.name!r}")
    asked = {entry.get("type") for entry in root.find_all("roaming")}
    return tuple(name for name in _SELF_PARTS if name in asked)


def answer_service(request: Request) -> Refused | None:
    """Return how to refuse a SERVICE; None when a bare 200 answers it."""
    expected = _PUBLICATIONS.get(request.content_type)
    if expected is None:
        return Refused(415, 4013, extra=(("Accept", ", ".join(_PUBLICATIONS)),))
    try:
        found = read(request.body).name
    except RemoteProtocolError:
        return Refused(400, 4001)
    return None if found == expected else Refused(400, 4001)


def _contact_list() -> bytes:
    group = Element("group", {"id": "1", "name": "~", "externalURI": ""})
    return write(Element("contactList", {"deltaNum": "1"}, (group,))).encode()


def _roaming_data(uri: str, wanted: tuple[str, ...], categories: Sequence[str]) -> bytes:
    named = {"categories": f' uri="{escape_attribute(uri)}"'}
    inner = {"categories": "".join(categories)}
    parts = (
        _part(name, f'xmlns="{namespace}"{named.get(name, "")}', inner.get(name, ""))
        for name, namespace in _SELF_PARTS.items()
        if name in wanted
    )
    return _part("roamingData", f'xmlns="{_SIP}/roaming-self"', "".join(parts)).encode()


def _part(name: str, attributes: str, inner: str) -> str:
    return f"<{name} {attributes}>{inner}</{name}>" if inner else f"<{name} {attributes}/>"
