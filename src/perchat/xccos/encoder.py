"""
Envelopes into documents.

Peers handle one kind of primitive an envelope and ignore the rest, so mixing is
refused here. :func:`encode_chat` is the hot path of delivering a message to a
room; its bytes are those of :func:`encode`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perchat.errors import LocalProtocolError
from perchat.markup import escape, escape_attribute, write
from perchat.xccos.blocks import Nothing, Unknown
from perchat.xccos.catalogue import NOTICES, REPLIES, REQUESTS, codec_of
from perchat.xccos.chat import write_chat, write_message
from perchat.xccos.codec import CLIENT, Dialect, tag
from perchat.xccos.codes import result_of
from perchat.xccos.primitives import Chat, Command, Notice, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perchat.model.message import Message
    from perchat.xccos.blocks import Data
    from perchat.xccos.codec import Codec
    from perchat.xccos.primitives import Envelope, Primitive

__all__ = ["encode", "encode_chat"]

_NAMESPACE = "urn:parlano:xml:ns:xccos"
_SCHEMAS = (
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def encode(envelope: Envelope, dialect: Dialect = CLIENT) -> bytes:
    """
    Write an envelope as UTF-8, without XML declaration.

    Raises:
        LocalProtocolError: It is empty or mixes kinds, has several lines of chat or the
            same seqid twice, or holds data that does not belong to the name.

    """
    _check(envelope)
    inner = "".join([_primitive(primitive, dialect) for primitive in envelope.primitives])
    return _around(inner, envelope.id, schemas=dialect.server)


def _around(inner: str, envid: str, *, schemas: bool) -> bytes:
    head = f"<xccos {_SCHEMAS}" if schemas else "<xccos"
    identity = f'ver="1" envid="{escape_attribute(envid)}" xmlns="{_NAMESPACE}"'
    return f"{head} {identity}>{inner}</xccos>".encode()


def _check(envelope: Envelope) -> None:
    primitives = envelope.primitives
    if not envelope.id or not primitives:
        raise LocalProtocolError("an envelope without id or content")
    kinds = {type(primitive) for primitive in primitives}
    if len(kinds) > 1 or (len(primitives) > 1 and kinds & {Chat, Unknown}):
        raise LocalProtocolError("an envelope holds one kind of primitive, and chat only alone")
    if len({_place(primitive) for primitive in primitives}) < len(primitives):
        raise LocalProtocolError("an envelope with the same seqid twice")


def _place(primitive: Primitive) -> int:
    return 1 if isinstance(primitive, Unknown) else primitive.seqid


def _primitive(primitive: Primitive, dialect: Dialect) -> str:
    writer: Callable[[Any, Dialect], str] = _WRITERS[type(primitive)]
    return writer(primitive, dialect)


def _command(command: Command, dialect: Dialect) -> str:
    return _titled("cmd", command, _data(REQUESTS, command.name, command.data, dialect))


def _reply(reply: Reply, dialect: Dialect) -> str:
    answered = f'seqid="{reply.command_seqid}" envid="{escape_attribute(reply.command_envid)}"'
    result = tag("resp", {"code": str(reply.code)}, escape(reply.text))
    data = _data(REPLIES, reply.name, reply.data, dialect)
    return _titled("rpl", reply, f"<commandid {answered}/>{result}{data}")


def _notice(notice: Notice, dialect: Dialect) -> str:
    reason = ""
    if notice.error is not None:
        result = result_of(notice.error)
        reason = tag("resp", {"code": str(result.code)}, result.text)
    return _titled("ntc", notice, reason + _data(NOTICES, notice.name, notice.data, dialect))


def _titled(element: str, primitive: Command | Reply | Notice, inner: str) -> str:
    identity = f'id="{element}:{escape_attribute(primitive.name)}" seqid="{primitive.seqid}"'
    return f"<{element} {identity}>{inner}</{element}>"


def _unknown(unknown: Unknown, _dialect: Dialect) -> str:
    return write(unknown.element)


_WRITERS: Mapping[type[Primitive], Callable[[Any, Dialect], str]] = {
    Command: _command,
    Reply: _reply,
    Notice: _notice,
    Chat: write_chat,
    Unknown: _unknown,
}


def _data(codecs: Mapping[str, Codec[Any]], name: str, data: Data, dialect: Dialect) -> str:
    if isinstance(data, Nothing):
        return tag("data")
    if isinstance(data, Unknown):
        return write(data.element)
    codec = codec_of(codecs, name)
    if codec is None or not isinstance(data, codec.kind):
        raise LocalProtocolError(f"{type(data).__name__} is not the data of {name}")
    return tag("data", inner=codec.write(data, dialect))


def encode_chat(message: Message, envid: str) -> bytes:
    """Write a message as servers deliver it, for any client; the fast way to :func:`encode`."""
    return _around(write_message(message), envid, schemas=True)
