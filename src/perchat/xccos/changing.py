"""
Codecs for making and changing rooms: ``chanib`` as in the answer, with ``rib`` beside it.

To make a room, what is left out has its default; to change one, what is left out stays.
A word that nobody knows refuses the command: guessing could open a closed room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.invitation import InviteSetting
from perchat.model.roomdetails import RoleChange, RoleOperation, RoomSettings, RoomUpdate
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.codec import (
    Codec,
    attribute,
    extras,
    flag,
    instant,
    optional,
    optional_flag,
    required,
    tag,
    time,
)
from perchat.xccos.roles import read_role_changes, write_role_change
from perchat.xccos.rooms import (
    BEHAVIOR_WORDS,
    BEHAVIORS,
    INVITE,
    INVITE_SETTING,
    PRIVACIES,
    PRIVACY_WORDS,
    SETTING_WORDS,
    SETTINGS,
    first_chanib,
    write_prop,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["ROOM_SETTINGS", "ROOM_UPDATE"]

T = TypeVar("T")


# --- a room to be --------------------------------------------------------------------------


def _read_settings(data: Element) -> RoomSettings:
    chanib = first_chanib(data)
    invitations = _word(extras(chanib).get(INVITE), SETTINGS, "setting")
    return RoomSettings(
        name=attribute(chanib, "name"),
        category=CategoryUri(required(chanib, "parent")),
        description=attribute(chanib, "description"),
        privacy=_or(_privacy(chanib), Privacy.CLOSED),
        behavior=_or(_behavior(chanib), Behavior.NORMAL),
        disabled=_or(_switch(chanib), False),
        invitations=_or(invitations, InviteSetting.INHERIT),
        add_in=attribute(chanib, "siopid").strip().lower(),
        members=_holders(data, Role.MEMBER),
        managers=_holders(data, Role.MANAGER),
        presenters=_holders(data, Role.PRESENTER),
    )


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _word(text: str | None, words: Mapping[str, T], kind: str) -> T | None:
    """Return what a word means, None when it is absent; ValueError when nobody knows it."""
    word = (text or "").strip()
    if not word:
        return None
    found = words.get(word.upper())
    if found is None:
        raise ValueError(f"{word[:40]!r} is no {kind}")
    return found


def _privacy(chanib: Element) -> Privacy | None:
    return _word(optional(chanib, "visibility"), PRIVACIES, "visibility")


def _behavior(chanib: Element) -> Behavior | None:
    return _word(optional(chanib, "behavior"), BEHAVIORS, "behavior")


def _holders(data: Element, role: Role) -> tuple[str, ...]:
    given = (
        change.principals
        for change in read_role_changes(data, RoleOperation.REPLACE)
        if change.role is role and change.operation is not RoleOperation.REMOVE
    )
    return tuple(dict.fromkeys(uri for principals in given for uri in principals))


def _write_settings(settings: RoomSettings, _dialect: Dialect) -> str:
    attributes = {
        "name": settings.name,
        "description": settings.description,
        "parent": settings.category,
        "behavior": BEHAVIOR_WORDS[settings.behavior],
        "visibility": PRIVACY_WORDS[settings.privacy],
        "disabled": flag(settings.disabled),
        "siopid": settings.add_in,
    }
    lists = {
        Role.MEMBER: settings.members,
        Role.MANAGER: settings.managers,
        Role.PRESENTER: settings.presenters,
    }
    ribs = [
        write_role_change(RoleChange(role, RoleOperation.REPLACE, principals))
        for role, principals in lists.items()
        if principals
    ]
    invite = write_prop(INVITE, SETTING_WORDS[settings.invitations])
    return tag("chanib", attributes, invite) + "".join(ribs)


ROOM_SETTINGS = Codec(RoomSettings, _read_settings, _write_settings)


# --- a room to change ----------------------------------------------------------------------


def _read_update(data: Element) -> RoomUpdate:
    chanib = first_chanib(data)
    told = extras(chanib)
    parent, add_in = attribute(chanib, "parent"), optional(chanib, "siopid")
    audit = chanib.find("audit") or data.find("audit")
    expected = attribute(audit, "updatedon") if audit else ""
    return RoomUpdate(
        uri=RoomUri(required(chanib, "uri")),
        name=optional(chanib, "name"),
        description=optional(chanib, "description"),
        category=CategoryUri(parent) if parent else None,
        privacy=_privacy(chanib),
        behavior=_behavior(chanib),
        disabled=_switch(chanib),
        invitations=_word(told.get(INVITE_SETTING, told.get(INVITE)), SETTINGS, "setting"),
        add_in=None if add_in is None else add_in.strip().lower(),
        roles=read_role_changes(data),
        expected=instant(expected) if expected else None,
    )


def _switch(chanib: Element) -> bool | None:
    text = attribute(chanib, "disabled")
    value = optional_flag(text)
    if text and value is None:
        raise ValueError(f"disabled is neither true nor false: {text[:40]!r}")
    return value


def _write_update(update: RoomUpdate, _dialect: Dialect) -> str:
    changed = {
        "uri": update.uri,
        "name": update.name,
        "description": update.description,
        "parent": update.category,
        "behavior": None if update.behavior is None else BEHAVIOR_WORDS[update.behavior],
        "visibility": None if update.privacy is None else PRIVACY_WORDS[update.privacy],
        "disabled": None if update.disabled is None else flag(update.disabled),
        "siopid": update.add_in,
    }
    attributes = {name: value for name, value in changed.items() if value is not None}
    invite = update.invitations
    inner = "" if invite is None else write_prop(INVITE, SETTING_WORDS[invite])
    if update.expected:
        inner += tag("audit", {"updatedon": time(update.expected, seven_digits=True)})
    return tag("chanib", attributes, inner) + "".join(map(write_role_change, update.roles))


ROOM_UPDATE = Codec(RoomUpdate, _read_update, _write_update)
