"""Codecs for rooms: ``chanid`` to ask by, ``chanib`` to describe, ``qib`` to search, ``inv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.markup import escape
from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
from perchat.model.invitation import Invitation
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.blocks import (
    InvitationQuery,
    Invitations,
    RoomIds,
    RoomQuery,
    Rooms,
    RoomUris,
)
from perchat.xccos.codec import (
    Codec,
    attribute,
    distinct,
    extras,
    flag,
    number,
    optional_flag,
    parse_flag,
    parse_time,
    required,
    tag,
    time,
    usable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = [
    "INVITATIONS",
    "INVITATION_QUERY",
    "ROOMS",
    "ROOM_IDS",
    "ROOM_QUERY",
    "ROOM_URIS",
    "read_room",
    "read_rooms",
    "write_room",
]

_PRIVACY_WORDS = {Privacy.OPEN: "OPEN", Privacy.CLOSED: "SCOPED", Privacy.SECRET: "PRIVATE"}
_BEHAVIOR_WORDS = {Behavior.NORMAL: "NORMAL", Behavior.AUDITORIUM: "AUDITORIUM"}
_PRIVACIES = {word: privacy for privacy, word in _PRIVACY_WORDS.items()} | {
    "SCOPE": Privacy.CLOSED,
    "CLOSED": Privacy.CLOSED,
    "SECRET": Privacy.SECRET,
}
_BEHAVIORS = {word: behavior for behavior, word in _BEHAVIOR_WORDS.items()}

_INFO = "urn:parlano:ma:info:"
_PROP = "urn:parlano:ma:prop:"


# --- chanid --------------------------------------------------------------------------------


def _read_room_ids(data: Element) -> RoomIds:
    rooms = distinct(
        RoomUri.of(attribute(chanid, "domain"), attribute(chanid, "value"))
        for chanid in data.find_all("chanid")
    )
    if not rooms:
        raise ValueError("no chanid")
    return RoomIds(rooms)


def _write_room_ids(ids: RoomIds, _dialect: Dialect) -> str:
    return "".join(
        tag("chanid", {"key": str(index), "domain": room.domain, "value": room.guid})
        for index, room in enumerate(ids.rooms)
    )


ROOM_IDS = Codec(RoomIds, _read_room_ids, _write_room_ids)


# --- chanib by URI alone -------------------------------------------------------------------


def _read_room_uris(data: Element) -> RoomUris:
    rooms = distinct(RoomUri(required(chanib, "uri")) for chanib in data.find_all("chanib"))
    if not rooms:
        raise ValueError("no chanib")
    return RoomUris(rooms)


def _write_room_uris(uris: RoomUris, _dialect: Dialect) -> str:
    return "".join(tag("chanib", {"uri": room}) for room in uris.rooms)


ROOM_URIS = Codec(RoomUris, _read_room_uris, _write_room_uris)


# --- chanib in full ------------------------------------------------------------------------


def read_room(chanib: Element) -> RoomSnapshot:
    """Read a room; ValueError when it has no usable URI."""
    told = extras(chanib)
    visibility = attribute(chanib, "visibility") or told.get(f"{_INFO}visibility", "")
    visibility = visibility or told.get(f"{_INFO}visibilty", "")
    return RoomSnapshot(
        uri=RoomUri(required(chanib, "uri")),
        name=attribute(chanib, "name"),
        description=attribute(chanib, "description"),
        category=usable(CategoryUri, attribute(chanib, "parent")),
        privacy=_PRIVACIES.get(visibility.strip().upper(), Privacy.CLOSED),
        behavior=_BEHAVIORS.get(attribute(chanib, "behavior").upper(), Behavior.NORMAL),
        disabled=parse_flag(attribute(chanib, "disabled")),
        participants=number(told.get(f"{_INFO}ucnt", "")),
        keeps_history=parse_flag(told.get(f"{_PROP}logged", "")),
        invites=parse_flag(told.get(f"{_PROP}invite", "")),
        can_post_files=parse_flag(told.get(f"{_PROP}filepost", "")),
    )


def read_rooms(data: Element) -> Iterator[tuple[Element, RoomSnapshot]]:
    """Yield each ``chanib`` with the room in it; one without usable URI is passed over."""
    for chanib in data.find_all("chanib"):
        if usable(RoomUri, attribute(chanib, "uri")):
            yield chanib, read_room(chanib)


def write_room(room: RoomSnapshot, inner: str = "") -> str:
    """Write all that is known of a room, and ``inner`` behind it."""
    privacy = _PRIVACY_WORDS[room.privacy]
    attributes = {
        "uri": room.uri,
        "name": room.name,
        "description": room.description,
        "topic": "",  # gone since 2013, still read
        "parent": room.category or "",
        "behavior": _BEHAVIOR_WORDS[room.behavior],
        "visibility": privacy,
        "disabled": flag(room.disabled),
    }
    told = (
        ("info", f"{_INFO}ucnt", str(room.participants)),
        ("info", f"{_INFO}visibilty", privacy),  # as pidgin-sipe spells it
        ("info", f"{_INFO}visibility", privacy),
        ("prop", f"{_PROP}logged", flag(room.keeps_history)),
        ("prop", f"{_PROP}invite", flag(room.invites)),
        ("prop", f"{_PROP}filepost", flag(room.can_post_files)),
    )
    children = "".join([f'<{name} id="{key}">{escape(text)}</{name}>' for name, key, text in told])
    return tag("chanib", attributes, children + inner)


def _read_found(data: Element) -> Rooms:
    return Rooms(tuple(room for _, room in read_rooms(data)))


def _write_found(rooms: Rooms, _dialect: Dialect) -> str:
    return "".join(map(write_room, rooms.rooms))


ROOMS = Codec(Rooms, _read_found, _write_found)


# --- qib -----------------------------------------------------------------------------------


def _read_query(data: Element) -> RoomQuery:
    qib = data.find("qib")
    if qib is None:
        return RoomQuery()
    category = attribute(qib, "category")
    return RoomQuery(
        criteria=attribute(qib, "criteria"),
        kind=attribute(qib, "qtype", "BYNAME").upper(),
        extended=parse_flag(attribute(qib, "extended")),
        match_all=parse_flag(attribute(qib, "matchAll")),
        match_exact_phrase=parse_flag(attribute(qib, "matchExactPhrase")),
        max_results=number(attribute(qib, "maxResults"), -1),
        member=attribute(qib, "member"),
        manager=attribute(qib, "manager"),
        category=CategoryUri(category) if category else None,
        add_in=attribute(qib, "addin"),
        disabled=optional_flag(attribute(qib, "disabled")),
        privacy=_PRIVACIES.get(attribute(qib, "visibility").upper()),
        behavior=_BEHAVIORS.get(attribute(qib, "behavior").upper()),
        search_invites=parse_flag(attribute(qib, "searchinvites")),
        invites=optional_flag(attribute(qib, "invites")),
    )


def _write_query(query: RoomQuery, _dialect: Dialect) -> str:
    options = {
        "matchAll": flag(True) if query.match_all else "",
        "matchExactPhrase": flag(True) if query.match_exact_phrase else "",
        "maxResults": str(query.max_results) if query.max_results != -1 else "",
        "member": query.member,
        "manager": query.manager,
        "category": query.category or "",
        "addin": query.add_in,
        "disabled": "" if query.disabled is None else flag(query.disabled),
        "visibility": "" if query.privacy is None else _PRIVACY_WORDS[query.privacy],
        "behavior": "" if query.behavior is None else _BEHAVIOR_WORDS[query.behavior],
        "searchinvites": flag(True) if query.search_invites else "",
        "invites": "" if query.invites is None else flag(query.invites),
    }
    attributes = {
        "qtype": query.kind,
        "criteria": query.criteria,
        "extended": flag(query.extended),
    }
    return tag("qib", attributes | {name: value for name, value in options.items() if value})


ROOM_QUERY = Codec(RoomQuery, _read_query, _write_query)


# --- inv -----------------------------------------------------------------------------------


def _read_invitation_query(data: Element) -> InvitationQuery:
    inv = data.find("inv")
    if inv is None:
        return InvitationQuery()
    return InvitationQuery(number(attribute(inv, "inviteId")), attribute(inv, "domain"))


def _write_invitation_query(query: InvitationQuery, _dialect: Dialect) -> str:
    return tag("inv", {"inviteId": str(query.after), "domain": query.domain})


INVITATION_QUERY = Codec(InvitationQuery, _read_invitation_query, _write_invitation_query)


def _read_invitations(data: Element) -> Invitations:
    found = (usable(_read_invitation, child) for child in data.children)
    return Invitations(tuple(invitation for invitation in found if invitation))


def _read_invitation(inv: Element) -> Invitation:
    """Read an ``inv`` around a ``chanib``, or a ``chanib`` with the attributes of both."""
    return Invitation(
        id=number(attribute(inv, "inviteId")),
        created_on=parse_time(attribute(inv, "createdon")),
        room=read_room(inv.find("chanib") or inv),
    )


def _write_invitations(data: Invitations, dialect: Dialect) -> str:
    return "".join(_write_invitation(invitation, dialect) for invitation in data.invitations)


def _write_invitation(invitation: Invitation, dialect: Dialect) -> str:
    attributes = {
        "inviteId": str(invitation.id),
        "domain": invitation.room.uri.domain,
        "createdon": time(invitation.created_on, seven_digits=dialect.server),
    }
    return tag("inv", attributes, write_room(invitation.room))


INVITATIONS = Codec(Invitations, _read_invitations, _write_invitations)
