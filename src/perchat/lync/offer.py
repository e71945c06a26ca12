"""
What a server offers to sign in with, and which credentials are meant for it ([MS-SIPAE] 3.3).

Each protocol has a line of its own in a challenge, the preferred one first, and a name
of its own for the server: its host for NTLM, its service for Kerberos.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.lync.signature import auth_value, parse_auth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.sip.message import Message

__all__ = ["CREDENTIALS", "KERBEROS", "NTLM", "REALM", "Credentials", "Offer", "spoken_version"]

REALM = "SIP Communications Service"
NTLM = "NTLM"
KERBEROS = "Kerberos"
_SPELLINGS = {name.upper(): name for name in (NTLM, KERBEROS)}
_PREFIXES = {NTLM: "", KERBEROS: "sip/"}
_ASKS = "WWW-Authenticate"
CREDENTIALS = ("Authorization", "Proxy-Authorization")
_OLDEST_VERSION = 2  # what an absent version means


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client's header: whose scheme, and its parameters."""

    scheme: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """
    The challenge of one server.

    Attributes:
        host: The server's name.
        schemes: ``NTLM`` and ``Kerberos``, or one of them, by preference.
        version: The highest one spoken.

    """

    host: str
    schemes: tuple[str, ...]
    version: int

    def targetname(self, scheme: str) -> str:
        """Return the server's name in a scheme."""
        return _PREFIXES[scheme] + self.host

    def challenge(self, at: float) -> tuple[tuple[str, str], ...]:
        """Return the headers that ask for credentials."""
        lines = ((scheme, self.targetname(scheme)) for scheme in self.schemes)
        return (_date(at), *(_challenge(*line, self.version) for line in lines))

    def continuation(self, at: float, *, opaque: str, token: str) -> tuple[tuple[str, str], ...]:
        """Return the headers that go on with NTLM."""
        names = {"targetname": self.targetname(NTLM), "realm": REALM, "version": str(self.version)}
        value = auth_value(NTLM, opaque=opaque, gssapi_data=token, **names)
        return _date(at), (_ASKS, value)

    def credentials(self, message: Message) -> Credentials | None:
        """Return the credentials meant for us; damaged ones count as none."""
        for name in CREDENTIALS:
            for value in message.headers.get_all(name):
                found = _read(value)
                if found is not None and self._is_meant(found):
                    return found
        return None

    def _is_meant(self, found: Credentials) -> bool:
        if found.scheme not in self.schemes:
            return False
        ours = self.targetname(found.scheme)
        realm, targetname = found.values.get("realm"), found.values.get("targetname")
        return realm in (None, REALM) and targetname in (None, ours)


@cache
def _challenge(scheme: str, targetname: str, version: int) -> tuple[str, str]:
    value = auth_value(scheme, realm=REALM, targetname=targetname, version=str(version))
    return _ASKS, value


def spoken_version(values: Mapping[str, str]) -> int:
    """Return the version a client speaks; 0 for one that makes no sense."""
    text = values.get("version", "")
    if not text:
        return _OLDEST_VERSION
    return int(text) if text.isascii() and text.isdigit() and len(text) == 1 else 0


def _read(value: str) -> Credentials | None:
    try:
        scheme, values = parse_auth(value)
    except RemoteProtocolError:
        return None
    spelling = _SPELLINGS.get(scheme.upper())
    return None if spelling is None else Credentials(spelling, values)


def _date(at: float) -> tuple[str, str]:
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return "Date", moment.removesuffix("+00:00") + "Z"
