"""
Serve what clients subscribe to once they are signed in: settings and presence.

Each SUBSCRIBE is told how things are: in the 200 that answers it or, where the client
cannot take that, in a notification behind it (RFC 6665 §4.2). Of presence it is told again
whenever that changes. What is kept is kept until its time is over, which is told as well.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError, StateError
from perchat.lync.presence import (
    SELF_EVENT,
    PresenceDocument,
    presence_document,
    requested_data,
)
from perchat.lync.provisioning import (
    PROVISIONING_EVENT,
    PROVISIONING_TYPE,
    ChatProvisioning,
    provisioning_answer,
    requested_groups,
)
from perchat.lync.registration import ALLOWED_EVENTS
from perchat.lync.watching import (
    CATEGORIES_TYPE,
    PRESENCE_EVENT,
    PresenceQuery,
    presence_list,
    write_presence,
)
from perchat.model.uri import SipUri
from perchat.sip.dialog import dialog_id
from perchat.sip.status import reason_of
from perchat.sip.subscription import Subscription, accepts

if TYPE_CHECKING:
    from perchat.lync.watching import UserPresence
    from perchat.model.principal import User
    from perchat.net.connection import Connection
    from perchat.server.config import ServerConfig
    from perchat.server.presence import Presences
    from perchat.sip.events import RequestReceived
    from perchat.sip.message import Request

__all__ = ["Subscriptions"]

_log = logging.getLogger(__name__)
_EXPIRES = 60_000  # what clients are granted elsewhere; they end it with the connection
_BAD_EVENT = 489
_NOT_ACCEPTABLE = 406  # [MS-SIPREGE]: an Accept that names nothing we write
_FORBIDDEN = 403
_TOO_LARGE = 413
_LONGEST = 65_536  # bytes of a request's body; that of the longest contact list is below it
_PHRASE = 80
_KEPT = 4096  # bytes of a request whose answer is kept


@dataclass(slots=True, eq=False)
class _Watch:
    """A subscription to presence: to that of others, or of all that the user publishes."""

    subscriptions: Subscriptions
    dialog: str
    granted: Subscription
    viewer: SipUri
    users: tuple[SipUri, ...]
    own: bool
    parts: tuple[str, ...] = ()
    told: dict[SipUri, UserPresence] = field(default_factory=dict)

    def presence_changed(self, user: SipUri) -> None:
        """See Watcher."""
        self.subscriptions.tell(self, user)


class Subscriptions:
    """The subscriptions on one connection; there is never more than one a dialog."""

    def __init__(self, config: ServerConfig, presences: Presences, connection: Connection) -> None:
        self._config = config
        self._presences = presences
        self._connection = connection
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._watches: dict[str, _Watch] = {}

    def subscribe(self, event: RequestReceived, user: User) -> None:
        """Answer a SUBSCRIBE of ``user``; a fetch and a farewell are some, too."""
        now = asyncio.get_running_loop().time()
        if len(event.request.body) > _LONGEST:  # before it is read, which takes its time
            self._refuse(event, _TOO_LARGE, f"{_LONGEST} bytes are the most")
            return
        try:
            asked = Subscription.of(event.request, now, default=_EXPIRES, longest=_EXPIRES)
            watch = self._watch(event, asked, user)
            document = self._first(watch) if watch else self._document(event, asked, user)
            media_type = document.content_type.partition(";")[0] if document else ""
            takes = document is None or accepts(event.request, media_type)
        except RemoteProtocolError as error:
            self._refuse(event, error.status, str(error))
            return
        if document is None:
            self._refuse(event, _BAD_EVENT, f"no such event: {asked.event!r}")
        elif not takes:
            self._refuse(event, _NOT_ACCEPTABLE, f"only {media_type}", ("Accept", media_type))
        else:
            self._grant(event, asked, document, now, watch)

    def forget(self, dialog: str) -> None:
        """Take note that a dialog is over."""
        if (timer := self._ends.pop(dialog, None)) is not None:
            timer.cancel()
        if (watch := self._watches.pop(dialog, None)) is not None:
            for user in watch.users:
                self._presences.unwatch(user, watch, own=watch.own)

    def end(self) -> None:
        """Forget them all without a word; their user is gone."""
        for dialog in list(self._ends):
            self.forget(dialog)
            self._connection.drop_dialog(dialog)

    def tell(self, watch: _Watch, user: SipUri) -> None:
        """Notify a subscription that a user's presence changed, if that shows there."""
        if watch.own:
            document = self._own(watch)
        else:
            seen = self._presences.seen(watch.viewer, user)
            if watch.told.get(user) == seen:  # a change behind a wall does not show
                return
            watch.told[user] = seen
            body = write_presence(seen, self._presences.now)
            document = PresenceDocument(CATEGORIES_TYPE, body)
        now = asyncio.get_running_loop().time()
        content = (("Content-Type", document.content_type),)
        self._notify(watch.dialog, watch.granted, now, content, document.body)

    # --- inside ---

    def _document(
        self, event: RequestReceived, asked: Subscription, user: User
    ) -> PresenceDocument | None:
        return _document(self._config, event.request, asked.event, user)

    def _watch(self, event: RequestReceived, asked: Subscription, user: User) -> _Watch | None:
        """Return what a subscription watches; None where nothing of it changes."""
        request, known = event.request, self._watches.get(event.dialog or "")
        if asked.event == SELF_EVENT:
            parts = requested_data(request.body) if request.body or not known else known.parts
            return _Watch(self, "", asked, user.uri, (user.uri,), own=True, parts=parts)
        if asked.event != PRESENCE_EVENT:
            return None
        if request.body or known is None:
            query = PresenceQuery.parse(request.body)
            users = tuple(dict.fromkeys(map(_user, query.users)))
        else:
            users = known.users
        others = sum(len(one.users) for one in self._watches.values() if one is not known)
        if others + len(users) > self._config.presence.contacts:
            _log.warning("presence for %s refused: of too many users", user.uri)
            raise RemoteProtocolError("of too many users", status=_FORBIDDEN)
        return _Watch(self, "", asked, user.uri, users, own=False)

    def _first(self, watch: _Watch) -> PresenceDocument:
        if watch.own:
            return self._own(watch)
        watch.told = {user: self._presences.seen(watch.viewer, user) for user in watch.users}
        found = tuple(watch.told.values())
        return PresenceDocument(*presence_list(watch.viewer, found, self._presences.now))

    def _own(self, watch: _Watch) -> PresenceDocument:
        categories = self._presences.own(watch.viewer)
        document = presence_document(SELF_EVENT, watch.viewer, watch.parts, categories)
        assert document is not None, "it is one of the events that are served"
        return document

    def _grant(
        self,
        event: RequestReceived,
        asked: Subscription,
        document: PresenceDocument,
        now: float,
        watch: _Watch | None,
    ) -> None:
        known = self._connection.ua.dialog(event.dialog or "")
        headers = (
            self._contact(),
            *asked.answer_headers(now, known.local_cseq + 1 if known else 1),
        )
        content = (("Content-Type", document.content_type),)
        if asked.piggyback:
            headers, body = (*headers, *content), document.body
        else:
            body = b""
        answer = self._connection.respond(event.transaction, 200, headers=headers, body=body)
        dialog = dialog_id(event.request.call_id, answer.to.tag, event.request.from_.tag)
        self._keep(dialog, asked, watch)
        if not asked.piggyback:
            self._notify(dialog, asked, now, content, document.body)

    def _keep(self, dialog: str, granted: Subscription, watch: _Watch | None) -> None:
        """Have it end in time; a refresh sets the time anew, a farewell takes it away."""
        self.forget(dialog)
        if granted.interval and self._connection.ua.dialog(dialog) is not None:
            loop = asyncio.get_running_loop()
            self._ends[dialog] = loop.call_at(granted.expires_at, self._expire, dialog, granted)
            if watch is not None:
                watch.dialog = dialog
                self._watches[dialog] = watch
                for user in watch.users:
                    self._presences.watch(user, watch, own=watch.own)

    def _expire(self, dialog: str, over: Subscription) -> None:
        self.forget(dialog)
        self._notify(dialog, over, over.expires_at)

    def _notify(
        self,
        dialog: str,
        subscription: Subscription,
        now: float,
        content: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> None:
        headers = (self._contact(), *subscription.notify_headers(now), *content)
        try:
            self._connection.request_in(dialog, subscription.method, headers=headers, body=body)
        except StateError as error:  # it leaves our notifications unanswered
            _log.warning(
                "%s not told of %s: %s", self._connection.peername[0], subscription.event, error
            )

    def _contact(self) -> tuple[str, str]:
        transport = "tls" if self._connection.is_tls else "tcp"
        return ("Contact", f"<sip:{self._config.host_name};transport={transport}>")

    def _refuse(
        self, event: RequestReceived, status: int, why: str, *headers: tuple[str, str]
    ) -> None:
        if status == _BAD_EVENT:
            headers = (*headers, ("Allow-Events", ",".join(ALLOWED_EVENTS)))
        phrase = f"{reason_of(status)}: {why}"[:_PHRASE]
        self._connection.respond(event.transaction, status, phrase, headers=headers)


def _user(address: str) -> SipUri:
    try:
        return SipUri(address).address
    except ValueError as error:
        raise RemoteProtocolError(f"not a user: {address!r}") from error


def _document(
    config: ServerConfig, request: Request, package: str, user: User
) -> PresenceDocument | None:
    if package == PROVISIONING_EVENT:
        render = _provisioning if len(request.body) <= _KEPT else _provisioning.__wrapped__
        chat = config.chat
        body = render(
            request.body, user.chat_enabled, config.pool_uri, config.pool_uris, chat.management_url
        )
        return PresenceDocument(PROVISIONING_TYPE, body)
    return presence_document(package, user.uri, requested_data(request.body))


@lru_cache(maxsize=64)
def _provisioning(
    asked: bytes, enabled: bool, pool: str, pools: tuple[str, ...], management_url: str
) -> bytes:
    """Render what those who ask alike, under one policy, are told alike."""
    properties = {"PersistentChatWebManagerUriInt": management_url} if management_url else {}
    chat = ChatProvisioning(enabled, pool, pools, properties)
    return (
        provisioning_answer(chat, requested_groups(asked)) if asked else provisioning_answer(chat)
    )
