"""Follow the presence of some users: one subscription, renewed for as long as the view is open."""

from __future__ import annotations

import asyncio
import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from perchat.client.failures import presence_failure
from perchat.client.observed import Observed
from perchat.client.streams import DEFAULT_BUFFER, Broadcast, EventStream, Overflow
from perchat.client.tasks import Background
from perchat.errors import PerchatError, ProtocolError
from perchat.lync.watching import (
    PRESENCE_ACCEPT,
    PRESENCE_EVENT,
    WATCH_TYPE,
    presence_query,
    read_presence,
)
from perchat.model.presence import Availability, Presence
from perchat.model.uri import SipUri
from perchat.sip.subscription import subscribe_headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from perchat.client.signedin import SignedIn
    from perchat.lync.watching import UserPresence
    from perchat.sip.message import Message, Request

__all__ = ["PresenceView"]

_log = logging.getLogger("perchat.chat")
_EARLY = 60.0  # seconds before its end that a subscription is renewed
_LEAST = 1.0
_DEFAULT_EXPIRES = 600
_ACCEPTED = 300


class PresenceView(Observed):
    """
    The presence of some users, as the server tells it; made by ``presence.subscribe``.

    ``async with`` closes it. Who is offline, does not exist, or may not be seen looks the
    same: OFFLINE.
    """

    def __init__(self, users: tuple[SipUri, ...]) -> None:
        self._users = users
        self._known = {user: Presence(user, Availability.OFFLINE) for user in users}
        self._changes: Broadcast[Presence] = Broadcast()
        self._background = Background()
        self._subscription: _Subscription | None = None
        self._over = False

    @property
    def users(self) -> tuple[SipUri, ...]:
        """Whose presence it shows."""
        return self._users

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._over

    @property
    def presences(self) -> Mapping[SipUri, Presence]:
        """The presence of each user, as last told."""
        return MappingProxyType(dict(self._known))

    def __getitem__(self, user: str) -> Presence:
        """Return the presence of a user, given by address; KeyError if it is not shown here."""
        return self._known[SipUri(user).address]

    def changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[Presence]:
        """Return every change from now on; ends when the view is closed."""
        return self._changes.stream(lambda change: change, limit=limit, overflow=overflow)

    def _sources(self) -> tuple[Broadcast[Any], ...]:
        return (self._changes,)

    async def close(self) -> None:
        """End the subscription; never raises but for cancellation, may be repeated."""
        self._over = True
        self._background.cancel()
        self._changes.end()
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # --- inside ---

    async def _begin(self, sign_in: SignedIn) -> None:
        """Subscribe on a connection, instead of on the one before."""
        subscription = _Subscription(sign_in, self)
        expires = await subscription.begin()
        if self._over:
            await subscription.end()
            return
        self._background.cancel()
        self._subscription = subscription
        self._background.spawn(self._renew(sign_in, expires), "presence of others")

    async def _renew(self, sign_in: SignedIn, expires: int) -> None:
        await asyncio.sleep(max(expires - _EARLY, expires / 2, _LEAST))
        before, self._subscription = self._subscription, None
        if before is not None:
            await before.end()
        try:
            await self._begin(sign_in)
        except PerchatError as error:
            _log.warning("the subscription to presence was not renewed: %s", error)

    def _take(self, message: Message) -> None:
        """Take what a notification tells."""
        for told in _told_in(message):
            known = self._known.get(SipUri(told.uri))
            if known is None:
                continue
            availability = known.availability
            if told.availability is not None:
                availability = Availability.of(told.availability)
            note = known.note if told.note is None else told.note
            now = Presence(known.user, availability, note)
            if now != known:
                self._known[known.user] = now
                self._changes.publish(now)


class _Subscription:
    """The dialog of one subscription; it belongs to one connection."""

    def __init__(self, sign_in: SignedIn, view: PresenceView) -> None:
        self._sign_in = sign_in
        self._view = view
        self._dialog = ""

    async def begin(self) -> int:
        """Subscribe; return the seconds that are granted."""
        link, wait = self._sign_in.link, self._sign_in.target.timers.request
        request = _request(self._sign_in, self._view.users)
        response, self._dialog = await link.subscribe(request, self, wait)
        if response.status >= _ACCEPTED or not self._dialog:
            raise presence_failure(response, "subscribing to presence", "SUBSCRIBE")
        self._tell(response)
        return response.expires or _DEFAULT_EXPIRES

    async def end(self) -> None:
        """Unsubscribe; what is answered does not matter."""
        dialog, self._dialog = self._dialog, ""
        link, timers = self._sign_in.link, self._sign_in.target.timers
        if not dialog or not link.is_up:
            return
        headers = (("Event", PRESENCE_EVENT), ("Expires", "0"), ("Contact", self._sign_in.contact))
        try:
            await link.exchange_in(dialog, "SUBSCRIBE", timers.goodbye, headers=headers)
        except PerchatError as error:
            _log.debug("unsubscribing did not go well: %s", error)
        finally:
            link.forget_dialog(dialog)

    # --- from the link ---

    def request_received(self, transaction: str, request: Request) -> None:
        """Answer and take a notification."""
        known = request.method in ("NOTIFY", "BENOTIFY")
        if transaction:
            self._sign_in.link.connection.respond(transaction, 200 if known else 405)
        if known:
            self._tell(request)

    def refresh_due(self) -> None:
        """Do nothing: subscriptions have no session timer."""

    def dialog_ended(self, reason: str) -> None:
        """Take note that nothing more comes."""
        self._dialog = ""
        _log.debug("a subscription to presence ended: %s", reason)

    def _tell(self, message: Message) -> None:
        try:
            self._view._take(message)
        except ProtocolError as error:
            _log.warning("presence that makes no sense: %s", error)


def _request(sign_in: SignedIn, users: tuple[SipUri, ...]) -> Request:
    """Return the SUBSCRIBE to the presence of users."""
    own = sign_in.target.uri
    return sign_in.request(
        "SUBSCRIBE",
        own,
        *subscribe_headers(PRESENCE_EVENT, accept=PRESENCE_ACCEPT),
        ("Require", "adhoclist, categoryList"),
        ("Supported", "eventlist"),
        ("Content-Type", WATCH_TYPE),
        body=presence_query(own, users),
    )


def _told_in(message: Message) -> list[UserPresence]:
    """Return what an answer or notification tells; RemoteProtocolError if it makes no sense."""
    if not message.body:
        return []
    return read_presence(message.headers.get("Content-Type") or "", message.body)
