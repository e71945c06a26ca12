"""Strategies for every kind of data, and for what carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from perchat.model.chatroom import Behavior, Privacy, RoomSnapshot
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.invitation import Invitation
from perchat.model.message import Message
from perchat.model.participant import Participant
from perchat.model.service import ServerInfo
from perchat.model.uri import RoomUri, SipUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    Data,
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
    JoinedRoom,
    Nothing,
    QueryKind,
    RecentQuery,
    RoomIds,
    RoomQuery,
    Rooms,
    RoomUris,
    RosterEntry,
    ServerInfoQuery,
    ServerInfoReply,
    ServerUri,
)
from perchat.xccos.catalogue import NOTICES, REPLIES, REQUESTS
from perchat.xccos.codes import RESULTS
from perchat.xccos.masks import is_manager, is_presenter
from perchat.xccos.primitives import Chat, Command, Notice, Primitive, Reply

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

from tests.xccos.basics import (
    CATEGORIES,
    LEGAL,
    MASKS,
    NUMBERS,
    ROOM_URIS,
    TIMES,
    USERS,
    WORDS,
    maybe,
    rooms,
    tuples,
)
from tests.xccos.strategies_administering import administered
from tests.xccos.strategies_management import ADD_INS, MANAGED

SNAPSHOTS = st.builds(
    RoomSnapshot,
    ROOM_URIS,
    LEGAL,
    LEGAL,
    st.one_of(st.none(), CATEGORIES),
    st.sampled_from(Privacy),
    st.sampled_from(Behavior),
    st.booleans(),
    NUMBERS,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    maybe(ADD_INS),
)


def participant(uri: SipUri, mask: int) -> Participant:
    return Participant(uri, uri.user, "guid", is_manager(mask), is_presenter(mask))


@st.composite
def joined_rooms(draw: st.DrawFn) -> JoinedRoom:
    users = draw(st.dictionaries(USERS, MASKS, max_size=4))
    entries = [RosterEntry(participant(uri, mask), mask) for uri, mask in users.items()]
    return JoinedRoom(draw(SNAPSHOTS), tuple(entries))


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    places = draw(st.lists(st.tuples(ROOM_URIS, MASKS), max_size=3).map(tuple))
    union = 0
    for _, mask in places:
        union |= mask
    return Arrival(participant(draw(USERS), union), places)


def messages(room: RoomUri, name: str) -> SearchStrategy[Message]:
    return st.builds(
        Message,
        NUMBERS,
        TIMES,
        USERS,
        st.just(room),
        LEGAL,
        LEGAL,
        st.just(name),
        st.one_of(st.none(), LEGAL),
        st.booleans(),
        LEGAL,
    )


@st.composite
def histories(draw: st.DrawFn) -> History:
    room, name = draw(ROOM_URIS), draw(LEGAL)
    return History(room, name, draw(tuples(messages(room, name))))


@st.composite
def history_results(draw: st.DrawFn) -> HistoryResult:
    room, name = draw(ROOM_URIS), draw(LEGAL)
    found = draw(tuples(messages(room, name)))
    return HistoryResult(room, name, found, draw(NUMBERS), draw(st.booleans()))


@st.composite
def history_queries(draw: st.DrawFn) -> HistoryQuery:
    """Either behind a message or between times, as the other has no effect."""
    after = draw(st.one_of(st.none(), NUMBERS))
    since, until = sorted([draw(TIMES), draw(TIMES)]) if after is None else (None, None)
    return HistoryQuery(
        draw(LEGAL),
        match=draw(st.sampled_from(Match)),
        case_sensitive=draw(st.booleans()),
        authors=draw(tuples(USERS)),
        since=draw(st.sampled_from([None, since])),
        until=draw(st.sampled_from([None, until])),
        after_id=after,
        limit=draw(st.one_of(st.none(), st.integers(1, 1000))),
        search_newest_first=draw(st.booleans()),
        newest_first=draw(st.booleans()),
    )


@st.composite
def server_infos(draw: st.DrawFn) -> ServerInfoReply:
    root = draw(CATEGORIES)
    info = ServerInfo(
        draw(LEGAL),
        draw(NUMBERS),
        draw(NUMBERS),
        draw(NUMBERS),
        root,
        draw(LEGAL),
        draw(TIMES),
        root.domain,
        draw(LEGAL),
    )
    older = not info.display_name and not info.room_management_url
    return ServerInfoReply(info, draw(NUMBERS), older)


DATA: dict[type[Data], SearchStrategy[Data]] = {
    Nothing: st.just(Nothing()),
    ServerUri: st.builds(ServerUri, st.one_of(st.none(), USERS)),
    ServerInfoQuery: st.builds(ServerInfoQuery, LEGAL, NUMBERS),
    ServerInfoReply: server_infos(),
    RoomIds: st.builds(RoomIds, rooms(1)),
    Joined: st.builds(Joined, tuples(joined_rooms()), rooms()),
    RoomUris: st.builds(RoomUris, rooms(1)),
    RoomQuery: st.builds(
        RoomQuery,
        LEGAL,
        st.sampled_from(QueryKind),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.integers(-1, 1000),
        LEGAL,
        LEGAL,
        st.one_of(st.none(), CATEGORIES),
        LEGAL,
        st.sampled_from([None, True, False]),
        st.sampled_from([None, *Privacy]),
        st.sampled_from([None, *Behavior]),
        st.booleans(),
        st.sampled_from([None, True, False]),
    ),
    Rooms: st.builds(Rooms, tuples(SNAPSHOTS)),
    RecentQuery: st.builds(RecentQuery, ROOM_URIS, NUMBERS),
    HistorySearch: st.builds(HistorySearch, rooms(1), history_queries()),
    Histories: st.builds(Histories, tuples(history_results())),
    History: histories(),
    InvitationQuery: st.builds(InvitationQuery, NUMBERS, LEGAL),
    Invitations: st.builds(Invitations, tuples(st.builds(Invitation, NUMBERS, TIMES, SNAPSHOTS))),
    Arrivals: st.builds(Arrivals, tuples(arrivals())),
    Departures: st.builds(Departures, tuples(st.builds(Departure, ROOM_URIS, tuples(USERS)))),
    FileTokenQuery: st.builds(FileTokenQuery, ROOM_URIS, LEGAL),
    FileToken: st.builds(FileToken, LEGAL.filter(bool), LEGAL.filter(bool)),
}
DATA.update(MANAGED)
DATA.update(
    administered(
        history_queries(),
        st.tuples(ROOM_URIS, LEGAL).flatmap(lambda where: messages(*where)),
    )
)

ERRORS = sorted(RESULTS)

COMMANDS: SearchStrategy[Primitive] = st.sampled_from(sorted(REQUESTS)).flatmap(
    lambda name: st.builds(Command, st.just(name), DATA[REQUESTS[name].kind], NUMBERS)
)
REPLY: SearchStrategy[Primitive] = st.sampled_from(sorted(REPLIES)).flatmap(
    lambda name: st.builds(
        Reply, st.just(name), DATA[REPLIES[name].kind], WORDS, NUMBERS, st.just(200), WORDS, NUMBERS
    )
)
REFUSALS: SearchStrategy[Primitive] = st.builds(
    Reply,
    st.sampled_from([*sorted(REPLIES), "frobnicate"]),
    st.just(Nothing()),
    WORDS,
    NUMBERS,
    st.integers(201, 999),
    WORDS,
    NUMBERS,
)
NOTICE: SearchStrategy[Primitive] = st.sampled_from(sorted(NOTICES)).flatmap(
    lambda name: st.builds(
        Notice, st.just(name), DATA[NOTICES[name].kind], NUMBERS, maybe(st.sampled_from(ERRORS))
    )
)
CHATS: SearchStrategy[Primitive] = st.builds(
    Chat,
    ROOM_URIS,
    USERS,
    LEGAL,
    TIMES,
    st.booleans(),
    NUMBERS,
    LEGAL,
    st.one_of(st.none(), LEGAL),
    NUMBERS,
    LEGAL,
)
