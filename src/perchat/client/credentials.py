"""
Who signs in, and how. Secrets never show in a repr, a log or an error.

Each credential says by which protocols it can prove itself; what the platform allows
and what the server offers narrow that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Flag, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AuthProtocol",
    "Credential",
    "Credentials",
    "PasswordCredential",
    "SystemCredential",
    "checked_credentials",
    "credential_for",
]


class AuthProtocol(Flag):
    """Ways of proving who we are; a platform may allow fewer than there are."""

    NTLM = auto()
    KERBEROS = auto()

    @property
    def schemes(self) -> frozenset[str]:
        """Their names as a challenge spells them."""
        return frozenset(_SCHEMES[protocol] for protocol in self)


_SCHEMES = {AuthProtocol.NTLM: "NTLM", AuthProtocol.KERBEROS: "Kerberos"}


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    r"""
    A user name and its password.

    Attributes:
        username: ``user@domain``, ``DOMAIN\user``, or the bare login name.
        password: Kept out of every repr.

    """

    username: str
    password: str = field(repr=False)
    protocols: ClassVar[AuthProtocol] = AuthProtocol.NTLM

    def __post_init__(self) -> None:
        for name, value in (("user name", self.username), ("password", self.password)):
            if not isinstance(value, str):
                raise TypeError(f"the {name} is text, not {type(value).__name__}")
            if not value:
                raise ValueError(f"the {name} is empty")


@dataclass(frozen=True, slots=True)
class SystemCredential:
    """
    Whoever is logged on: Kerberos, by the ticket that ``kinit`` or the desktop's login got.

    There is no user name and no password; nothing is ever asked for. The endpoint's owner
    has to be the ticket's principal. Without a valid ticket signing in fails and says so.
    It needs the extra ``perchat[kerberos]``.

    Attributes:
        cache: A ticket cache, ``FILE:/path`` or a path; the environment's own without it.

    """

    cache: str = ""
    protocols: ClassVar[AuthProtocol] = AuthProtocol.KERBEROS


Credential: TypeAlias = PasswordCredential | SystemCredential
"""How an endpoint signs in."""

Credentials: TypeAlias = Credential | Mapping[str, Credential]
"""One for every server, or one for each realm, ``"*"`` being any other."""

_ANY_REALM = "*"


def checked_credentials(given: Credentials) -> Credentials:
    """
    Return what an endpoint may sign in with; a mapping is copied.

    Raises:
        TypeError: It is no credential, or holds what is none.
        ValueError: A mapping is empty.

    """
    if not isinstance(given, Mapping):
        return _checked(given)
    if not given:
        raise ValueError("there is no credential for any realm")
    return MappingProxyType({str(realm): _checked(one) for realm, one in given.items()})


def credential_for(given: Credentials, realms: Iterable[str]) -> Credential | None:
    """Return what to prove ourselves with where one of ``realms`` asks; None for nothing."""
    if not isinstance(given, Mapping):
        return given
    known = {realm.lower(): one for realm, one in given.items()}
    return next((known[r] for realm in realms if (r := realm.lower()) in known), None) or known.get(
        _ANY_REALM
    )


def _checked(given: object) -> Credential:
    if not isinstance(given, PasswordCredential | SystemCredential):
        raise TypeError(f"not a credential: {type(given).__name__}")
    return given
