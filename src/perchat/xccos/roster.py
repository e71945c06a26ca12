"""
Codecs for who is where: the reply to join, and the notices about coming and going.

The reply lists each user once, as ``uib``, and in each room the ``aib`` of each
mask lists the ids of those who have it. Some servers repeat a user under
several masks; the rights add up then.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from perchat.errors import LocalProtocolError
from perchat.markup import escape_attribute
from perchat.model.participant import Participant
from perchat.model.principal import PrincipalType
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    Departure,
    Departures,
    Joined,
    JoinedRoom,
    RosterEntry,
)
from perchat.xccos.codec import (
    Codec,
    attribute,
    number,
    read_more,
    required,
    sip_uri,
    tag,
    usable,
    write_more,
)
from perchat.xccos.codes import OPERATION_FAILED
from perchat.xccos.masks import is_manager, is_presenter, legacy_mask
from perchat.xccos.rooms import read_rooms, write_room

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perchat.markup import Element
    from perchat.model.uri import SipUri
    from perchat.xccos.codec import Dialect

__all__ = ["ARRIVALS", "DEPARTURES", "JOINED"]

_USER = PrincipalType.USER.directory_number


@lru_cache(maxsize=4096)
def _introduced(uri: str, guid: str, name: str) -> str:
    """Begin a ``uib``: the same in each roster a user is in, so it is kept."""
    uri, guid, name = map(escape_attribute, (uri, guid, name))
    names = f'uname="{name}" dispname="{name}" disp="{name}"'
    return f'<uib uri="{uri}" guid="{guid}" type="{_USER}" {names}'


def _participant(uib: Element, mask: int) -> Participant:
    names = (attribute(uib, name) for name in ("dispname", "disp", "uname"))
    return Participant(
        uri=sip_uri(required(uib, "uri")),
        name=next(filter(None, names), ""),
        guid=attribute(uib, "guid"),
        is_manager=is_manager(mask),
        is_presenter=is_presenter(mask),
    )


def _key(aib: Element) -> int:
    return max(number(attribute(aib, "key")), 0)


def _room(block: Element) -> RoomUri:
    return RoomUri.of(attribute(block, "domain"), attribute(block, "value"))


def _mask(mask: int, dialect: Dialect) -> str:
    return str(legacy_mask(mask) if dialect.legacy_masks else mask)


# --- the reply to join ---------------------------------------------------------------------


def _read_joined(data: Element) -> Joined:
    users = {attribute(uib, "id").strip(): uib for uib in data.find_all("uib")}
    return Joined(
        rooms=tuple(
            JoinedRoom(room, tuple(_read_roster(chanib, users)))
            for chanib, room in read_rooms(data)
        ),
        failed=tuple(_read_failed(data)),
        truncated=read_more(data),
    )


def _read_roster(chanib: Element, users: Mapping[str, Element]) -> Iterator[RosterEntry]:
    masks: dict[str, int] = {}
    for aib in chanib.find_all("aib"):
        mask = _key(aib)
        for identity in attribute(aib, "value").split(","):
            masks[identity.strip()] = masks.get(identity.strip(), 0) | mask
    for identity, mask in masks.items():
        uib = users.get(identity)
        if uib and usable(sip_uri, attribute(uib, "uri")):
            yield RosterEntry(_participant(uib, mask), mask)


def _read_failed(data: Element) -> Iterator[RoomUri]:
    for fib in data.find_all("fib"):
        if room := usable(_room, fib):
            yield room


def _write_joined(joined: Joined, dialect: Dialect) -> str:
    users: dict[SipUri, Participant] = {}
    for room in joined.rooms:
        users |= {participant.uri: participant for participant, _ in room.participants}
    identities = dict(zip(users, map(str, range(len(users))), strict=True))
    parts = [_write_joined_room(room, identities, dialect) for room in joined.rooms]
    parts += [
        f'{_introduced(user.uri, user.guid, user.name)} id="{identity}"/>'
        for user, identity in zip(users.values(), identities.values(), strict=True)
    ]
    parts += [_fib(room) for room in joined.failed]
    if joined.truncated:
        parts.append(write_more(more=True))
    return "".join(parts)


def _write_joined_room(
    joined: JoinedRoom, identities: Mapping[SipUri, str], dialect: Dialect
) -> str:
    masks = dict.fromkeys(mask for _, mask in joined.participants)
    keys = {mask: _mask(mask, dialect) for mask in masks}
    groups: dict[str, list[str]] = {key: [] for key in keys.values()}
    for participant, mask in joined.participants:
        groups[keys[mask]].append(identities[participant.uri])
    listed = {participant.uri for participant, _ in joined.participants}
    if len(listed) < len(joined.participants):  # clients would show the user twice
        raise LocalProtocolError(f"a participant listed twice in {joined.room.uri}")
    aibs = [tag("aib", {"key": key, "value": ",".join(ids)}) for key, ids in groups.items()]
    return write_room(joined.room, "".join(aibs))


def _fib(room: RoomUri) -> str:
    return tag("fib", {"key": OPERATION_FAILED, "value": room.guid, "domain": room.domain})


JOINED = Codec(Joined, _read_joined, _write_joined)


# --- coming and going ----------------------------------------------------------------------


def _read_arrivals(data: Element) -> Arrivals:
    found = (usable(_read_arrival, uib) for uib in data.find_all("uib"))
    return Arrivals(tuple(arrival for arrival in found if arrival))


def _read_arrival(uib: Element) -> Arrival:
    found = ((usable(_room, aib), _key(aib)) for aib in uib.find_all("aib"))
    rooms = tuple((room, mask) for room, mask in found if room)
    every_right = 0
    for _, mask in rooms:
        every_right |= mask
    return Arrival(_participant(uib, every_right), rooms)


def _write_arrivals(data: Arrivals, dialect: Dialect) -> str:
    return "".join(_write_arrival(arrival, dialect) for arrival in data.arrivals)


def _write_arrival(arrival: Arrival, dialect: Dialect) -> str:
    aibs = [
        tag("aib", {"key": _mask(mask, dialect), "domain": room.domain, "value": room.guid})
        for room, mask in arrival.rooms
    ]
    user = arrival.participant
    head, inner = _introduced(user.uri, user.guid, user.name), "".join(aibs)
    return f"{head}>{inner}</uib>" if inner else f"{head}/>"


ARRIVALS = Codec(Arrivals, _read_arrivals, _write_arrivals)


def _read_departures(data: Element) -> Departures:
    found = (usable(_read_departure, chanib) for chanib in data.find_all("chanib"))
    return Departures(tuple(departure for departure in found if departure))


def _read_departure(chanib: Element) -> Departure:
    users = (usable(sip_uri, attribute(uib, "uri")) for uib in chanib.find_all("uib"))
    return Departure(RoomUri(required(chanib, "uri")), tuple(user for user in users if user))


def _write_departures(data: Departures, _dialect: Dialect) -> str:
    return "".join(
        tag("chanib", {"uri": left.room}, "".join(tag("uib", {"uri": user}) for user in left.users))
        for left in data.departures
    )


DEPARTURES = Codec(Departures, _read_departures, _write_departures)
