"""
Every command this library knows: one row each, with the codecs of its request, reply and notice.

The rows are written out so that a reader, and the reference made from them,
see the whole protocol at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from perchat.xccos.changing import ROOM_SETTINGS, ROOM_UPDATE
from perchat.xccos.history import HISTORIES, HISTORY, HISTORY_SEARCH, RECENT_QUERY
from perchat.xccos.invitations import INVITATION_QUERY, INVITATIONS
from perchat.xccos.management import ADD_INS, CATEGORIES, ROOM, ROOM_LOOKUP, ROOM_PERMISSIONS
from perchat.xccos.preferences import (
    PREFERENCE,
    PREFERENCE_QUERY,
    PREFERENCE_REPLY,
    PREFERENCE_VERSION,
)
from perchat.xccos.principals import (
    GROUP,
    GROUP_LOOKUP,
    PRINCIPALS,
    USER,
    USER_LOOKUP,
    USER_QUERY,
    USERS,
)
from perchat.xccos.roles import PRINCIPAL_QUERY, ROLE_ASSIGNMENT, ROLE_LISTS, ROLE_QUERY
from perchat.xccos.rooms import ROOM_IDS, ROOM_URIS, ROOMS
from perchat.xccos.roster import ARRIVALS, DEPARTURES, JOINED
from perchat.xccos.searches import ASSOCIATION_QUERY, ROOM_QUERY
from perchat.xccos.session import NOTHING, SERVER_INFO, SERVER_INFO_QUERY, SERVER_URI

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.xccos.codec import Codec

__all__ = ["CATALOGUE", "NOTICES", "REPLIES", "REQUESTS", "Certainty", "Row", "canonical"]


class Certainty(Enum):
    """How we know a form."""

    SEEN = "seen on the wire between programs that work together"
    NAMED = "named in public documents; the form is ours"
    DESIGNED = "ours, in the manner of what was seen"


_SEEN, _NAMED, _DESIGNED = Certainty.SEEN, Certainty.NAMED, Certainty.DESIGNED


@dataclass(frozen=True, slots=True)
class Row:
    """
    One command and what goes with it; None where there is no such primitive.

    Attributes:
        certain: How the forms of request, reply and notice are known, in that order.
        aliases: Other names seen for it.

    """

    name: str
    request: Codec[Any] | None
    reply: Codec[Any] | None
    notice: Codec[Any] | None
    certain: tuple[Certainty | None, Certainty | None, Certainty | None]
    aliases: tuple[str, ...] = ()


# fmt: off
CATALOGUE: tuple[Row, ...] = (
    # a session
    Row("requri", NOTHING, SERVER_URI, None, (_SEEN, _SEEN, None)),
    Row("getserverinfo", SERVER_INFO_QUERY, SERVER_INFO, None, (_SEEN, _SEEN, None),
        aliases=("getservinfo",)),
    # who is in a room
    Row("join", ROOM_IDS, JOINED, ARRIVALS, (_SEEN, _SEEN, _SEEN)),
    Row("bjoin", ROOM_IDS, JOINED, ARRIVALS, (_SEEN, _SEEN, _SEEN)),
    Row("part", ROOM_URIS, ROOM_URIS, DEPARTURES, (_SEEN, _SEEN, _SEEN)),
    Row("kick", None, None, DEPARTURES, (None, None, _NAMED)),
    Row("permmodify", None, None, ARRIVALS, (None, None, _DESIGNED)),
    Row("gethiddenparts", ROOM_URIS, JOINED, None, (_DESIGNED, _DESIGNED, None)),
    # finding rooms
    Row("chansrch", ROOM_QUERY, ROOMS, None, (_SEEN, _SEEN, None)),
    Row("getassociations", ASSOCIATION_QUERY, ROOMS, None, (_NAMED, _NAMED, None)),
    Row("getinv", INVITATION_QUERY, INVITATIONS, None, (_SEEN, _DESIGNED, None)),
    Row("invite", None, None, INVITATIONS, (None, None, _NAMED), aliases=("inv",)),
    # what was said
    Row("bccontext", RECENT_QUERY, HISTORY, None, (_SEEN, _SEEN, None)),
    Row("bcbydate", HISTORY_SEARCH, HISTORIES, None, (_NAMED, _DESIGNED, None)),
    Row("bcbymsg", HISTORY_SEARCH, HISTORIES, None, (_NAMED, _DESIGNED, None)),
    Row("grpchat", None, ROOM_URIS, None, (None, _DESIGNED, None)),
    # rooms and their categories
    Row("nodespermcreatechild", NOTHING, CATEGORIES, None, (_SEEN, _DESIGNED, None)),
    Row("chancreate", ROOM_SETTINGS, ROOM, None, (_NAMED, _NAMED, None)),
    Row("chanmodify", ROOM_UPDATE, ROOM, ROOM, (_NAMED, _NAMED, _NAMED)),
    Row("getchan", ROOM_LOOKUP, ROOM, None, (_DESIGNED, _DESIGNED, None)),
    Row("getperms", ROOM_URIS, ROOM_PERMISSIONS, None, (_DESIGNED, _DESIGNED, None)),
    Row("getaddins", NOTHING, ADD_INS, None, (_DESIGNED, _DESIGNED, None)),
    # roles and those who hold them
    Row("getroles", ROLE_QUERY, ROLE_LISTS, None, (_DESIGNED, _DESIGNED, None)),
    Row("setroles", ROLE_ASSIGNMENT, ROLE_LISTS, None, (_DESIGNED, _DESIGNED, None)),
    Row("prinsrch", PRINCIPAL_QUERY, PRINCIPALS, None, (_DESIGNED, _DESIGNED, None)),
    Row("usersrch", USER_QUERY, USERS, None, (_NAMED, _NAMED, None)),
    Row("getuser", USER_LOOKUP, USER, None, (_DESIGNED, _DESIGNED, None)),
    Row("getgroup", GROUP_LOOKUP, GROUP, None, (_DESIGNED, _DESIGNED, None)),
    # what programs keep
    Row("getpref", PREFERENCE_QUERY, PREFERENCE_REPLY, None, (_SEEN, _DESIGNED, None)),
    Row("setpref", PREFERENCE, PREFERENCE_VERSION, None, (_SEEN, _DESIGNED, None)),
    Row("prefmodify", None, None, PREFERENCE_VERSION, (None, None, _DESIGNED)),
)
# fmt: on

_CANONICAL: Mapping[str, str] = {alias: row.name for row in CATALOGUE for alias in row.aliases}

REQUESTS: Mapping[str, Codec[Any]] = {row.name: row.request for row in CATALOGUE if row.request}
REPLIES: Mapping[str, Codec[Any]] = {row.name: row.reply for row in CATALOGUE if row.reply}
NOTICES: Mapping[str, Codec[Any]] = {row.name: row.notice for row in CATALOGUE if row.notice}


def canonical(name: str) -> str:
    """Return the name a row has, for its aliases too; unknown names stay what they are."""
    name = name.lower()
    return _CANONICAL.get(name, name)
