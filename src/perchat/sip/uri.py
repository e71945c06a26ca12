"""
SIP and SIPS URIs as values (RFC 3261 §19.1).

Escapes are kept as written: nothing here needs the text behind them, and text that
is never changed is never changed wrongly. Other schemes are kept as they are.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from perchat.caching import cached_if_short
from perchat.errors import RemoteProtocolError
from perchat.sip.grammar import HOST, TOKEN, decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_PARAMS", "Uri", "parse_uri"]

NO_PARAMS: Final[Mapping[str, str | None]] = MappingProxyType({})

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+\-.]*")
_PLAIN = re.compile(rf"(sips?):({TOKEN.pattern})@({HOST.pattern})")  # as nearly all are written
_FORBIDDEN = re.compile(r'[\x00-\x20<>"\x7f]')
_HOST_END = re.compile(r"[;?]")
_SCHEMES = ("sip", "sips")
_PARAMS_THAT_COUNT = ("user", "ttl", "method", "maddr", "transport")  # §19.1.4


class Uri(NamedTuple):
    """
    A SIP URI, or another URI in ``opaque``.

    Attributes:
        scheme: Lower case.
        user: With the password if there is one, escapes as written; None without ``@``.
        port: None when not given.
        params: Lower-case names; None stands for a parameter without value.
        headers: What follows the question mark.
        opaque: All after the scheme, when it is neither sip nor sips.

    """

    scheme: str
    user: str | None
    host: str
    port: int | None = None
    params: Mapping[str, str | None] = NO_PARAMS
    headers: str = ""
    opaque: str = ""

    @staticmethod
    def parse(text: str) -> Uri:
        """Read a URI; `RemoteProtocolError` if it is none."""
        return parse_uri(text)

    @property
    def is_sip(self) -> bool:
        """Whether it is one we can talk to."""
        return self.scheme in _SCHEMES

    @property
    def address(self) -> str:
        """The address-of-record: scheme, user and host, no port, no parameters (§10.3)."""
        if not self.is_sip:
            return str(self)
        user = "" if self.user is None else self.user.partition(":")[0] + "@"
        return f"{self.scheme}:{user}{self.host.lower()}"

    def same_as(self, other: Uri) -> bool:
        """Whether two URIs are equivalent (§19.1.4)."""
        ours = (self.scheme, self.user, self.host.lower(), self.port, self.opaque)
        theirs = (other.scheme, other.user, other.host.lower(), other.port, other.opaque)
        return ours == theirs and self.headers == other.headers and self._same_params(other)

    def _same_params(self, other: Uri) -> bool:
        names = {*_PARAMS_THAT_COUNT, *(self.params.keys() & other.params.keys())}
        return all(
            _folded(self.params.get(name, "absent")) == _folded(other.params.get(name, "absent"))
            for name in names
        )

    def __str__(self) -> str:
        if not self.is_sip:
            return f"{self.scheme}:{self.opaque}"
        user = "" if self.user is None else f"{self.user}@"
        port = "" if self.port is None else f":{self.port}"
        params = "".join(
            f";{name}" if value is None else f";{name}={value}"
            for name, value in self.params.items()
        )
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{params}{headers}"


@cached_if_short(2048)
def parse_uri(text: str) -> Uri:
    """Read a URI."""
    if plain := _PLAIN.fullmatch(text):
        scheme, user, host = plain.groups()
        return Uri(scheme, user, host)
    scheme, colon, rest = text.partition(":")
    if not colon or not rest or not _SCHEME.fullmatch(scheme) or _FORBIDDEN.search(text):
        raise RemoteProtocolError(f"bad URI: {text[:60]!r}")
    scheme = scheme.lower()
    if scheme not in _SCHEMES:
        return Uri(scheme, None, "", opaque=rest)
    user, at, rest = rest.rpartition("@")
    if (at and not user) or "@" in user:
        raise RemoteProtocolError(f"bad user in URI: {text[:60]!r}")
    return _with_host(scheme, user if at else None, rest)


def _with_host(scheme: str, user: str | None, rest: str) -> Uri:
    found = _HOST_END.search(rest)
    end = found.start() if found else len(rest)
    host, port = _host_and_port(rest[:end])
    params, _, headers = rest[end:].partition("?")
    return Uri(scheme, user, host, port, _params(params), headers)


def _host_and_port(text: str) -> tuple[str, int | None]:
    found = HOST.match(text)
    if not found:
        raise RemoteProtocolError(f"bad host in URI: {text[:60]!r}")
    rest = text[found.end() :]
    if not rest:
        return found[0], None
    if rest[0] != ":":
        raise RemoteProtocolError(f"bad host in URI: {text[:60]!r}")
    return found[0], decimal(rest[1:], "port", 65535)


def _params(text: str) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    for part in text.split(";")[1:]:
        name, equals, value = part.partition("=")
        if not name or name.lower() in params:
            raise RemoteProtocolError(f"bad URI parameter: {part[:40]!r}")
        params[name.lower()] = value if equals else None
    return params


def _folded(value: str | None) -> str:
    return "" if value is None else value.lower()
