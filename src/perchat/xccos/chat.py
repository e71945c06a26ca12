"""
Codecs for lines of chat, live as ``grpchat`` and past as ``msg``.

In a value lines end with LF, on the wire with CR LF, of which XML makes LF again
for the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.markup import escape
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import History, MessageQuery, RecentQuery
from perchat.xccos.codec import (
    Codec,
    attribute,
    flag,
    number,
    parse_flag,
    parse_time,
    required,
    sip_uri,
    tag,
    time,
    usable,
)
from perchat.xccos.primitives import Chat

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.model.message import Message
    from perchat.xccos.codec import Dialect

__all__ = [
    "HISTORY",
    "MESSAGE_QUERY",
    "RECENT_QUERY",
    "escape_lines",
    "read_chat",
    "write_chat",
]

_RECENT = 30  # the default of a 2013 server
_EXCEEDED = "urn:parlano:ma:info:exceeded"


def read_chat(element: Element, seqid: int = 1) -> Chat:
    """Read a line, ``seqid`` being its place; ValueError without usable room or author."""
    chat, rtf = element.find("chat"), element.find("rtf")
    return Chat(
        room=RoomUri(required(element, "chanUri")),
        author=sip_uri(required(element, "author")),
        text=_lines(chat.text) if chat else "",
        at=parse_time(attribute(element, "ts")),
        alert=parse_flag(attribute(element, "alert")),
        id=number(attribute(element, "chatId")),
        author_name=attribute(element, "authdisp"),
        rtf=rtf.text if rtf else None,
        seqid=number(element.get("seqid"), seqid),
        client_id=attribute(element, "clientId"),
    )


def _lines(text: str) -> str:
    """Make every line end with LF; a CR gets here only as a character reference."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def escape_lines(text: str) -> str:
    """Make text fit between tags, its lines ending with a literal CR LF."""
    text = escape(text)
    if "&#13;" in text:  # what escape makes of CR
        text = text.replace("&#13;\n", "\n").replace("&#13;", "\n")
    return text.replace("\n", "\r\n")


def write_chat(chat: Chat, dialect: Dialect, name: str = "grpchat", marker: str = "") -> str:
    """Write a line as an element of that name, with ``marker`` as first attribute."""
    attributes = {"id": "grpchat", "seqid": str(chat.seqid), "chanUri": chat.room}
    attributes["author"] = chat.author
    if dialect.server or chat.author_name:
        attributes["authdisp"] = chat.author_name
    if dialect.server or chat.alert:
        attributes["alert"] = flag(chat.alert)
    if dialect.server or chat.id:
        attributes["chatId"] = str(chat.id)
    attributes["ts"] = time(chat.at, seven_digits=dialect.server)
    if chat.client_id:
        attributes["clientId"] = chat.client_id
    inner = tag("chat", inner=escape_lines(chat.text))
    if chat.rtf is not None:
        inner += tag("rtf", inner=escape(chat.rtf))
    return tag(name, {"xsi:type": marker} | attributes if marker else attributes, inner)


# --- history -------------------------------------------------------------------------------


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


def _read_message_query(data: Element) -> MessageQuery:
    chanib, bcq = data.find("chanib"), data.find("bcq")
    msgid = bcq.find("msgid") if bcq else None
    if chanib is None or bcq is None or msgid is None:
        raise ValueError("no chanib, or no bcq with msgid")
    backwards = bcq.find("searchbkwds")
    if backwards and parse_flag(backwards.text):
        raise ValueError("only messages that follow can be asked for")
    limit = bcq.find("limit")
    return MessageQuery(
        RoomUri(required(chanib, "uri")),
        max(number(msgid.text), 0),
        max(number(attribute(limit, "cnt")), 0) if limit else 0,
    )


def _write_message_query(query: MessageQuery, _dialect: Dialect) -> str:
    inner = tag("msgid", inner=str(query.after))
    if query.limit:
        inner += tag("limit", {"cnt": str(query.limit)})
    return tag("chanib", {"uri": query.room}) + tag("bcq", inner=inner)


MESSAGE_QUERY = Codec(MessageQuery, _read_message_query, _write_message_query)


def _read_history(data: Element) -> History:
    chanib = data.find("chanib")
    if chanib is None:
        raise ValueError("no chanib")
    name = attribute(chanib, "name")
    chats = (usable(read_chat, msg) for msg in chanib.find_all("msg") if _is_chat(msg))
    messages = tuple(chat.message(name) for chat in chats if chat)
    more = any(
        parse_flag(info.text)
        for info in chanib.find_all("info")
        if info.get("id").lower() == _EXCEEDED
    )
    return History(RoomUri(required(chanib, "uri")), name, messages, more)


def _is_chat(msg: Element) -> bool:
    return msg.get("id", "grpchat").lower() == "grpchat"


def _write_history(history: History, dialect: Dialect) -> str:
    inner = tag("info", {"id": _EXCEEDED}, flag(True)) if history.more else ""
    inner += "".join(_write_past(message, dialect) for message in history.messages)
    return tag("chanib", {"uri": history.room, "name": history.name}, inner)


def _write_past(message: Message, dialect: Dialect) -> str:
    marker = "grpchat" if dialect.typed_messages else ""
    return write_chat(Chat.of(message), dialect, name="msg", marker=marker)


HISTORY = Codec(History, _read_history, _write_history)
