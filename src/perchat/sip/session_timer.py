"""
How long a session lives without a sign of life (RFC 4028).

One deviation: any request or success in the dialog proves life, not UPDATE and
re-INVITE alone, and a session ends at its interval, not a third or 32 seconds before.
Clients in the field refresh ten seconds before the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.sip.grammar import BLANK, decimal
from perchat.sip.header import format_params, parse_params

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.sip.message import Message

__all__ = ["MINIMUM", "REFRESHING", "SessionExpires", "SessionTimer", "session_expires"]

MINIMUM = 90  # seconds, RFC 4028 §5
REFRESHING = frozenset(("INVITE", "UPDATE"))


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """
    The header of that name.

    Attributes:
        interval: Seconds.
        refresher: ``uac``, ``uas`` or empty, seen from the request it is about.

    """

    interval: int
    refresher: str = ""

    @staticmethod
    def parse(text: str) -> SessionExpires:
        """Read ``1800;refresher=uac``."""
        number, semicolon, rest = text.partition(";")
        params: Mapping[str, str | None] = parse_params(semicolon + rest)
        interval = decimal(number.strip(BLANK), "Session-Expires")
        return SessionExpires(interval, (params.get("refresher") or "").lower())

    def __str__(self) -> str:
        params = {"refresher": self.refresher} if self.refresher else {}
        return f"{self.interval}{format_params(params)}"


@dataclass(slots=True)
class SessionTimer:
    """
    The clock of one session.

    Attributes:
        interval: Seconds the session lives without a sign of life.
        ours: Whether it is on us to refresh.
        expires_at: When it ends.
        refresh_at: When to refresh; None when it is on the peer, or already asked for.

    """

    interval: float
    ours: bool
    expires_at: float
    refresh_at: float | None

    @staticmethod
    def begin(interval: float, now: float, *, ours: bool) -> SessionTimer:
        """Start the clock."""
        refresh_at = now + interval / 2 if ours else None  # RFC 4028 §10
        return SessionTimer(interval, ours, now + interval, refresh_at)

    def alive(self, now: float) -> None:
        """Note a sign of life."""
        self.expires_at = now + self.interval

    def refreshed(self, now: float) -> None:
        """Note that the session was refreshed."""
        self.alive(now)
        self.refresh_at = now + self.interval / 2 if self.ours else None

    def deadline(self) -> float:
        """Return when something is to be done."""
        if self.refresh_at is None:
            return self.expires_at
        return min(self.expires_at, self.refresh_at)


def session_expires(message: Message) -> SessionExpires | None:
    """Return what a message says of the session's life; `RemoteProtocolError` if unreadable."""
    text = message.headers.get("Session-Expires")
    return SessionExpires.parse(text) if text is not None else None
