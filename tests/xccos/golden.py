"""What the transcripts hold: the commands of every day."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.errors import ErrorCode
from perchat.markup import Element
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.uri import SipUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    Departure,
    Departures,
    FileToken,
    FileTokenQuery,
    Histories,
    History,
    HistorySearch,
    InvitationQuery,
    Invitations,
    Joined,
    Nothing,
    RecentQuery,
    RoomIds,
    RoomQuery,
    Rooms,
    RoomUris,
    ServerInfoQuery,
    ServerInfoReply,
    ServerUri,
    Unknown,
)
from perchat.xccos.codec import CLIENT, DOTNET
from perchat.xccos.masks import MANAGER, MEMBER
from perchat.xccos.primitives import Chat

if TYPE_CHECKING:
    from collections.abc import Sequence


from tests.xccos.samples import (
    ALICE,
    AT,
    BOARD,
    BOARD_ROOM,
    BOB,
    CALLED,
    EVERY_WORD,
    EVERYTHING,
    FOUND,
    HELLO,
    INFO,
    INVITED,
    JOINED_MANY,
    JOINED_OPS,
    LINKED,
    OPS,
    OPS_ROOM,
    RICH,
    SERVER,
    Line,
    answered,
    asked,
    noticed,
    refused,
)

FILE_TOKEN = FileToken(
    "1b9a6a2e-9a4b-4a0c-8f0e-3d1f7a5f2c11",
    "https://sip.contoso.com:5443/PersistentChat/MGCWebService.asmx",
)

EVERYDAY: dict[str, Sequence[Line]] = {
    "requri": [
        asked("requri", Nothing()),
        answered("requri", ServerUri(SipUri("sip:chanserv@contoso.com"))),
        answered("requri", ServerUri()),
    ],
    "getserverinfo": [
        asked("getserverinfo", ServerInfoQuery("contoso.com")),
        answered("getserverinfo", ServerInfoReply(INFO)),
        answered(
            "getserverinfo",
            ServerInfoReply(replace(INFO, display_name="", room_management_url="https://x/?a&b")),
        ),
    ],
    "join": [
        asked("join", RoomIds((OPS,))),
        answered("join", JOINED_OPS),
        answered("join", JOINED_OPS, DOTNET),
        refused("join", ErrorCode.NO_SUCH_NODE),
        noticed("join", Arrivals((Arrival(BOB, ((OPS, MANAGER),)),))),
        noticed("join", Arrivals((Arrival(BOB, ((OPS, MANAGER),)),)), DOTNET),
    ],
    "bjoin": [
        asked("bjoin", RoomIds((OPS, BOARD))),
        answered("bjoin", JOINED_MANY),
        answered("bjoin", Joined()),
        noticed("bjoin", Arrivals((Arrival(ALICE, ((OPS, MEMBER), (BOARD, MEMBER))),))),
    ],
    "part": [
        asked("part", RoomUris((OPS,))),
        answered("part", RoomUris((OPS,))),
        refused("part", ErrorCode.USER_NOT_JOINED, RoomUris((OPS,))),
        noticed("part", Departures((Departure(OPS, (ALICE.uri, BOB.uri)),))),
    ],
    "chansrch": [
        asked("chansrch", RoomQuery()),
        asked("chansrch", EVERYTHING),
        answered("chansrch", Rooms((OPS_ROOM, BOARD_ROOM))),
        answered("chansrch", Rooms()),
        refused("chansrch", ErrorCode.LIMIT_EXCEEDED),
    ],
    "bccontext": [
        asked("bccontext", RecentQuery(OPS, 25)),
        answered("bccontext", History(OPS, "Ops", (HELLO, RICH))),
        answered("bccontext", History(OPS, "Ops", (HELLO,)), DOTNET),
        answered("bccontext", History(OPS, "Ops")),
        answered("bccontext", History(OPS, "Ops", (LINKED,))),
        answered("bccontext", History(OPS, "Ops", (LINKED,)), DOTNET),
    ],
    "bcbydate": [
        asked("bcbydate", HistorySearch((OPS, BOARD), EVERY_WORD)),
        asked("bcbydate", HistorySearch((OPS,), HistoryQuery("disk full", match=Match.ALL))),
        answered("bcbydate", FOUND),
        answered("bcbydate", FOUND, DOTNET),
        answered("bcbydate", Histories()),
        refused("bcbydate", ErrorCode.ERROR_PERMISSION),
    ],
    "bcbymsg": [
        asked("bcbymsg", HistorySearch((OPS,), HistoryQuery(after_id=41, limit=100))),
        asked("bcbymsg", HistorySearch((OPS,), HistoryQuery(after_id=0))),
        answered(
            "bcbymsg",
            Histories((HistoryResult(OPS, "Ops", (RICH, CALLED), truncated=True),)),
        ),
        answered("bcbymsg", Histories((HistoryResult(OPS),))),
        refused("bcbymsg", ErrorCode.ERROR_PERMISSION),
    ],
    "getfutok": [asked("getfutok", FileTokenQuery(OPS, "Q3 & more.pdf"))],
    "getfdtok": [asked("getfdtok", FileTokenQuery(OPS, "copy.pdf"))],
    "getftok": [
        answered("getftok", FILE_TOKEN, DOTNET),
        refused("getftok", ErrorCode.ERROR_PERMISSION),
    ],
    "getinv": [
        asked("getinv", InvitationQuery(1, "contoso.com")),
        answered("getinv", INVITED),
        answered("getinv", Invitations()),
    ],
    "invite": [noticed("invite", INVITED)],
    "grpchat": [
        (">", Chat(OPS, ALICE.uri, "hi\nthere", AT.replace(microsecond=0)), CLIENT),
        (">", replace(Chat.of(RICH), id=0, author_name="", at=AT.replace(microsecond=0)), CLIENT),
        (">", Chat(OPS, ALICE.uri, "hi", AT.replace(microsecond=0), client_id="5f3c"), CLIENT),
        ("<", Chat.of(HELLO), SERVER),
        ("<", Chat.of(RICH), SERVER),
        ("<", Chat.of(CALLED), SERVER),
        refused("grpchat", ErrorCode.ERROR_PERMISSION, RoomUris((OPS,))),
    ],
    "unknown": [
        asked("frobnicate", Unknown("frobnicate", Element("data", {}, (Element("x"),)))),
        refused("frobnicate", ErrorCode.MSG_NOT_SUPPORTED),
    ],
}
