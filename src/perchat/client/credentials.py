"""
Who signs in, and how. Secrets never show in a repr, a log or an error.

Each credential says by which protocols it can prove itself; what the platform allows
and what the server offers narrow that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto
from typing import ClassVar, TypeAlias

__all__ = ["AuthProtocol", "Credential", "PasswordCredential", "SystemCredential"]


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
