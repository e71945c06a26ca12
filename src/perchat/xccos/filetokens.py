"""Codecs for asking leave to transfer a file: ``ftdb`` to ask, ``token`` to go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.uri import RoomUri
from perchat.xccos.blocks import FileToken, FileTokenQuery
from perchat.xccos.codec import Codec, attribute, required, tag

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["FILE_TOKEN", "FILE_TOKEN_QUERY"]


def _read_query(data: Element) -> FileTokenQuery:
    ftdb = data.find("ftdb")
    if ftdb is None:
        raise ValueError("no ftdb")
    return FileTokenQuery(RoomUri(required(ftdb, "channelUri")), attribute(ftdb, "fileUrl"))


def _write_query(query: FileTokenQuery, _dialect: Dialect) -> str:
    return tag("ftdb", {"channelUri": query.room, "fileUrl": query.file_name})


FILE_TOKEN_QUERY = Codec(FileTokenQuery, _read_query, _write_query)


def _read_token(data: Element) -> FileToken:
    token = data.find("token")
    if token is None:
        raise ValueError("no token")
    return FileToken(required(token, "token"), required(token, "serveruri"))


def _write_token(granted: FileToken, _dialect: Dialect) -> str:
    return tag("token", {"token": granted.token, "serveruri": granted.service})


FILE_TOKEN = Codec(FileToken, _read_token, _write_token)
