"""
Every command this library knows: one row each, with the codecs of its request, reply and notice.

The rows are written out so that a reader, and the reference made from them,
see the whole protocol at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from perchat.xccos.history import HISTORIES, HISTORY, HISTORY_SEARCH, RECENT_QUERY
from perchat.xccos.rooms import (
    INVITATION_QUERY,
    INVITATIONS,
    ROOM_IDS,
    ROOM_QUERY,
    ROOM_URIS,
    ROOMS,
)
from perchat.xccos.roster import ARRIVALS, DEPARTURES, JOINED
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
    Row("requri", NOTHING, SERVER_URI, None, (_SEEN, _SEEN, None)),
    Row("getserverinfo", SERVER_INFO_QUERY, SERVER_INFO, None, (_SEEN, _SEEN, None),
        aliases=("getservinfo",)),
    Row("join", ROOM_IDS, JOINED, ARRIVALS, (_SEEN, _SEEN, _SEEN)),
    Row("bjoin", ROOM_IDS, JOINED, ARRIVALS, (_SEEN, _SEEN, _SEEN)),
    Row("part", ROOM_URIS, ROOM_URIS, DEPARTURES, (_SEEN, _SEEN, _SEEN)),
    Row("chansrch", ROOM_QUERY, ROOMS, None, (_SEEN, _SEEN, None)),
    Row("bccontext", RECENT_QUERY, HISTORY, None, (_SEEN, _SEEN, None)),
    Row("bcbydate", HISTORY_SEARCH, HISTORIES, None, (_NAMED, _DESIGNED, None)),
    Row("bcbymsg", HISTORY_SEARCH, HISTORIES, None, (_NAMED, _DESIGNED, None)),
    Row("getinv", INVITATION_QUERY, INVITATIONS, None, (_SEEN, _DESIGNED, None)),
    Row("invite", None, None, INVITATIONS, (None, None, _NAMED), aliases=("inv",)),
    Row("grpchat", None, ROOM_URIS, None, (None, _DESIGNED, None)),
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
