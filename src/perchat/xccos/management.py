"""Codecs for what managers see: ``chanib`` in full, ``catib``, rights in a room, ``siop``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from perchat.model.addin import AddIn
from perchat.model.category import CategorySummary
from perchat.model.invitation import Invitations, InviteSetting
from perchat.model.roomdetails import (
    RoomDetails,
)
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.codec import (
    Codec,
    attribute,
    extras,
    flag,
    number,
    parse_flag,
    required,
    sip_uri,
    tag,
    usable,
)
from perchat.xccos.managing import AddIns, Categories, RoomLookup, RoomPermissions
from perchat.xccos.principals import read_changes, write_changes
from perchat.xccos.rooms import (
    INVITE,
    INVITE_SETTING,
    PROP,
    SETTING_WORDS,
    SETTINGS,
    first_chanib,
    read_room,
    write_prop,
    write_room,
)

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.model.chatroom import RoomSnapshot
    from perchat.xccos.codec import Dialect

__all__ = [
    "ADD_INS",
    "CATEGORIES",
    "ROOM",
    "ROOM_LOOKUP",
    "ROOM_PERMISSIONS",
]

T = TypeVar("T")

_LOGGED = f"{PROP}logged"
_FILEPOST = f"{PROP}filepost"


# --- a room in full ------------------------------------------------------------------------


def _read_details(data: Element) -> RoomDetails:
    chanib = first_chanib(data)
    room = read_room(chanib)
    category = _category_of(chanib, room)
    return RoomDetails(
        uri=room.uri,
        name=room.name,
        description=room.description,
        category=category,
        privacy=room.privacy,
        behavior=room.behavior,
        disabled=room.disabled,
        participants=room.participants,
        add_in=room.add_in,
        file_store=attribute(chanib, "filestoreuri"),
        invitations=_invitations(chanib, room, category),
        changes=read_changes(chanib),
    )


def _category_of(chanib: Element, room: RoomSnapshot) -> CategorySummary | None:
    """Return the category as it is told, or what the room gives away of it."""
    catib = chanib.find("catib")
    told = usable(_read_category, catib) if catib else None
    if told or room.category is None:
        return told
    return CategorySummary(
        room.category,
        keeps_history=room.keeps_history,
        invitations=room.invites,
        file_posts=room.can_post_files,
    )


def _invitations(
    chanib: Element, room: RoomSnapshot, category: CategorySummary | None
) -> Invitations:
    inherited = category.invitations if category else room.invites
    deduced = InviteSetting.OFF if inherited and not room.invites else InviteSetting.INHERIT
    told = extras(chanib).get(INVITE_SETTING, "").strip().upper()
    return Invitations(SETTINGS.get(told, deduced), inherited)


def _write_details(room: RoomDetails, _dialect: Dialect) -> str:
    setting = SETTING_WORDS[room.invitations.local]
    category = _write_category(room.category) if room.category else ""
    inner = write_prop(INVITE_SETTING, setting) + category + write_changes(room.changes)
    more = {"filestoreuri": room.file_store} if room.file_store else {}
    return write_room(room.snapshot, inner, more)


ROOM = Codec(RoomDetails, _read_details, _write_details)


def _read_lookup(data: Element) -> RoomLookup:
    chanib = first_chanib(data)
    uri, name = attribute(chanib, "uri"), attribute(chanib, "name")
    if not uri and not name:
        raise ValueError("chanib without uri or name")
    return RoomLookup(RoomUri(uri)) if uri else RoomLookup(name=name)


def _write_lookup(lookup: RoomLookup, _dialect: Dialect) -> str:
    return tag("chanib", {"uri": lookup.uri} if lookup.uri else {"name": lookup.name})


ROOM_LOOKUP = Codec(RoomLookup, _read_lookup, _write_lookup)


# --- categories ----------------------------------------------------------------------------


def _read_category(catib: Element) -> CategorySummary:
    told = extras(catib)
    return CategorySummary(
        CategoryUri(required(catib, "uri")),
        attribute(catib, "name"),
        attribute(catib, "description"),
        keeps_history=parse_flag(told.get(_LOGGED, "")),
        invitations=parse_flag(told.get(INVITE, "")),
        file_posts=parse_flag(told.get(_FILEPOST, "")),
    )


def _write_category(category: CategorySummary, root: CategoryUri | None = None) -> str:
    attributes = {
        "uri": category.uri,
        "name": category.name,
        "description": category.description,
    }
    if root:
        attributes["parent"] = root
    props = {
        INVITE: category.invitations,
        _FILEPOST: category.file_posts,
        _LOGGED: category.keeps_history,
    }
    return tag(
        "catib", attributes, "".join(write_prop(name, flag(on)) for name, on in props.items())
    )


def _read_categories(data: Element) -> Categories:
    catibs = tuple(data.find_all("catib"))
    found = (usable(_read_category, catib) for catib in catibs)
    roots = (usable(CategoryUri, attribute(catib, "parent")) for catib in catibs)
    return Categories(
        tuple(category for category in found if category), next(filter(None, roots), None)
    )


def _write_categories(data: Categories, _dialect: Dialect) -> str:
    return "".join(_write_category(category, data.root) for category in data.categories)


CATEGORIES = Codec(Categories, _read_categories, _write_categories)


# --- what one may do, and what may stand beside a room -------------------------------------


def _read_permissions(data: Element) -> RoomPermissions:
    chanib, uib = first_chanib(data), data.find("uib")
    aib = chanib.find("aib")
    if aib is None or uib is None:
        raise ValueError("no aib or uib")
    return RoomPermissions(
        RoomUri(required(chanib, "uri")),
        sip_uri(required(uib, "uri")),
        max(number(attribute(aib, "key")), 0),
    )


def _write_permissions(granted: RoomPermissions, _dialect: Dialect) -> str:
    aib = tag("aib", {"key": str(granted.mask), "value": "0"})
    return tag("chanib", {"uri": granted.room}, aib) + tag("uib", {"id": "0", "uri": granted.user})


ROOM_PERMISSIONS = Codec(RoomPermissions, _read_permissions, _write_permissions)


def _read_add_ins(data: Element) -> AddIns:
    return AddIns(
        tuple(
            AddIn(guid, attribute(siop, "name"), attribute(siop, "url"))
            for siop in data.find_all("siop")
            if (guid := attribute(siop, "id").strip().lower())
        )
    )


def _write_add_ins(data: AddIns, _dialect: Dialect) -> str:
    return "".join(
        tag("siop", {"id": add_in.id, "name": add_in.name, "url": add_in.url})
        for add_in in data.add_ins
    )


ADD_INS = Codec(AddIns, _read_add_ins, _write_add_ins)
