"""Codecs for who holds a role and who could: ``rib``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.model.chatroom import Role
from perchat.model.principal import RoleEntry
from perchat.model.roomdetails import RoleChange, RoleOperation
from perchat.model.uri import CategoryUri, RoomUri
from perchat.xccos.codec import (
    Codec,
    attribute,
    number,
    read_more,
    required,
    tag,
    usable,
    write_more,
)
from perchat.xccos.managing import (
    PrincipalQuery,
    RoleAssignment,
    RoleList,
    RoleLists,
    RoleQuery,
)
from perchat.xccos.principals import (
    blocks,
    principal_of,
    read_changes,
    read_principal,
    write_changes,
    write_principal,
)

if TYPE_CHECKING:
    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = [
    "PRINCIPAL_QUERY",
    "ROLE_ASSIGNMENT",
    "ROLE_LISTS",
    "ROLE_QUERY",
    "read_role_changes",
    "write_role_change",
]

_ROLES = {role.name: role for role in Role} | {"VOICED": Role.PRESENTER}  # the database's word
_OPERATIONS = {operation.value: operation for operation in RoleOperation}


def _role(rib: Element) -> Role:
    word = attribute(rib, "role").strip().upper()
    if word not in _ROLES:
        raise ValueError(f"no role is called {word[:40]!r}")
    return _ROLES[word]


def _room(data: Element) -> RoomUri:
    chanib = data.find("chanib")
    if chanib is None:
        raise ValueError("no chanib")
    return RoomUri(required(chanib, "uri"))


def _read_role_query(data: Element) -> RoleQuery:
    rib = data.find("rib")
    if rib is None:
        raise ValueError("no rib")
    return RoleQuery(_room(data), _role(rib))


def _write_role_query(query: RoleQuery, _dialect: Dialect) -> str:
    return tag("chanib", {"uri": query.room}) + tag("rib", {"role": query.role.name})


ROLE_QUERY = Codec(RoleQuery, _read_role_query, _write_role_query)


def _read_query(data: Element) -> PrincipalQuery:
    chanib, catib, rib = data.find("chanib"), data.find("catib"), data.find("rib")
    if chanib is None and catib is None:
        raise ValueError("neither chanib nor catib")
    qib = data.find("qib")
    return PrincipalQuery(
        text=attribute(qib, "criteria") if qib else "",
        room=RoomUri(required(chanib, "uri")) if chanib else None,
        role=_role(rib) if rib else None,
        category=CategoryUri(required(catib, "uri")) if catib else None,
        max_results=number(attribute(qib, "maxResults"), -1) if qib else -1,
    )


def _write_query(query: PrincipalQuery, _dialect: Dialect) -> str:
    qib = {"qtype": "BYNAME", "criteria": query.text}
    if query.max_results != -1:
        qib["maxResults"] = str(query.max_results)
    place = tag("chanib", {"uri": query.room}) if query.room else ""
    place += tag("catib", {"uri": query.category}) if query.category else ""
    place += tag("rib", {"role": query.role.name}) if query.role else ""
    return place + tag("qib", qib)


PRINCIPAL_QUERY = Codec(PrincipalQuery, _read_query, _write_query)


def read_role_changes(
    data: Element, default: RoleOperation | None = None
) -> tuple[RoleChange, ...]:
    """Read each ``rib``; ValueError for one that does not say which role, what and who."""
    return tuple(_read_role_change(rib, default) for rib in data.find_all("rib"))


def _read_role_change(rib: Element, default: RoleOperation | None) -> RoleChange:
    operation = _OPERATIONS.get(attribute(rib, "op").strip().lower(), default)
    if operation is None:
        raise ValueError("rib without usable op")
    principals = dict.fromkeys(map(principal_of, blocks(rib)))
    return RoleChange(_role(rib), operation, tuple(principals))


def write_role_change(change: RoleChange) -> str:
    """Write a ``rib`` that changes a role."""
    attributes = {"role": change.role.name, "op": change.operation.value}
    principals = [tag("uib", {"uri": uri}) for uri in change.principals]
    return tag("rib", attributes, "".join(principals))


def _read_assignment(data: Element) -> RoleAssignment:
    changes = read_role_changes(data)
    if not changes:
        raise ValueError("no rib")
    return RoleAssignment(_room(data), changes)


def _write_assignment(assignment: RoleAssignment, _dialect: Dialect) -> str:
    ribs = map(write_role_change, assignment.changes)
    return tag("chanib", {"uri": assignment.room}) + "".join(ribs)


ROLE_ASSIGNMENT = Codec(RoleAssignment, _read_assignment, _write_assignment)


def _read_role_lists(data: Element) -> RoleLists:
    found = (usable(_read_role_list, rib) for rib in data.find_all("rib"))
    return RoleLists(tuple(each for each in found if each), read_more(data))


def _read_role_list(rib: Element) -> RoleList:
    entries = (usable(_read_entry, block) for block in blocks(rib))
    return RoleList(_role(rib), tuple(entry for entry in entries if entry))


def _read_entry(block: Element) -> RoleEntry:
    return RoleEntry(read_principal(block), read_changes(block))


def _write_role_lists(data: RoleLists, _dialect: Dialect) -> str:
    return "".join(map(_write_role_list, data.lists)) + (
        write_more(more=True) if data.truncated else ""
    )


def _write_role_list(listed: RoleList) -> str:
    entries = [
        write_principal(entry.principal, write_changes(entry.changes)) for entry in listed.entries
    ]
    return tag("rib", {"role": listed.role.name}, "".join(entries))


ROLE_LISTS = Codec(RoleLists, _read_role_lists, _write_role_lists)
