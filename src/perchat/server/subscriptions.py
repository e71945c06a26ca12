"""
What clients subscribe to once they are signed in: settings, and a little presence.

Nothing of it changes while a client is connected, so each subscription is told once,
in the 200 that answers it or, where the client cannot take that, in a NOTIFY.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.errors import RemoteProtocolError
from perchat.lync.presence import presence_document, requested_data
from perchat.lync.provisioning import (
    PROVISIONING_EVENT,
    PROVISIONING_TYPE,
    ChatProvisioning,
    provisioning_answer,
    requested_groups,
)
from perchat.lync.registration import ALLOWED_EVENTS
from perchat.sip.dialog import dialog_id

if TYPE_CHECKING:
    from perchat.model.principal import User
    from perchat.net.connection import Connection
    from perchat.server.config import ServerConfig
    from perchat.sip.events import RequestReceived
    from perchat.sip.message import Request

__all__ = ["subscribe"]

_log = logging.getLogger(__name__)
_EXPIRES = 60_000  # what clients are granted elsewhere; they end it with the connection
_PIGGYBACK = "ms-piggyback-first-notify"


@dataclass(frozen=True, slots=True)
class _Document:
    content_type: str
    body: bytes
    one_off: bool = False


def subscribe(
    config: ServerConfig, connection: Connection, event: RequestReceived, user: User
) -> None:
    """Answer a SUBSCRIBE of ``user`` to its own data."""
    request = event.request
    package = (request.headers.get("Event") or "").partition(";")[0].strip()
    try:
        document = _document(config, request, package, user)
    except RemoteProtocolError as error:
        connection.respond(event.transaction, 400, f"Bad Request: {error}"[:80])
        return
    if document is None:
        allowed = ("Allow-Events", ",".join(ALLOWED_EVENTS))
        connection.respond(event.transaction, 489, headers=(allowed,))
        return
    expires = 0 if document.one_off or request.expires == 0 else _EXPIRES
    state = f"active;expires={expires}" if expires else "terminated;expires=0"
    headers = [
        ("Contact", f"<sip:{config.host_name};transport={_transport(connection)}>"),
        ("Expires", str(expires)),
        ("Event", package),
        ("subscription-state", state),
        ("Supported", "ms-benotify"),
        ("Supported", _PIGGYBACK),
    ]
    if _PIGGYBACK in request.options("Supported") or event.dialog is not None:
        headers += [("ms-piggyback-cseq", "1"), ("Content-Type", document.content_type)]
        connection.respond(event.transaction, 200, headers=headers, body=document.body)
        return
    answer = connection.respond(event.transaction, 200, headers=headers)
    _notify(connection, package, state, document, answer.to.tag or "", request)


def _document(config: ServerConfig, request: Request, package: str, user: User) -> _Document | None:
    if package == PROVISIONING_EVENT:
        groups = requested_groups(request.body) if request.body else None
        chat = _chat_provisioning(config, user)
        body = provisioning_answer(chat) if groups is None else provisioning_answer(chat, groups)
        return _Document(PROVISIONING_TYPE, body, one_off=request.expires == 0)
    wanted = requested_data(request.body)
    document = presence_document(package, user.uri, wanted)
    return None if document is None else _Document(document.content_type, document.body)


def _chat_provisioning(config: ServerConfig, user: User) -> ChatProvisioning:
    url = config.chat.management_url
    return ChatProvisioning(
        enabled=user.chat_enabled,
        default_uri=config.pool_uri,
        uris=config.pool_uris,
        properties={"PersistentChatWebManagerUriInt": url} if url else {},
    )


def _notify(
    connection: Connection,
    package: str,
    state: str,
    document: _Document,
    tag: str,
    request: Request,
) -> None:
    dialog = dialog_id(request.call_id, tag, request.from_.tag)
    if connection.ua.dialog(dialog) is None:
        _log.warning("no dialog to notify %s of %s", request.from_.uri, package)
        return
    method = "BENOTIFY" if "ms-benotify" in request.options("Supported") else "NOTIFY"
    connection.request_in(
        dialog,
        method,
        headers=(
            ("Event", package),
            ("subscription-state", state),
            ("Content-Type", document.content_type),
        ),
        body=document.body,
    )


def _transport(connection: Connection) -> str:
    return "tls" if connection.is_tls else "tcp"
