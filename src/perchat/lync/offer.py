"""
What a server offers to sign in with, and which credentials are meant for it ([MS-SIPAE] 3.3).

Each protocol has a line of its own in a challenge, the preferred one first, and a name
of its own for the server: its host for NTLM, its service for Kerberos.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from perchat.errors import RemoteProtocolError
from perchat.lync.signature import auth_value, parameters, parse_auth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perchat.sip.message import Message

__all__ = ["CREDENTIALS", "KERBEROS", "NTLM", "REALM", "Credentials", "Offer", "spoken_version"]

REALM = "SIP Communications Service"
NTLM = "NTLM"
KERBEROS = "Kerberos"
_SPELLINGS = {name.upper(): name for name in (NTLM, KERBEROS)}
_PREFIXES = {NTLM: "", KERBEROS: "sip/"}
_ASKS = "WWW-Authenticate"
CREDENTIALS = ("authorization", "proxy-authorization")
_OLDEST_VERSION = 2  # what an absent version means
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Credentials(NamedTuple):
    """A client's header: whose scheme, and its parameters."""

    scheme: str
    values: Mapping[str, str]


class Offer:
    """The challenge of one server; what is the same in each is written once."""

    __slots__ = ("_end", "_lines", "_names")

    def __init__(self, host: str, schemes: Sequence[str], version: int) -> None:
        """
        Make one for all connections.

        Args:
            host: The server's name.
            schemes: ``NTLM`` and ``Kerberos``, or one of them, by preference.
            version: The highest one spoken.

        """
        self._names = {scheme: _PREFIXES[scheme] + host for scheme in schemes}
        self._lines = tuple(
            (_ASKS, auth_value(scheme, realm=REALM, targetname=name, version=str(version)))
            for scheme, name in self._names.items()
        )
        self._end = parameters(targetname=_PREFIXES[NTLM] + host, realm=REALM, version=str(version))

    def targetname(self, scheme: str) -> str:
        """Return the server's name in a scheme that is offered."""
        return self._names[scheme]

    def challenge(self, at: float) -> tuple[tuple[str, str], ...]:
        """Return the headers that ask for credentials."""
        return (_date(at), *self._lines)

    def continuation(self, at: float, *, opaque: str, token: str) -> tuple[tuple[str, str], ...]:
        """Return the headers that go on with NTLM."""
        value = f'{NTLM} opaque="{opaque}", gssapi-data="{token}", {self._end}'
        return _date(at), (_ASKS, value)

    def credentials(self, message: Message) -> Credentials | None:
        """Return the credentials meant for us; damaged ones count as none."""
        known = message.headers.by_name()
        for name in CREDENTIALS:
            for value in known.get(name, ()):
                found = _read(value)
                if found is not None and self._is_meant(found):
                    return found
        return None

    def _is_meant(self, found: Credentials) -> bool:
        ours, values = self._names.get(found.scheme), found.values
        if ours is None:
            return False
        return values.get("realm", REALM) == REALM and values.get("targetname", ours) == ours


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
    """Write a SIP-date (RFC 3261 §20.17): RFC 1123's form, English in every locale, in GMT."""
    moment = datetime.fromtimestamp(at, UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return "Date", f"{day}, {moment:%d} {month} {moment:%Y %H:%M:%S} GMT"
