"""
Users and members by the thousand: checked first, then a transaction for each thousand.

Whoever is there already is left as is, so doing the same again goes on where it was stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from perchat.batching import batches
from perchat.chat.directoryadmin import Account
from perchat.errors import PerchatError
from perchat.lync.ntlm import nt_hash

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from perchat.model.chatroom import Role
    from perchat.server.admin import Admin

__all__ = [
    "AT_ONCE",
    "NewUser",
    "add_group_members",
    "add_users",
    "grant",
    "unfit_users",
]

T = TypeVar("T")

AT_ONCE = 1000
"""Rows of one transaction."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be; without a password he signs in by another proof, if by any."""

    name: str
    display_name: str = ""
    password: str | None = field(default=None, repr=False)
    service: bool = False


async def unfit_users(admin: Admin, people: Sequence[NewUser]) -> dict[int, str]:
    """Return what is wrong with some of the users, by their places; nobody is added."""
    wrong: dict[int, str] = {}
    seen: dict[str, int] = {}
    for place, one in enumerate(people):
        try:
            address = admin.check_account(one.name, one.display_name)
        except PerchatError as error:
            wrong[place] = str(error)
            continue
        if address in seen:
            wrong[place] = f"{address} is in the file twice"
        seen.setdefault(address, place)
    return wrong


async def add_users(admin: Admin, people: Sequence[NewUser]) -> AsyncIterator[tuple[int, int]]:
    """Add those who are not there; yield for each transaction its rows and the users added."""
    known = {user.uri for user in await admin.users()}
    for some in batches(people, AT_ONCE):
        new = [one for one in some if admin.address(one.name) not in known]
        accounts = [
            Account(
                admin.address(one.name),
                one.display_name,
                None if one.password is None else nt_hash(one.password),
                service=one.service,
            )
            for one in new
        ]
        await admin.add_accounts(accounts)
        yield len(some), len(new)


async def add_group_members(
    admin: Admin, group: str, names: Sequence[str]
) -> AsyncIterator[tuple[int, int]]:
    """Let a group hold principals; yield for each transaction its rows and who was new."""
    for some in batches(names, AT_ONCE):
        yield len(some), len(await admin.add_group_members(group, some))


async def grant(
    admin: Admin, room: str, role: Role, names: Sequence[str]
) -> AsyncIterator[tuple[int, int]]:
    """Give principals a role in a room; yield for each transaction its rows and who was new."""
    for some in batches(names, AT_ONCE):
        yield len(some), len(await admin.grant(room, role, some))
