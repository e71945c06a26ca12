"""
Codecs for people: ``uib`` for users, ``gib`` for what holds users.

Whoever reads takes either element for either, as the URI says what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perchat.model.changes import Changes
from perchat.model.principal import (
    DirectoryUser,
    Group,
    Principal,
    PrincipalType,
    UserMatches,
    principal_uri,
)
from perchat.xccos.codec import (
    Codec,
    attribute,
    flag,
    instant,
    number,
    parse_flag,
    read_more,
    sip_uri,
    tag,
    time,
    usable,
    write_more,
)
from perchat.xccos.managing import (
    PrincipalLookup,
    Principals,
    UserQuery,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perchat.markup import Element
    from perchat.xccos.codec import Dialect

__all__ = [
    "GROUP",
    "GROUP_LOOKUP",
    "PRINCIPALS",
    "USER",
    "USERS",
    "USER_LOOKUP",
    "USER_QUERY",
    "blocks",
    "principal_of",
    "read_changes",
    "read_principal",
    "write_changes",
    "write_principal",
]

_NAMES = {"uib", "gib"}
_TYPES = {"sip": PrincipalType.USER, "ma-grp": PrincipalType.GROUP, "domain": PrincipalType.DOMAIN}


# --- audit ---------------------------------------------------------------------------------


def read_changes(block: Element) -> Changes:
    """Read the ``audit`` inside a block; what is missing or unusable is None."""
    audit = block.find("audit")
    if audit is None:
        return Changes()
    return Changes(
        created_by=usable(sip_uri, attribute(audit, "createdby")),
        created_on=usable(instant, attribute(audit, "createdon")),
        updated_by=usable(sip_uri, attribute(audit, "updatedby")),
        updated_on=usable(instant, attribute(audit, "updatedon")),
    )


def write_changes(changes: Changes) -> str:
    """Write an ``audit``; nothing when nothing is known."""
    known = {
        "createdby": changes.created_by,
        "createdon": changes.created_on and time(changes.created_on, seven_digits=True),
        "updatedby": changes.updated_by,
        "updatedon": changes.updated_on and time(changes.updated_on, seven_digits=True),
    }
    attributes = {name: value for name, value in known.items() if value}
    return tag("audit", attributes) if attributes else ""


# --- uib and gib ---------------------------------------------------------------------------


def blocks(element: Element) -> Iterator[Element]:
    """Return the elements inside that stand for principals."""
    return (child for child in element.children if child.name in _NAMES)


def principal_of(block: Element) -> str:
    """Return the URI in a block; of a group the GUID is enough. ValueError without either."""
    uri = attribute(block, "uri")
    guid = attribute(block, "guid")
    return principal_uri(uri or (f"ma-grp:{guid}@u.g" if guid else ""))


def _common(block: Element) -> dict[str, Any]:
    uri = principal_of(block)
    return {
        "uri": uri,
        "name": attribute(block, "uname") or attribute(block, "name"),
        "display_name": attribute(block, "dispname") or attribute(block, "disp"),
        "type": _type_of(uri, number(attribute(block, "type"))),
        "guid": attribute(block, "guid"),
        "directory_path": attribute(block, "adpath"),
    }


def read_principal(block: Element) -> Principal:
    """Read a user or group; ValueError without usable URI."""
    return Principal(**_common(block))


def _type_of(uri: str, numbered: int) -> PrincipalType:
    """Return the kind that a block names, or else what its URI tells; all but users are groups."""
    try:
        return PrincipalType.of_directory(numbered)
    except ValueError:
        return _TYPES.get(uri.partition(":")[0], PrincipalType.GROUP)


def _read_principals(element: Element) -> tuple[Principal, ...]:
    found = (usable(read_principal, block) for block in blocks(element))
    return tuple(principal for principal in found if principal)


def _attributes(principal: Principal) -> dict[str, str]:
    is_user = principal.type is PrincipalType.USER
    attributes = {
        "uri": principal.uri,
        "guid": principal.guid,
        "type": str(principal.type.directory_number),
        "uname" if is_user else "name": principal.name,
        "dispname": principal.display_name,
    }
    return attributes | ({"adpath": principal.directory_path} if principal.directory_path else {})


def write_principal(principal: Principal, inner: str = "") -> str:
    """Write a ``uib`` or ``gib`` with ``inner`` inside."""
    name = "uib" if principal.type is PrincipalType.USER else "gib"
    return tag(name, _attributes(principal), inner)


def _write_all(principals: Iterable[Principal]) -> str:
    return "".join(map(write_principal, principals))


def _read_found(data: Element) -> Principals:
    return Principals(_read_principals(data))


def _write_found(found: Principals, _dialect: Dialect) -> str:
    return _write_all(found.principals)


PRINCIPALS = Codec(Principals, _read_found, _write_found)


def _read_users(data: Element) -> UserMatches:
    return UserMatches(_read_principals(data), read_more(data))


def _write_users(found: UserMatches, _dialect: Dialect) -> str:
    return _write_all(found.users) + write_more(more=found.more_available)


USERS = Codec(UserMatches, _read_users, _write_users)


def _read_user_query(data: Element) -> UserQuery:
    qib = data.find("qib")
    if qib is None:
        raise ValueError("no qib")
    return UserQuery(
        attribute(qib, "lastname"),
        attribute(qib, "firstname"),
        attribute(qib, "email"),
        number(attribute(qib, "maxResults"), -1),
    )


def _write_user_query(query: UserQuery, _dialect: Dialect) -> str:
    attributes = {
        "qtype": "BYUSER",
        "lastname": query.last,
        "firstname": query.first,
        "email": query.email,
    }
    limit = {} if query.max_results == -1 else {"maxResults": str(query.max_results)}
    return tag("qib", attributes | limit)


USER_QUERY = Codec(UserQuery, _read_user_query, _write_user_query)


# --- one user, one group -------------------------------------------------------------------


def _only(data: Element) -> Element:
    block = next(blocks(data), None)
    if block is None:
        raise ValueError("no uib or gib")
    return block


def _read_lookup(data: Element) -> PrincipalLookup:
    return PrincipalLookup(principal_of(_only(data)))


def _write_user_lookup(lookup: PrincipalLookup, _dialect: Dialect) -> str:
    return tag("uib", {"uri": lookup.uri})


def _write_group_lookup(lookup: PrincipalLookup, _dialect: Dialect) -> str:
    return tag("gib", {"uri": lookup.uri})


USER_LOOKUP = Codec(PrincipalLookup, _read_lookup, _write_user_lookup)
GROUP_LOOKUP = Codec(PrincipalLookup, _read_lookup, _write_group_lookup)


def _read_user(data: Element) -> DirectoryUser:
    uib = _only(data)
    return DirectoryUser(
        **_common(uib),
        company=attribute(uib, "company"),
        email=attribute(uib, "email"),
        disabled=parse_flag(attribute(uib, "disabled")),
        member_of=_read_principals(data)[1:],
        changes=read_changes(uib),
    )


def _write_user(user: DirectoryUser, _dialect: Dialect) -> str:
    more = {"company": user.company, "email": user.email, "disabled": flag(user.disabled)}
    uib = tag("uib", _attributes(user) | more, write_changes(user.changes))
    return uib + _write_all(user.member_of)


USER = Codec(DirectoryUser, _read_user, _write_user)


def _read_group(data: Element) -> Group:
    gib = _only(data)
    return Group(**_common(gib), member_of=_read_principals(data)[1:], changes=read_changes(gib))


def _write_group(group: Group, _dialect: Dialect) -> str:
    return write_principal(group, write_changes(group.changes)) + _write_all(group.member_of)


GROUP = Codec(Group, _read_group, _write_group)
