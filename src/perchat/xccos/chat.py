"""
Lines of chat, live as ``grpchat`` and past as ``msg``.

In a value lines end with LF, on the wire with CR LF, of which XML makes LF again
for the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.markup import escape, escape_attribute
from perchat.model.richtext import flattened
from perchat.model.uri import RoomUri
from perchat.xccos.codec import (
    attribute,
    flag,
    number,
    parse_flag,
    parse_time,
    required,
    sip_uri,
    tag,
    time,
)
from perchat.xccos.primitives import Chat

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.model.message import Message
    from perchat.xccos.codec import Dialect

__all__ = ["escape_lines", "read_chat", "write_chat", "write_message"]


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
    typed = f' xsi:type="{marker}"' if marker else ""
    called = f' clientId="{escape_attribute(message.client_id)}"' if message.client_id else ""
    return (
        f'<{name}{typed} id="grpchat" seqid="1" chanUri="{escape_attribute(message.room_uri)}"'
        f' author="{escape_attribute(message.author)}"'
        f' authdisp="{escape_attribute(message.author_name)}"'
        f' alert="{"true" if message.is_alert else "false"}" chatId="{message.id}"'
        f' ts="{time(message.timestamp, seven_digits=True)}"{called}>{chat}{rtf}</{name}>'
    )
