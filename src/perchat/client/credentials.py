"""Who signs in, and how. Secrets never show in a repr, a log or an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto

__all__ = ["AuthProtocol", "PasswordCredential"]


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

    def __post_init__(self) -> None:
        for name, value in (("user name", self.username), ("password", self.password)):
            if not isinstance(value, str):
                raise TypeError(f"the {name} is text, not {type(value).__name__}")
            if not value:
                raise ValueError(f"the {name} is empty")
