"""
A scripted server on a loopback socket, built of the same protocol floors as the real one.

It behaves well until a test replaces one of its answers: by method for SIP
(``peer.on["INVITE"] = …``) and by name for commands (``peer.replies["join"] = …``).
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from perchat.client.chat import PersistentChatEndpoint
from perchat.client.credentials import PasswordCredential
from perchat.client.options import ClientTimers, EndpointOptions
from perchat.client.platform import CollaborationPlatform
from perchat.client.userendpoint import UserEndpoint
from perchat.errors import ErrorCode
from perchat.lync.authentication import (
    Accepted,
    Acceptor,
    Account,
    Challenged,
    NtlmTarget,
    ProofNeeded,
    nt_hash,
)
from perchat.lync.provisioning import ChatProvisioning, provisioning_answer
from perchat.lync.registration import Registration, registered_headers
from perchat.model.chatroom import RoomSnapshot
from perchat.model.participant import Participant
from perchat.model.service import ServerInfo
from perchat.model.uri import CategoryUri, RoomUri, SipUri
from perchat.net.connection import Admission
from perchat.net.connector import Transport
from perchat.net.listener import listen
from perchat.sip.events import RequestReceived, ResponseReceived
from perchat.sip.message import Headers, Request, Response
from perchat.sip.useragent import UserAgentSettings
from perchat.xccos.blocks import (
    Invitations,
    Joined,
    JoinedRoom,
    Rooms,
    RoomUris,
    RosterEntry,
    ServerInfoReply,
    ServerUri,
)
from perchat.xccos.codec import Dialect
from perchat.xccos.codes import Result
from perchat.xccos.decoder import decode
from perchat.xccos.encoder import encode
from perchat.xccos.masks import MEMBER
from perchat.xccos.primitives import Chat, Command, Envelope, Reply

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Sequence

    from perchat.lync.authentication import Verdict
    from perchat.net.connection import Connection
    from perchat.sip.events import Event
    from perchat.sip.message import Message
    from perchat.xccos.blocks import Data
    from perchat.xccos.primitives import Primitive

__all__ = ["ALICE", "BOB", "LOBBY", "POOL", "SHORT", "Peer", "PeerConnection", "peer_up"]

ALICE = SipUri("sip:alice@example.com")
BOB = SipUri("sip:bob@example.com")
POOL = SipUri("sip:perchat@example.com")
LOBBY = RoomUri("ma-chan://example.com/lobby")
PASSWORD = "Secret-1"
HOST = "sip.example.com"

SHORT = ClientTimers(
    connect=5.0,
    request=5.0,
    lookup=0.05,
    echo=0.05,
    goodbye=0.1,
    busy=(0.0, 0.0),
    reregister=(0.0,),
)

_INFO = ServerInfo(
    display_name="Peer",
    message_size_limit=512,
    story_size_limit=4096,
    search_limit=999,
    root_category=CategoryUri("ma-cat://example.com/root"),
    database_version="6f0c0000-0000-4000-8000-000000000000",
    time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


def room(name: str = "Lobby", uri: RoomUri = LOBBY) -> RoomSnapshot:
    """Return a room as searches and joins show it."""
    return RoomSnapshot(uri=uri, name=name, description="for all")


def roster(*users: SipUri, mask: int = MEMBER) -> tuple[RosterEntry, ...]:
    """Return the entries that a join shows for these users."""
    return tuple(RosterEntry(Participant(user, name=user.user), mask) for user in users)


@dataclass
class Peer:
    """
    What all its connections do, and what they saw.

    Attributes:
        on: Replaces what is done with a SIP request, by method.
        replies: Replaces the answer to a command, by name; returning None says nothing.
        post_status: How a post's INFO is answered.
        echo: Whether posts come back to their author.
        expires: Seconds a registration lasts.
        keep_alive: Seconds of silence that are allowed; 0 says nothing of it.
        spoil: What new connections do to what they have signed.

    """

    on: dict[str, Callable[[PeerConnection, RequestReceived], None]] = field(default_factory=dict)
    replies: dict[str, Callable[[Command], Data | ErrorCode | Result | None]] = field(
        default_factory=dict
    )
    chat: ChatProvisioning = field(default_factory=lambda: ChatProvisioning(default_uri=POOL))
    post_status: int = 200
    echo: bool = True
    expires: int = 600
    keep_alive: int = 300
    spoil: Callable[[Message], Message] | None = None
    connections: list[PeerConnection] = field(default_factory=list)
    seen: list[Message] = field(default_factory=list)
    address: str = ""

    @property
    def connection(self) -> PeerConnection:
        """The latest connection."""
        return self.connections[-1]

    def requests(self, method: str) -> list[Request]:
        """Return the requests of a method seen so far."""
        return [m for m in self.seen if isinstance(m, Request) and m.method == method]

    def answering(self, name: str, *answers: Data | ErrorCode | Result) -> list[Data]:
        """Have a command answered so, one answer after the other; returns what it is sent with."""
        sent: list[Data] = []

        def answer(command: Command) -> Data | ErrorCode | Result:
            sent.append(command.data)
            return answers[min(len(sent), len(answers)) - 1]

        self.replies[name] = answer
        return sent

    def commands(self) -> list[str]:
        """Return the names of the commands and posts seen so far."""
        bodies = (decode(request.body) for request in self.requests("INFO"))
        return [one.name for body in bodies for one in body.primitives]

    def platform(self) -> CollaborationPlatform:
        """Return a platform that can connect here."""
        return CollaborationPlatform.client("test", transport=Transport.TCP)

    def endpoint(
        self,
        platform: CollaborationPlatform,
        timers: ClientTimers = SHORT,
        password: str = PASSWORD,
        **more: int,
    ) -> UserEndpoint:
        """Return alice's endpoint on a platform."""
        return UserEndpoint(
            platform,
            ALICE,
            server=self.address,
            credential=PasswordCredential("alice", password),
            options=EndpointOptions(timers=timers),
            register_retries=more.get("register_retries", 3),
        )

    @asynccontextmanager
    async def signed_in(self, timers: ClientTimers = SHORT) -> AsyncIterator[UserEndpoint]:
        """Sign alice in for as long as the block runs."""
        async with self.platform() as platform, self.endpoint(platform, timers) as endpoint:
            yield endpoint

    @asynccontextmanager
    async def chatting(self, timers: ClientTimers = SHORT) -> AsyncIterator[PersistentChatEndpoint]:
        """Connect alice's chat for as long as the block runs."""
        async with (
            self.signed_in(timers) as endpoint,
            PersistentChatEndpoint(POOL, endpoint) as chat,
        ):
            yield chat


class PeerConnection:
    """One connection: its sign-in, its dialogs, its commands."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.connection: Connection
        self.dialog = ""
        self.lost = asyncio.Event()
        self.answers: list[Response] = []
        self.spoil: Callable[[Message], Message] = peer.spoil or (lambda message: message)
        self._envid = 7_000_000_000
        self._acceptor = Acceptor(
            targetname=HOST,
            target=NtlmTarget.of(HOST, "example.com"),
            random=secrets.token_bytes,
        )

    # --- guard ---

    def admit(self, message: Message, now: float) -> Admission:
        """Hear everything."""
        del now
        self.peer.seen.append(message)
        return Admission(message)

    def seal(self, message: Message) -> Message:
        """Sign, unless a test spoils it."""
        return self.spoil(self._acceptor.seal(message))

    # --- owner ---

    def connection_made(self, connection: Connection) -> None:
        self.connection = connection
        connection.guard = self
        self.peer.connections.append(self)

    def events_received(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, RequestReceived):
                method = event.request.method
                default = _DEFAULTS.get(method, PeerConnection.accept)
                self.peer.on.get(method, default)(self, event)
            elif isinstance(event, ResponseReceived):
                self.answers.append(event.response)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.lost.set()

    # --- what a well-behaved server does ---

    def accept(self, event: RequestReceived) -> None:
        """Answer 200 and no more."""
        if event.transaction:
            self.connection.respond(event.transaction, 200)

    def refuse(self, event: RequestReceived, status: int, *headers: tuple[str, str]) -> None:
        """Answer with a failure."""
        self.connection.respond(event.transaction, status, headers=headers)

    def register(self, event: RequestReceived) -> None:
        """Challenge, judge, grant."""
        now = asyncio.get_running_loop().time()
        at = datetime.now(UTC).timestamp()
        verdict: Verdict = self._acceptor.receive(event.request, now, at)
        if isinstance(verdict, ProofNeeded):
            account = Account(ALICE, nt_hash(PASSWORD))
            verdict = self._acceptor.complete(verdict, account, now, at)
        if isinstance(verdict, Challenged):
            self.connection.respond(event.transaction, 401, headers=verdict.headers)
        elif isinstance(verdict, Accepted):
            granted = Registration.parse(event.request, default=self.peer.expires)
            assert isinstance(granted, Registration)
            headers = registered_headers(
                granted, refreshed=verdict.refreshed, keep_alive=self.peer.keep_alive
            )
            self.connection.respond(event.transaction, 200, headers=headers)

    def subscribe(self, event: RequestReceived) -> None:
        """Answer with the settings in the 200."""
        self.connection.respond(
            event.transaction,
            200,
            headers=(("Contact", f"<sip:{HOST}>"), *_NOTIFICATION),
            body=provisioning_answer(self.peer.chat),
        )

    def notify_instead(self, method: str, event: RequestReceived) -> None:
        """Answer without the settings, and send them in a notification."""
        headers = (
            ("Contact", f"<sip:{HOST}>"),
            ("Expires", "60"),
            ("subscription-state", "active;expires=60"),
        )
        self.connection.respond(event.transaction, 200, headers=headers)
        dialog = self.connection.ua.dialogs[-1]
        state = ("subscription-state", "terminated;expires=0")
        body = provisioning_answer(self.peer.chat)
        self.connection.request_in(dialog, method, headers=(*_NOTIFICATION[:2], state), body=body)

    def invite(self, event: RequestReceived) -> None:
        """Open a session."""
        before = set(self.connection.ua.dialogs)
        headers = (("Contact", f"<sip:{HOST};gruu>"), ("Session-Expires", "1800;refresher=uac"))
        self.connection.respond(event.transaction, 200, headers=headers)
        (self.dialog,) = set(self.connection.ua.dialogs) - before

    def info(self, event: RequestReceived) -> None:
        """Take a command or a post."""
        envelope = decode(event.request.body)
        self.dialog = event.dialog or ""
        for primitive in envelope.primitives:
            if isinstance(primitive, Chat):
                self.connection.respond(event.transaction, self.peer.post_status)
                if self.peer.post_status == 200 and self.peer.echo:
                    self.say(_stamped(primitive))
            elif isinstance(primitive, Command):
                self.connection.respond(event.transaction, 200)
                self._command(envelope.id, primitive)

    def _command(self, envid: str, command: Command) -> None:
        answer = self.peer.replies.get(command.name) or _REPLIES[command.name]
        data = answer(command)
        if isinstance(data, ErrorCode):
            self.say(Reply.refusing(command, envid, data))
        elif isinstance(data, Result):
            refused = Reply.refusing(command, envid, ErrorCode.SERVER_ERROR)
            self.say(replace(refused, code=data.code, text=data.text))
        elif data is not None:
            self.say(Reply.to(command, envid, data))

    # --- what a test makes it do ---

    def say(self, *primitives: Primitive) -> None:
        """Send one envelope in the chat session."""
        self._envid += 1
        body = encode(Envelope(str(self._envid), primitives), Dialect())
        self.raw(body)

    def raw(self, body: bytes) -> None:
        """Send any body in the chat session."""
        content = (("Content-Type", "text/plain"),)
        self.connection.request_in(self.dialog, "INFO", headers=content, body=body)
        self.connection.flush()

    def request(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> None:
        """Send a request outside any dialog."""
        addresses = (("From", f"<{POOL}>"), ("To", f"<{ALICE}>"))
        self.connection.request(Request(method, ALICE, Headers((*addresses, *headers)), body))
        self.connection.flush()  # a test may spoil only this one

    def cut(self) -> None:
        """Cut the connection."""
        self.connection.abort()


_NOTIFICATION = (
    ("Event", "vnd-microsoft-provisioning-v2"),
    ("Content-Type", "application/vnd-microsoft-roaming-provisioning-v2+xml"),
    ("ms-piggyback-cseq", "1"),
    ("Expires", "0"),
    ("subscription-state", "terminated;expires=0"),
)

_DEFAULTS: dict[str, Callable[[PeerConnection, RequestReceived], None]] = {
    "REGISTER": PeerConnection.register,
    "SUBSCRIBE": PeerConnection.subscribe,
    "INVITE": PeerConnection.invite,
    "INFO": PeerConnection.info,
}

_REPLIES: dict[str, Callable[[Command], Data | ErrorCode | None]] = {
    "requri": lambda _: ServerUri(POOL),
    "getserverinfo": lambda _: ServerInfoReply(_INFO),
    "chansrch": lambda _: Rooms((room(),)),
    "join": lambda _: Joined((JoinedRoom(room(), roster(ALICE)),)),
    "part": lambda _: RoomUris((LOBBY,)),
    "getinv": lambda _: Invitations(()),
}


def _stamped(line: Chat) -> Chat:
    return Chat(
        room=line.room,
        author=ALICE,
        text=line.text,
        at=datetime.now(UTC),
        id=1,
        author_name="Alice",
        alert=line.alert,
        rtf=line.rtf,
    )


def unsigned(message: Message) -> Message:
    """Take the server's signature off."""
    headers = message.headers.replaced("Authentication-Info")
    return _with(message, headers)


def wrongly_signed(message: Message) -> Message:
    """Spoil the server's signature."""
    values = message.headers.get_all("Authentication-Info")
    spoiled = [value.replace('rspauth="01', 'rspauth="02') for value in values]
    return _with(message, message.headers.replaced("Authentication-Info", *spoiled))


def _with(message: Message, headers: Headers) -> Message:
    if isinstance(message, Request):
        return Request(message.method, message.uri, headers, message.body)
    return Response(message.status, message.reason, headers, message.body)


@asynccontextmanager
async def peer_up(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Listen for as long as the block runs; at its end no connection is left open."""
    peer = Peer()
    listener = await listen(
        partial(PeerConnection, peer),
        "127.0.0.1",
        0,
        agent=lambda sent_by: UserAgentSettings(via=sent_by),
        tls=tls,
    )
    peer.address = listener.host_port
    try:
        yield peer
    finally:
        listener.close()
        for connection in peer.connections:
            connection.cut()
            await connection.lost.wait()
