"""Codecs for messages that moderators look for, replace and remove; all of it is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.markup import escape
from perchat.model.history import HistoryQuery
from perchat.model.journal import MessagesModerated
from perchat.model.message import ModeratedMessage
from perchat.model.uri import RoomUri
from perchat.xccos.administering import read_why, write_why
from perchat.xccos.administrative import ModerationAction, ModerationReply, ModerationRequest
from perchat.xccos.codec import (
    Codec,
    attribute,
    instant,
    number,
    optional,
    required,
    tag,
    time,
    usable,
)
from perchat.xccos.history import read_messages, read_query, write_messages, write_query
from perchat.xccos.rooms import first_chanib

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["MODERATED", "MODERATION_OPTION", "MODERATION_REPLY", "MODERATION_REQUEST"]

MODERATION_OPTION = "perchat-moderation"
"""The option tag in Supported of clients that want to be told what moderators do."""

_EVERYTHING = HistoryQuery()


def _read_ids(element: Element) -> tuple[int, ...]:
    listed = element.find("ids")
    ids = tuple(number(word) for word in (listed.text.split() if listed else ()))
    if not all(one > 0 for one in ids):
        raise ValueError("messages have numbers from 1 on")
    return ids


def _write_ids(ids: Iterable[int]) -> str:
    inner = " ".join(map(str, ids))
    return tag("ids", inner=inner) if inner else ""


def _read_text(element: Element) -> str | None:
    text = element.find("text")
    return None if text is None else text.text


def _write_text(text: str | None) -> str:
    return "" if text is None else tag("text", inner=escape(text))


def _read_request(data: Element) -> ModerationRequest:
    chanib, wanted, bcq = first_chanib(data), data.find("moderation"), data.find("bcq")
    if wanted is None:
        raise ValueError("no moderation")
    return ModerationRequest(
        attribute(chanib, "uri") or required(chanib, "name"),
        ModerationAction(required(wanted, "action").lower()),
        _EVERYTHING if bcq is None else read_query(bcq),
        _read_ids(wanted),
        _read_text(wanted),
        max(number(attribute(wanted, "after")), 0),
    )


def _write_request(asked: ModerationRequest, _dialect: Dialect) -> str:
    named = "uri" if asked.room.lower().startswith("ma-chan:") else "name"
    inner = _write_ids(asked.ids) + _write_text(asked.text)
    return "".join(
        (
            tag("chanib", {named: asked.room}),
            tag("moderation", {"action": asked.action.value, "after": str(asked.after)}, inner),
            tag("bcq", inner="".join(write_query(asked.query))),
        )
    )


MODERATION_REQUEST = Codec(ModerationRequest, _read_request, _write_request)


def _read_reply(data: Element) -> ModerationReply:
    done = data.find("moderation") or data
    after = optional(done, "after")
    found = (usable(_read_original, one) for one in data.find_all("original"))
    return ModerationReply(
        _read_ids(done),
        tuple(one for room in data.find_all("chanib") for one in read_messages(room)),
        tuple(one for one in found if one is not None),
        None if after is None else number(after),
        read_why(data),
    )


def _write_reply(done: ModerationReply, dialect: Dialect) -> str:
    after = {} if done.after is None else {"after": str(done.after)}
    name = next((one.room_name for one in done.messages), "")
    found = tag("chanib", {"name": name}, write_messages(done.messages, dialect))
    return "".join(
        (
            tag("moderation", after, _write_ids(done.ids)),
            found if done.messages else "",
            *(_write_original(one, dialect) for one in done.originals),
            write_why(done.why),
        )
    )


def _read_original(element: Element) -> ModeratedMessage:
    (message,) = read_messages(element)
    at = instant(required(element, "at"))
    return ModeratedMessage(message, at, optional(element, "now"))


def _write_original(one: ModeratedMessage, dialect: Dialect) -> str:
    attributes = {"name": one.original.room_name, "at": time(one.at, seven_digits=True)}
    now = {} if one.text is None else {"now": one.text}
    return tag("original", attributes | now, write_messages((one.original,), dialect))


MODERATION_REPLY = Codec(ModerationReply, _read_reply, _write_reply)


def _read_moderated(data: Element) -> MessagesModerated:
    done = data.find("moderation")
    if done is None:
        raise ValueError("no moderation")
    room = RoomUri(required(first_chanib(data), "uri"))
    return MessagesModerated(room, _read_ids(done), _read_text(done))


def _write_moderated(done: MessagesModerated, _dialect: Dialect) -> str:
    inner = _write_ids(done.messages) + _write_text(done.text)
    return tag("chanib", {"uri": done.room}) + tag("moderation", inner=inner)


MODERATED = Codec(MessagesModerated, _read_moderated, _write_moderated)
