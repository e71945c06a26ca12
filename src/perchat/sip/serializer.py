"""
Messages to bytes (RFC 3261 §7).

What leaves here is one message and no more: a line break in any part of it is refused,
and Content-Length, always last, is counted and never believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.errors import LocalProtocolError
from perchat.sip.grammar import NAMES, holds_control, is_token
from perchat.sip.message import Request
from perchat.sip.status import reason_of

if TYPE_CHECKING:
    from perchat.sip.message import Message, Response

__all__ = ["serialize"]


def serialize(message: Message) -> bytes:
    """
    Write a message.

    Raises:
        LocalProtocolError: A name, a value or the start line cannot be sent as it is.

    """
    lines = [_request_line(message) if isinstance(message, Request) else _status_line(message)]
    lines += [
        f"{name}: {value}" for name, value in message.headers if name in _SENT or _is_sent(name)
    ]
    bare = " ".join(lines)
    if "\r" in bare or "\n" in bare or "\0" in bare:
        _refuse_control(lines)
    lines.append(f"Content-Length: {len(message.body)}\r\n\r\n")
    return _encoded("\r\n".join(lines)) + message.body


_SENT = frozenset(NAMES) - {"Content-Length", "l", "L"}


def _is_sent(name: str) -> bool:
    if not is_token(name):
        raise LocalProtocolError(f"bad header name: {name[:40]!r}")
    return name.lower() not in ("content-length", "l")


def _request_line(request: Request) -> str:
    uri = request.uri
    if not is_token(request.method) or not uri or " " in uri or "\t" in uri:
        raise LocalProtocolError(f"bad request line: {request.method[:20]!r} {uri[:60]!r}")
    return f"{request.method} {uri} SIP/2.0"


def _status_line(response: Response) -> str:
    if not 100 <= response.status <= 699:
        raise LocalProtocolError(f"no such status: {response.status}")
    return f"SIP/2.0 {response.status} {response.reason or reason_of(response.status)}"


def _refuse_control(lines: list[str]) -> None:
    for line in lines:
        if holds_control(line):
            raise LocalProtocolError(f"line break or NUL in {line[:60]!r}")


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"cannot be written in UTF-8: {error}") from None
