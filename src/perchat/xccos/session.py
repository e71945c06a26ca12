"""Codecs for a session's first questions: the server's address, its identity and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.service import ServerInfo
from perchat.model.uri import CategoryUri
from perchat.xccos.blocks import Nothing, ServerInfoQuery, ServerInfoReply, ServerUri
from perchat.xccos.codec import (
    Codec,
    attribute,
    number,
    parse_time,
    required,
    sip_uri,
    tag,
    time,
    usable,
)

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["NOTHING", "SERVER_INFO", "SERVER_INFO_QUERY", "SERVER_URI"]

_INFO_TYPE = 123
_SEARCH_LIMIT = 999  # as a server of 2010 said
_MESSAGE_SIZE_LIMIT = 512
_STORY_SIZE_LIMIT = 4096


def _read_nothing(_data: Element) -> Nothing:
    return Nothing()


def _write_nothing(_nothing: Nothing, _dialect: Dialect) -> str:
    return ""


NOTHING = Codec(Nothing, _read_nothing, _write_nothing)


def _read_server_uri(data: Element) -> ServerUri:
    uib = data.find("uib")
    return ServerUri(usable(sip_uri, attribute(uib, "uri")) if uib else None)


def _write_server_uri(server: ServerUri, _dialect: Dialect) -> str:
    return tag("uib", {"uri": server.uri}) if server.uri else ""


SERVER_URI = Codec(ServerUri, _read_server_uri, _write_server_uri)


def _read_query(data: Element) -> ServerInfoQuery:
    sib = data.find("sib")
    if sib is None:
        return ServerInfoQuery()
    return ServerInfoQuery(attribute(sib, "domain"), number(attribute(sib, "infoType"), _INFO_TYPE))


def _write_query(query: ServerInfoQuery, _dialect: Dialect) -> str:
    return tag("sib", {"domain": query.domain, "infoType": str(query.info_type)})


SERVER_INFO_QUERY = Codec(ServerInfoQuery, _read_query, _write_query)


_SINCE_2007 = frozenset(  # all that a server of 2010 was seen to tell
    {
        "infoType",
        "serverTime",
        "searchLimit",
        "messageSizeLimit",
        "storySizeLimit",
        "rootUri",
        "dbVersion",
        "domain",
    }
)


def _read_info(data: Element) -> ServerInfoReply:
    sib = data.find("sib")
    if sib is None:
        raise ValueError("no sib")
    root = CategoryUri(required(sib, "rootUri"))
    info = ServerInfo(
        display_name=attribute(sib, "displayName"),
        message_size_limit=number(attribute(sib, "messageSizeLimit"), _MESSAGE_SIZE_LIMIT),
        story_size_limit=number(attribute(sib, "storySizeLimit"), _STORY_SIZE_LIMIT),
        search_limit=number(attribute(sib, "searchLimit"), _SEARCH_LIMIT),
        root_category=root,
        database_version=attribute(sib, "dbVersion"),
        time=parse_time(attribute(sib, "serverTime")),
        domain=attribute(sib, "domain") or root.domain,
        room_management_url=attribute(sib, "roomManagementUrl"),
    )
    older = set(sib.attributes) <= _SINCE_2007
    return ServerInfoReply(info, number(attribute(sib, "infoType"), _INFO_TYPE), older)


def _write_info(reply: ServerInfoReply, dialect: Dialect) -> str:
    info = reply.info
    attributes = {
        "infoType": str(reply.info_type),
        "serverTime": time(info.time, seven_digits=dialect.server),
        "searchLimit": str(info.search_limit),
        "messageSizeLimit": str(info.message_size_limit),
        "storySizeLimit": str(info.story_size_limit),
        "rootUri": info.root_category,
        "dbVersion": info.database_version,
    }
    since_2013 = {
        "displayName": info.display_name,
        "roomManagementUrl": info.room_management_url,
    }
    return tag("sib", attributes | {name: text for name, text in since_2013.items() if text})


SERVER_INFO = Codec(ServerInfoReply, _read_info, _write_info)
