"""
What a user agent takes on, and what it refuses without asking anybody (RFC 3261 §8.2).

Refusals that need no knowledge of dialogs stand here; they are functions of the
settings and the request alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from perchat.errors import RemoteProtocolError
from perchat.sip.session_timer import MINIMUM, REFRESHING, session_expires
from perchat.sip.timers import Timers
from perchat.sip.uri import parse_uri

if TYPE_CHECKING:
    from perchat.sip.message import Request

__all__ = ["ALLOW", "Refusal", "UserAgentSettings", "refusal_of", "try_later"]

ALLOW = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "INFO",
    "UPDATE",
    "OPTIONS",
    "MESSAGE",
    "REGISTER",
    "SUBSCRIBE",
    "NOTIFY",
    "BENOTIFY",
    "SERVICE",
)


_METHODS = frozenset((*ALLOW, "NEGOTIATE", "PRACK", "PUBLISH", "REFER"))


@dataclass(frozen=True, slots=True)
class UserAgentSettings:
    """
    What a user agent says of itself, and how much it takes on.

    Attributes:
        via: Transport and sent-by of its Via, for example ``TLS 192.0.2.1:5061``.
        user_agent: Product named in requests; empty for none.
        server: Product named in responses; empty for none.
        allow: Methods it takes; others are answered 405, unheard-of ones 501.
        supported: Option tags a peer may require.
        accept: Media types it takes in INVITE; empty for any.
        min_session: Shortest session a peer may ask for, in seconds.
        retry_after: Seconds a peer is told to wait when a bound is reached.
        bye_on_expiry: Whether a session that expires is ended by BYE as well.

    """

    via: str
    user_agent: str = ""
    server: str = ""
    allow: tuple[str, ...] = ALLOW
    supported: tuple[str, ...] = ("timer", "ms-benotify", "ms-sender", "gruu-10")
    accept: tuple[str, ...] = ()
    timers: Timers = Timers()  # noqa: RUF009 - frozen
    max_server_transactions: int = 1000
    max_client_transactions: int = 1000
    max_dialogs: int = 64
    min_session: int = MINIMUM
    retry_after: int = 5
    bye_on_expiry: bool = False


class Refusal(NamedTuple):
    """Why a request goes no further."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


def refusal_of(settings: UserAgentSettings, request: Request) -> Refusal | None:
    """Return why a request is refused, in the order of §8.2; None when it is not."""
    if request.method not in settings.allow:
        known = request.method in _METHODS  # §21.4.6, §21.5.2
        return Refusal(405 if known else 501, (("Allow", ", ".join(settings.allow)),))
    if not parse_uri(request.uri).is_sip:
        return Refusal(416)
    missing = [tag for tag in request.options("Require") if tag not in settings.supported]
    if missing:
        return Refusal(420, (("Unsupported", ", ".join(missing)),))
    return _refusal_of_session(settings, request) if request.method in REFRESHING else None


def _refusal_of_session(settings: UserAgentSettings, request: Request) -> Refusal | None:
    if settings.accept and request.body and request.content_type not in settings.accept:
        return Refusal(415, (("Accept", ", ".join(settings.accept)),))
    try:
        asked = session_expires(request)
    except RemoteProtocolError:
        return Refusal(400)
    if asked is not None and asked.interval < settings.min_session:
        return Refusal(422, (("Min-SE", str(settings.min_session)),))
    return None


def try_later(settings: UserAgentSettings) -> Refusal:
    """Return the refusal of what is beyond our bounds."""
    return Refusal(503, (("Retry-After", str(settings.retry_after)),))
