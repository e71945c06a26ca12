"""
One chat session on the wire: an INVITE dialog with documents in INFO, both ways ([MS-XCCOSIP]).

Every INFO is answered 200 before it is looked at. Replies complete the commands
that wait for them; everything else is news for the chat endpoint, in order.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from perchat.client.calls import Calls
from perchat.client.failures import command_failure, invite_failure
from perchat.client.tasks import Background
from perchat.errors import (
    ChatServerConnectionError,
    CommandFailed,
    ErrorCode,
    OperationTimeout,
    PerchatError,
    RemoteProtocolError,
)
from perchat.xccos.administrative import AdministrativeReply, ModerationReply
from perchat.xccos.decoder import decode
from perchat.xccos.encoder import encode
from perchat.xccos.moderating import MODERATION_OPTION
from perchat.xccos.primitives import Command, Envelope, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from perchat.client.signedin import SignedIn
    from perchat.model.message import Message
    from perchat.model.uri import SipUri
    from perchat.sip.message import Request, Response
    from perchat.xccos.blocks import Data
    from perchat.xccos.primitives import Chat, Primitive

__all__ = ["ChatDialog"]

_log = logging.getLogger("perchat.chat")
_Result = TypeVar("_Result")

_BODY = (("Content-Type", "text/plain"),)
_SESSION_EXPIRES = ("Session-Expires", "1800;refresher=uac")  # RFC 4028 §4
_GONE = frozenset({408, 481, 487})  # the dialog is no more (RFC 3261 §12.2.1.2)
_BUSY = 503
_CHALLENGES = frozenset({401, 407})
_UNASKED = frozenset({"", "0"})  # the envelope that such a reply names


class ChatDialog:
    """The dialog with one chat service; opened once, closed once."""

    def __init__(
        self,
        sign_in: SignedIn,
        address: SipUri,
        *,
        on_news: Callable[[Primitive], None],
        on_ended: Callable[[str], None],
    ) -> None:
        self.address = address
        self._sign_in = sign_in
        self._link = sign_in.link
        self._timers = sign_in.target.timers
        self._on_news = on_news
        self._on_ended = on_ended
        self._calls: Calls[Reply] = Calls(secrets.randbits(31))
        self._background = Background()
        self._dialog = ""
        self._end = ""

    # --- from the endpoint ---

    async def open(self) -> None:
        """
        Open the session.

        Raises:
            ChatServerConnectionError: Refused; status and diagnostics tell why.
            OperationTimeout: No answer in time.
            ConnectionFailure: The connection ended.

        """
        request = self._sign_in.request(
            "INVITE",
            self.address,
            ("Supported", "ms-sender"),
            ("Supported", "timer"),
            ("Supported", MODERATION_OPTION),
            _SESSION_EXPIRES,
            ("Content-Type", "application/sdp"),
            body=self._offer(),
        )
        response, dialog = await self._link.invite(request, self, self._timers.request)
        if not dialog:
            raise invite_failure(response, self.address)
        if self._end:  # ended in the same breath
            raise self._gone(self._end)
        self._dialog = dialog

    async def command(
        self,
        name: str,
        data: Data,
        apply: Callable[[Data], _Result],
        *,
        wait: float | None = None,
    ) -> _Result:
        """
        Send a command and return what ``apply`` makes of the data in its reply.

        Raises:
            CommandFailed: The service refused.
            ChatServerConnectionError: The session is over.
            OperationTimeout: No reply in time.

        """
        call = self._calls.begin(name, lambda reply: apply(_data_of(reply)))
        try:
            async with self._deadline(f"cmd:{name}", wait or self._timers.request):
                await self._send(Envelope(call.envid, (Command(name, data),)), f"cmd:{name}")
                return await call.result
        finally:
            self._calls.forget(call)

    async def post(
        self, line: Chat, echo: asyncio.Future[Message], echo_wait: float
    ) -> Message | None:
        """
        Post a line and return once the service has stored it, with its echo if that came.

        Raises:
            CommandFailed: The service refused; the line was not stored.
            ChatServerConnectionError: The session is over; nobody knows.
            OperationTimeout: No receipt in time; nobody knows.

        """
        call = self._calls.begin("grpchat", _data_of)
        try:
            async with self._deadline("the post", self._timers.request):
                await self._send(Envelope(call.envid, (line,)), "grpchat")
            if echo_wait > 0:
                waiting: set[asyncio.Future[Any]] = {echo, call.result}
                await asyncio.wait(waiting, timeout=echo_wait, return_when=asyncio.FIRST_COMPLETED)
            if call.result.done():
                with suppress(ChatServerConnectionError):  # the receipt came before
                    call.result.result()  # refused after all, by a reply instead of the status
            return echo.result() if echo.done() else None
        finally:
            self._calls.forget(call)

    async def close(self) -> None:
        """Say goodbye; never raises but for cancellation, may be repeated."""
        self._background.cancel()
        if not self._dialog or self._end:
            return
        self._fail("it was closed")
        try:
            with suppress(PerchatError):
                await self._link.exchange_in(self._dialog, "BYE", self._timers.goodbye)
        finally:
            self._link.forget_dialog(self._dialog)

    # --- from the link ---

    def request_received(self, transaction: str, request: Request) -> None:
        """Answer at once, then act on what an INFO holds."""
        connection = self._link.connection
        if request.method != "INFO":
            connection.respond(transaction, 200 if request.method in ("UPDATE", "OPTIONS") else 405)
            return
        connection.respond(transaction, 200)
        try:
            envelope = decode(request.body)
        except RemoteProtocolError as error:
            _log.warning("an INFO from %s was ignored: %s", self.address, error)
            return
        for primitive in envelope.primitives:
            self._take(primitive)

    def refresh_due(self) -> None:
        """Send the UPDATE that keeps the session."""
        self._background.spawn(self._refresh(), f"session timer of {self.address}")

    def dialog_ended(self, reason: str) -> None:
        """Fail what waits and tell the endpoint."""
        if self._end:
            return
        self._fail(reason)
        self._background.cancel()
        self._on_ended(reason)

    # --- inside ---

    def _take(self, primitive: Primitive) -> None:
        if isinstance(primitive, Reply):
            if self._calls.resolve(primitive.command_envid, primitive.command_seqid, primitive):
                return
            if primitive.name == "part" and primitive.command_envid in _UNASKED and not self._end:
                self._on_news(primitive)  # how the server puts us out of a room
            else:
                _log.debug("nobody waits for rpl:%s", primitive.name)
        elif not self._end:
            self._on_news(primitive)

    async def _send(self, envelope: Envelope, request: str) -> None:
        body = encode(envelope)
        for wait in (*self._timers.busy, None):
            response = await self._info(body)
            if response.status != _BUSY or wait is None:
                break
            _log.info("the chat service is busy, %s again in %g s", request, wait)
            await asyncio.sleep(wait)
        self._accepted(response, request)

    async def _info(self, body: bytes) -> Response:
        response = await self._exchange(body)
        if response.status in _CHALLENGES:  # signed anew when it is sent again ([MS-SIPAE] 3.2)
            response = await self._exchange(body)
        return response

    async def _exchange(self, body: bytes) -> Response:
        if self._end:
            raise self._gone(self._end)
        return await self._link.exchange_in(
            self._dialog, "INFO", self._timers.request, headers=_BODY, body=body
        )

    def _accepted(self, response: Response, request: str) -> None:
        if response.status < 300:
            return
        if response.status in _GONE:
            self.dialog_ended(f"the server knows the session no more ({response.status})")
            raise self._gone(self._end)
        raise command_failure(response, request)

    async def _refresh(self) -> None:
        with suppress(PerchatError):
            response = await self._link.exchange_in(
                self._dialog, "UPDATE", self._timers.request, headers=(_SESSION_EXPIRES,)
            )
            if response.status in _GONE:
                self.dialog_ended(f"the server knows the session no more ({response.status})")

    @asynccontextmanager
    async def _deadline(self, what: str, wait: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(wait):
                yield
        except OperationTimeout:
            raise
        except TimeoutError as error:
            raise OperationTimeout(f"no answer to {what} within {wait:g} s") from error

    def _fail(self, reason: str) -> None:
        self._end = reason
        self._calls.fail_all(self._gone(reason))
        self._link.fail_within(self._dialog, self._gone(reason))

    def _gone(self, reason: str) -> ChatServerConnectionError:
        return ChatServerConnectionError(f"the session with {self.address} is over: {reason}")

    def _offer(self) -> bytes:
        """Return the SDP that Lync clients offer; nobody reads it, some look for it."""
        host, _ = self._link.connection.sockname
        family = "IP6" if ":" in host else "IP4"
        lines = (
            "v=0",
            f"o=- 0 0 IN {family} {host}",
            "s=session",
            f"c=IN {family} {host}",
            "t=0 0",
            "m=message 5060 sip null",
            "a=accept-types:text/plain",
        )
        return "".join(f"{line}\r\n" for line in lines).encode()


def _data_of(reply: Reply) -> Data:
    if reply.succeeded:
        return reply.data
    code = reply.error
    text = f"{reply.name} was refused: {reply.code} {reply.text}".rstrip()
    if isinstance(reply.data, (AdministrativeReply, ModerationReply)) and reply.data.why:
        text = f"{text}: {reply.data.why}"
    raise CommandFailed.of(code, text, request=reply.name)


def unexpected(name: str, data: Data) -> CommandFailed:
    """Return the error for a reply that succeeded and says nothing usable."""
    return CommandFailed.of(
        ErrorCode.SERVER_ERROR,
        f"the reply to {name} makes no sense: {type(data).__name__}",
        request=name,
    )
