"""
Lines of chat, live as ``grpchat`` and past as ``msg``.

In a value lines end with LF, on the wire with CR LF, of which XML makes LF again
for the reader.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from perchat.caching import cached_if_short
from perchat.markup import escape, escape_attribute
from perchat.model.richtext import flattened
from perchat.model.uri import RoomUri
from perchat.xccos.codec import (
    flag,
    number,
    optional,
    parse_flag,
    parse_time,
    sip_uri,
    tag,
    time,
)
from perchat.xccos.primitives import Chat

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.markup import Element
    from perchat.model.message import Message
    from perchat.xccos.codec import Dialect

__all__ = ["escape_lines", "line_feeds", "line_of", "read_chat", "write_chat", "write_message"]

_room = cached_if_short(4096)(RoomUri)
_author = cached_if_short(4096)(sip_uri)
_time = cached_if_short(256)(parse_time)
_place = lru_cache(maxsize=256)(number)


def read_chat(element: Element, seqid: int = 1) -> Chat:
    """Read a line, ``seqid`` being its place; ValueError without usable room or author."""
    chat, rtf = element.find("chat"), element.find("rtf")
    text, rich = chat.text if chat else "", rtf.text if rtf else None
    return line_of(partial(optional, element), text, rich, seqid)


def line_of(
    given: Callable[[str], str | None], text: str, rtf: str | None = None, seqid: int = 1
) -> Chat:
    """Return a line by what ``given`` tells of its attributes; the same ValueError."""
    alert, number_given, place = given("alert"), given("chatId"), given("seqid")
    return Chat(  # by place, and nothing read that is not there: one for every post
        _room(_needed(given, "chanUri")),
        _author(_needed(given, "author")),
        line_feeds(text),
        _time(given("ts") or ""),
        parse_flag(alert) if alert else False,
        number(number_given) if number_given else 0,
        given("authdisp") or "",
        rtf,
        _place(place, seqid) if place else seqid,
        given("clientId") or "",
    )


def _needed(given: Callable[[str], str | None], name: str) -> str:
    value = given(name)
    if not value:
        raise ValueError(f"a line without {name}")
    return value


def line_feeds(text: str) -> str:
    """Make every line end with LF."""
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
    text = flattened(chat.text) if dialect.plain_links else chat.text
    inner = tag("chat", inner=escape_lines(text))
    if chat.rtf is not None:
        inner += tag("rtf", inner=escape(chat.rtf))
    return tag(name, {"xsi:type": marker} | attributes if marker else attributes, inner)


def write_message(
    message: Message, name: str = "grpchat", marker: str = "", *, plain_links: bool = False
) -> str:
    """Write a message as servers do, to the letter as :func:`write_chat`, only faster."""
    text = escape_lines(flattened(message.text) if plain_links else message.text)
    chat = f"<chat>{text}</chat>" if text else "<chat/>"
    rtf = "" if message.rtf is None else tag("rtf", inner=escape(message.rtf))
    called = f' clientId="{escape_attribute(message.client_id)}"' if message.client_id else ""
    begun = _said_by(name, marker, message.room_uri, message.author, message.author_name)
    return (
        f'{begun} alert="{"true" if message.is_alert else "false"}" chatId="{message.id}"'
        f' ts="{time(message.timestamp, seven_digits=True)}"{called}>{chat}{rtf}</{name}>'
    )


@lru_cache(maxsize=1024)
def _said_by(name: str, marker: str, room: str, author: str, author_name: str) -> str:
    """Return how the element begins; who speaks in a room mostly speaks again."""
    typed = f' xsi:type="{marker}"' if marker else ""
    return (
        f'<{name}{typed} id="grpchat" seqid="1" chanUri="{escape_attribute(room)}"'
        f' author="{escape_attribute(author)}" authdisp="{escape_attribute(author_name)}"'
    )
