"""
A connection: moves bytes and time between a transport and a user agent.

::

    bytes in   -> StreamParser -> Guard.admit -> UserAgent.receive -> Owner.events_received
    bytes out  <- serialize    <- Guard.seal  <- UserAgent.messages_to_send

On a lane (`perchat.sip.lane`) the bytes are joined and compared instead, and the lane
has a stamp of its own. Who traces a connection sees messages either way.

The user agent is told the time and never waits; everything that it wants to send
within one turn of the loop leaves in one write. Whatever goes wrong with the peer's
bytes ends here, with a logged reason: the owner only sees ``connection_lost``.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from perchat.errors import ConnectionFailure, LocalProtocolError
from perchat.net.names import peer_names
from perchat.net.tlsfailure import tls_failure
from perchat.net.tlsserver import TLS_HELD
from perchat.net.trace import Seen
from perchat.net.turns import turns_of
from perchat.sip.message import Request, Response
from perchat.sip.parser import (
    Damaged,
    ParserLimits,
    Ping,
    StreamBroken,
    StreamParser,
    parse_datagram,
)
from perchat.sip.serializer import serialize
from perchat.sip.transport import PING, PONG, received
from perchat.sip.useragent import UserAgent, UserAgentSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from perchat.net.quota import Quota, Share
    from perchat.net.trace import Tracer
    from perchat.sip.events import Event
    from perchat.sip.intake import Voucher
    from perchat.sip.lane import Lane, Letter
    from perchat.sip.message import Message

__all__ = ["Admission", "Connection", "ConnectionSettings", "Guard", "Owner"]

_log = logging.getLogger("perchat.net")
_wire = logging.getLogger("perchat.wire")
_numbers = itertools.count(1)
_T = TypeVar("_T")
_SLICE = 4096  # bytes read at once from who has not signed in: some milliseconds' work at most
_LOOK_AGAIN = 0.25  # seconds; a sign-in elsewhere may have given back what an address owed


@dataclass(frozen=True, slots=True)
class Admission:
    """
    What becomes of a message before the user agent sees it.

    Attributes:
        message: Goes on to the user agent; None drops it.
        answer: Is sent at once in its place; None says nothing.

    """

    message: Message | None = None
    answer: Response | None = None


class Guard(Protocol):
    """Signs what goes out and vouches for what comes in."""

    def admit(self, message: Message, now: float) -> Admission:
        """Decide about a message from the network."""

    def seal(self, message: Message) -> Message:
        """Return the message as it shall go out."""


class Owner(Protocol):
    """Who acts on what a connection brings; called in the loop's thread, must not block."""

    def connection_made(self, connection: Connection) -> None:
        """Take note that the connection is up; called once, first."""

    def events_received(self, events: Sequence[Event]) -> None:
        """Act on what the user agent reports, in order."""

    def connection_lost(self, error: Exception | None) -> None:
        """Take note that it is over; called once, last; None means that we closed it."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """
    Limits and habits of one connection.

    Attributes:
        limits: How large a message may be.
        max_unsent: Bytes that may wait for a slow peer before the connection is cut.
        message_timeout: Seconds a begun message may stay incomplete.
        idle_timeout: Seconds without a byte from the peer; 0 waits for ever.
        answer_pings: Whether CRLFCRLF is answered by CRLF.
        tracer: Is shown what goes over the wire; the logger perchat.wire is in any case.
        quota: What those share who have not signed in; None: nobody has to.

    """

    limits: ParserLimits = field(default_factory=ParserLimits)
    max_unsent: int = 4 * 1024 * 1024
    message_timeout: float = 30.0
    idle_timeout: float = 0.0
    answer_pings: bool = True
    tracer: Tracer | None = None
    quota: Quota | None = None


class Connection(asyncio.BufferedProtocol):
    """
    One stream to one peer, over TCP or TLS.

    Requests and answers are given to the user agent by the methods below, which also
    see to it that they are written and that its timers run.

    Attributes:
        number: Tells it from others, in the log.
        is_tls: Whether it is encrypted.
        peer_names: The host names, lower case, of the peer's verified certificate; none
            without one.
        vouch: Returns who answers, instead of the guard, for INFOs like one that was admitted,
            given the 200 to it.

    """

    def __init__(
        self,
        owner: Owner,
        *,
        agent: Callable[[str], UserAgentSettings],
        settings: ConnectionSettings | None = None,
        guard: Guard | None = None,
    ) -> None:
        """Take ``agent``, which makes the user agent's settings from the Via's sent-by."""
        self.settings = settings or ConnectionSettings()
        self.guard = guard
        self.number = next(_numbers)
        self.peername: tuple[str, int] = ("", 0)
        self.sockname: tuple[str, int] = ("", 0)
        self.is_tls = False
        self.peer_names: frozenset[str] = frozenset()
        self.ua: UserAgent
        self.vouch: Callable[[Request, Response], Voucher | None] = _no_voucher
        self._owner = owner
        self._agent = agent
        self._parser = StreamParser()
        self._share: Share | None = None  # until the peer has signed in, where it has to
        self._pause: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._fd = -1  # of the socket, if what is to be sent may be written to it as it is
        self._loop = asyncio.get_running_loop()
        self._turns = turns_of(self._loop)
        self._closed = self._loop.create_future()
        self._error: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._flushing = False
        self._heard = self._loop.time()
        self._incomplete_since: float | None = None

    # --- from the transport ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the user agent (asyncio calls this)."""
        self._transport = cast("asyncio.Transport", transport)
        self.peername = _address(transport.get_extra_info("peername"))
        self.sockname = _address(transport.get_extra_info("sockname"))
        self.is_tls = transport.get_extra_info("ssl_object") is not None
        sock: socket.socket | None = transport.get_extra_info("socket")
        _send_at_once(sock)
        if sock is not None and not self.is_tls:
            self._fd = sock.fileno()
        self.peer_names = peer_names(transport.get_extra_info("peercert"))
        self._parser = StreamParser(self.settings.limits, self._skim)
        if (quota := self.settings.quota) is not None:
            self._share = quota.enter(self, self.peername[0], is_tls=self.is_tls)
            self._parser.limits = quota.settings.limits
        sent_by = f"{'TLS' if self.is_tls else 'TCP'} {_host_port(self.sockname)}"
        self.ua = UserAgent(self._agent(sent_by), new_id=_new_id)
        self._trace("note", "connected")
        self._owner.connection_made(self)
        self._watch_silence()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer that all connections share; emptied at once (asyncio calls this)."""
        return self._turns.buffer if self._share is None else self._turns.buffer[:_SLICE]

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read (asyncio calls this)."""
        data = bytes(self._turns.buffer[:nbytes])
        if self._share is None:
            self.data_received(data)
        else:
            self._data_received_within(self._share, data)

    def data_received(self, data: bytes) -> None:
        """Feed the parser and hand on what came of it."""
        self._heard = self._loop.time()
        self._flushing = True  # once, at the end
        whole = not self._parser.pending
        if whole and (known := self._skim(data)):
            if known == len(data):
                self.flush()
                return
            data = data[known:]
        try:
            items = self._parser.feed(data)
        except StreamBroken as error:
            self._receive_all(error.completed)
            self._unframeable(error)
            return
        self._receive_all(items)
        if not self._parser.pending:
            self._incomplete_since = None
        elif items or self._incomplete_since is None:
            self._incomplete_since = self._heard
        if whole and items:
            self.ua.learn(data)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner, once (asyncio calls this)."""
        error = self._error or self._explained(exc)
        self._cancel_timers()
        self._transport = None
        if self._share is not None:
            self._share.leave(self._loop.time(), signed_in=False)
            self._share = None
        if not self._closed.done():
            self._closed.set_result(None)
            _log.debug("connection %d to %s closed: %s", self.number, self.peername, error)
            self._trace("note", f"closed: {error}" if error else "closed by us")
            self._owner.connection_lost(error)
        self._let_go()

    def eof_received(self) -> bool:
        """Close our half too (asyncio calls this)."""
        self._error = self._error or ConnectionFailure("the peer closed the connection")
        if self._parser.pending:
            _log.info(
                "connection %d from %s: closed by the peer within a message",
                self.number,
                _host_port(self.peername),
            )
        return False

    # --- from the owner ---

    def signed_in(self) -> None:
        """Lift the bounds that hold until somebody has signed in; safe to repeat."""
        share, self._share = self._share, None
        if share is None:
            return
        share.leave(self._loop.time(), signed_in=True)
        self._parser.limits = self.settings.limits
        if self._pause is not None:
            self._pause.cancel()
            self._resume()

    def pause(self, seconds: float) -> None:
        """Read nothing from the peer for so long; what it sends waits in its sockets."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._pause is not None:
            if self._pause.when() >= self._loop.time() + seconds:
                return
            self._pause.cancel()
        self._transport.pause_reading()
        self._pause = self._loop.call_later(seconds, self._resume)

    def request(self, request: Request) -> str:
        """Send a request outside a dialog; returns its transaction."""
        return self._after(self.ua.request(request, self._loop.time()))

    def request_in(
        self,
        dialog: str,
        method: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> str:
        """Send a request inside a dialog; returns its transaction."""
        now = self._loop.time()
        return self._after(self.ua.request_in(dialog, method, now, headers=headers, body=body))

    def post(self, lane: Lane, end: bytes) -> None:
        """Send an INFO on a lane; ``end`` is `perchat.sip.lane.framed`."""
        self.ua.post(lane, end, self._loop.time())
        self._soon()

    def tell(self, lane: Lane, ends: Sequence[bytes], *, with_others: bool = False) -> None:
        """
        Send INFOs on a lane there and then, in one write, unless more is to leave with them.

        ``with_others``: in this turn of the loop, together with what many others are sent.
        """
        if self._flushing or self._is_traced():
            for end in ends:
                self.post(lane, end)
        else:
            letters = self.ua.letters(lane, ends, self._loop.time())
            write = self._mail if with_others else self._write
            write(letters)
            if self.ua.timer_changed:
                self._arm()

    def respond(
        self,
        transaction: str,
        status: int,
        reason: str = "",
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """Answer a request; nothing is sent if its transaction is gone."""
        now = self._loop.time()
        return self._after(
            self.ua.respond(transaction, status, reason, now, headers=headers, body=body)
        )

    def accept(self, transaction: str) -> None:
        """Answer a request 200, with nothing besides."""
        self.ua.accept(transaction, self._loop.time())
        self._soon()

    def cancel(self, transaction: str) -> None:
        """Cancel an INVITE that has no final answer yet."""
        self.ua.cancel(transaction, self._loop.time())
        self._soon()

    def drop_dialog(self, dialog: str) -> None:
        """Forget a dialog without a word to the peer."""
        self.ua.drop_dialog(dialog)

    def ping(self) -> None:
        """Send the keep-alive of RFC 5626 §3.5.1."""
        self._write(PING)

    def flush(self) -> None:
        """Write all that the user agent has to say and arm its next timer."""
        self._flushing = False
        if self.ua.has_outgoing:
            self._write(self._written(self.ua.outgoing()))
        if self.ua.timer_changed:
            self._arm()

    def close(self) -> None:
        """Write what is left, then close; harmless when it is closed already."""
        if self._transport is not None and not self._transport.is_closing():
            self.flush()
            self._deliver()
            self._transport.close()

    def abort(self, error: Exception | None = None) -> None:
        """Cut the connection, without writing what is left."""
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    def mailed(self, data: bytes, written: int) -> None:
        """Write the rest of what was mailed (`perchat.net.turns` calls this)."""
        self._write(data[written:])

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the peer to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    async def wait_closed(self) -> None:
        """Wait until the owner has been told that the connection is over."""
        await asyncio.shield(self._closed)

    # --- inside ---

    def _data_received_within(self, share: Share, data: bytes) -> None:
        """Take what somebody sent who has not signed in; the time it took is theirs."""
        begun = time.thread_time()
        self.data_received(data)
        now = self._loop.time()
        share.spend(time.thread_time() - begun, len(data), now)
        if self._share is None or self.is_closing:
            return  # signed in by it, or over
        wait = share.wait(now)
        held = self._parser.held if self._parser.pending else 0
        for one in share.hold(held + (TLS_HELD if wait and self.is_tls else 0)):
            self._give_way(one)
        if wait:
            self._wait_for_share(share, wait)

    def _wait_for_share(self, share: Share, wait: float) -> None:
        share.quota.pauses += 1
        share.quota.log.write(
            _log,
            logging.WARNING,
            "pause",
            "connection %d from %s has not signed in and is beyond its share: not read for %.2f s",
            self.number,
            _host_port(self.peername),
            wait,
        )
        self.pause(min(wait, _LOOK_AGAIN))

    def _give_way(self, share: Share) -> None:
        share.quota.dropped += 1
        share.quota.log.write(
            _log,
            logging.WARNING,
            "unfinished",
            "closed for its unfinished message, not signed in, from %s: %d bytes are held in all",
            share.key,
            share.quota.held,
        )
        share.hold(0)
        share.owner.abort(ConnectionFailure("too much unfinished before a sign-in"))

    def _resume(self) -> None:
        """Read again, unless others of the share have used up what was worked off."""
        self._pause = None
        if self._transport is None or self._transport.is_closing():
            return
        wait = 0.0 if self._share is None else self._share.wait(self._loop.time())
        if wait:
            self._pause = self._loop.call_later(min(wait, _LOOK_AGAIN), self._resume)
        else:
            self._transport.resume_reading()

    def _let_go(self) -> None:
        """Keep nothing that leads back here: the collector looks for rings once in a long while."""
        self._parser = StreamParser()
        self._owner, self.guard, self.vouch = _NOBODY, None, _no_voucher

    def _explained(self, error: Exception | None) -> Exception | None:
        # With TLS 1.3 a client learns that its certificate was refused only now.
        if isinstance(error, ssl.SSLError):
            return tls_failure(error, _host_port(self.peername))
        return error

    def _receive_all(self, items: Iterable[Message | Damaged | Ping]) -> None:
        for item in items:
            if self.is_closing:
                return
            self._receive(item)

    def _receive(self, item: Message | Damaged | Ping) -> None:
        match item:
            case Ping():
                if self.settings.answer_pings:
                    self._write(PONG)
            case Damaged():
                self._refuse(item)
            case Request() | Response():
                self._admit(item)

    def _admit(self, message: Message) -> None:
        now = self._loop.time()
        self._trace("in", message)
        came = message
        if isinstance(message, Request):
            message = received(message, *self.peername)
        admitted = Admission(message) if self.guard is None else self.guard.admit(message, now)
        if admitted.answer is not None:
            self._send(admitted.answer)
        if admitted.message is not None:
            events = self.ua.receive(admitted.message, now)
            if events:
                self._owner.events_received(events)
            if isinstance(came, Request) and isinstance(admitted.message, Request):
                self._learn(came, admitted.message)

    def _learn(self, came: Request, admitted: Request) -> None:
        """Let a dialog's intake see what it may know the next time."""
        intake = self.ua.study(came)
        if intake is None:
            return
        ok = self.ua.ok(admitted)
        if voucher := self.vouch(came, ok):
            intake.learn(came, serialize(ok), voucher, self.settings.limits)

    def _warn(self, kind: str, message: str, *values: object) -> None:
        """Write to the log what a peer did wrong; what strangers do only now and then."""
        if self._share is None:
            _log.warning(message, *values)
        else:
            self._share.quota.log.write(_log, logging.WARNING, kind, message, *values)

    def _refuse(self, damaged: Damaged) -> None:
        self._warn(
            "malformed",
            "connection %d from %s: malformed message refused with %d: %s",
            self.number,
            _host_port(self.peername),
            damaged.status,
            damaged.reason,
        )
        self._trace("note", f"malformed message refused with {damaged.status}: {damaged.reason}")
        if (answer := damaged.response()) is not None:
            self._send(answer)

    def _unframeable(self, error: StreamBroken) -> None:
        self._warn(
            "unframeable",
            "connection %d from %s closed: %s",
            self.number,
            _host_port(self.peername),
            error,
        )
        if error.response is not None:
            self._send(error.response)
        else:
            self.flush()
        self._error = error
        if self._transport is not None:
            self._transport.close()

    def _send(self, response: Response) -> None:
        self.flush()
        self._write(self._written([response]))

    def _skim(self, data: bytes | bytearray, overtaking: bool = False) -> int:
        """
        Take by their bytes what is known; who traces wants to see messages.

        Answers may overtake a request that came before and was not looked at yet, other
        requests may not.
        """
        if self._is_traced():
            return 0
        take = self.ua.take_answers if overtaking else self.ua.take
        at, size, now = 0, len(data), self._heard
        while at < size and not self.is_closing:
            end, events = take(data, at, now)
            if end == at:
                break
            at = end
            self._owner.events_received(events)
        return at

    def _written(self, outgoing: Iterable[Message | Letter]) -> bytes:
        traced = self._is_traced()
        return b"".join(
            [
                one[0].render(one[1], one[2])
                if not traced and isinstance(one, tuple)
                else self._sealed(one)
                for one in outgoing
            ]
        )

    def _sealed(self, one: Message | Letter) -> bytes:
        """Write one message, signed, and show it to who traces; nothing if it cannot be."""
        if isinstance(one, tuple):
            data = one[0].render(one[1], one[2])
            if not isinstance(message := parse_datagram(data), Damaged):
                self._trace("out", message)
            return data
        sealed = one if self.guard is None else self.guard.seal(one)
        try:
            data = serialize(sealed)
        except LocalProtocolError:
            _log.exception("connection %d: a message of ours was not sent", self.number)
            return b""
        self._trace("out", sealed)
        return data

    def _is_traced(self) -> bool:
        return self.settings.tracer is not None or _wire.isEnabledFor(logging.DEBUG)

    def _trace(self, direction: str, what: Message | str) -> None:
        if not self._is_traced():
            return
        tracer = self.settings.tracer
        at = datetime.now(UTC).timestamp()
        seen = Seen(at, self.number, direction, self.sockname, self.peername, self.is_tls, what)
        if tracer is not None:
            tracer(seen)
        _wire.debug("%s", seen, extra={"seen": seen})

    def _mail(self, data: bytes) -> None:
        self._deliver()
        if self._fd < 0 or self.unsent or self.is_closing:
            self._write(data)
        else:
            self._turns.mail(self, self._fd, data)

    def _deliver(self) -> None:
        """Have written what was mailed: it is to stay in front."""
        if self._turns.has_mail(self):
            self._turns.deliver()

    def _write(self, data: bytes) -> None:
        self._deliver()
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self.settings.max_unsent:
            _log.warning(
                "connection %d to %s cut: %d bytes unread by the peer",
                self.number,
                _host_port(self.peername),
                self._transport.get_write_buffer_size(),
            )
            self.abort(ConnectionFailure("the peer does not read what it is sent"))

    def _after(self, result: _T) -> _T:
        self._soon()
        return result

    def _soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._turns.flush_soon(self)

    def _arm(self) -> None:
        due = None if self._transport is None else self.ua.next_timer()
        if self._timer is not None:
            if due is not None and self._timer.when() <= due and not self._timer.cancelled():
                return  # fires early, finds nothing due, and arms itself again
            self._timer.cancel()
        self._timer = None if due is None else self._loop.call_at(due, self._fire)

    def _fire(self) -> None:
        self._timer = None
        events = self.ua.handle_timer(self._loop.time())
        if events:
            self._owner.events_received(events)
        self.flush()
        self._arm()  # what rang may not have been the last

    def _watch_silence(self) -> None:
        now = self._loop.time()
        started = self._incomplete_since
        if started is not None and now - started > self.settings.message_timeout:
            self._silent("a message stayed incomplete")
        elif self.settings.idle_timeout and now - self._heard > self.settings.idle_timeout:
            self._silent("nothing heard from the peer")
        else:
            self._watch = self._loop.call_later(self._watch_interval(), self._watch_silence)

    def _watch_interval(self) -> float:
        timeouts = (self.settings.message_timeout, self.settings.idle_timeout)
        return min(timeout for timeout in timeouts if timeout) / 2

    def _silent(self, why: str) -> None:
        _log.info("connection %d from %s closed: %s", self.number, _host_port(self.peername), why)
        self.abort(ConnectionFailure(why))

    def _cancel_timers(self) -> None:
        for timer in (self._timer, self._watch, self._pause):
            if timer is not None:
                timer.cancel()
        self._timer = self._watch = self._pause = None


class _Nobody:
    """The owner of a connection that is over."""

    def connection_made(self, connection: Connection) -> None:
        """Take no note."""

    def events_received(self, events: Sequence[Event]) -> None:
        """Do nothing."""

    def connection_lost(self, error: Exception | None) -> None:
        """Take no note."""


_NOBODY: Owner = _Nobody()


def _no_voucher(_request: Request, _ok: Response) -> None:
    return None


def _send_at_once(sock: socket.socket | None) -> None:
    """Switch Nagle's wait off: an answer after a short write would cost 40 ms."""
    if sock is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _new_id() -> str:
    return os.urandom(10).hex()


def _address(name: object) -> tuple[str, int]:
    if isinstance(name, tuple) and len(name) >= 2:
        return (str(name[0]), int(name[1]))
    return ("", 0)


def _host_port(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
