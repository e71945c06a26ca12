"""
What goes to and fro with the file web service: SOAP 1.1, as the original's clients write it.

A call is an element named for the operation with its arguments as texts in it, the answer
``<OperationResponse><OperationResult>``. Of the arguments only those of AppendChunk and
DownloadChunk were seen; the rest is ours, and a peer may leave out what it does not know.
A refusal is a fault with HTTP status 500: to some clients a 4xx means that there is no
such service and never was.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perchat.errors import CommandFailed, ErrorCode, RemoteProtocolError
from perchat.markup import Element, MarkupLimits, escape, read

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CANCEL",
    "CONTENT_TYPE",
    "NAMESPACE",
    "SERVICE_PATH",
    "Call",
    "chunk_of",
    "chunk_text",
    "read_answer",
    "read_call",
    "request_limit",
    "write_answer",
    "write_call",
    "write_fault",
]

SERVICE_PATH = "/PersistentChat/MGCWebService.asmx"
NAMESPACE = "http://www.microsoft.com"
CONTENT_TYPE = "text/xml; charset=utf-8"

CANCEL = "CancelUpload"
"""An operation of ours: what was sent so far is not wanted; other services answer a fault."""

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_AROUND = 16_384  # bytes of a request besides its chunk
_OPERATION = re.compile(r"[A-Za-z]{1,64}")


@dataclass(frozen=True, slots=True)
class Call:
    """
    One call of an operation.

    Attributes:
        arguments: By name; the token among them is a secret.

    """

    operation: str
    arguments: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, name: str) -> str:
        """Return an argument's text; empty when it was left out."""
        return self.arguments.get(name.lower(), "").strip()

    def number(self, name: str) -> int:
        """
        Return an argument that counts something.

        Raises:
            CommandFailed: It is no number, or none was given.

        """
        text = self.get(name)
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise _invalid(f"{name} is not a number: {text[:40]!r}")
        return int(text)


def request_limit(chunk: int) -> int:
    """Return the bytes that a request, or an answer, with so large a chunk may have."""
    return _encoded(chunk) + _AROUND


def _encoded(size: int) -> int:
    return -(-size // 3) * 4


def chunk_text(chunk: bytes) -> str:
    """Return a chunk as it is sent."""
    return base64.b64encode(chunk).decode("ascii")


def chunk_of(text: str) -> bytes:
    """Return the bytes of a chunk; CommandFailed when it is not base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _invalid(f"the chunk is not base64: {error}") from error


# --- calls ---------------------------------------------------------------------------------


def write_call(operation: str, arguments: Mapping[str, str]) -> bytes:
    """Return the document that calls an operation."""
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in arguments.items())
    return _envelope(f'<{operation} xmlns="{NAMESPACE}">{inner}</{operation}>')


def read_call(document: bytes) -> Call:
    """
    Read which operation is called, with what.

    Raises:
        RemoteProtocolError: It is not XML.
        CommandFailed: It is no such call.

    """
    inner = _inner(_read(document))
    if inner is None or not _OPERATION.fullmatch(inner.name):
        raise _invalid("no SOAP envelope with a body that calls an operation")
    return Call(inner.name, {child.name.lower(): child.text for child in inner.children})


# --- answers -------------------------------------------------------------------------------


def write_answer(operation: str, result: str | None = None) -> bytes:
    """Return what an operation answers; None for one that returns nothing."""
    inner = "" if result is None else f"<{operation}Result>{escape(result)}</{operation}Result>"
    return _envelope(f'<{operation}Response xmlns="{NAMESPACE}">{inner}</{operation}Response>')


def write_fault(code: ErrorCode, text: str, *, ours: bool = False) -> bytes:
    """Return a refusal; ``ours`` says that the caller did nothing wrong."""
    return _envelope(
        f"<s:Fault><faultcode>s:{'Server' if ours else 'Client'}</faultcode>"
        f"<faultstring>{escape(text)}</faultstring>"
        f'<detail><ErrorCode xmlns="{NAMESPACE}">{int(code)}</ErrorCode></detail></s:Fault>'
    )


def read_answer(document: bytes, operation: str, otherwise: ErrorCode) -> str:
    """
    Return the result of an operation, empty where it returns nothing.

    Args:
        document: What came.
        operation: What was called.
        otherwise: What a fault that does not say its code stands for.

    Raises:
        CommandFailed: It is a fault, or no answer to that.

    """
    try:
        inner = _inner(_read(document))
    except RemoteProtocolError as error:
        raise CommandFailed.of(otherwise, f"the answer makes no sense: {error}") from error
    if inner is not None and inner.name == "Fault":
        raise _failure(inner, operation, otherwise)
    if inner is None or inner.name != f"{operation}Response":
        raise CommandFailed.of(otherwise, f"that is no answer to {operation}", request=operation)
    result = inner.find(f"{operation}Result")
    return result.text if result else ""


def _failure(fault: Element, operation: str, otherwise: ErrorCode) -> CommandFailed:
    told = fault.find("faultstring")
    text = told.text.strip() if told else ""
    return CommandFailed.of(
        _code_of(fault, otherwise), text or f"{operation} was refused", request=operation
    )


def _code_of(fault: Element, otherwise: ErrorCode) -> ErrorCode:
    detail = fault.find("detail")
    told = detail.find("ErrorCode") if detail else None
    try:
        return ErrorCode(int(told.text)) if told else otherwise
    except ValueError:
        return otherwise


# --- inside --------------------------------------------------------------------------------


def _envelope(inner: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<s:Envelope xmlns:s="{_SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'
    ).encode()


def _read(document: bytes) -> Element:
    """Read a document; whoever received it has seen to its size."""
    return read(document, MarkupLimits(size=len(document), depth=8, elements=128))


def _inner(envelope: Element) -> Element | None:
    body = envelope.find("Body") if envelope.name == "Envelope" else None
    return next(iter(body.children), None) if body else None


def _invalid(text: str) -> CommandFailed:
    return CommandFailed.of(ErrorCode.INVALID_ARGUMENT, text)
