"""The commands that find things: rooms, categories, add-ins, people, invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perchat.chat.finding import RoomFilter
from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.model.name import fold
from perchat.model.principal import UserMatches
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.server.rows import PAGE_LIMIT, Listing, Row, answering
from perchat.xccos.blocks import (
    InvitationQuery,
    Invitations,
    Nothing,
    QueryKind,
    RoomQuery,
    Rooms,
)
from perchat.xccos.managing import (
    AddIns,
    AssociationQuery,
    Categories,
    PrincipalLookup,
    PrincipalQuery,
    Principals,
    UserQuery,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from perchat.model.chatroom import RoomSnapshot
    from perchat.model.principal import DirectoryUser, Group
    from perchat.server.session import ChatSession

__all__ = ["BROWSING"]

Answer = Refusal | Listing[Any]


def _rooms(found: Sequence[RoomSnapshot]) -> Listing[RoomSnapshot]:
    return Listing(found, lambda rooms, _cut: Rooms(tuple(rooms)))


# --- rooms ---


async def _chansrch(session: ChatSession, query: RoomQuery) -> Answer:
    chat, user = session.services.chat, session.user.uri
    if (count := len(query.criteria.split())) > (limit := chat.settings.query_words):
        return Refusal(ErrorCode.LIMIT_EXCEEDED, f"{count} words, but {limit} are the most")
    most = query.max_results if query.max_results > 0 else None
    try:
        wanted = _filter(query)
        found = await chat.find_rooms(user, wanted, most)
        if not _is_called(wanted.text, found) and await session.services.fanout.read_on():
            found = await chat.find_rooms(user, wanted, most)
    except ValueError as error:
        return Refusal(ErrorCode.INVALID_ARGUMENT, str(error))
    return _rooms(found)


def _is_called(name: str, found: Sequence[RoomSnapshot]) -> bool:
    """Whether there is the room of that name among others, if it was one that was asked for."""
    return not name or any(fold(room.name) == fold(name) for room in found)


def _filter(query: RoomQuery) -> RoomFilter:
    """Return what is asked for; ValueError for a kind nobody knows and criteria it cannot have."""
    kind = QueryKind(query.kind)
    about = _CRITERIA[kind](query.criteria.strip())
    options: dict[str, Any] = {
        "category": query.category,
        "add_in": query.add_in,
    }
    if query.search_invites:
        options |= _INVITES[query.invites]
    return RoomFilter(
        descriptions=query.extended,
        every_word=query.match_all,
        phrase=query.match_exact_phrase,
        member=query.member,
        manager=query.manager,
        disabled=False if query.disabled is None and kind in _ENABLED else query.disabled,
        privacy=query.privacy,
        behavior=query.behavior,
        **options | about,
    )


_INVITES: Mapping[bool | None, Mapping[str, bool]] = {
    None: {"inherits": True},
    True: {"invites": True},
    False: {"inherits": False},
}

_ENABLED = frozenset(QueryKind) - {QueryKind.BYFILTER}
"""Kinds of search that find enabled rooms where they do not say which."""

_CRITERIA: Mapping[QueryKind, Callable[[str], dict[str, Any]]] = {
    QueryKind.BYNAME: lambda text: {"text": text},
    QueryKind.BYFILTER: lambda text: {"text": text},
    QueryKind.BYCATEGORY: lambda text: {"category": CategoryUri(text)},
    QueryKind.BYUSER: lambda text: {"present": SipUri(text)},
    QueryKind.BYADDIN: lambda text: {"add_in": _some(text)},
    QueryKind.BYURI: lambda text: {"uri": RoomUri(text)},
}


def _some(text: str) -> str:
    if not text:
        raise ValueError("no add-in is named")
    return text


async def _getassociations(session: ChatSession, query: AssociationQuery) -> Answer:
    limit = query.max_results if query.max_results > 0 else None
    wanted = RoomFilter(own=query.role)
    return _rooms(await session.services.chat.find_rooms(session.user.uri, wanted, limit))


async def _nodespermcreatechild(session: ChatSession, _nothing: Nothing) -> Answer:
    chat = session.services.chat
    root = chat.server_info(session.services.clock()).root_category
    found = chat.creatable_categories(session.user.uri)
    return Listing(found, lambda categories, _cut: Categories(tuple(categories), root))


async def _getaddins(session: ChatSession, _nothing: Nothing) -> Answer:
    found = session.services.chat.add_ins()
    return Listing(found, lambda add_ins, _cut: AddIns(tuple(add_ins)))


async def _getinv(session: ChatSession, query: InvitationQuery) -> Answer:
    found = await session.services.chat.invitations(session.user.uri, query.after)
    if isinstance(found, Refusal):
        return found
    return Listing(found, lambda some, _cut: Invitations(tuple(some)), PAGE_LIMIT)


# --- people ---


async def _prinsrch(session: ChatSession, query: PrincipalQuery) -> Answer:
    chat, user, most = session.services.chat, session.user.uri, max(query.max_results, 0)
    if query.room is not None and query.role is not None:
        found = await chat.eligible(user, query.room, query.role, query.text, most)
    elif query.room is None and query.category is not None:
        found = await chat.eligible_creators(user, query.category, query.text, most)
    else:
        return Refusal(ErrorCode.INVALID_ARGUMENT, "name a room and a role, or a category")
    if isinstance(found, Refusal):
        return found
    return Listing(found, lambda some, _cut: Principals(tuple(some)), PAGE_LIMIT)


async def _usersrch(session: ChatSession, query: UserQuery) -> Answer:
    found = await session.services.chat.find_users(
        session.user.uri,
        last=query.last,
        first=query.first,
        email=query.email,
        limit=max(query.max_results, 0),
    )
    if isinstance(found, Refusal):
        return found
    more = found.more_available
    return Listing(
        found.users, lambda users, cut: UserMatches(tuple(users), more or cut), PAGE_LIMIT
    )


async def _getuser(session: ChatSession, wanted: PrincipalLookup) -> Refusal | DirectoryUser:
    try:
        uri = SipUri(wanted.uri)
    except ValueError as error:
        return Refusal(ErrorCode.INVALID_ARGUMENT, str(error))
    return await session.services.chat.get_user(session.user.uri, uri)


async def _getgroup(session: ChatSession, wanted: PrincipalLookup) -> Refusal | Group:
    return await session.services.chat.get_group(session.user.uri, wanted.uri)


BROWSING: Mapping[str, Row] = {
    "chansrch": Row(answering(RoomQuery, _chansrch)),
    "getassociations": Row(answering(AssociationQuery, _getassociations)),
    "nodespermcreatechild": Row(answering(Nothing, _nodespermcreatechild)),
    "getaddins": Row(answering(Nothing, _getaddins)),
    "getinv": Row(answering(InvitationQuery, _getinv)),
    "prinsrch": Row(answering(PrincipalQuery, _prinsrch)),
    "usersrch": Row(answering(UserQuery, _usersrch)),
    "getuser": Row(answering(PrincipalLookup, _getuser)),
    "getgroup": Row(answering(PrincipalLookup, _getgroup)),
}
