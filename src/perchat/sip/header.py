"""
Header values that carry more than text (RFC 3261 §20).

Each has `parse` and ``str()``; reading what was written gives the same value again.
Addresses recur in every message of a dialog, so short ones are read once and kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from perchat.caching import cached_if_short
from perchat.errors import RemoteProtocolError
from perchat.sip.grammar import (
    BLANK,
    HOST,
    TOKEN,
    decimal,
    is_token,
    quote,
    read_quoted,
    split_outside,
    unquote,
)
from perchat.sip.uri import NO_PARAMS, Uri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_CSEQ",
    "CSeq",
    "NameAddr",
    "Via",
    "format_params",
    "parse_contacts",
    "parse_cseq",
    "parse_name_addr",
    "parse_name_addrs",
    "parse_params",
    "parse_via",
    "parse_vias",
]

MAX_CSEQ = 2**31 - 1  # §8.1.1.5

_VIA = re.compile(
    rf"({TOKEN.pattern})[ \t]*/[ \t]*({TOKEN.pattern})[ \t]*/[ \t]*({TOKEN.pattern})"
    rf"[ \t]+({HOST.pattern})[ \t]*(?::[ \t]*([0-9]+)[ \t]*)?"
)
_PLAIN_VIA = re.compile(  # as nearly all are written
    rf"SIP/2\.0/({TOKEN.pattern}) ({HOST.pattern})(?::([0-9]{{1,4}}|[1-5][0-9]{{4}}))?"
    rf";branch=({TOKEN.pattern})"
)
_PLAIN_PARAMS = re.compile(  # tokens, and features with what they are (RFC 3840 §9)
    rf"(?:;{TOKEN.pattern}={TOKEN.pattern}"
    rf"|;\+{TOKEN.pattern}=\"[^\"\\;=\x00-\x1f\x7f]*\")+"
)
_PARAM_VALUE = re.compile(r'[^\x00-\x20",;<>\x7f]+')


def parse_params(text: str) -> dict[str, str | None]:
    """
    Read ``;name=value;flag``. Names become lower case, values stay as written.

    None stands for a parameter without value. A name may come once (§7.3.1).
    """
    params: dict[str, str | None] = {}
    if not text:
        return params
    if text[0] != ";":
        raise RemoteProtocolError(f"bad parameters: {text[:40]!r}")
    if _PLAIN_PARAMS.fullmatch(text):
        pairs = [part.split("=") for part in text[1:].split(";")]
        params = {name.lower(): value for name, value in pairs}
        if len(params) == len(pairs):
            return params
        params = {}
    for part in split_outside(text[1:], ";"):
        name, equals, value = part.partition("=")
        name, value = name.rstrip(BLANK).lower(), value.lstrip(BLANK)
        if not is_token(name) or name in params or not _is_sound(name, value, bool(equals)):
            raise RemoteProtocolError(f"bad parameter: {part[:40]!r}")
        params[name] = value if equals else None
    return params


def _is_sound(name: str, text: str, given: bool) -> bool:
    if name == "tag":
        return is_token(text)  # it names a dialog, §19.3
    if not given:
        return True
    if text[:1] == '"':
        return read_quoted(text, 0) == len(text)
    return _PARAM_VALUE.fullmatch(text) is not None


def format_params(params: Mapping[str, str | None]) -> str:
    """Write parameters as `parse_params` reads them."""
    return "".join(
        f";{name}" if value is None else f";{name}={value}" for name, value in params.items()
    )


class CSeq(NamedTuple):
    """Number and method of a request (§20.16)."""

    number: int
    method: str

    @staticmethod
    def parse(text: str) -> CSeq:
        """Read ``4711 INVITE``."""
        return parse_cseq(text)

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@cached_if_short(1024)
def parse_cseq(text: str) -> CSeq:
    """Read a CSeq value."""
    parts = text.split()
    if len(parts) != 2 or not is_token(parts[1]):
        raise RemoteProtocolError(f"bad CSeq: {text[:40]!r}")
    return CSeq(decimal(parts[0], "CSeq", MAX_CSEQ), parts[1])


class Via(NamedTuple):
    """
    One hop a request has taken (§20.42).

    Attributes:
        transport: As written; compare without case.
        params: Lower-case names, values as written.

    """

    transport: str
    host: str
    port: int | None = None
    params: Mapping[str, str | None] = NO_PARAMS
    protocol: str = "SIP/2.0"

    @staticmethod
    def parse(text: str) -> Via:
        """Read one Via value."""
        return parse_via(text)

    @property
    def branch(self) -> str:
        """The branch, empty when there is none."""
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host and, if given, port."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.protocol}/{self.transport} {self.sent_by}{format_params(self.params)}"


def parse_via(text: str) -> Via:
    """Read one Via value."""
    if plain := _PLAIN_VIA.fullmatch(text):
        transport, host, port, branch = plain.groups()
        return Via(transport, host, int(port) if port else None, {"branch": branch})
    found = _VIA.match(text)
    if not found:
        raise RemoteProtocolError(f"bad Via: {text[:60]!r}")
    name, version, transport, host, port = found.groups()
    number = None if port is None else decimal(port, "port in Via", 65535)
    params = parse_params(text[found.end() :])
    return Via(transport, host, number, params, f"{name}/{version}")


class NameAddr(NamedTuple):
    """
    An address with a name and parameters: From, To, Contact, Route and the like.

    Attributes:
        display_name: Unquoted; empty when there is none.
        uri: As written, a sound URI.
        params: Of the header, lower-case names, values as written.

    """

    display_name: str
    uri: str
    params: Mapping[str, str | None] = NO_PARAMS

    @staticmethod
    def parse(text: str) -> NameAddr:
        """Read one address."""
        return parse_name_addr(text)

    @property
    def tag(self) -> str:
        """The tag, empty when there is none."""
        return self.params.get("tag") or ""

    @property
    def address(self) -> Uri:
        """The URI as a value."""
        return parse_uri(self.uri)

    def param(self, name: str) -> str | None:
        """Return a parameter without its quotes; None if absent, empty for a flag."""
        if name not in self.params:
            return None
        return unquote(self.params[name] or "")

    def __str__(self) -> str:
        name = f"{quote(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri}>{format_params(self.params)}"


@cached_if_short(4096)
def parse_name_addr(text: str) -> NameAddr:
    """Read one address."""
    name, rest = "", text
    if text[:1] == '"':
        end = read_quoted(text, 0)
        name, rest = unquote(text[:end]), text[end:].lstrip(BLANK)
        if rest[:1] != "<":
            raise RemoteProtocolError(f"name without address: {text[:60]!r}")
    start = rest.find("<")
    if start < 0 or start > rest.find(";") >= 0:
        return _bare_address(rest)
    if start:
        name = _plain_name(rest[:start])
    return _in_brackets(name, rest[start + 1 :])


def _in_brackets(name: str, text: str) -> NameAddr:
    uri, closed, rest = text.partition(">")
    if not closed:
        raise RemoteProtocolError(f"bracket is not closed: {text[:60]!r}")
    parse_uri(uri)
    return NameAddr(name, uri, parse_params(rest.strip(BLANK)))


def _plain_name(text: str) -> str:
    words = text.split()
    if not all(is_token(word) or not word.isascii() for word in words):
        raise RemoteProtocolError(f"name needs quotes: {text[:60]!r}")
    return " ".join(words)


def _bare_address(text: str) -> NameAddr:
    """Read an address without brackets: parameters are the header's then (§20.10)."""
    uri, semicolon, rest = text.partition(";")
    uri = uri.rstrip(BLANK)
    if "?" in uri or "," in uri:
        raise RemoteProtocolError(f"address needs brackets: {text[:60]!r}")
    parse_uri(uri)
    return NameAddr("", uri, parse_params(semicolon + rest))


def parse_vias(text: str) -> list[Via]:
    """Read a Via header, which may list several."""
    if "," not in text:
        return [parse_via(text)]
    return [parse_via(part) for part in split_outside(text, ",")]


def parse_name_addrs(text: str) -> list[NameAddr]:
    """Read a Route, Record-Route or Contact header, which may list several."""
    if "," not in text:
        return [parse_name_addr(text)]
    return [parse_name_addr(part) for part in split_outside(text, ",")]


def parse_contacts(text: str) -> list[NameAddr]:
    """Read a Contact header; the star of a sign-out is no address and gives none (§10.2.2)."""
    return [] if text == "*" else parse_name_addrs(text)
