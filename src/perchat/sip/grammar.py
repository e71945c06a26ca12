"""
The lexical rules everything else reads by (RFC 3261 §25).

All scans move forward only, so the time they take grows with the text and never
faster, whatever a peer sends. What does not fit raises `RemoteProtocolError`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from perchat.errors import RemoteProtocolError

__all__ = [
    "BLANK",
    "HOST",
    "MAGIC_COOKIE",
    "NAMES",
    "TOKEN",
    "decimal",
    "holds_control",
    "is_token",
    "quote",
    "read_quoted",
    "split_outside",
    "unquote",
]

BLANK = " \t"
MAGIC_COOKIE = "z9hG4bK"  # RFC 3261 §8.1.1.7

TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+")

_COMPACT_NAMES = {  # RFC 3261 §7.3.3, RFC 4028 §4, RFC 6665 §8.4, RFC 3515, 3841, 3892, 4474
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

_KNOWN_NAMES = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Authentication-Info",
    "Authorization",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Error-Info",
    "Event",
    "Expires",
    "From",
    "In-Reply-To",
    "Max-Forwards",
    "MIME-Version",
    "Min-Expires",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "Priority",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "Record-Route",
    "Reply-To",
    "Require",
    "Retry-After",
    "Route",
    "Server",
    "Session-Expires",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
    "Call-ID",
    "Allow-Events",
    "ms-keep-alive",
    "ms-diagnostics",
    "ms-piggyback-cseq",
    "presence-state",
    "subscription-state",
]
NAMES = {  # as written: in full, and for looking up; spares the test whether it is a token
    **{name: (name, name.lower()) for name in _KNOWN_NAMES},
    **{short: (name, name.lower()) for short, name in _COMPACT_NAMES.items()},
    **{short.upper(): (name, name.lower()) for short, name in _COMPACT_NAMES.items()},
}

_LONGEST_NUMBER = 64  # leading zeros are legal, pages of them are not
_SPECIAL = re.compile(r'["<,;]')
_QUOTED_SPECIAL = re.compile(r'["\\]')
_TO_ESCAPE = re.compile(r'(["\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f])')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def is_token(text: str) -> bool:
    """Whether ``text`` is one token, as method and header names have to be."""
    return TOKEN.fullmatch(text) is not None


@lru_cache(maxsize=1024)  # of short texts alone: what is no number is not kept
def decimal(text: str, what: str, maximum: int = 2**32 - 1) -> int:
    """Read an unsigned number up to and including ``maximum``."""
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_NUMBER:
        raise RemoteProtocolError(f"bad {what}: {text[:40]!r}")
    number = int(text)
    if number > maximum:
        raise RemoteProtocolError(f"{what} out of range: {text[:40]}")
    return number


def holds_control(text: str) -> bool:
    """
    Whether a line holds a character that may not travel in one.

    CR and LF never do. NUL does as a quoted pair alone (`quoted-pair` in §25.1).
    """
    if "\r" in text or "\n" in text:
        return True
    return "\0" in text and text.count("\0") != text.count("\\\0")


def read_quoted(text: str, start: int) -> int:
    """Return the position after the quoted string that opens at ``start``."""
    position = start + 1
    while found := _QUOTED_SPECIAL.search(text, position):
        if found[0] == '"':
            return found.end()
        position = found.end() + 1
    raise RemoteProtocolError(f"quote is not closed: {text[start : start + 40]!r}")


def split_outside(text: str, separator: str) -> list[str]:
    """Split at ``separator`` (``,`` or ``;``) outside quoted strings and angle brackets."""
    if '"' not in text and "<" not in text:
        return [part.strip(BLANK) for part in text.split(separator)]
    parts, start, position = [], 0, 0
    while found := _SPECIAL.search(text, position):
        position = found.end()
        if found[0] == '"':
            position = read_quoted(text, found.start())
        elif found[0] == "<":
            position = _after_bracket(text, found.start())
        elif found[0] == separator:
            parts.append(text[start : found.start()].strip(BLANK))
            start = position
    return [*parts, text[start:].strip(BLANK)]


def _after_bracket(text: str, start: int) -> int:
    end = text.find(">", start)
    if end < 0:
        raise RemoteProtocolError(f"bracket is not closed: {text[start : start + 40]!r}")
    return end + 1


def quote(text: str) -> str:
    """Write a quoted string that `unquote` reads back."""
    return '"' + _TO_ESCAPE.sub(r"\\\1", text) + '"'


def unquote(text: str) -> str:
    """Return what a quoted string says; other text as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return _ESCAPED.sub(r"\1", inner) if "\\" in inner else inner
