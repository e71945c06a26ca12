"""Codecs for finding rooms: ``qib`` by what they are, ``association`` by the caller's role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.chatroom import Role
from perchat.model.uri import CategoryUri
from perchat.xccos.blocks import RoomQuery
from perchat.xccos.codec import (
    Codec,
    attribute,
    flag,
    number,
    optional_flag,
    parse_flag,
    tag,
)
from perchat.xccos.managing import AssociationQuery
from perchat.xccos.rooms import BEHAVIOR_WORDS, BEHAVIORS, PRIVACIES, PRIVACY_WORDS

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = ["ASSOCIATION_QUERY", "ROOM_QUERY"]


def _read_query(data: Element) -> RoomQuery:
    qib = data.find("qib")
    if qib is None:
        return RoomQuery()
    category = attribute(qib, "category")
    return RoomQuery(
        criteria=attribute(qib, "criteria"),
        kind=attribute(qib, "qtype", "BYNAME").upper(),
        extended=parse_flag(attribute(qib, "extended")),
        match_all=parse_flag(attribute(qib, "matchAll")),
        match_exact_phrase=parse_flag(attribute(qib, "matchExactPhrase")),
        max_results=number(attribute(qib, "maxResults"), -1),
        member=attribute(qib, "member"),
        manager=attribute(qib, "manager"),
        category=CategoryUri(category) if category else None,
        add_in=attribute(qib, "addin"),
        disabled=optional_flag(attribute(qib, "disabled")),
        privacy=PRIVACIES.get(attribute(qib, "visibility").upper()),
        behavior=BEHAVIORS.get(attribute(qib, "behavior").upper()),
        search_invites=parse_flag(attribute(qib, "searchinvites")),
        invites=optional_flag(attribute(qib, "invites")),
    )


def _write_query(query: RoomQuery, _dialect: Dialect) -> str:
    options = {
        "matchAll": flag(True) if query.match_all else "",
        "matchExactPhrase": flag(True) if query.match_exact_phrase else "",
        "maxResults": str(query.max_results) if query.max_results != -1 else "",
        "member": query.member,
        "manager": query.manager,
        "category": query.category or "",
        "addin": query.add_in,
        "disabled": "" if query.disabled is None else flag(query.disabled),
        "visibility": "" if query.privacy is None else PRIVACY_WORDS[query.privacy],
        "behavior": "" if query.behavior is None else BEHAVIOR_WORDS[query.behavior],
        "searchinvites": flag(True) if query.search_invites else "",
        "invites": "" if query.invites is None else flag(query.invites),
    }
    attributes = {
        "qtype": query.kind,
        "criteria": query.criteria,
        "extended": flag(query.extended),
    }
    return tag("qib", attributes | {name: value for name, value in options.items() if value})


ROOM_QUERY = Codec(RoomQuery, _read_query, _write_query)


# --- association ---------------------------------------------------------------------------


def _read_association(data: Element) -> AssociationQuery:
    """Read which role is meant, wherever the word stands in the first element; else member."""
    if not data.children:
        return AssociationQuery()
    association = data.children[0]
    words = {value.strip().upper() for value in association.attributes.values()}
    return AssociationQuery(
        Role.MANAGER if words & {"MANAGER", "MANAGERS"} else Role.MEMBER,
        attribute(association, "domain"),
        number(attribute(association, "maxResults"), -1),
    )


def _write_association(query: AssociationQuery, _dialect: Dialect) -> str:
    attributes = {"domain": query.domain, "type": query.role.name}
    limit = {} if query.max_results == -1 else {"maxResults": str(query.max_results)}
    return tag("association", attributes | limit)


ASSOCIATION_QUERY = Codec(AssociationQuery, _read_association, _write_association)
