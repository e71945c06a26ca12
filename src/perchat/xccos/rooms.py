"""Codecs for rooms: ``chanid`` to ask by, ``chanib`` to describe, ``qib`` to search, ``inv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.markup import escape
from perchat.model.addin import AddIn
from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
from perchat.model.invitation import InviteSetting
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.blocks import (
    RoomIds,
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
    parse_flag,
    required,
    tag,
    usable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = [
    "BEHAVIORS",
    "BEHAVIOR_WORDS",
    "INVITE",
    "INVITE_SETTING",
    "PRIVACIES",
    "PRIVACY_WORDS",
    "PROP",
    "ROOMS",
    "ROOM_IDS",
    "ROOM_URIS",
    "SETTINGS",
    "SETTING_WORDS",
    "first_chanib",
    "read_room",
    "read_rooms",
    "write_prop",
    "write_room",
]

PRIVACY_WORDS = {Privacy.OPEN: "OPEN", Privacy.CLOSED: "SCOPED", Privacy.SECRET: "PRIVATE"}
BEHAVIOR_WORDS = {Behavior.NORMAL: "NORMAL", Behavior.AUDITORIUM: "AUDITORIUM"}
PRIVACIES = {word: privacy for privacy, word in PRIVACY_WORDS.items()} | {
    "SCOPE": Privacy.CLOSED,
    "CLOSED": Privacy.CLOSED,
    "SECRET": Privacy.SECRET,
}
BEHAVIORS = {word: behavior for behavior, word in BEHAVIOR_WORDS.items()}

SETTING_WORDS = {InviteSetting.OFF: "false", InviteSetting.INHERIT: "inherit"}
SETTINGS = {
    "FALSE": InviteSetting.OFF,
    "0": InviteSetting.OFF,
    "INHERIT": InviteSetting.INHERIT,
    "TRUE": InviteSetting.INHERIT,  # no room can switch them on
    "1": InviteSetting.INHERIT,
}

_INFO = "urn:parlano:ma:info:"
PROP = "urn:parlano:ma:prop:"
INVITE = f"{PROP}invite"  # what holds
INVITE_SETTING = f"{PROP}invitesetting"  # what the room itself says


def first_chanib(data: Element) -> Element:
    """Return the room that is spoken of; ValueError when there is none."""
    chanib = data.find("chanib")
    if chanib is None:
        raise ValueError("no chanib")
    return chanib


def write_prop(identifier: str, text: str) -> str:
    """Write a property."""
    return tag("prop", {"id": identifier}, text)


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
        privacy=PRIVACIES.get(visibility.strip().upper(), Privacy.CLOSED),
        behavior=BEHAVIORS.get(attribute(chanib, "behavior").upper(), Behavior.NORMAL),
        disabled=parse_flag(attribute(chanib, "disabled")),
        participants=number(told.get(f"{_INFO}ucnt", "")),
        keeps_history=parse_flag(told.get(f"{PROP}logged", "")),
        invites=parse_flag(told.get(INVITE, "")),
        can_post_files=parse_flag(told.get(f"{PROP}filepost", "")),
        add_in=_read_add_in(chanib),
    )


def _read_add_in(chanib: Element) -> AddIn | None:
    guid = attribute(chanib, "siopid").strip().lower()
    if not guid:
        return None
    return AddIn(guid, attribute(chanib, "siopname"), attribute(chanib, "siopurl"))


def read_rooms(data: Element) -> Iterator[tuple[Element, RoomSnapshot]]:
    """Yield each ``chanib`` with the room in it; one without usable URI is passed over."""
    for chanib in data.find_all("chanib"):
        if usable(RoomUri, attribute(chanib, "uri")):
            yield chanib, read_room(chanib)


def write_room(room: RoomSnapshot, inner: str = "", more: dict[str, str] | None = None) -> str:
    """Write all that is known of a room, ``more`` attributes, and ``inner`` behind it."""
    privacy = PRIVACY_WORDS[room.privacy]
    attributes: dict[str, str] = {
        "uri": room.uri,
        "name": room.name,
        "description": room.description,
        "topic": "",  # gone since 2013, still read
        "parent": room.category or "",
        "behavior": BEHAVIOR_WORDS[room.behavior],
        "visibility": privacy,
        "disabled": flag(room.disabled),
    }
    if add_in := room.add_in:
        attributes |= {"siopid": add_in.id, "siopname": add_in.name, "siopurl": add_in.url}
    told = (
        ("info", f"{_INFO}ucnt", str(room.participants)),
        ("info", f"{_INFO}visibilty", privacy),  # as pidgin-sipe spells it
        ("info", f"{_INFO}visibility", privacy),
        ("prop", f"{PROP}logged", flag(room.keeps_history)),
        ("prop", INVITE, flag(room.invites)),
        ("prop", f"{PROP}filepost", flag(room.can_post_files)),
    )
    children = "".join([f'<{name} id="{key}">{escape(text)}</{name}>' for name, key, text in told])
    return tag("chanib", attributes | (more or {}), children + inner)


def _read_found(data: Element) -> Rooms:
    return Rooms(tuple(room for _, room in read_rooms(data)))


def _write_found(rooms: Rooms, _dialect: Dialect) -> str:
    return "".join(map(write_room, rooms.rooms))


ROOMS = Codec(Rooms, _read_found, _write_found)
