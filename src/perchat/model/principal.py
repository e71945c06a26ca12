"""Who may hold a role: users, and the groups that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perchat.model.uri import SipUri

__all__ = ["PrincipalType", "User"]


class PrincipalType(IntEnum):
    """Kinds of principal, with the numbers of the original's directory tables."""

    ANY = 1
    SYSTEM_USER = 4
    USER = 5
    DOMAIN = 8
    GROUP = 9
    FOLDER = 10


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

    """

    uri: SipUri
    name: str
    display_name: str
    guid: str
    enabled: bool = True
    chat_enabled: bool = True
