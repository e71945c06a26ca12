"""
One client's conversation with the server, without I/O: bytes in, events and bytes out.

Signing in and opening the dialog go through the whole codecs, as they are rare. Lines of
chat, which are not, go through the fast lane. Signatures of the server are checked where
the sign-in needs it and not on every delivery: what is measured here is the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from perchat.errors import RemoteProtocolError
from perchat.loadgen.frames import AnswerSigner, Frames, answered, echoed
from perchat.loadgen.marks import LINE, mark_of
from perchat.lync.authentication import Check
from perchat.lync.initiator import Initiator
from perchat.lync.registration import instance_uuid
from perchat.sip.compose import completed, response_to
from perchat.sip.dialog import Dialog
from perchat.sip.message import Headers, Request, Response
from perchat.sip.parser import parse_datagram
from perchat.sip.serializer import serialize
from perchat.xccos.decoder import decode
from perchat.xccos.encoder import encode
from perchat.xccos.primitives import Chat, Command, Envelope, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.sip.message import Message
    from perchat.xccos.blocks import Data
    from perchat.xccos.primitives import Primitive

__all__ = ["Answered", "Conversation", "Ended", "Event", "Heard", "Identity", "Replied"]

_CHALLENGES = frozenset({401, 407})
_CONTENT = ("Content-Type", "text/plain")
_SESSION = ("Session-Expires", "1800;refresher=uac")
_METHODS = "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS, NOTIFY, BENOTIFY"
_ANSWERED = frozenset({"UPDATE", "OPTIONS", "NOTIFY", "BYE"})
_AGENT = ("User-Agent", "perchat-loadgen")


@dataclass(slots=True)
class Heard:
    """A line of ours that was delivered."""

    room: bytes
    id: int
    run: bytes
    post: int
    due: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The final status of a request of ours, by its method and number."""

    method: str
    number: int
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Replied:
    """The chat service's reply to a command."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Ended:
    """The dialog is over."""

    reason: str


Event: TypeAlias = Heard | Answered | Replied | Ended


@dataclass(frozen=True, slots=True)
class Identity:
    """
    Who speaks, and from where.

    Attributes:
        uri: ``sip:user@domain``.
        login: What the sign-in names.
        epid: Names the endpoint.
        via: Transport and sent-by, ``TCP 127.0.0.1:40000``.

    """

    uri: str
    login: str
    password: str
    epid: str
    via: str

    def __repr__(self) -> str:
        return f"Identity({self.uri})"

    @property
    def domain(self) -> str:
        """The SIP domain."""
        return self.uri.partition("@")[2]


class Conversation:
    """
    What one session says and hears.

    Args:
        identity: Who speaks.
        random: As many bytes nobody can guess as it is asked for.

    """

    def __init__(self, identity: Identity, random: Callable[[int], bytes]) -> None:
        self._identity = identity
        self._random = random
        self._frames = Frames()
        self._initiator = Initiator(
            random=random, username=identity.login, password=identity.password
        )
        self._signer: AnswerSigner | None = None
        self._dialog: Dialog | None = None
        self._inviting: Request | None = None
        self._registering: Request | None = None
        self._call_id = random(16).hex()
        self._tag = random(5).hex()
        self._registers = 0
        self._envelopes = int.from_bytes(random(3), "big")
        self._out: list[bytes] = []

    # to the network

    def data_to_send(self) -> bytes:
        """Return what is to be written, and forget it."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def register(self, *headers: tuple[str, str]) -> int:
        """Register, or refresh, or with ``Expires: 0`` sign out; return the request's number."""
        who = self._identity
        self._registers += 1
        host = who.via.partition(" ")[2]
        transport = who.via.partition(" ")[0].lower()
        binding = (
            f'<sip:{host};transport={transport}>;methods="{_METHODS}";proxy=replace'
            f';+sip.instance="<urn:uuid:{instance_uuid(who.epid)}>"'
        )
        request = self._request(
            "REGISTER",
            f"sip:{who.domain}",
            who.uri,
            self._call_id,
            self._registers,
            ("Contact", binding),
            ("Event", "registration"),
            ("ms-keep-alive", "UAC;hop-hop=yes"),
            *headers,
        )
        self._registering = request
        self._send(request)
        return self._registers

    def invite(self, address: str) -> int:
        """Open the dialog with the chat service; return the request's number."""
        offer = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        offer += "m=message 5060 sip null\r\na=accept-types:text/plain\r\n"
        contact = f"<{self._identity.uri}>"
        headers = (("Contact", contact), ("Supported", "timer"), _SESSION)
        request = self._request(
            *("INVITE", address, address, self._random(16).hex(), 1),
            *(*headers, ("Content-Type", "application/sdp")),
            body=offer.encode(),
        )
        self._inviting = request
        self._send(request)
        return 1

    def command(self, name: str, data: Data) -> tuple[int, str]:
        """Send a command; return the number of its INFO and the id its reply will name."""
        return self._envelope(Command(name, data))

    def post(self, line: Chat) -> int:
        """Post a line; return the number of its INFO, whose status is the receipt."""
        return self._envelope(line)[0]

    def refresh(self) -> None:
        """Say that we are still there: to the registrar, and in the dialog."""
        self.register()
        if self._dialog is not None:
            self._in_dialog("UPDATE", _SESSION)

    def leave(self) -> None:
        """Say goodbye; nobody waits for the answers."""
        if self._dialog is not None:
            self._in_dialog("BYE")
            self._dialog = None
        self.register(("Expires", "0"))

    # from the network

    def receive(self, data: bytes, at: float) -> list[Event]:
        """
        Take bytes from the network; ``at`` in seconds since the epoch.

        Raises:
            RemoteProtocolError: What came cannot be read.
            AuthenticationError: The server does not accept us, or is not the one it says.

        """
        events: list[Event] = []
        for head, body in self._frames.feed(data):
            lines = echoed(head) if head.startswith(b"INFO ") else None
            if lines is None:
                self._receive_whole(head, body, at, events)
                continue
            signer = self._signer
            self._out.append(answered(lines, signer.line(lines) if signer else b""))
            self._hear(body, events)
        return events

    # inside

    def _hear(self, body: bytes, events: list[Event]) -> None:
        found = LINE.search(body)
        if found is not None:
            room, number, run, post, due = found.groups()
            events.append(Heard(room, int(number), run, int(post), int(due)))
        elif b"<ntc " not in body[:400]:  # who comes and goes is not looked at
            events.extend(filter(None, map(_event, decode(body).primitives)))

    def _receive_whole(self, head: bytes, body: bytes, at: float, events: list[Event]) -> None:
        message = parse_datagram(head + b"\r\n\r\n" + body)
        if isinstance(message, Response):
            if message.status >= 200 and (event := self._receive_response(message, at)):
                events.append(event)
        elif isinstance(message, Request):
            self._receive_request(message, events)
        else:
            raise RemoteProtocolError(f"the server sent what is no message: {message.reason}")

    def _receive_request(self, request: Request, events: list[Event]) -> None:
        if request.method in ("ACK", "BENOTIFY"):
            return
        status = 200 if request.method in _ANSWERED or request.method == "INFO" else 405
        tag = self._tag
        self._send(response_to(request, status, "OK" if status == 200 else "No", tag=tag))
        if request.method == "INFO":
            self._hear(request.body, events)
        elif request.method == "BYE":
            self._dialog = None
            events.append(Ended("the server sent BYE"))

    def _receive_response(self, response: Response, at: float) -> Event | None:
        method, number = response.cseq.method, response.cseq.number
        if method == "REGISTER":
            return self._registered(response, at)
        if method == "INVITE" and not self._opened(response):
            return None
        return Answered(method, number, response.status, response.reason)

    def _registered(self, response: Response, at: float) -> Event | None:
        request = self._registering
        if request is None:
            return None
        if response.status in _CHALLENGES:
            answer = self._initiator.answer(response, request, at)
            if not isinstance(answer, tuple):
                raise RemoteProtocolError("the server asks for a ticket")
            self.register(*answer)
            return None
        if self._initiator.check(response) is not Check.OK:
            raise RemoteProtocolError("the server's signature is wrong")
        association = self._initiator.association
        if association is not None and self._signer is None:
            self._signer = AnswerSigner(association, self._random)
        return Answered("REGISTER", 0, response.status, response.reason)

    def _opened(self, response: Response) -> bool:
        invite = self._inviting
        if invite is None or response.call_id != invite.call_id:
            return False
        if response.status < 300:
            self._dialog = Dialog.of_client(invite, response)
            self._send(self._dialog.ack(invite.cseq.number, self._via()))
        else:
            self._inviting = None
        return True

    def _envelope(self, primitive: Primitive) -> tuple[int, str]:
        self._envelopes += 1
        envid = str(self._envelopes)
        number = self._in_dialog("INFO", _CONTENT, body=encode(Envelope(envid, (primitive,))))
        return number, envid

    def _in_dialog(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> int:
        if self._dialog is None:
            raise RemoteProtocolError("the dialog is over")
        request = self._dialog.request(method, self._via(), (*headers, _AGENT), body)
        self._send(request)
        return self._dialog.local_cseq

    def _request(
        self,
        method: str,
        uri: str,
        to: str,
        call_id: str,
        number: int,
        *headers: tuple[str, str],
        body: bytes = b"",
    ) -> Request:
        who = self._identity
        items = (
            ("From", f"<{who.uri}>;tag={self._tag};epid={who.epid}"),
            ("To", f"<{to}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{number} {method}"),
            *headers,
            _AGENT,
        )
        return completed(Request(method, uri, Headers(items), body), self._via(), self._new_id)

    def _via(self) -> str:
        transport, _, sent_by = self._identity.via.partition(" ")
        return f"SIP/2.0/{transport} {sent_by};branch=z9hG4bK{self._new_id()}"

    def _new_id(self) -> str:
        return self._random(8).hex()

    def _send(self, message: Message) -> None:
        self._out.append(serialize(self._initiator.seal(message)))


def _event(primitive: Primitive) -> Event | None:
    if isinstance(primitive, Reply):
        return Replied(primitive)
    mark = mark_of(primitive.text) if isinstance(primitive, Chat) else None
    if mark is None or not isinstance(primitive, Chat):
        return None
    return Heard(primitive.room.encode(), primitive.id, mark.run.encode(), mark.post, mark.due)
