"""
Dialogs: what two user agents have to remember of each other (RFC 3261 §12).

A dialog is made by a 2xx; early dialogs are not kept, as nothing is sent in them here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from perchat.sip.header import parse_name_addr
from perchat.sip.message import Headers, Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perchat.sip.header import NameAddr
    from perchat.sip.message import Message, Response
    from perchat.sip.session_timer import SessionTimer

__all__ = ["CREATING", "Dialog", "DialogState", "dialog_id"]

CREATING = frozenset(("INVITE", "SUBSCRIBE"))
_TARGET_REFRESHING = frozenset(("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY"))


class DialogState(Enum):
    """How far it is."""

    ACCEPTED = "accepted"  # 2xx sent, ACK to come
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


def dialog_id(call_id: str, local_tag: str, remote_tag: str) -> str:
    """Return the name of a dialog on this side; tags hold no colon, so it is unique."""
    return f"{call_id}:{local_tag}:{remote_tag}"


@dataclass(slots=True)
class Dialog:
    """
    One dialog, seen from this side. Its owner reads; the user agent writes.

    Attributes:
        local: Our From, as it stands in the requests we send.
        remote: Our To, with whatever parameters the peer gave itself.
        remote_target: Where our requests go.
        route_set: Routes they take, in the order they are visited.
        local_cseq: Of the last request sent; 0 before the first.
        remote_cseq: Of the last request received; None before the first.
        method: What made it: INVITE or SUBSCRIBE.

    """

    id: str
    call_id: str
    local_tag: str
    remote_tag: str
    local: str
    remote: str
    remote_target: str
    route_set: tuple[str, ...]
    local_cseq: int
    remote_cseq: int | None
    method: str
    state: DialogState = DialogState.CONFIRMED
    session: SessionTimer | None = None
    _challenged: int | None = field(default=None, repr=False)

    @staticmethod
    def of_server(request: Request, response: Response) -> Dialog:
        """Make the dialog of a request we accepted (§12.1.1)."""
        local, remote = response.headers.get("To") or "", request.headers.get("From") or ""
        state = DialogState.ACCEPTED if request.method == "INVITE" else DialogState.CONFIRMED
        return Dialog(
            dialog_id(request.call_id, response.to.tag, request.from_.tag),
            request.call_id,
            response.to.tag,
            request.from_.tag,
            local,
            remote,
            _target(request, request.from_.uri),
            tuple(str(route) for route in request.record_routes),
            0,
            request.cseq.number,
            request.method,
            state,
        )

    @staticmethod
    def of_client(request: Request, response: Response) -> Dialog:
        """Make the dialog of a request the peer accepted (§12.1.2)."""
        local, remote = request.headers.get("From") or "", response.headers.get("To") or ""
        return Dialog(
            dialog_id(request.call_id, request.from_.tag, response.to.tag),
            request.call_id,
            request.from_.tag,
            response.to.tag,
            local,
            remote,
            _target(response, request.uri),
            tuple(str(route) for route in reversed(response.record_routes)),
            request.cseq.number,
            None,
            request.method,
        )

    @property
    def local_uri(self) -> str:
        """Who we are in it."""
        return parse_name_addr(self.local).uri

    @property
    def remote_uri(self) -> str:
        """Who the peer is."""
        return parse_name_addr(self.remote).uri

    def is_next(self, number: int) -> bool:
        """Whether a CSeq of the peer is in order (§12.2.2)."""
        return self.remote_cseq is None or number > self.remote_cseq

    def accept(self, number: int) -> bool:
        """
        Note the CSeq of the peer's request; whether it is in order.

        A number we asked credentials for may come once more ([MS-SIPAE] 3.2).
        """
        if not self.is_next(number) and number != self._challenged:
            return False
        self.remote_cseq, self._challenged = max(number, self.remote_cseq or 0), None
        self.state = DialogState.CONFIRMED  # who goes on has our 2xx
        return True

    def challenged(self, request: Request) -> None:
        """Note that credentials were asked for."""
        self._challenged = request.cseq.number

    def refresh_target(self, method: str, message: Message) -> None:
        """Follow the peer when it moves (§12.2.1.2)."""
        if method in _TARGET_REFRESHING:
            self.remote_target = _target(message, self.remote_target)

    def request(
        self, method: str, via: str, items: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Request:
        """Return the next request in this dialog (§12.2.1.1)."""
        self.local_cseq += 1
        return self.numbered(method, self.local_cseq, via, items, body)

    def ack(self, number: int, via: str, items: Iterable[tuple[str, str]] = ()) -> Request:
        """Return the ACK of the 2xx to the INVITE with that number (§13.2.2.4)."""
        return self.numbered("ACK", number, via, items, b"")

    def numbered(
        self, method: str, number: int, via: str, items: Iterable[tuple[str, str]], body: bytes
    ) -> Request:
        """Return the request of that number; whoever asks keeps the count."""
        uri, routes = self._path()
        head = (
            ("Via", via),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in routes),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            *items,
        )
        return Request(method, uri, Headers(head), body)

    def _path(self) -> tuple[str, tuple[str, ...]]:
        if not self.route_set or self._first_route_is_loose():
            return self.remote_target, self.route_set
        first = parse_name_addr(self.route_set[0]).uri
        return first, (*self.route_set[1:], f"<{self.remote_target}>")

    def _first_route_is_loose(self) -> bool:
        return "lr" in parse_name_addr(self.route_set[0]).address.params


def _target(message: Message, otherwise: str) -> str:
    contact: NameAddr | None = message.contact
    return contact.uri if contact else otherwise
