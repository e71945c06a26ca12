"""
The user agent: transactions and dialogs behind one object (RFC 3261 §8).

Messages and time go in, events come out; requests go in, messages come out. It never
blocks, never calls back, and learns the time from its caller. One stands on each
connection and plays both parts there.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from perchat.errors import LocalProtocolError, RemoteProtocolError, StateError
from perchat.sip.admission import Refusal, UserAgentSettings, refusal_of, try_later
from perchat.sip.compose import ack_of, cancel_of, completed, response_to
from perchat.sip.dialog import CREATING, Dialog, DialogState, dialog_id
from perchat.sip.events import (
    AckReceived,
    Answered,
    Cancelled,
    DialogEnded,
    Event,
    InfoReceived,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    SessionRefreshDue,
)
from perchat.sip.grammar import MAGIC_COOKIE
from perchat.sip.header import MAX_CSEQ, CSeq
from perchat.sip.intake import LESSONS, Intake
from perchat.sip.lane import Lane, Lanes, message_of
from perchat.sip.message import Headers, Message, Request, Response
from perchat.sip.session_timer import REFRESHING, SessionTimer, session_expires
from perchat.sip.status import is_success, reason_of
from perchat.sip.subscription import is_terminated, piggybacked_cseq
from perchat.sip.timers import Alarms
from perchat.sip.transaction import (
    Action,
    Input,
    Kind,
    State,
    Transaction,
    client_key,
    server_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from perchat.sip.intake import Taken
    from perchat.sip.lane import Letter

__all__ = ["UserAgent", "UserAgentSettings"]


class UserAgent:
    """Both roles of one end of a connection. Settings are for good."""

    def __init__(self, settings: UserAgentSettings, *, new_id: Callable[[], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        transport, _, sent_by = settings.via.partition(" ")
        self._via = f"SIP/2.0/{transport} {sent_by};branch={MAGIC_COOKIE}"
        self._product = (("User-Agent", settings.user_agent),) if settings.user_agent else ()
        self._server = (("Server", settings.server),) if settings.server else ()
        self._count = 0
        self._transactions: dict[str, Transaction] = {}
        self._servers: dict[object, Transaction] = {}
        self._clients: dict[object, Transaction] = {}
        self._dialogs: dict[str, Dialog] = {}
        self._patience = settings.timers.give_up
        self._lanes = Lanes()
        self._intakes: dict[str, Intake] = {}
        self._taken: dict[str, tuple[Intake, int, bytes]] = {}  # INFOs that wait for our answer
        self._alarms = Alarms()
        self._outbox: list[Message | Letter] = []

    # from the network

    def receive(self, message: Message, now: float) -> list[Event]:
        """Take a sound message and return what it means. Never raises."""
        if isinstance(message, Response):
            return self._receive_response(message, now)
        if message.method == "ACK":
            return self._receive_ack(message, now)
        if message.method == "CANCEL":
            return self._receive_cancel(message, now)
        if message.method == "BENOTIFY":
            return self._receive_unanswered(message, now)
        return self._receive_request(message, now)

    # from the owner

    def request(self, request: Request, now: float) -> str:
        """
        Send a request outside of any dialog and return the name of its transaction.

        Via, Max-Forwards, Call-ID, CSeq and the tag of From are added when missing.

        Raises:
            LocalProtocolError: It lacks From or To, or is an ACK or CANCEL.
            StateError: Too many requests wait for their answers.

        """
        if request.method in ("ACK", "CANCEL"):
            raise LocalProtocolError(f"{request.method} is not sent by itself")
        self._check_room_for_client()
        complete = completed(request, self._new_via(), self._new_id)
        if self._product:
            complete = replace(complete, headers=complete.headers.plus(*self._product))
        return self._start_client(complete, now).id

    def request_in(
        self,
        dialog: str,
        method: str,
        now: float,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> str:
        """
        Send a request in a dialog and return the name of its transaction.

        BENOTIFY has no answer and no transaction: the name is empty. BYE, and a
        notification that ends its subscription, end the dialog here at once.

        Raises:
            StateError: There is no such dialog, perhaps no more; or too many requests
                wait for their answers.

        """
        known = self._dialogs.get(dialog)
        if known is None:
            raise StateError(f"no such dialog: {dialog}")
        if method != "BENOTIFY":
            self._check_room_for_client()
        request = known.request(method, self._new_via(), (*headers, *self._product), body)
        if method == "BYE" or (known.method == "SUBSCRIBE" and is_terminated(request)):
            self.drop_dialog(dialog)
        if method == "BENOTIFY":
            self._outbox.append(request)
            return ""
        return self._start_client(request, now, dialog).id

    def open_lane(self, dialog: str, headers: Sequence[tuple[str, str]] = ()) -> Lane:
        """
        Return the lane on which a dialog's INFOs leave from now on, with these headers.

        Those that come in it may be reported as `InfoReceived` then.

        Raises:
            StateError: There is no such dialog, perhaps no more.

        """
        known = self._dialogs.get(dialog)
        if known is None:
            raise StateError(f"no such dialog: {dialog}")
        via = self._via.removesuffix(MAGIC_COOKIE)
        lane = Lane(known, via, f"{MAGIC_COOKIE}{self._new_id()}.", (*headers, *self._product))
        self._lanes.add(lane)
        if self._settings.timers.reliable:  # else a copy may come after the answer
            self._intakes[dialog] = Intake(known)
        return lane

    def post(self, lane: Lane, end: bytes, now: float) -> None:
        """
        Send an INFO on a lane; ``end`` is `lane.framed`.

        Raises:
            StateError: The dialog is gone, or too many requests wait for their answers.

        """
        self._outbox.append((lane, self._begin(lane, now), end))

    def letters(self, lane: Lane, ends: Iterable[bytes], now: float) -> bytes:
        """
        Return INFOs of a lane as they are to be sent at once, instead of by `outgoing`.

        Raises:
            StateError: The dialog is gone, or too many requests wait for their answers.

        """
        return b"".join([lane.render(self._begin(lane, now), end) for end in ends])

    def _begin(self, lane: Lane, now: float) -> int:
        """Number an INFO of a lane, and wait for its answer."""
        dialog, pending = lane.dialog, lane.pending
        if dialog.state is DialogState.TERMINATED:
            raise StateError(f"no such dialog: {dialog.id}")
        if len(pending) >= self._settings.max_client_transactions:
            raise StateError("too many requests wait for their answers")
        number = dialog.local_cseq = dialog.local_cseq + 1
        due = pending[number] = now + self._patience
        if not lane.armed:
            lane.armed = True
            self._alarms.set(lane.branch, due)
        return number

    def cancel(self, transaction: str, now: float) -> None:
        """Take an INVITE back; its answer, most likely 487, still comes (§9.1)."""
        known = self._transactions.get(transaction)
        if known is None or known.kind is not Kind.INVITE_CLIENT or not known.is_open:
            return
        known.cancelled = True
        if known.response is not None:  # else it has to wait for the first answer
            self._send_cancel(known, now)

    def accept(self, transaction: str, now: float) -> None:
        """Answer a request 200, as `respond` does; for an INFO that was known it is written."""
        if taken := self._taken.pop(transaction, None):
            self._outbox.append(taken)
        else:
            self.respond(transaction, 200, now=now)

    def respond(
        self,
        transaction: str,
        status: int,
        reason: str = "",
        now: float = 0.0,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """
        Answer a request. A 2xx to INVITE or SUBSCRIBE with a Contact makes a dialog.

        When the transaction has had its final answer, was cancelled, or never was,
        nothing is sent: a connection may always be faster than its owner.

        Raises:
            LocalProtocolError: No such status.

        """
        if not 100 <= status <= 699:
            raise LocalProtocolError(f"no such status: {status}")
        phrase = reason or reason_of(status)
        known = self._transactions.get(transaction) or self._in_full(transaction, now)
        if known is None or known.kind not in _SERVING or not known.is_open:
            return Response(status, phrase, Headers(headers), body)
        response = self._answer(known, status, phrase, headers, body)
        self._note_answer(known, response, now)
        known.response = response
        self._perform(known, known.feed(Input.of(status), now), now)
        if known.state is State.ACCEPTED:
            known.response = None  # never sent again, but the transaction lives on (RFC 6026 §7.1)
        return response

    def drop_dialog(self, dialog: str) -> None:
        """Forget a dialog without a word; requests of the peer in it get 481."""
        known = self._dialogs.pop(dialog, None)
        if known is not None:
            known.state = DialogState.TERMINATED
            self._alarms.set(dialog, None)
            self._close_lane(dialog)
            self._intakes.pop(dialog, None)

    def dialog(self, dialog: str) -> Dialog | None:
        """Return a dialog to read from."""
        return self._dialogs.get(dialog)

    @property
    def dialogs(self) -> tuple[str, ...]:
        """The dialogs there are, the oldest first."""
        return tuple(self._dialogs)

    # to the network

    def messages_to_send(self) -> list[Message]:
        """Return what is to be sent, in order, and forget it."""
        return [message_of(one) for one in self.outgoing()]

    def outgoing(self) -> list[Message | Letter]:
        """Return the same as it is: a letter is to be rendered."""
        messages, self._outbox = self._outbox, []
        return messages

    @property
    def has_outgoing(self) -> bool:
        """Whether something is to be sent."""
        return bool(self._outbox)

    def next_timer(self) -> float | None:
        """Return when to call `handle_timer`."""
        return self._alarms.next()

    @property
    def timer_changed(self) -> bool:
        """Whether `next_timer` may return something else than it did last."""
        return self._alarms.changed

    def handle_timer(self, now: float) -> list[Event]:
        """Do what is due."""
        events: list[Event] = []
        for name in self._alarms.due(now):
            if name in self._transactions:
                events += self._transaction_due(self._transactions[name], now)
            elif name in self._dialogs:
                events += self._session_due(self._dialogs[name], now)
            elif (lane := self._lanes.alarmed_by(name)) is not None:
                events += self._lane_due(lane, now)
        return events

    # lanes

    def take(self, data: bytes | bytearray, at: int, now: float) -> tuple[int, list[Event]]:
        """
        Take what begins there and looks like what came before: an INFO, or 200s on lanes.

        Returns where it ends. What follows is for the next call, or for the parser; nothing
        is lost when everything is.
        """
        for intake in self._intakes.values():
            if (taken := intake.read(data, at)) and (event := self._take(intake, taken, now)):
                return taken[-1], [event]
        return self.take_answers(data, at, now) if self._lanes else (at, [])

    def take_answers(self, data: bytes | bytearray, at: int, now: float) -> tuple[int, list[Event]]:
        """Take the 200s on lanes that begin there, as long as they look alike."""
        used, taken = self._lanes.take(data, at, now)
        for lane, _ in taken:
            self._alive(lane.dialog, now)
        return used, [Answered(lane.dialog.id, count) for lane, count in taken]

    def learn(self, data: bytes) -> None:
        """
        Look at what was just received as it was written, to know the like of it again.

        Of several messages the first is looked at: in a room that is busy from its beginning
        every read brings several answers, and for seconds none was learned.
        """
        if not self._lanes or not data.startswith(_OK):
            return
        answer = data[: data.find(_END) + len(_END)]
        if len(answer) == len(data) or _EMPTY.search(answer):
            self._lanes.learn(answer)

    def _take(self, intake: Intake, taken: Taken, now: float) -> InfoReceived | None:
        """Admit an INFO as `_receive_request` does; None is for that to say why not."""
        branch, number, body, proof, _ = taken
        dialog, voucher, key = intake.dialog, intake.voucher, intake.key_of(branch)
        if key in self._taken or key in self._servers or self._is_full():
            return None
        if number > MAX_CSEQ or not dialog.is_next(number):
            return None
        if voucher is None or not voucher.admits(number, proof, now):
            return None
        dialog.accept(number)
        self._alive(dialog, now)
        intake.lessons = LESSONS
        self._taken[key] = (intake, number, branch)
        return InfoReceived(key, dialog.id, intake.content_type, body)

    def study(self, request: Request) -> Intake | None:
        """Return the intake that wants to learn from a request, as it came and was taken."""
        dialog = self._dialog_of(request) if request.method == "INFO" else None
        intake = self._intakes.get(dialog.id) if dialog else None
        return intake if intake is not None and intake.wants(request.headers.written) else None

    def ok(self, request: Request) -> Response:
        """Return what `accept` answers a request in a dialog with; nothing is sent."""
        return response_to(request, 200, reason_of(200), headers=self._server)

    def _is_full(self) -> bool:
        waiting = len(self._servers) + len(self._taken)
        return waiting >= self._settings.max_server_transactions

    def _in_full(self, transaction: str, now: float) -> Transaction | None:
        """Make the transaction of an INFO that had none: its answer is not as the others."""
        taken = self._taken.pop(transaction, None)
        if taken is None:
            return None
        intake, number, branch = taken
        request = intake.request(number, branch)
        made = self._start_server(transaction, request, now, name=transaction)
        made.dialog = intake.dialog.id
        return made

    def _close_lane(self, dialog: str) -> None:
        if lane := self._lanes.get(dialog):
            self._alarms.set(lane.branch, None)
            self._lanes.drop(dialog)

    def _lane_due(self, lane: Lane, now: float) -> list[Event]:
        """Look at the oldest INFO: what was answered meanwhile has cost no timer."""
        number, due = next(iter(lane.pending.items()), (0, 0.0))
        lane.armed = number > 0
        if not number:
            return []
        if due > now:
            self._alarms.set(lane.branch, due)
            return []
        timed_out = RequestTimedOut("", lane.request(number))
        return [timed_out, *self._end(lane.dialog.id, "request timed out")]

    # requests received

    def _receive_request(self, request: Request, now: float) -> list[Event]:
        key = server_key(request)
        known = self._servers.get(key)
        if known is not None:
            return self._perform(known, known.feed(Input.REQUEST, now), now)
        if key in self._taken:
            return []
        if self._is_full():
            self._send_stateless(request, try_later(self._settings))
            return []
        transaction = self._start_server(key, request, now)
        dialog = self._dialog_of(request)
        refusal = self._admit(request, dialog)
        if refusal is not None:
            self.respond(transaction.id, refusal.status, now=now, headers=refusal.headers)
            return []
        return self._report(transaction, dialog, now)

    def _report(self, transaction: Transaction, dialog: Dialog | None, now: float) -> list[Event]:
        request = transaction.request
        if dialog is None:
            return [RequestReceived(transaction.id, request, None)]
        transaction.dialog = dialog.id
        self._alive(dialog, now)
        if request.method == "BYE":
            self.respond(transaction.id, 200, now=now)
            return self._end(dialog.id, "the peer sent BYE")
        event = RequestReceived(transaction.id, request, dialog.id)
        return [event, *self._end_of_subscription(dialog, request)]

    def _receive_unanswered(self, request: Request, now: float) -> list[Event]:
        """BENOTIFY: what cannot be taken is dropped, for there is no answer."""
        dialog = self._dialog_of(request)
        if self._admit(request, dialog) is not None:
            return []
        if dialog is None:
            return [RequestReceived("", request, None)]
        self._alive(dialog, now)
        event = RequestReceived("", request, dialog.id)
        return [event, *self._end_of_subscription(dialog, request)]

    def _end_of_subscription(self, dialog: Dialog, notice: Request) -> list[Event]:
        if dialog.method != "SUBSCRIBE" or not is_terminated(notice):
            return []
        return self._end(dialog.id, "the subscription ended")

    def _receive_ack(self, request: Request, now: float) -> list[Event]:
        known = self._servers.get(server_key(request))
        if known is not None and Action.DELIVER not in known.feed(Input.ACK, now):
            self._settle(known)
            return []
        dialog = self._dialog_of(request)
        if dialog is None:
            return []
        dialog.state = DialogState.CONFIRMED
        self._alive(dialog, now)
        return [AckReceived(dialog.id, request)]

    def _receive_cancel(self, request: Request, now: float) -> list[Event]:
        known = self._servers.get(server_key(request))
        if known is None or known.kind is not Kind.INVITE_SERVER:
            self._send_stateless(request, Refusal(481))
            return []
        self._send_stateless(request, Refusal(200), self._tag_of(known))
        if not known.is_open:
            return []
        self.respond(known.id, 487, now=now)
        return [Cancelled(known.id)]

    def _dialog_of(self, request: Request) -> Dialog | None:
        tag = request.to.tag
        if not tag:
            return None
        return self._dialogs.get(dialog_id(request.call_id, tag, request.from_.tag))

    # what is refused without asking the owner

    def _admit(self, request: Request, dialog: Dialog | None) -> Refusal | None:
        """Return why a request is refused (§8.2, in its order), None when it is not."""
        refusal = refusal_of(self._settings, request)
        if refusal is not None:
            return refusal
        if dialog is not None:
            return None if dialog.accept(request.cseq.number) else _OUT_OF_ORDER
        return self._check_place(request) or self._check_room(request)

    def _check_place(self, request: Request) -> Refusal | None:
        """Refuse what needs a dialog and names none that is known."""
        outside = not request.to.tag and request.method not in _ONLY_IN_DIALOG
        if outside or request.method == "REGISTER":
            return None
        return None if self._is_early_notice(request) else Refusal(481)

    def _is_early_notice(self, request: Request) -> bool:
        """Whether a notification overtook the answer to our SUBSCRIBE (RFC 6665 §4.4.1)."""
        if request.method not in ("NOTIFY", "BENOTIFY"):
            return False
        return any(
            waiting.request.method == "SUBSCRIBE"
            and waiting.request.call_id == request.call_id
            and waiting.request.from_.tag == request.to.tag
            for waiting in self._clients.values()
        )

    def _check_room(self, request: Request) -> Refusal | None:
        if request.method not in CREATING:
            return None
        pending = sum(
            one.request.method in CREATING for one in self._servers.values() if one.is_open
        )
        if len(self._dialogs) + pending <= self._settings.max_dialogs:  # this one is pending
            return None
        return try_later(self._settings)

    # answers sent

    def _answer(
        self,
        transaction: Transaction,
        status: int,
        reason: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> Response:
        routes: list[tuple[str, str]] = []
        request = transaction.request
        tag = self._tag_of(transaction) if status > 100 else ""
        if request.method in CREATING and 100 < status < 300:
            routes = [("Record-Route", route) for route in request.headers.get_all("Record-Route")]
        items = (*routes, *headers, *self._server)
        return response_to(request, status, reason, tag=tag, headers=items, body=body)

    def _send_stateless(self, request: Request, refusal: Refusal, tag: str = "") -> None:
        status, headers = refusal.status, (*refusal.headers, *self._server)
        tag, reason = tag or self._new_id(), reason_of(status)
        self._outbox.append(response_to(request, status, reason, tag=tag, headers=headers))

    def _tag_of(self, transaction: Transaction) -> str:
        if transaction.to_tag is None:
            transaction.to_tag = self._new_id()
        return transaction.to_tag

    def _note_answer(self, transaction: Transaction, response: Response, now: float) -> None:
        """Do to the dialog what the answer says."""
        request, status = transaction.request, response.status
        dialog = self._dialogs.get(transaction.dialog or "")
        if dialog is None:
            creates = is_success(status) and _creates_dialog(request, response)
            if creates and "Contact" in response.headers:
                dialog = Dialog.of_server(request, response)
                dialog.local_cseq = piggybacked_cseq(response)
                self._open(transaction, dialog, response, now)
        elif is_success(status):
            dialog.refresh_target(request.method, request)
            dialog.local_cseq = max(dialog.local_cseq, piggybacked_cseq(response))
            self._refresh_session(dialog, request.method, response, now, ours="uas")
            if dialog.method == "SUBSCRIBE" and is_terminated(response):
                self.drop_dialog(dialog.id)
        elif status in (401, 407):
            dialog.challenged(request)
        elif status == 481:
            self.drop_dialog(dialog.id)

    # answers received

    def _receive_response(self, response: Response, now: float) -> list[Event]:
        if len(response.vias) != 1:  # misrouted: §8.1.3.3
            return []
        known = self._client_of(response)
        if known is None:
            return self._receive_on_lane(response, now)
        known.response = response
        return self._perform(known, known.feed(Input.of(response.status), now), now)

    def _client_of(self, response: Response) -> Transaction | None:
        if response.via.branch:
            return self._clients.get(client_key(response))
        for known in self._clients.values():  # a peer that cuts the Via short
            request = known.request
            if request.call_id == response.call_id and request.cseq == response.cseq:
                return known
        return None

    def _receive_on_lane(self, response: Response, now: float) -> list[Event]:
        """Take the answer to an INFO that has no transaction: it is not like the others."""
        waiting = self._lanes.waiting(response.via.branch) if self._lanes else None
        if waiting is None or response.cseq != CSeq(waiting[1], "INFO"):
            return []
        lane, number = waiting
        if response.status >= 200:
            del lane.pending[number]
        event = ResponseReceived(self._next_name("c"), response, lane.dialog.id)
        return [event, *self._after_answer(lane.dialog, "INFO", response, now)]

    def _deliver_response(self, transaction: Transaction, now: float) -> list[Event]:
        request, response = transaction.request, transaction.response
        if response is None or transaction.internal:
            return []
        if response.status < 200 and transaction.cancelled:
            self._send_cancel(transaction, now)
        accepted = is_success(response.status) and request.method in CREATING
        if accepted and not self._accepted(transaction, response, now):
            return []
        event = ResponseReceived(transaction.id, response, transaction.dialog)
        dialog = self._dialogs.get(transaction.dialog or "")
        if dialog is None or not request.to.tag:
            return [event]
        return [event, *self._after_answer(dialog, request.method, response, now)]

    def _accepted(self, transaction: Transaction, response: Response, now: float) -> bool:
        """Make the dialog and acknowledge; whether the answer is news."""
        request, news = transaction.request, transaction.to_tag != response.to.tag
        transaction.to_tag = response.to.tag
        if news and not request.to.tag and _creates_dialog(request, response):
            dialog = Dialog.of_client(request, response)
            dialog.remote_cseq = piggybacked_cseq(response) or None
            self._open(transaction, dialog, response, now)
        known = self._dialogs.get(transaction.dialog or "")
        if request.method == "INVITE" and known is not None:
            ack = known.ack(request.cseq.number, self._new_via(), self._product)
            self._outbox.append(ack)
        return news

    def _after_answer(
        self, dialog: Dialog, method: str, response: Response, now: float
    ) -> list[Event]:
        """Do to the dialog what the answer to a request in it says."""
        if is_success(response.status):
            dialog.refresh_target(method, response)
            dialog.remote_cseq = max(dialog.remote_cseq or 0, piggybacked_cseq(response)) or None
            self._alive(dialog, now)
            self._refresh_session(dialog, method, response, now, ours="uac")
        elif response.status in (_ENDING_INVITE if method == "INVITE" else _ENDING):
            return self._end(dialog.id, f"{method} was answered {response.status}")
        return []

    # dialogs and their sessions

    def _open(
        self, transaction: Transaction, dialog: Dialog, response: Response, now: float
    ) -> None:
        self._dialogs[dialog.id] = dialog
        transaction.dialog = dialog.id
        ours = "uas" if transaction.kind is Kind.INVITE_SERVER else "uac"
        self._refresh_session(dialog, transaction.request.method, response, now, ours=ours)

    def _refresh_session(
        self, dialog: Dialog, method: str, response: Response, now: float, *, ours: str
    ) -> None:
        if method not in REFRESHING:
            return
        try:
            agreed = session_expires(response)
        except RemoteProtocolError:
            agreed = None
        if agreed is not None:
            mine = agreed.refresher == ours
            dialog.session = SessionTimer.begin(agreed.interval, now, ours=mine)
        elif dialog.session is not None:
            dialog.session.refreshed(now)
        if dialog.session is not None:
            self._alarms.set(dialog.id, dialog.session.deadline())

    def _alive(self, dialog: Dialog, now: float) -> None:
        """Note a sign of life; the alarm stays and looks again when it rings."""
        if dialog.session is not None:
            dialog.session.alive(now)

    def _session_due(self, dialog: Dialog, now: float) -> list[Event]:
        session, events = dialog.session, list[Event]()
        if session is None:
            return events
        if session.expires_at <= now:
            if self._settings.bye_on_expiry:
                self._start_client(dialog.request("BYE", self._new_via(), self._product), now)
            return self._end(dialog.id, "session expired")
        if session.refresh_at is not None and session.refresh_at <= now:
            session.refresh_at = None
            events.append(SessionRefreshDue(dialog.id))
        self._alarms.set(dialog.id, session.deadline())
        return events

    def _end(self, dialog: str, reason: str) -> list[Event]:
        if dialog not in self._dialogs:
            return []
        self.drop_dialog(dialog)
        return [DialogEnded(dialog, reason)]

    # transactions

    def _check_room_for_client(self) -> None:
        if len(self._clients) >= self._settings.max_client_transactions:
            raise StateError("too many requests wait for their answers")

    def _next_name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def _start_server(
        self, key: object, request: Request, now: float, name: str = ""
    ) -> Transaction:
        kind = Kind.INVITE_SERVER if request.method == "INVITE" else Kind.SERVER
        timers = self._settings.timers
        transaction = Transaction(kind, name or self._next_name("s"), key, request, timers)
        self._transactions[transaction.id] = self._servers[key] = transaction
        transaction.start(now)
        return transaction

    def _start_client(
        self, request: Request, now: float, dialog: str | None = None, *, internal: bool = False
    ) -> Transaction:
        kind = Kind.INVITE_CLIENT if request.method == "INVITE" else Kind.CLIENT
        key = (request.via.branch, request.method)
        timers = self._settings.timers
        transaction = Transaction(kind, self._next_name("c"), key, request, timers)
        transaction.dialog, transaction.internal = dialog, internal
        self._transactions[transaction.id] = self._clients[key] = transaction
        transaction.start(now)
        self._outbox.append(request)
        self._settle(transaction)
        return transaction

    def _send_cancel(self, transaction: Transaction, now: float) -> None:
        if not transaction.cancel_sent:
            transaction.cancel_sent = True
            self._start_client(cancel_of(transaction.request), now, internal=True)

    def _perform(
        self, transaction: Transaction, actions: tuple[Action, ...], now: float
    ) -> list[Event]:
        events: list[Event] = []
        for action in actions:
            events += self._ACTIONS[action](self, transaction, now)
        self._settle(transaction)
        return events

    def _send(self, transaction: Transaction, _now: float) -> list[Event]:
        if transaction.kind not in _SERVING:
            self._outbox.append(transaction.request)
        elif transaction.response is not None:
            self._outbox.append(transaction.response)
        return []

    def _acknowledge(self, transaction: Transaction, _now: float) -> list[Event]:
        if transaction.response is not None:
            self._outbox.append(ack_of(transaction.request, transaction.response))
        return []

    def _time_out(self, transaction: Transaction, _now: float) -> list[Event]:
        dialog = self._dialogs.get(transaction.dialog or "")
        if transaction.kind in _SERVING:
            if dialog is None or dialog.state is not DialogState.ACCEPTED:
                return []
            return self._end(dialog.id, "not acknowledged")  # §13.3.1.4
        if transaction.internal:
            return []
        timed_out = RequestTimedOut(transaction.id, transaction.request)
        return [timed_out, *(self._end(dialog.id, "request timed out") if dialog else ())]

    _ACTIONS: ClassVar[dict[Action, Callable[[UserAgent, Transaction, float], list[Event]]]] = {
        Action.SEND: _send,
        Action.ACK: _acknowledge,
        Action.DELIVER: _deliver_response,
        Action.TIMEOUT: _time_out,
    }

    def _transaction_due(self, transaction: Transaction, now: float) -> list[Event]:
        events: list[Event] = []
        for timer in transaction.due(now):
            events += self._perform(transaction, transaction.feed(timer, now), now)
        self._settle(transaction)
        return events

    def _settle(self, transaction: Transaction) -> None:
        """Arm the next timer, or forget what is over."""
        if not transaction.is_over:
            self._alarms.set(transaction.id, transaction.deadline())
            return
        self._alarms.set(transaction.id, None)
        self._transactions.pop(transaction.id, None)
        table = self._servers if transaction.kind in _SERVING else self._clients
        table.pop(transaction.key, None)

    # requests sent

    def _new_via(self) -> str:
        return self._via + self._new_id()


def _creates_dialog(request: Request, accepted: Response) -> bool:
    """Whether a 2xx creates a dialog; a subscription that ends at once has none."""
    if request.method == "SUBSCRIBE":
        return not is_terminated(accepted)
    return request.method in CREATING


_OK = b"SIP/2.0 200 "
_END = b"\r\n\r\n"
_EMPTY = re.compile(rb"\r\n(?:Content-Length|l)[ \t]*:[ \t]*0{1,9}[ \t]*\r\n", re.IGNORECASE)
_SERVING = frozenset((Kind.INVITE_SERVER, Kind.SERVER))
_OUT_OF_ORDER = Refusal(500, (("Retry-After", "0"),))  # §12.2.2
_ONLY_IN_DIALOG = frozenset(("BYE", "INFO", "UPDATE"))
_ENDING = frozenset((408, 481, 487))  # §12.2.1.2; 487 is how clients disown a session
_ENDING_INVITE = frozenset((408, 481))  # there 487 only means cancelled
