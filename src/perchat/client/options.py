"""What a caller may set on an endpoint beyond who and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ClientTimers", "EndpointOptions"]

_RESTRICTED = frozenset(  # the stack's own
    {
        "via",
        "from",
        "to",
        "call-id",
        "cseq",
        "contact",
        "max-forwards",
        "route",
        "record-route",
        "expires",
        "event",
        "content-length",
        "content-type",
        "authorization",
        "proxy-authorization",
        "supported",
        "require",
        "proxy-require",
        "user-agent",
    }
)


@dataclass(frozen=True, slots=True)
class ClientTimers:
    """
    How long things may take, all in seconds.

    Attributes:
        connect: TCP and TLS to one server.
        request: A request, or a command with its reply; repetitions included.
        lookup: The answer that names the chat service proper ([MS-XCCOSIP] requri).
        echo: How long a post waits for its own message after the receipt.
        goodbye: Each farewell (BYE, de-registration) before it is given up.
        busy: The waits before a request that was answered 503 is repeated.
        reregister: The waits before a failed registration refresh is repeated.
        keep_alive: Silence before a keep-alive, where the server does not say.
        association: How long a sign-in serves before it is made anew, some minutes before
            its end; a ticket may end it sooner.

    """

    connect: float = 15.0
    request: float = 30.0
    lookup: float = 5.0
    echo: float = 1.0
    goodbye: float = 2.0
    busy: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    reregister: tuple[float, ...] = (1.0, 5.0, 15.0, 30.0)
    keep_alive: float = 60.0
    association: float = 8 * 3600.0


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """
    Habits of one local endpoint.

    Attributes:
        user_agent: Replaces the platform's name on this endpoint.
        headers: Added to every REGISTER.
        timers: See there.
        redirects: How often a sign-in goes where the registrar sends it, and how many servers
            it tries each time.

    """

    user_agent: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timers: ClientTimers = field(default_factory=ClientTimers)
    redirects: int = 5

    def __post_init__(self) -> None:
        check_headers(self.headers)


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse, by ValueError, headers that the stack sets itself or that would break a message."""
    for name, value in headers.items():
        if name.lower() in _RESTRICTED:
            raise ValueError(f"the header {name} is set by the stack")
        if not name or any(c in f"{name}{value}" for c in "\r\n\0") or ":" in name:
            raise ValueError(f"not a header: {name!r}")
