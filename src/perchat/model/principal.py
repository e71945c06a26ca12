"""Who may hold a role: users, and the groups that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import overload

from perchat.model.changes import Changes
from perchat.model.uri import GroupUri, SipUri

__all__ = [
    "DirectoryUser",
    "Group",
    "Principal",
    "PrincipalType",
    "RoleEntry",
    "User",
    "UserMatches",
    "principal_uri",
]


class PrincipalType(IntEnum):
    """
    Kinds of principal, with the numbers of the original's PersistentChatPrincipalType.

    Its directory tables, and with them the wire, count otherwise: ``directory_number``.
    """

    USER = 0
    GROUP = 1
    FOLDER = 2
    DOMAIN = 3

    @property
    def directory_number(self) -> int:
        """The number in directory tables and information blocks."""
        return _DIRECTORY_NUMBERS[self]

    @classmethod
    def of_directory(cls, number: int) -> PrincipalType:
        """Return the kind of a number in directory tables; ValueError if it is none of these."""
        if number == _SYSTEM_USER:
            return cls.USER
        for kind, known in _DIRECTORY_NUMBERS.items():
            if known == number:
                return kind
        raise ValueError(f"no kind of principal has the number {number}")


_SYSTEM_USER = 4
_DIRECTORY_NUMBERS = {
    PrincipalType.USER: 5,
    PrincipalType.DOMAIN: 8,
    PrincipalType.GROUP: 9,
    PrincipalType.FOLDER: 10,
}


@dataclass(frozen=True, slots=True)
class User:
    """
    A person or program that can sign in.

    Attributes:
        uri: Address-of-record, the key.
        name: Login name, without domain.
        display_name: How others see the user.
        guid: Never reused, also when a user of that name is made again.
        enabled: Whether the user may sign in.
        chat_enabled: Whether policy lets the user use persistent chat.
        system: Whether the user, usually a program, may look up others and groups.
        service: Whether it is a program's account: it has no password, and signs in by a
            trusted application's certificate, or a ticket.
        given_name: As people search for it; may be empty.
        surname: As people search for it; may be empty.
        email: As people search for it; may be empty.
        company: May be empty.

    """

    uri: SipUri
    name: str
    display_name: str
    guid: str
    enabled: bool = True
    chat_enabled: bool = True
    system: bool = False
    given_name: str = ""
    surname: str = ""
    email: str = ""
    company: str = ""
    service: bool = False


def principal_uri(text: str) -> str:
    """
    Return a principal's URI in its one spelling: ``sip:``, ``ma-grp:``, or another scheme's.

    Raises:
        ValueError: It has no scheme, or is none of its scheme.

    """
    scheme, separator, rest = text.strip().partition(":")
    if not (scheme and separator and rest) or rest != rest.strip():
        raise ValueError(f"not the URI of a user or group: {text!r}")
    make = {"sip": SipUri, "ma-grp": GroupUri}.get(scheme.lower(), str)
    return make(f"{scheme.lower()}:{rest}")


@dataclass(frozen=True, slots=True)
class Principal:
    """
    A user, group, container or domain, as lists of roles and searches show it.

    Attributes:
        uri: ``sip:`` for users, ``ma-grp:`` for groups and containers, ``domain:NAME``.
        name: As the directory has it.
        display_name: How people see it; may be empty.
        type: USER, GROUP, FOLDER or DOMAIN.
        guid: What it is known by when its names change.
        directory_path: Where it stands in the directory; empty when that was not told.

    """

    uri: str
    name: str = ""
    display_name: str = ""
    type: PrincipalType = PrincipalType.USER
    guid: str = ""
    directory_path: str = ""


@dataclass(frozen=True, slots=True)
class DirectoryUser(Principal):
    """
    A user with what the directory tells of people.

    Attributes:
        disabled: Whether the user may not sign in.
        member_of: The groups, containers and domains that hold the user directly.

    """

    company: str = ""
    email: str = ""
    disabled: bool = False
    member_of: tuple[Principal, ...] = ()
    changes: Changes = Changes()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Group(Principal):
    """
    A group, container or domain.

    Attributes:
        member_of: What holds the group itself.

    """

    type: PrincipalType = PrincipalType.GROUP
    member_of: tuple[Principal, ...] = ()
    changes: Changes = Changes()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """Someone who holds a role, and since when."""

    principal: Principal
    changes: Changes = Changes()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class UserMatches(Sequence[Principal]):
    """
    The users a search found, as a sequence.

    Attributes:
        more_available: Whether there are more than the service returns; narrow the search.

    """

    users: tuple[Principal, ...] = ()
    more_available: bool = False

    @overload
    def __getitem__(self, index: int) -> Principal: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Principal, ...]: ...
    def __getitem__(self, index: int | slice) -> Principal | tuple[Principal, ...]:
        return self.users[index]

    def __len__(self) -> int:
        return len(self.users)
