"""
Read and write subscriptions to the presence of others, and their notifications ([MS-PRES] 3.4).

A client names several users in one SUBSCRIBE to itself. What it is told comes as one
document a user; the first time as all of them in one body, behind a list (RFC 4662).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.lync.address import address_of
from perchat.lync.publication import (
    AGGREGATE,
    NOTE,
    STATE,
    availability_in,
    note_content,
    note_in,
    state_content,
    write_category,
)
from perchat.markup import Element, escape_attribute, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "CATEGORIES_TYPE",
    "PRESENCE_ACCEPT",
    "PRESENCE_EVENT",
    "WATCH_TYPE",
    "PresenceQuery",
    "UserPresence",
    "presence_list",
    "presence_query",
    "read_presence",
    "write_presence",
]

PRESENCE_EVENT = "presence"
WATCH_TYPE = "application/msrtc-adrl-categorylist+xml"
CATEGORIES_TYPE = "application/msrtc-event-categories+xml"
PRESENCE_ACCEPT = f"application/rlmi+xml, multipart/related, {CATEGORIES_TYPE}"

_SIP = "http://schemas.microsoft.com/2006/09/sip"
_BATCH = "http://schemas.microsoft.com/2006/01/sip/batch-subscribe"
_LIST = "urn:ietf:params:xml:ns:rlmi"
_BOUNDARY = re.compile(r'boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})', re.IGNORECASE)
_ASKED = (STATE, NOTE)


@dataclass(frozen=True, slots=True)
class UserPresence:
    """
    How reachable one user is, as numbers of the protocol.

    Attributes:
        uri: The address-of-record.
        availability: See [MS-PRES] 3.7.5.5; None when a notification does not tell.
        note: None when a notification does not tell.

    """

    uri: str
    availability: int | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PresenceQuery:
    """
    Whose presence a client wants to be told.

    Attributes:
        users: Addresses-of-record, each once.
        subscribe: Whether to begin, else to end.

    """

    users: tuple[str, ...]
    subscribe: bool = True

    @staticmethod
    def parse(body: bytes) -> PresenceQuery:
        """
        Read the body of a SUBSCRIBE.

        Raises:
            RemoteProtocolError: It is no such document, or names no user.

        """
        root = read(body)
        action = root.find("action") if root.name == "batchSub" else None
        named = action.find("adhocList") if action is not None else None
        if action is None or named is None:
            raise RemoteProtocolError(f"not a subscription to presence: {root.name!r}")
        users = tuple(dict.fromkeys(_user(one) for one in named.find_all("resource")))
        if not users:
            raise RemoteProtocolError("a subscription to presence that names nobody")
        return PresenceQuery(users, action.get("name", "subscribe") != "unsubscribe")


def _user(resource: Element) -> str:
    uri = resource.get("uri")
    return address_of(uri if ":" in uri else f"sip:{uri}")


def presence_query(user: str, wanted: Sequence[str]) -> bytes:
    """Return the body of a SUBSCRIBE of ``user`` to the presence of others."""
    resources = tuple(Element("resource", {"uri": uri}) for uri in wanted)
    categories = tuple(Element("category", {"name": name}) for name in _ASKED)
    action = Element(
        "action",
        {"name": "subscribe", "id": "1"},
        (
            Element("adhocList", {}, resources),
            Element("categoryList", {"xmlns": f"{_SIP}/categorylist"}, categories),
        ),
    )
    attributes = {"xmlns": _BATCH, "uri": user, "name": ""}
    return write(Element("batchSub", attributes, (action,))).encode()


# --- notifications ------------------------------------------------------------------------------


def write_presence(presence: UserPresence, at: str) -> bytes:
    """Return the document of one user; ``at`` is when it became so, as XML writes times."""
    told = []
    if presence.availability is not None:
        state = state_content(AGGREGATE, presence.availability)
        told.append(write_category(STATE, state, at, more={"instance": "1"}))
    if presence.note is not None:
        note = note_content(presence.note) if presence.note else None
        told.append(write_category(NOTE, note, at, more={"instance": "0"}))
    return (
        f'<categories xmlns="{_SIP}/categories" uri="{escape_attribute(presence.uri)}">'
        f"{''.join(told)}</categories>"
    ).encode()


def presence_list(user: str, several: Sequence[UserPresence], at: str) -> tuple[str, bytes]:
    """Return type and body of what ``user`` is told first: the presence of all at once."""
    documents = [write_presence(one, at) for one in several]
    resources = tuple(
        Element(
            "resource", {"uri": one.uri}, (Element("instance", {"id": "0", "state": "active"}),)
        )
        for one in several
    )
    attributes = {"xmlns": _LIST, "uri": user, "version": "0", "fullState": "true"}
    parts = [("application/rlmi+xml", write(Element("list", attributes, resources)).encode())]
    parts += [(CATEGORIES_TYPE, document) for document in documents]
    digest = hashlib.sha256(b"".join(body for _, body in parts)).hexdigest()
    boundary = digest[:32]  # of the text itself: nobody can have written it there
    lines = [  # a line end more than asked for: libpurple's reader takes two off
        b"--%s\r\nContent-Type: %s\r\n\r\n%s\r\n\r\n" % (boundary.encode(), kind.encode(), body)
        for kind, body in parts
    ]
    kind = f'multipart/related;type="application/rlmi+xml";boundary={boundary}'
    return kind, b"".join((*lines, b"--%s--\r\n" % boundary.encode()))


def read_presence(content_type: str, body: bytes) -> list[UserPresence]:
    """
    Read a notification, of one user or of several; what is no document of one is left out.

    Args:
        content_type: With its parameters.
        body: As it came.

    Raises:
        RemoteProtocolError: A part is not well-formed.

    """
    kind = content_type.partition(";")[0].strip().lower()
    if not kind.startswith("multipart/"):
        return list(_read_document(kind, body))
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise RemoteProtocolError("several parts without a boundary")
    found: list[UserPresence] = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].strip().encode())[1:]:
        head, blank, inner = part.partition(b"\r\n\r\n")
        if blank:
            found += _read_document(_type_of(head), inner)
    return found


def _type_of(head: bytes) -> str:
    for line in head.decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-type":
            return value.partition(";")[0].strip().lower()
    return ""


def _read_document(kind: str, body: bytes) -> Iterator[UserPresence]:
    if kind != CATEGORIES_TYPE:
        return
    root = read(body)
    if root.name == "categories" and (uri := root.get("uri")):
        yield _presence_of(uri, root)


def _presence_of(uri: str, root: Element) -> UserPresence:
    availability: int | None = None
    note: str | None = None
    for category in root.find_all("category"):
        content = category.find(category.get("name"))
        if category.get("name") == STATE:
            availability = availability_in(content)
        elif category.get("name") == NOTE:
            note = note_in(content)
    return UserPresence(address_of(uri), availability, note)
