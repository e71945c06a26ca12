"""
Subscriptions and their notifications (RFC 6665, [MS-SIP] 2.2.2, [MS-SIP] 3.8).

Microsoft adds two shortcuts: BENOTIFY, a NOTIFY that nobody answers, and the first
notification carried by the 2xx to SUBSCRIBE itself, which is known by its header
``ms-piggyback-cseq``. A peer asks for each by an option tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.sip.grammar import BLANK, decimal
from perchat.sip.header import MAX_CSEQ, format_params, parse_params

if TYPE_CHECKING:
    from perchat.sip.message import Message, Request

__all__ = [
    "BENOTIFY",
    "PIGGYBACK",
    "Subscription",
    "SubscriptionState",
    "accepts",
    "is_terminated",
    "piggybacked_cseq",
    "subscribe_headers",
]

BENOTIFY = "ms-benotify"
PIGGYBACK = "ms-piggyback-first-notify"
_PIGGYBACK_CSEQ = "ms-piggyback-cseq"
_NOTHING = re.compile(r"0(\.0{0,3})?")  # a weight of zero takes a media type out


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """
    The header Subscription-State.

    Attributes:
        name: ``active``, ``pending`` or ``terminated``.
        expires: Seconds left, if said.
        reason: Why it ended, if said.

    """

    name: str
    expires: int | None = None
    reason: str = ""

    @staticmethod
    def parse(text: str) -> SubscriptionState:
        """Read ``active;expires=60000``."""
        name, semicolon, rest = text.partition(";")
        params = parse_params(semicolon + rest)
        said = params.get("expires")
        expires = None if said is None else decimal(said, "expires")
        return SubscriptionState(name.strip(BLANK).lower(), expires, params.get("reason") or "")

    def __str__(self) -> str:
        params: dict[str, str | None] = {}
        if self.expires is not None:
            params["expires"] = str(self.expires)
        if self.reason:
            params["reason"] = self.reason
        return f"{self.name}{format_params(params)}"


def accepts(request: Request, media_type: str) -> bool:
    """
    Return whether a SUBSCRIBE takes notifications of a media type (RFC 3261 §20.1).

    A request without Accept leaves the choice to its event package.
    """
    if "Accept" not in request.headers:
        return True
    wanted = media_type.lower()
    ranges = (wanted, wanted.partition("/")[0] + "/*", "*/*")
    return any(_admits(one, ranges) for one in request.options("Accept"))


def _admits(entry: str, ranges: tuple[str, ...]) -> bool:
    name, semicolon, rest = entry.partition(";")
    if name.strip(BLANK).lower() not in ranges:
        return False
    weight = parse_params(semicolon + rest).get("q") or ""
    return _NOTHING.fullmatch(weight) is None


def is_terminated(message: Message) -> bool:
    """Whether a message says that its subscription is over."""
    text = message.headers.get("Subscription-State")
    return text is not None and text.partition(";")[0].strip(BLANK).lower() == "terminated"


def piggybacked_cseq(message: Message) -> int:
    """Return the number the notification in it would have had; 0 when there is none."""
    text = message.headers.get(_PIGGYBACK_CSEQ)
    try:
        return decimal(text, _PIGGYBACK_CSEQ, MAX_CSEQ) if text is not None else 0
    except RemoteProtocolError:
        return 0


def subscribe_headers(
    event: str, *, accept: str = "", expires: int | None = None
) -> tuple[tuple[str, str], ...]:
    """Return the headers of a SUBSCRIBE that takes both shortcuts."""
    items = [("Event", event)]
    if accept:
        items.append(("Accept", accept))
    items += [("Supported", BENOTIFY), ("Proxy-Require", BENOTIFY), ("Supported", PIGGYBACK)]
    if expires is not None:
        items.append(("Expires", str(expires)))
    return tuple(items)


@dataclass(frozen=True, slots=True)
class Subscription:
    """
    One subscription, as the notifier keeps it. Times are monotonic seconds.

    Attributes:
        event: The package, without parameters.
        id: Tells it from others to the package in one dialog; notifications repeat it.
        interval: What was granted; 0 is a single look.
        expires_at: When it ends unless refreshed.
        benotify: Whether the subscriber takes BENOTIFY.
        piggyback: Whether it takes the first notification in the answer.

    """

    event: str
    id: str
    interval: int
    expires_at: float
    benotify: bool
    piggyback: bool

    @staticmethod
    def of(request: Request, now: float, *, default: int, longest: int) -> Subscription:
        """
        Read a SUBSCRIBE; who names no time gets ``default``, who wants more ``longest``.

        Raises:
            RemoteProtocolError: It names no event (489).

        """
        event, semicolon, rest = (request.headers.get("Event") or "").partition(";")
        if not event.strip(BLANK):
            raise RemoteProtocolError("SUBSCRIBE without Event", status=489)
        asked = request.expires
        interval = min(default if asked is None else asked, longest)
        options = request.options("Supported")
        return Subscription(
            event.strip(BLANK),
            parse_params(semicolon + rest).get("id") or "",
            interval,
            now + interval,
            BENOTIFY in options,
            PIGGYBACK in options,
        )

    @property
    def method(self) -> str:
        """What its notifications are sent by."""
        return "BENOTIFY" if self.benotify else "NOTIFY"

    def state(self, now: float) -> SubscriptionState:
        """Return how it stands."""
        if self.expires_at <= now:
            return SubscriptionState("terminated", 0)
        return SubscriptionState("active", int(self.expires_at - now))

    def answer_headers(self, now: float, cseq: int = 1) -> tuple[tuple[str, str], ...]:
        """
        Return the headers of the 200.

        With `piggyback` they announce that the body is a notification, and that it has
        used up the number ``cseq``: the next of the dialog. Without, they say nothing of
        the state: the dialog lives until the notification that follows (RFC 6665 §4.4.1).
        """
        state, number = ("subscription-state", str(self.state(now))), (_PIGGYBACK_CSEQ, str(cseq))
        return (
            ("Expires", str(self.interval)),
            self._event,
            *((state,) if self.piggyback else ()),
            ("Supported", BENOTIFY),  # one a line: clients compare whole lines
            ("Supported", PIGGYBACK),
            *((number,) if self.piggyback else ()),
        )

    def notify_headers(self, now: float) -> tuple[tuple[str, str], ...]:
        """Return the headers of a notification; an end is always one by time here."""
        state = self.state(now)
        if state.name == "terminated":
            state = replace(state, reason="timeout")
        return (self._event, ("subscription-state", str(state)))

    @property
    def _event(self) -> tuple[str, str]:
        return ("Event", f"{self.event};id={self.id}" if self.id else self.event)
