"""
Every command this library knows: one row each, with the codecs of its request, reply and notice.

The rows are written out so that a reader, and the reference made from them,
see the whole protocol at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from perchat.xccos.administering import ADMINISTRATIVE_REPLY, ADMINISTRATIVE_REQUEST
from perchat.xccos.changing import ROOM_SETTINGS, ROOM_UPDATE
from perchat.xccos.explaining import EXPLANATION, EXPLANATION_QUERY
from perchat.xccos.filetokens import FILE_TOKEN, FILE_TOKEN_QUERY
from perchat.xccos.history import HISTORIES, HISTORY, HISTORY_SEARCH, RECENT_QUERY
from perchat.xccos.invitations import INVITATION_QUERY, INVITATIONS
from perchat.xccos.management import ADD_INS, CATEGORIES, ROOM, ROOM_LOOKUP, ROOM_PERMISSIONS
from perchat.xccos.moderating import MODERATED, MODERATION_REPLY, MODERATION_REQUEST
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

__all__ = [
    "CATALOGUE",
    "NOTICES",
    "REPLIES",
    "REQUESTS",
    "Certainty",
    "Row",
    "Topic",
    "canonical",
    "codec_of",
]


class Certainty(Enum):
    """How we know a form."""

    SEEN = "seen on the wire between programs that work together"
    NAMED = "named in public documents; the form is ours"
    DESIGNED = "ours, in the manner of what was seen"


class Topic(Enum):
    """What a command is about."""

    SESSION = "The session"
    ATTENDANCE = "Who is in a room"
    FINDING = "Finding rooms"
    HISTORY = "What was said"
    FILES = "Files"
    ROOMS = "Rooms and their categories"
    ROLES = "Roles, users and groups"
    PREFERENCES = "What programs keep"
    ADMINISTRATION = "Administration and moderation"


_SEEN, _NAMED, _DESIGNED = Certainty
_SESSION, _ATTENDANCE, _FINDING, _HISTORY, _FILES, _ROOMS, _ROLES, _KEPT, _ADMIN = Topic


@dataclass(frozen=True, slots=True)
class Row:
    """
    One command and what goes with it; None where there is no such primitive.

    Attributes:
        certain: How the forms of request, reply and notice are known, in that order.
        aliases: Other names seen for it.
        note: What the three words of ``certain`` leave out.

    """

    name: str
    topic: Topic
    request: Codec[Any] | None
    reply: Codec[Any] | None
    notice: Codec[Any] | None
    certain: tuple[Certainty | None, Certainty | None, Certainty | None]
    aliases: tuple[str, ...] = ()
    note: str = ""


# fmt: off
CATALOGUE: tuple[Row, ...] = (
    Row("requri", _SESSION, NOTHING, SERVER_URI, None, (_SEEN, _SEEN, None)),
    Row("getserverinfo", _SESSION, SERVER_INFO_QUERY, SERVER_INFO, None, (_SEEN, _SEEN, None),
        aliases=("getservinfo",)),
    Row("join", _ATTENDANCE, ROOM_IDS, JOINED, ARRIVALS, (_SEEN, _SEEN, _SEEN),
        note="Add-in, category and behaviour of the room are named, their attributes ours."),
    Row("bjoin", _ATTENDANCE, ROOM_IDS, JOINED, ARRIVALS, (_SEEN, _SEEN, _SEEN)),
    Row("part", _ATTENDANCE, ROOM_URIS, ROOM_URIS, DEPARTURES, (_SEEN, _SEEN, _SEEN)),
    Row("kick", _ATTENDANCE, None, None, DEPARTURES, (None, None, _NAMED),
        note="resp says why."),
    Row("permmodify", _ATTENDANCE, None, None, ARRIVALS, (None, None, _DESIGNED)),
    Row("gethiddenparts", _ATTENDANCE, ROOM_URIS, JOINED, None, (_DESIGNED, _DESIGNED, None),
        note="The reply is that of join; that it is cut is told by an element of ours."),
    Row("chansrch", _FINDING, ROOM_QUERY, ROOMS, None, (_SEEN, _SEEN, None),
        note="BYNAME with criteria and extended is seen; other kinds and options are ours."),
    Row("getassociations", _FINDING, ASSOCIATION_QUERY, ROOMS, None, (_NAMED, _NAMED, None),
        note="The role is found in any attribute."),
    Row("getinv", _FINDING, INVITATION_QUERY, INVITATIONS, None, (_SEEN, _DESIGNED, None)),
    Row("invite", _FINDING, None, None, INVITATIONS, (None, None, _NAMED), aliases=("inv",)),
    Row("bccontext", _HISTORY, RECENT_QUERY, HISTORY, None, (_SEEN, _SEEN, None),
        note="[MS-XCCOSIP] 3.1.7 and 3.2.5."),
    Row("bcbydate", _HISTORY, HISTORY_SEARCH, HISTORIES, None, (_NAMED, _DESIGNED, None),
        note="Total, truncation and matchall are ours."),
    Row("bcbymsg", _HISTORY, HISTORY_SEARCH, HISTORIES, None, (_NAMED, _DESIGNED, None)),
    Row("grpchat", _HISTORY, None, ROOM_URIS, None, (None, _DESIGNED, None),
        note="Refuses a post. Its clientId is ours; alert, authdisp, chatId and rtf are named."),
    Row("getfutok", _FILES, FILE_TOKEN_QUERY, None, None, (_SEEN, None, None),
        note="To send a file; getftok answers. Then see *Files*."),
    Row("getfdtok", _FILES, FILE_TOKEN_QUERY, None, None, (_SEEN, None, None),
        note="To fetch a file; the name that is given is what it will be called there."),
    Row("getftok", _FILES, None, FILE_TOKEN, None, (None, _SEEN, None)),
    Row("nodespermcreatechild", _ROOMS, NOTHING, CATEGORIES, None, (_SEEN, _DESIGNED, None),
        note="The empty reply is seen."),
    Row("chancreate", _ROOMS, ROOM_SETTINGS, ROOM, None, (_NAMED, _NAMED, None)),
    Row("chanmodify", _ROOMS, ROOM_UPDATE, ROOM, ROOM, (_NAMED, _NAMED, _NAMED),
        note="What is left out stays. audit/@updatedon guards against lost updates."),
    Row("getchan", _ROOMS, ROOM_LOOKUP, ROOM, None, (_DESIGNED, _DESIGNED, None)),
    Row("getperms", _ROOMS, ROOM_URIS, ROOM_PERMISSIONS, None, (_DESIGNED, _DESIGNED, None)),
    Row("explain", _ROOMS, EXPLANATION_QUERY, EXPLANATION, None, (_DESIGNED, _DESIGNED, None),
        note="Ours, for system users: why a user may or may not do what in a room."),
    Row("getaddins", _ROOMS, NOTHING, ADD_INS, None, (_DESIGNED, _DESIGNED, None)),
    Row("getroles", _ROLES, ROLE_QUERY, ROLE_LISTS, None, (_DESIGNED, _DESIGNED, None),
        note="That a list is cut is told as by usersrch."),
    Row("setroles", _ROLES, ROLE_ASSIGNMENT, ROLE_LISTS, None, (_DESIGNED, _DESIGNED, None)),
    Row("prinsrch", _ROLES, PRINCIPAL_QUERY, PRINCIPALS, None, (_DESIGNED, _DESIGNED, None)),
    Row("usersrch", _ROLES, USER_QUERY, USERS, None, (_NAMED, _NAMED, None)),
    Row("getuser", _ROLES, USER_LOOKUP, USER, None, (_DESIGNED, _DESIGNED, None)),
    Row("getgroup", _ROLES, GROUP_LOOKUP, GROUP, None, (_DESIGNED, _DESIGNED, None)),
    Row("getpref", _KEPT, PREFERENCE_QUERY, PREFERENCE_REPLY, None, (_SEEN, _DESIGNED, None),
        note="An empty reply says that nothing is newer."),
    Row("setpref", _KEPT, PREFERENCE, PREFERENCE_VERSION, None, (_SEEN, _DESIGNED, None)),
    Row("prefmodify", _KEPT, None, None, PREFERENCE_VERSION, (None, None, _DESIGNED)),
    Row("moderate", _ADMIN, MODERATION_REQUEST, MODERATION_REPLY, None,
        (_DESIGNED, _DESIGNED, None), note="One step; the client asks on behind it."),
    Row("moderated", _ADMIN, None, None, MODERATED, (None, None, _DESIGNED),
        note="To those alone whose INVITE supports perchat-moderation."),
    Row("administer", _ADMIN, ADMINISTRATIVE_REQUEST, ADMINISTRATIVE_REPLY, None,
        (_DESIGNED, _DESIGNED, None), note="The operation is one of the command line."),
)
# fmt: on

_CANONICAL: Mapping[str, str] = {alias: row.name for row in CATALOGUE for alias in row.aliases}

REQUESTS: Mapping[str, Codec[Any]] = {row.name: row.request for row in CATALOGUE if row.request}
REPLIES: Mapping[str, Codec[Any]] = {row.name: row.reply for row in CATALOGUE if row.reply}
NOTICES: Mapping[str, Codec[Any]] = {row.name: row.notice for row in CATALOGUE if row.notice}


def codec_of(codecs: Mapping[str, Codec[Any]], name: str) -> Codec[Any] | None:
    """Return the codec of a name; all that begins with ``bc`` asks about history."""
    return codecs.get(name) or (codecs.get("bcbydate") if name.startswith("bc") else None)


def canonical(name: str) -> str:
    """Return the name a row has, for its aliases too; unknown names stay what they are."""
    name = name.lower()
    return _CANONICAL.get(name, name)
