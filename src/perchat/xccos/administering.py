"""
Codecs for administration and moderation over the network; all of it is ours.

A command names an operation of the command line and its values; the answer holds records.
A password goes in base64, in an element of its own that traces mask.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from perchat.markup import escape
from perchat.model.administration import (
    AdministrativeRole,
    AdministratorGrant,
    GroupEntry,
    RoomEntry,
)
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Room
from perchat.model.principal import Group, PrincipalType, User
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri
from perchat.xccos.administrative import AdministrativeReply, AdministrativeRequest, Values
from perchat.xccos.codec import (
    Codec,
    flag,
    parse_flag,
    required,
    tag,
    usable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from perchat.markup import Element
    from perchat.xccos.administrative import Record
    from perchat.xccos.codec import Dialect

__all__ = ["ADMINISTRATIVE_REPLY", "ADMINISTRATIVE_REQUEST", "read_why", "write_why"]

# --- values and records --------------------------------------------------------------------


def _write_values(values: Values) -> str:
    return "".join(tag("value", {"id": name}, escape(text)) for name, text in values.pairs)


def _read_values(element: Element) -> Values:
    return Values(tuple((required(one, "id"), one.text) for one in element.find_all("value")))


def _write_category(one: Category) -> Values:
    return Values.of(
        uri=one.uri,
        name=one.name,
        description=one.description,
        keeps_history=one.keeps_history,
        invitations=one.invitations,
        file_posts=one.file_posts,
        allowed=one.allowed,
        denied=one.denied,
        creators=one.creators,
    )


def _read_category(values: Values) -> Category:
    return Category(
        CategoryUri(values.text("uri")),
        values.text("name"),
        values.text("description"),
        parse_flag(values.text("keeps_history")),
        parse_flag(values.text("invitations")),
        parse_flag(values.text("file_posts")),
        frozenset(values.many("allowed")),
        frozenset(values.many("denied")),
        frozenset(values.many("creators")),
    )


def _write_room(one: RoomEntry) -> Values:
    room = one.room
    return Values.of(
        uri=room.uri,
        name=room.name,
        description=room.description,
        category=room.category,
        category_name=one.category,
        privacy=room.privacy,
        behavior=room.behavior,
        disabled=room.disabled,
        invites=room.invites,
        add_in=room.add_in,
        members=one.members,
        managers=one.managers,
        presenters=one.presenters,
    )


def _read_room(values: Values) -> RoomEntry:
    category = values.maybe("category")
    privacy, behavior = values.word("privacy", Privacy), values.word("behavior", Behavior)
    if privacy is None or behavior is None:
        raise ValueError("a room without privacy or behavior")
    return RoomEntry(
        Room(
            RoomUri(values.text("uri")),
            values.text("name"),
            values.text("description"),
            None if category is None else CategoryUri(category),
            privacy,
            behavior,
            parse_flag(values.text("disabled")),
            parse_flag(values.text("invites")),
            values.text("add_in"),
        ),
        values.text("category_name"),
        values.many("members"),
        values.many("managers"),
        values.many("presenters"),
    )


_USER = ("name", "display_name", "guid", "given_name", "surname", "email", "company")
_USER_FLAGS = ("enabled", "chat_enabled", "system", "service")


def _write_user(one: User) -> Values:
    return Values.of(uri=one.uri, **{name: getattr(one, name) for name in _USER + _USER_FLAGS})


def _read_user(values: Values) -> User:
    texts = {name: values.text(name) for name in _USER}
    flags = {name: parse_flag(values.text(name)) for name in _USER_FLAGS}
    return User(SipUri(values.text("uri")), **texts, **flags)  # type: ignore[arg-type]


def _write_group(one: GroupEntry) -> Values:
    group = one.group
    return Values.of(
        uri=group.uri,
        name=group.name,
        display_name=group.display_name,
        type=group.type,
        guid=group.guid,
        members=one.members,
    )


def _read_group(values: Values) -> GroupEntry:
    group = Group(
        str(GroupUri(values.text("uri"))),
        values.text("name"),
        values.text("display_name"),
        values.word("type", PrincipalType) or PrincipalType.GROUP,
        values.text("guid"),
    )
    return GroupEntry(group, values.many("members"))


def _write_grant(one: AdministratorGrant) -> Values:
    everywhere = one.categories is None
    return Values.of(user=one.user, role=one.role, everywhere=everywhere, categories=one.categories)


def _read_grant(values: Values) -> AdministratorGrant:
    role = values.word("role", AdministrativeRole)
    if role is None:
        raise ValueError("a grant of no role")
    within = frozenset(map(CategoryUri, values.many("categories")))
    everywhere = parse_flag(values.text("everywhere"))
    return AdministratorGrant(SipUri(values.text("user")), role, None if everywhere else within)


_KINDS: Mapping[str, tuple[type, Callable[[Any], Values], Callable[[Values], Record]]] = {
    "category": (Category, _write_category, _read_category),
    "room": (RoomEntry, _write_room, _read_room),
    "user": (User, _write_user, _read_user),
    "group": (GroupEntry, _write_group, _read_group),
    "grant": (AdministratorGrant, _write_grant, _read_grant),
}
_WRITERS = {kind: (name, write) for name, (kind, write, _) in _KINDS.items()}


def _write_record(record: Record) -> str:
    name, write = _WRITERS[type(record)]
    return tag("record", {"id": name}, _write_values(write(record)))


def _read_record(element: Element) -> Record:
    kind = _KINDS.get(required(element, "id"))
    if kind is None:
        raise ValueError("a record of a kind nobody knows")
    return kind[2](_read_values(element))


# --- commands and replies ------------------------------------------------------------------


def read_why(data: Element) -> str:
    """Read why a command was refused; empty where that is not said."""
    why = data.find("why")
    return "" if why is None else why.text


def write_why(why: str) -> str:
    """Write that."""
    return tag("why", inner=escape(why)) if why else ""


def _read_request(data: Element) -> AdministrativeRequest:
    wanted = data.find("operation")
    if wanted is None:
        raise ValueError("no operation")
    secret = wanted.find("password")
    return AdministrativeRequest(
        required(wanted, "id"),
        _read_values(wanted),
        None if secret is None else b64decode(secret.text, validate=True).decode(),
    )


def _write_request(asked: AdministrativeRequest, _dialect: Dialect) -> str:
    inner = _write_values(asked.values)
    if asked.password is not None:
        inner += tag("password", inner=b64encode(asked.password.encode()).decode())
    return tag("operation", {"id": asked.operation}, inner)


ADMINISTRATIVE_REQUEST = Codec(AdministrativeRequest, _read_request, _write_request)


def _read_reply(data: Element) -> AdministrativeReply:
    found = (usable(_read_record, one) for one in data.find_all("record"))
    more = data.find("more")
    return AdministrativeReply(
        tuple(one for one in found if one is not None),
        tuple(required(one, "uri") for one in data.find_all("principal")),
        more is not None and parse_flag(more.text),
        read_why(data),
    )


def _write_reply(found: AdministrativeReply, _dialect: Dialect) -> str:
    names = [tag("principal", {"uri": one}) for one in found.names]
    more = tag("more", inner=flag(True)) if found.more else ""
    return "".join((*map(_write_record, found.records), *names, more, write_why(found.why)))


ADMINISTRATIVE_REPLY = Codec(AdministrativeReply, _read_reply, _write_reply)
