"""
What clients subscribe to once they are signed in: settings, and a little presence.

Nothing of it changes while a client is connected, so each SUBSCRIBE is told once: in the
200 that answers it or, where the client cannot take that, in a notification behind it
(RFC 6665 §4.2). What is kept is kept until its time is over, which is told as well.
"""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError, StateError
from perchat.lync.presence import PresenceDocument, presence_document, requested_data
from perchat.lync.provisioning import (
    PROVISIONING_EVENT,
    PROVISIONING_TYPE,
    ChatProvisioning,
    provisioning_answer,
    requested_groups,
)
from perchat.lync.registration import ALLOWED_EVENTS
from perchat.sip.dialog import dialog_id
from perchat.sip.status import reason_of
from perchat.sip.subscription import Subscription, accepts

if TYPE_CHECKING:
    from perchat.model.principal import User
    from perchat.net.connection import Connection
    from perchat.server.config import ServerConfig
    from perchat.sip.events import RequestReceived
    from perchat.sip.message import Request

__all__ = ["Subscriptions"]

_log = logging.getLogger(__name__)
_EXPIRES = 60_000  # what clients are granted elsewhere; they end it with the connection
_BAD_EVENT = 489
_NOT_ACCEPTABLE = 406  # [MS-SIPREGE]: an Accept that names nothing we write
_PHRASE = 80
_KEPT = 4096  # bytes of a request whose answer is kept


class Subscriptions:
    """The subscriptions on one connection; there is never more than one a dialog."""

    def __init__(self, config: ServerConfig, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self._ends: dict[str, asyncio.TimerHandle] = {}

    def subscribe(self, event: RequestReceived, user: User) -> None:
        """Answer a SUBSCRIBE of ``user`` to its own data; a fetch and a farewell are some, too."""
        now = asyncio.get_running_loop().time()
        try:
            asked = Subscription.of(event.request, now, default=_EXPIRES, longest=_EXPIRES)
            document = _document(self._config, event.request, asked.event, user)
            takes = document is None or accepts(event.request, document.content_type)
        except RemoteProtocolError as error:
            self._refuse(event, error.status, str(error))
            return
        if document is None:
            self._refuse(event, _BAD_EVENT, f"no such event: {asked.event!r}")
        elif not takes:
            offered = ("Accept", document.content_type)
            self._refuse(event, _NOT_ACCEPTABLE, f"only {document.content_type}", offered)
        else:
            self._grant(event, asked, document, now)

    def forget(self, dialog: str) -> None:
        """Take note that a dialog is over."""
        if (timer := self._ends.pop(dialog, None)) is not None:
            timer.cancel()

    def end(self) -> None:
        """Forget them all without a word; their user is gone."""
        for dialog in list(self._ends):
            self.forget(dialog)
            self._connection.drop_dialog(dialog)

    # --- inside ---

    def _grant(
        self, event: RequestReceived, asked: Subscription, document: PresenceDocument, now: float
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
        self._keep(dialog, asked)
        if not asked.piggyback:
            self._notify(dialog, asked, now, content, document.body)

    def _keep(self, dialog: str, granted: Subscription) -> None:
        """Have it end in time; a refresh sets the time anew, a farewell takes it away."""
        self.forget(dialog)
        if granted.interval and self._connection.ua.dialog(dialog) is not None:
            loop = asyncio.get_running_loop()
            self._ends[dialog] = loop.call_at(granted.expires_at, self._expire, dialog, granted)

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
