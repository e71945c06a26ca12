"""
Codecs for what was said: ``bcq`` asks, ``chanib`` with its ``msg`` elements answers.

Any question may come under any name that begins with ``bc``; one codec reads
them all, but for the question for the newest messages, which is answered in a
form of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.markup import escape
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import Histories, History, HistorySearch, RecentQuery
from perchat.xccos.chat import read_chat, write_chat, write_message
from perchat.xccos.codec import (
    Codec,
    attribute,
    distinct,
    extras,
    flag,
    instant,
    number,
    parse_flag,
    required,
    sip_uri,
    tag,
    time,
    usable,
)
from perchat.xccos.primitives import Chat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from perchat.markup import Element
    from perchat.model.message import Message
    from perchat.xccos.codec import Dialect

__all__ = [
    "HISTORIES",
    "HISTORY",
    "HISTORY_SEARCH",
    "RECENT_QUERY",
    "read_messages",
    "read_query",
    "write_messages",
    "write_query",
]

_RECENT = 30  # the default of a 2013 server
_TOTAL = "urn:parlano:ma:info:resultcnt"
_EXCEEDED = "urn:parlano:ma:info:exceeded"


# --- the newest ----------------------------------------------------------------------------


def _read_recent_query(data: Element) -> RecentQuery:
    chanib, bcq = data.find("chanib"), data.find("bcq")
    if chanib is None:
        raise ValueError("no chanib")
    last = bcq.find("last") if bcq else None
    count = number(attribute(last, "cnt"), _RECENT) if last else _RECENT
    return RecentQuery(RoomUri(required(chanib, "uri")), max(count, 0))


def _write_recent_query(query: RecentQuery, _dialect: Dialect) -> str:
    last = tag("last", {"cnt": str(query.count)})
    return tag("chanib", {"uri": query.room}) + tag("bcq", inner=last)


RECENT_QUERY = Codec(RecentQuery, _read_recent_query, _write_recent_query)


def _read_history(data: Element) -> History:
    chanib = data.find("chanib")
    if chanib is None:
        raise ValueError("no chanib")
    return History(
        RoomUri(required(chanib, "uri")), attribute(chanib, "name"), read_messages(chanib)
    )


def _write_history(history: History, dialect: Dialect) -> str:
    return tag(
        "chanib",
        {"uri": history.room, "name": history.name},
        write_messages(history.messages, dialect),
    )


HISTORY = Codec(History, _read_history, _write_history)


def read_messages(chanib: Element) -> tuple[Message, ...]:
    """Read the messages of a room; what is unusable is passed over."""
    name = attribute(chanib, "name")
    chats = (usable(read_chat, msg) for msg in chanib.find_all("msg") if _is_chat(msg))
    return tuple(chat.message(name) for chat in chats if chat)


def _is_chat(msg: Element) -> bool:
    return msg.get("id", "grpchat").lower() == "grpchat"


def write_messages(messages: Sequence[Message], dialect: Dialect) -> str:
    """Write messages of a room."""
    marker, plain = "grpchat" if dialect.typed_messages else "", dialect.plain_links
    if dialect.server:
        written = [write_message(one, "msg", marker, plain_links=plain) for one in messages]
    else:
        written = [write_chat(Chat.of(one), dialect, "msg", marker) for one in messages]
    return "".join(written)


# --- whatever is asked for -----------------------------------------------------------------


def _read_search(data: Element) -> HistorySearch:
    rooms = distinct(RoomUri(required(chanib, "uri")) for chanib in data.find_all("chanib"))
    bcq = data.find("bcq")
    if not rooms or bcq is None:
        raise ValueError("no chanib, or no bcq")
    return HistorySearch(rooms, read_query(bcq))


def read_query(bcq: Element) -> HistoryQuery:
    """Read which messages are meant; ValueError rather than more than that."""
    date, msgid, last = bcq.find("date"), bcq.find("msgid"), bcq.find("last")
    limit = number(attribute(bcq.find("limit") or last or bcq, "cnt"))
    after = None if msgid is None else max(number(msgid.text), 0)
    return HistoryQuery(
        _text(bcq, "text"),
        match=_read_match(bcq),
        case_sensitive=_switch(bcq, "matchcase"),
        authors=tuple(sip_uri(required(author, "uri")) for author in bcq.find_all("author")),
        since=_moment(date, "from"),
        until=_moment(date, "to"),
        after_id=None if date and not after else after,  # 0 beside dates says nothing
        limit=limit if limit > 0 else None,
        search_newest_first=_switch(bcq, "searchbkwds") or (last is not None and msgid is None),
        newest_first=_switch(bcq, "sortbkwds"),
    )


def _text(bcq: Element, name: str) -> str:
    child = bcq.find(name)
    return child.text if child else ""


def _switch(bcq: Element, name: str) -> bool:
    return parse_flag(_text(bcq, name))


def _read_match(bcq: Element) -> Match:
    if _switch(bcq, "matchexactphrase"):
        return Match.PHRASE
    return Match.ALL if _switch(bcq, "matchall") else Match.ANY


def _moment(date: Element | None, name: str) -> datetime | None:
    """Return an end of a range; ValueError rather than a wider search than was meant."""
    text = _text(date, name).strip() if date else ""
    return instant(text) if text else None


def _write_search(search: HistorySearch, _dialect: Dialect) -> str:
    rooms = [tag("chanib", {"uri": room}) for room in search.rooms]
    return "".join(rooms) + tag("bcq", inner="".join(write_query(search.query)))


def write_query(query: HistoryQuery) -> Iterator[str]:
    """Yield what says so, piece by piece."""
    if query.after_id is not None:
        yield tag("msgid", inner=str(query.after_id))
    elif query.since or query.until:
        yield tag("date", inner=_date("from", query.since) + _date("to", query.until))
    if query.text:
        yield tag("text", inner=escape(query.text))
    yield from (tag("author", {"uri": author}) for author in query.authors)
    if query.limit is not None:
        yield tag("limit", {"cnt": str(query.limit)})
    switches = {
        "matchcase": query.case_sensitive,
        "matchexactphrase": query.match is Match.PHRASE,
        "matchall": query.match is Match.ALL,
        "searchbkwds": query.search_newest_first,
        "sortbkwds": query.newest_first,
    }
    yield from (tag(name, inner=flag(True)) for name, on in switches.items() if on)


def _date(name: str, at: datetime | None) -> str:
    return "" if at is None else tag(name, inner=time(at, seven_digits=True))


HISTORY_SEARCH = Codec(HistorySearch, _read_search, _write_search)


def _read_histories(data: Element) -> Histories:
    found = (usable(_read_result, chanib) for chanib in data.find_all("chanib"))
    return Histories(tuple(result for result in found if result))


def _read_result(chanib: Element) -> HistoryResult:
    told = extras(chanib)
    return HistoryResult(
        room_uri=RoomUri(required(chanib, "uri")),
        room_name=attribute(chanib, "name"),
        messages=read_messages(chanib),
        total=max(number(told.get(_TOTAL, "")), 0),
        truncated=parse_flag(told.get(_EXCEEDED, "")),
    )


def _write_histories(data: Histories, dialect: Dialect) -> str:
    return "".join(_write_result(result, dialect) for result in data.results)


def _write_result(result: HistoryResult, dialect: Dialect) -> str:
    told = tag("info", {"id": _TOTAL}, str(result.total)) if result.total else ""
    if result.truncated:
        told += tag("info", {"id": _EXCEEDED}, flag(True))
    inner = told + write_messages(result.messages, dialect)
    return tag("chanib", {"uri": result.room_uri, "name": result.room_name}, inner)


HISTORIES = Codec(Histories, _read_histories, _write_histories)
