"""
The front end: one object a connection, and the road of each request.

A request of a dialog goes to the session that owns it; any other goes by its method.
What is addressed to nobody here gets the status that says so.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ClassVar

from perchat.errors import ConnectionFailure, RemoteProtocolError, StateError
from perchat.lync.address import address_of
from perchat.lync.compression import answer_negotiate
from perchat.lync.diagnostics import diagnostics_header
from perchat.lync.presence import SELF_EVENT, answer_service, own_document
from perchat.lync.publication import (
    FAULT_TYPE,
    PUBLISH_TYPE,
    read_publications,
    version_fault,
)
from perchat.lync.registration import deregistered
from perchat.model.uri import SipUri
from perchat.server.applications import PeerGuard
from perchat.server.session import CONTENT_TYPE, ChatSession
from perchat.server.signin import SignIn
from perchat.server.subscriptions import Subscriptions
from perchat.server.trust import is_trusted
from perchat.sip.dialog import dialog_id
from perchat.sip.events import (
    Answered,
    DialogEnded,
    InfoReceived,
    RequestReceived,
    ResponseReceived,
)
from perchat.sip.status import reason_of
from perchat.xccos.codec import Dialect
from perchat.xccos.moderating import MODERATION_OPTION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.model.principal import User
    from perchat.model.uri import RoomUri
    from perchat.net.connection import Connection
    from perchat.server.services import Services
    from perchat.sip.events import Event
    from perchat.sip.registrar import Binding

__all__ = ["ALLOW", "SUPPORTED", "FrontEnd"]

_log = logging.getLogger(__name__)
ALLOW = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "INFO",
    "UPDATE",
    "OPTIONS",
    "REGISTER",
    "SUBSCRIBE",
    "SERVICE",
    "NEGOTIATE",
)
SUPPORTED = ("timer", "ms-benotify", "ms-sender", "gruu-10", "adhoclist", "categoryList")
_NOT_PROVISIONED = 20010  # [MS-OCER]: rejected session, principal not provisioned
_TOO_MANY = 20009  # rejected session, no more endpoints allowed
_NO_SUCH_USER = 1003
_NOT_ENABLED = 4005
_SDP = "application/sdp"
_FINAL = 200
_PHRASE = 80
_BYE = "the peer sent BYE"


class FrontEnd:
    """
    The owner of one connection of a client.

    Attributes:
        sign_in: Who is there, and the guard of the connection.

    """

    def __init__(self, services: Services) -> None:
        self.sign_in: SignIn
        self._services = services
        self._connection: Connection
        self._peer: PeerGuard
        self._subscriptions: Subscriptions
        self._sessions: dict[str, ChatSession] = {}
        self._published: set[SipUri] = set()  # of whom, by an application
        self._abandoned: dict[str, list[RoomUri]] = {}  # by the address that was called
        self._held = False
        self._binding: Binding | None = None
        self._deadline: asyncio.TimerHandle | None = None

    # --- from the connection ---

    def connection_made(self, connection: Connection) -> None:
        """Start the clock for signing in."""
        self._connection = connection
        trust = self._services.config.sign_in.trust
        self.sign_in = SignIn(
            self._services, signed_in=self._signed_in, signed_out=self._signed_out
        )
        self.sign_in.trusted = is_trusted(connection.peername[0], trust)
        connection.guard = self._peer = PeerGuard(
            self._services, connection, self.sign_in, admitted=self._let_in
        )
        connection.vouch = self._peer.voucher
        services = self._services
        self._subscriptions = Subscriptions(services.config, services.presences, connection)
        self._services.connections.add(self)
        limits, strangers = self._services.config.limits, len(self._services.quota)
        if (
            len(self._services.connections) > limits.connections
            or strangers > limits.unauthenticated_connections
        ):
            self._make_room()
        deadline = self._services.config.sign_in.deadline
        self._deadline = asyncio.get_running_loop().call_later(deadline, self._too_late)

    def events_received(self, events: Sequence[Event]) -> None:
        """Send each event on its way."""
        for event in events:
            if isinstance(event, Answered):  # most of them by far
                if session := self._sessions.get(event.dialog):
                    session.answered(event.infos)
            elif isinstance(event, InfoReceived):
                self._info(event.transaction, event.dialog, event.content_type, event.body)
            else:
                self._take(event)

    def connection_lost(self, error: Exception | None) -> None:
        """End what was on the connection."""
        self._stop_clock()
        self._services.connections.discard(self)
        self._unbind()
        for user in self._published:
            self._services.presences.departed(user, self)
        self._subscriptions.end()
        for session in list(self._sessions.values()):
            session.end(f"connection lost: {error}" if error else "connection closed")
        self._sessions.clear()
        self._peer.close()
        self.sign_in.close()

    def close(self) -> None:
        """Close the connection after what is being sent; the server stops."""
        self._connection.close()

    def end(self, reason: str) -> None:
        """Cut the connection."""
        self._connection.abort(ConnectionFailure(reason))

    def may_speak_for(self, user: SipUri) -> bool:
        """Whether a change of that user could concern this connection."""
        if self._peer.application is not None:
            return True
        return self.sign_in.user is not None and self.sign_in.user.uri == user

    def recheck(self) -> None:
        """See that who is there may stay, and that an application acts for nobody it may not."""
        if why := self._peer.recheck():
            _log.warning("connection from %s closed: %s", self._connection.peername[0], why)
            self.close()
            return
        if self._peer.application is None and (why := self.sign_in.recheck()):
            self._dismiss(why)
            return
        for dialog, session in list(self._sessions.items()):
            if not self._peer.may_act_as(session.user):
                del self._sessions[dialog]
                self._connection.request_in(dialog, "BYE")
                session.end("the application may not act as its user any more")

    def _dismiss(self, why: str) -> None:
        """Sign a user out who did not ask for it, with the reason, and close the line."""
        for session in list(self._sessions.values()):
            session.end(why)
        self._sessions.clear()
        if (binding := self._binding) is not None:
            _log.warning("%s signed out: %s", binding.aor, why)
            host = self._services.config.host_name
            told = diagnostics_header(_NOT_ENABLED, why, source=host)
            self._connection.request(deregistered(binding, told))
        self._unbind()
        self._connection.close()

    # --- events ---

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(dialog=None):
                road = self._roads.get(event.request.method, FrontEnd._not_here)
                road(self, event)
            case RequestReceived(dialog=str(dialog)):
                self._in_dialog(event, dialog)
            case ResponseReceived(dialog=str(dialog)) if event.response.status >= _FINAL:
                if session := self._sessions.get(dialog):
                    session.answered()
            case DialogEnded():
                self._dialog_ended(event)
            case _:
                pass  # acknowledgements, provisional answers, what ends in DialogEnded

    def _in_dialog(self, event: RequestReceived, dialog: str) -> None:
        session = self._sessions.get(dialog)
        match event.request.method:
            case "INFO":
                request = event.request
                self._info(event.transaction, dialog, request.content_type, request.body)
            case "UPDATE" | "INVITE" if session is not None:
                self._connection.respond(
                    event.transaction, 200, headers=self._session_headers(event)
                )
            case "SUBSCRIBE":
                self._subscribe(event)
            case "OPTIONS":
                self._options(event)
            case _:
                self._connection.respond(event.transaction, 488)

    def _info(self, transaction: str, dialog: str, content_type: str, body: bytes) -> None:
        if session := self._sessions.get(dialog):
            session.receive(transaction, content_type, body)
        else:
            self._connection.respond(transaction, 488)

    def _dialog_ended(self, event: DialogEnded) -> None:
        self._subscriptions.forget(event.dialog)
        session = self._sessions.pop(event.dialog, None)
        if session is None:
            return
        if event.reason != _BYE:
            self._keep_rooms(session)
        session.end(event.reason)

    def _overrun(self, session: ChatSession) -> None:
        """Hang up on a session that does not keep up; its client may call again."""
        self._services.fanout.overruns += 1
        self._sessions.pop(session.dialog, None)
        self._keep_rooms(session)
        self._hang_up(session)

    def _removed(self, session: ChatSession, rooms: Sequence[RoomUri]) -> None:
        """
        Have a client join its rooms again, from which another process has taken it.

        Whoever is hung up on calls again and joins; legacy clients stay silent after a BYE
        until their next sign-in, and join nothing again after a 481, so that is done for them.
        """
        if session.dialect.legacy_masks:
            self._services.tasks.spawn(self._rejoin(session, rooms), "rejoining rooms")
        else:
            self._hang_up(session)
            session.end("another process took it out of its rooms")

    def _hang_up(self, session: ChatSession) -> None:
        self._sessions.pop(session.dialog, None)
        try:
            self._connection.request_in(session.dialog, "BYE")
        except StateError:  # too much of ours waits: its next request is answered 481
            self._connection.drop_dialog(session.dialog)

    def _keep_rooms(self, session: ChatSession) -> None:
        """
        Keep the rooms of a session that ended without a BYE for the one that follows it.

        Legacy clients set a lost session up again and do not join their rooms again;
        without this their open rooms would stay silent.
        """
        if not session.dialect.legacy_masks:
            return
        chat, user = self._services.chat, session.user.uri
        rooms = list(chat.joined(user, session.id))
        others = (one for one in self._sessions.values() if one.address == session.address)
        if (successor := next(others, None)) is None:
            self._abandoned.setdefault(session.address, []).extend(rooms)
        else:
            self._services.tasks.spawn(self._rejoin(successor, rooms), "rejoining rooms")

    # --- requests outside dialogs ---

    def _register(self, event: RequestReceived) -> None:
        if self._peer.application is not None:
            self._register_trusted(event)
            return
        self.sign_in.register(self._connection, event)
        if self.sign_in.under_way and self.sign_in.user is not None and not self._held:
            self._held = True  # what is sent now could not be checked
            for session in self._sessions.values():
                session.outbox.hold()

    def _register_trusted(self, event: RequestReceived) -> None:
        if user := self._peer.user_of(event.request):
            self.sign_in.register_trusted(self._connection, event, user)
        else:
            self._not_here(event)

    def _options(self, event: RequestReceived) -> None:
        self._connection.respond(
            event.transaction,
            200,
            headers=(("Allow", ", ".join(ALLOW)), ("Accept", f"{_SDP}, text/plain")),
        )

    def _negotiate(self, event: RequestReceived) -> None:
        refused = answer_negotiate(event.request)
        status = 488 if refused is None else refused.status
        self._connection.respond(event.transaction, status)

    def _subscribe(self, event: RequestReceived) -> None:
        user = self._peer.user_of(event.request)
        if user is None or address_of(event.request.to.uri) != user.uri:
            self._not_here(event)
        else:
            now = self._services.chat.user(user.uri) or user  # policy may have changed meanwhile
            self._subscriptions.subscribe(event, now)

    def _service(self, event: RequestReceived) -> None:
        user = self._peer.user_of(event.request)
        longest = 2 * self._services.config.presence.publication_bytes  # with what is around it
        if user is None or address_of(event.request.to.uri) != user.uri:
            self._not_here(event)
        elif len(event.request.body) > longest:  # before it is read, which takes its time
            self._connection.respond(event.transaction, 413)
        elif refused := answer_service(event.request):
            self._connection.respond(event.transaction, refused.status, headers=refused.headers)
        elif event.request.content_type == PUBLISH_TYPE:
            self._publish(event, user)
        else:
            self._connection.respond(event.transaction, 200)

    def _publish(self, event: RequestReceived, user: User) -> None:
        """Keep what a device publishes; it is told what its user has published since."""
        presences = self._services.presences
        if self._peer.application is not None:  # its users need not be registered
            self._published.add(user.uri)
            presences.arrived(user.uri, self)
        try:
            found = read_publications(event.request.body, user.uri)
            stale = presences.publish(user.uri, self, found)
        except RemoteProtocolError as error:
            phrase = f"{reason_of(error.status)}: {error}"[:_PHRASE]
            self._connection.respond(event.transaction, error.status, phrase)
            return
        kind, body = FAULT_TYPE, version_fault(stale)
        if not stale:
            kind = f"application/{SELF_EVENT}+xml"
            body = own_document(user.uri, presences.own(user.uri))
        headers = (("Content-Type", kind),)
        status = 409 if stale else 200
        self._connection.respond(event.transaction, status, headers=headers, body=body)

    def _invite(self, event: RequestReceived) -> None:
        config, user = self._services.config, self._peer.user_of(event.request)
        if user is None or address_of(event.request.uri) not in config.chat_uris:
            self._not_here(event)
        elif not user.chat_enabled:
            reason = "Rejected session (principal not provisioned)"
            self._reject(event, 403, _NOT_PROVISIONED, reason)
        elif len(self._sessions) >= config.limits.sessions_per_connection:
            reason = "Rejected session (no more endpoints allowed)"
            self._reject(event, 503, _TOO_MANY, reason)
        else:
            self._open_session(event, user)

    def _open_session(self, event: RequestReceived, user: User) -> None:
        request = event.request
        offered = request.content_type == _SDP
        headers = [("Contact", self._contact()), *self._session_headers(event)]
        body = self._session_description(request.uri) if offered else b""
        if offered:
            headers.append(("Content-Type", _SDP))
        answer = self._connection.respond(event.transaction, 200, headers=headers, body=body)
        dialog = dialog_id(request.call_id, answer.to.tag, request.from_.tag)
        if self._connection.ua.dialog(dialog) is None:
            _log.warning("no dialog came of the INVITE of %s", user.uri)
            return
        lane = self._connection.ua.open_lane(dialog, (CONTENT_TYPE,))
        lane.stamp = self.sign_in.stamp(lane)
        session = ChatSession(
            self._services,
            self._connection,
            user,
            lane=lane,
            session_id=f"{self._services.config.node}/{self._services.random(8).hex()}",
            address=address_of(request.uri),
            dialect=Dialect.of(request.call_id, request.headers.get("User-Agent") or ""),
            hears_moderation=MODERATION_OPTION in request.options("Supported"),
        )
        session.on_first_use = self._take_up
        session.on_overrun = self._overrun
        session.on_removed = self._removed
        self._sessions[dialog] = session
        _log.info("session %s opened by %s", session.id, user.uri)

    async def _take_up(self, session: ChatSession) -> None:
        await self._rejoin(session, self._abandoned.pop(session.address, []))

    async def _rejoin(self, session: ChatSession, rooms: Sequence[RoomUri]) -> None:
        if rooms:
            arrival = await self._services.fanout.join(session, rooms)
            arrival.release()

    def _not_here(self, event: RequestReceived) -> None:
        self._reject(event, 404, _NO_SUCH_USER, "")

    def _reject(self, event: RequestReceived, status: int, error_id: int, reason: str) -> None:
        host = self._services.config.host_name
        header = diagnostics_header(error_id, reason, source=host)
        self._connection.respond(event.transaction, status, headers=(header,))

    _roads: ClassVar[dict[str, Callable[[FrontEnd, RequestReceived], None]]] = {
        "REGISTER": _register,
        "OPTIONS": _options,
        "NEGOTIATE": _negotiate,
        "SUBSCRIBE": _subscribe,
        "SERVICE": _service,
        "INVITE": _invite,
    }

    # --- inside ---

    def _make_room(self) -> None:
        """Close the connection that has been without a sign-in for the longest time."""
        quota = self._services.quota
        oldest = quota.oldest()
        quota.log.write(
            _log,
            logging.WARNING,
            "too many",
            "%d connections, %d of them not signed in, are too many: the oldest of those is"
            " closed, from %s",
            len(self._services.connections),
            len(quota),
            oldest.key if oldest else self._connection.peername[0],
        )
        quota.dropped += 1
        error = ConnectionFailure("too many connections")
        if oldest is not None:  # it is no part of what is here from now on, not from its end on
            oldest.leave(asyncio.get_running_loop().time(), signed_in=False)
        (oldest.owner if oldest else self._connection).abort(error)

    def _session_headers(self, event: RequestReceived) -> list[tuple[str, str]]:
        expires = self._services.config.chat.session_expires
        return [
            ("Session-Expires", f"{expires};refresher=uac"),
            ("Supported", "timer"),
            ("Allow", ", ".join(ALLOW)),
        ]

    def _contact(self) -> str:
        config = self._services.config
        return f"<sip:{config.host_name}@{config.domain};gruu;opaque=srvr:HomeServer:{config.node}>"

    def _session_description(self, uri: str) -> bytes:
        host, port = self._connection.sockname
        family = "IP6" if ":" in host else "IP4"
        lines = (
            "v=0",
            f"o=- 0 0 IN {family} {host}",
            "s=session",
            f"c=IN {family} {host}",
            "t=0 0",
            f"m=message {port} sip {uri}",
            "a=accept-types:text/plain",
        )
        return "".join(f"{line}\r\n" for line in lines).encode()

    def _signed_in(self, binding: Binding) -> None:
        self._let_in()
        self._bind(binding)
        if self._held:
            self._held = False
            for session in self._sessions.values():
                session.outbox.release()

    def _signed_out(self, _binding: Binding) -> None:
        self._unbind()
        self._subscriptions.end()
        for session in list(self._sessions.values()):
            session.end("signed out")
        self._sessions.clear()  # who comes next on the line finds nothing of them

    def _bind(self, binding: Binding) -> None:
        """Take the endpoint's place; an older connection of it can only be a dead one."""
        if self._binding is not None and self._binding.aor != binding.aor:
            self._unbind()  # an application registers one of its users at a time
        self._binding = binding
        endpoints, key = self._services.endpoints, (binding.aor, binding.endpoint)
        displaced = endpoints.get(key)
        endpoints[key] = self
        self._services.presences.arrived(SipUri(binding.aor), self)
        if displaced is not None and displaced is not self:
            _log.info("%s signed in anew, its older connection is closed", binding.aor)
            displaced.end("the endpoint signed in on another connection")

    def _unbind(self) -> None:
        binding, self._binding = self._binding, None
        if binding is None:
            return
        endpoints, key = self._services.endpoints, (binding.aor, binding.endpoint)
        if endpoints.get(key) is self:
            del endpoints[key]
            self._services.registrar.remove(*key)
        self._services.presences.departed(SipUri(binding.aor), self)

    def _too_late(self) -> None:
        self._services.quota.log.write(
            _log,
            logging.INFO,
            "too late",
            "connection from %s closed: no sign-in in time",
            self._connection.peername[0],
        )
        self._connection.abort(ConnectionFailure("no sign-in in time"))

    def _let_in(self) -> None:
        """Lift what holds for strangers."""
        self._stop_clock()
        self._connection.signed_in()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
