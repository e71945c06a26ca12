"""
Documents into envelopes.

An envelope is refused as a whole only when it is no envelope: not well-formed,
beyond a limit, with the wrong root, or with an id missing that replies need.
Whatever is unknown or unusable inside is kept as :class:`Unknown`, so that the
rest is heard and the owner can answer for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perchat.errors import RemoteProtocolError
from perchat.markup import Element, MarkupLimits, read
from perchat.xccos.blocks import Nothing, Unknown
from perchat.xccos.catalogue import NOTICES, REPLIES, REQUESTS, canonical, codec_of
from perchat.xccos.chat import read_chat
from perchat.xccos.codec import attribute, number
from perchat.xccos.codes import SUCCESS, error_of
from perchat.xccos.plain import plain_line
from perchat.xccos.primitives import Chat, Command, Envelope, Notice, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perchat.errors import ErrorCode
    from perchat.xccos.blocks import Data
    from perchat.xccos.codec import Codec
    from perchat.xccos.primitives import Primitive

__all__ = ["decode"]

_LIMITS = MarkupLimits()
_EMPTY = Element("data")
_NO_RESULT = 500  # what clients assume when ``resp`` is missing
_LONGEST_ID = 64
_LONGEST_PROBLEM = 200


def decode(body: bytes, limits: MarkupLimits = _LIMITS) -> Envelope:
    """
    Read one envelope; its primitives keep the document's order.

    Raises:
        RemoteProtocolError: It is no envelope; ``status`` is 400.

    """
    if limits is _LIMITS and len(body) <= limits.size and (line := plain_line(body)) is not None:
        return line
    return _envelope(read(body, limits))


def _envelope(root: Element) -> Envelope:
    if root.name != "xccos":
        raise RemoteProtocolError(f"root element {root.name[:40]!r}, not xccos")
    envid = _identifier(root, "envid")
    return Envelope(
        envid,
        tuple(_primitive(child, place) for place, child in enumerate(root.children, start=1)),
    )


def _identifier(element: Element, name: str) -> str:
    value = attribute(element, name).strip()
    if not value or len(value) > _LONGEST_ID:
        raise RemoteProtocolError(f"{element.name} without usable {name}")
    return value


def _primitive(element: Element, place: int) -> Primitive:
    reader = _READERS.get(element.name)
    return reader(element, place) if reader else Unknown(element.name, element)


def _command(element: Element, place: int) -> Command:
    name = _name(element)
    return Command(name, _read(REQUESTS, name, _data(element)), _seqid(element, place))


def _reply(element: Element, place: int) -> Reply:
    name = _name(element)
    answered = element.find("commandid") or _EMPTY
    result = element.find("resp") or Element("resp")
    code = number(attribute(result, "code"), _NO_RESULT)
    return Reply(
        name=name,
        data=_outcome(name, code, _data(element)),
        command_envid=attribute(answered, "envid").strip(),
        command_seqid=number(attribute(answered, "seqid")),
        code=code,
        text=result.text.strip(),
        seqid=_seqid(element, place),
    )


def _outcome(name: str, code: int, data: Element) -> Data:
    """Refusals mostly carry nothing; success without data can mean an empty list."""
    refused = code != SUCCESS.code
    return Nothing() if refused and not data.children else _read(REPLIES, name, data)


def _notice(element: Element, place: int) -> Notice:
    name = _name(element)
    data = _read(NOTICES, name, _data(element))
    return Notice(name, data, _seqid(element, place), _reason(element))


def _reason(notice: Element) -> ErrorCode | None:
    result = notice.find("resp")
    code = number(attribute(result, "code"), SUCCESS.code) if result else SUCCESS.code
    return None if result is None or code == SUCCESS.code else error_of(code, result.text)


def _chat(element: Element, place: int) -> Chat | Unknown:
    try:
        return read_chat(element, place)
    except ValueError as error:
        return Unknown(Chat.name, element, str(error)[:_LONGEST_PROBLEM])


_READERS: Mapping[str, Callable[[Element, int], Primitive]] = {
    "cmd": _command,
    "rpl": _reply,
    "err": _reply,  # named in documents, never seen; the same inside
    "ntc": _notice,
    "grpchat": _chat,
}


def _name(element: Element) -> str:
    identifier = _identifier(element, "id")
    return canonical(identifier.partition(":")[2] or identifier)


def _seqid(element: Element, place: int) -> int:
    return number(attribute(element, "seqid"), place)


def _data(element: Element) -> Element:
    return element.find("data") or _EMPTY


def _read(codecs: Mapping[str, Codec[Any]], name: str, data: Element) -> Data:
    codec = codec_of(codecs, name)
    if codec is None:
        return Unknown(name, data)
    try:
        kept: Data = codec.read(data)
    except ValueError as error:
        return Unknown(name, data, str(error)[:_LONGEST_PROBLEM])
    return kept
