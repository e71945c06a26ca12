"""From a failure status to the exception a caller can act on; tables, not guesses by text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perchat.client.events import EndpointReason
from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    ChatServerConnectionError,
    CommandFailed,
    ErrorCode,
    FailureResponse,
    OperationTimeout,
    PublishSubscribeError,
    RealTimeError,
    RegisterError,
    RegisterReason,
    RemoteProtocolError,
    ServerDiscoveryError,
    ServerPolicyError,
)
from perchat.lync.application import distrust_reason
from perchat.lync.diagnostics import read_diagnostics
from perchat.markup import read

if TYPE_CHECKING:
    from perchat.errors import Diagnostics
    from perchat.sip.header import NameAddr
    from perchat.sip.message import Response

__all__ = [
    "command_failure",
    "endpoint_reason",
    "invite_failure",
    "presence_failure",
    "register_failure",
    "subscribe_failure",
    "trust_failure",
]

_COMMAND_CODES = {  # what the chat service's SIP refusals of a command or post stand for
    400: ErrorCode.INVALID_ARGUMENT,
    403: ErrorCode.ERROR_PERMISSION,
    404: ErrorCode.NO_SUCH_NODE,
    405: ErrorCode.MSG_NOT_SUPPORTED,
    409: ErrorCode.DATA_COLLISION,
    410: ErrorCode.NODE_DISABLED,
    412: ErrorCode.USER_NOT_JOINED,
    413: ErrorCode.LIMIT_EXCEEDED,
    415: ErrorCode.MSG_NOT_SUPPORTED,
    501: ErrorCode.MSG_NOT_SUPPORTED,
    513: ErrorCode.LIMIT_EXCEEDED,
}
_REGISTER_REASONS = {
    301: RegisterReason.MOVED,
    302: RegisterReason.MOVED,
    403: RegisterReason.OWNER_DISABLED_OR_REMOVED,
    404: RegisterReason.OWNER_DISABLED_OR_REMOVED,
    480: RegisterReason.UNAVAILABLE,
    500: RegisterReason.UNAVAILABLE,
    503: RegisterReason.UNAVAILABLE,
}
_ENDPOINT_REASONS = {
    RegisterReason.OWNER_DISABLED_OR_REMOVED: EndpointReason.OWNER_DISABLED_OR_REMOVED,
    RegisterReason.TOO_MANY_ENDPOINTS: EndpointReason.TOO_MANY_ENDPOINTS,
}
_FORBIDDEN_FROM = 4004  # the credentials may not act as the user in From ([MS-OCER])
_CLOCK_SKEW = 1013
_TOO_MANY_ENDPOINTS = 20009
_FAULT_TYPE = "application/msrtc-fault+xml"  # [MS-PRES]
_Q = re.compile(r"[01](?:\.\d{0,3})?")
_WARNING = re.compile(r'\s*\d{3} [^\s"]+ "((?:[^"\\]|\\.)*)"')


def register_failure(response: Response) -> FailureResponse | OperationTimeout:
    """Tell apart why a registrar refused."""
    diagnostics = read_diagnostics(response.headers)
    text = _text("signing in", response, diagnostics)
    if response.status in (408, 504):
        return OperationTimeout(text)
    reason = {
        _FORBIDDEN_FROM: AuthenticationReason.UNAUTHORIZED_ACCESS,
        _CLOCK_SKEW: AuthenticationReason.CLOCK_SKEW,
    }.get(diagnostics.code)
    if reason is not None:
        return AuthenticationError(
            text, reason=reason, status=response.status, diagnostics=diagnostics
        )
    warning = _warning(response)
    if warning:
        return ServerPolicyError(
            text,
            status=response.status,
            warning=warning,
            diagnostics=diagnostics,
            request="REGISTER",
        )
    why = _register_reason(response.status, diagnostics)
    return RegisterError(
        text,
        status=response.status,
        diagnostics=diagnostics,
        request="REGISTER",
        reason=why,
        moved_to=_moved_to(response) if why is RegisterReason.MOVED else (),
    )


def trust_failure(response: Response) -> FailureResponse | OperationTimeout:
    """Tell apart why a server does not take us for a trusted application."""
    diagnostics = read_diagnostics(response.headers)
    reason = distrust_reason(diagnostics.code)
    if reason is None and response.status in (401, 407):
        reason = AuthenticationReason.UNTRUSTED_CERTIFICATE  # it takes us for a client
    if reason is None:
        return register_failure(response)
    text = _text("being trusted as an application", response, diagnostics)
    return AuthenticationError(
        text,
        reason=reason,
        status=response.status,
        diagnostics=diagnostics,
        request=response.cseq.method,
    )


def subscribe_failure(response: Response) -> RealTimeError:
    """Tell why the settings could not be had."""
    return presence_failure(response, "asking for the settings", "SUBSCRIBE")


def presence_failure(response: Response, what: str, request: str) -> PublishSubscribeError:
    """Tell why something was not published, or not subscribed to."""
    diagnostics = read_diagnostics(response.headers)
    text = _text(what, response, diagnostics)
    return PublishSubscribeError(
        text,
        status=response.status,
        diagnostics=diagnostics,
        request=request,
        fault_code=_fault_code(response),
    )


def invite_failure(response: Response, address: str) -> ChatServerConnectionError:
    """Tell why the chat service opened no session."""
    diagnostics = read_diagnostics(response.headers)
    text = _text(f"opening a chat session with {address}", response, diagnostics)
    return ChatServerConnectionError(text, status=response.status, diagnostics=diagnostics)


def command_failure(response: Response, request: str) -> CommandFailed:
    """Tell why the chat service refused a command or a post."""
    diagnostics = read_diagnostics(response.headers)
    code = _COMMAND_CODES.get(response.status, ErrorCode.SERVER_ERROR)
    text = _text(request, response, diagnostics)
    return CommandFailed.of(code, text, request=request, diagnostics=diagnostics)


def endpoint_reason(
    error: BaseException, otherwise: EndpointReason = EndpointReason.SIGN_IN_FAILED
) -> EndpointReason:
    """Tell what a failure means for the state of a local endpoint."""
    if isinstance(error, ServerDiscoveryError):
        return EndpointReason.DISCOVERY_FAILED
    if isinstance(error, RegisterError):
        return _ENDPOINT_REASONS.get(error.reason, otherwise)
    return otherwise


def _register_reason(status: int, diagnostics: Diagnostics) -> RegisterReason:
    if diagnostics.code == _TOO_MANY_ENDPOINTS:
        return RegisterReason.TOO_MANY_ENDPOINTS
    return _REGISTER_REASONS.get(status, RegisterReason.OTHER)


def _fault_code(response: Response) -> str:
    """Return the code of a fault document; nothing where there is none that can be read."""
    if response.content_type != _FAULT_TYPE:
        return ""
    try:
        found = read(response.body).find("Faultcode")
    except RemoteProtocolError:
        return ""
    return "" if found is None else found.text.strip()


def _moved_to(response: Response) -> tuple[str, ...]:
    """Return the URIs of the contacts, the most wanted first (RFC 3261 §20.10)."""
    return tuple(one.uri for one in sorted(response.contacts, key=_wanted, reverse=True))


def _wanted(contact: NameAddr) -> float:
    found = _Q.fullmatch(contact.param("q") or "1")
    return float(found[0]) if found else 0.0


def _text(doing: str, response: Response, diagnostics: Diagnostics) -> str:
    why = diagnostics.reason or _warning(response)
    said = f"{response.status} {response.reason}".strip()
    return f"{doing} was refused: {said}" + (f" ({why})" if why else "")


def _warning(response: Response) -> str:
    found = _WARNING.match(response.headers.get("Warning") or "")
    return found[1] if found else ""
