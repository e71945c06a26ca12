"""What a user agent reports to its owner (RFC 3261 §8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from perchat.sip.message import Request, Response

__all__ = [
    "AckReceived",
    "Answered",
    "Cancelled",
    "DialogEnded",
    "Event",
    "InfoReceived",
    "RequestReceived",
    "RequestTimedOut",
    "ResponseReceived",
    "SessionRefreshDue",
]


class RequestReceived(NamedTuple):
    """
    A request to answer with `UserAgent.respond`.

    Attributes:
        transaction: What to answer; empty for BENOTIFY, which is never answered.
        dialog: The dialog it came in, None outside of one.

    """

    transaction: str
    request: Request
    dialog: str | None


class AckReceived(NamedTuple):
    """The peer has our 2xx to its INVITE; ``request`` may carry a session description."""

    dialog: str
    request: Request


class ResponseReceived(NamedTuple):
    """
    An answer to a request of ours, provisional or final.

    Attributes:
        dialog: The dialog the request was sent in, or that the answer has made.

    """

    transaction: str
    response: Response
    dialog: str | None


class InfoReceived(NamedTuple):
    """An INFO to answer with `UserAgent.accept` or `UserAgent.respond`, known by its bytes."""

    transaction: str
    dialog: str
    content_type: str
    body: bytes


class Answered(NamedTuple):
    """The peer has taken so many of the oldest INFOs of a lane; each got its 200."""

    dialog: str
    infos: int


class RequestTimedOut(NamedTuple):
    """No final answer came in time."""

    transaction: str
    request: Request


class Cancelled(NamedTuple):
    """The peer took its INVITE back; it has been answered 487."""

    transaction: str


class DialogEnded(NamedTuple):
    """The dialog is gone, nothing can be sent in it; ``reason`` tells why, for people."""

    dialog: str
    reason: str


class SessionRefreshDue(NamedTuple):
    """It is on us to refresh the session: send UPDATE in the dialog (RFC 4028)."""

    dialog: str


Event: TypeAlias = (
    RequestReceived
    | InfoReceived
    | AckReceived
    | ResponseReceived
    | Answered
    | RequestTimedOut
    | Cancelled
    | DialogEnded
    | SessionRefreshDue
)
