"""
A local endpoint's connection, seen from coroutines.

Requests become awaitables; what arrives unasked goes, in order and at once, to whoever
owns its dialog. Nothing is awaited on the way in, so nothing overtakes.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from perchat.errors import ConnectionFailure, OperationTimeout
from perchat.sip.events import (
    DialogEnded,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    SessionRefreshDue,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.net.connection import Connection
    from perchat.sip.events import Event
    from perchat.sip.message import Request, Response

__all__ = ["DialogOwner", "Link"]

_log = logging.getLogger("perchat.signin")

_UNASKED = {"OPTIONS": 200, "INVITE": 488, "MESSAGE": 405}  # status by method
_UNANSWERED = frozenset({"ACK", "BENOTIFY"})


class DialogOwner(Protocol):
    """Who acts on what a dialog brings; called in order, must not block."""

    def request_received(self, transaction: str, request: Request) -> None:
        """Answer and act on a request inside the dialog."""

    def refresh_due(self) -> None:
        """Prove that we are still here (RFC 4028 §7.2)."""

    def dialog_ended(self, reason: str) -> None:
        """Take note that the dialog is no more; called once, last."""


class Link:
    """One connection, its requests under way, and the owners of its dialogs."""

    def __init__(
        self,
        *,
        on_notify: Callable[[Request], bool],
        on_lost: Callable[[Exception], None],
    ) -> None:
        """
        Take who hears of notifications outside dialogs, and of the end.

        ``on_notify`` returns whether it asked for that one.
        """
        self._on_notify = on_notify
        self._on_lost = on_lost
        self._connection: Connection | None = None
        self._waiting: dict[str, asyncio.Future[Response]] = {}
        self._within: dict[str, str] = {}  # dialogs of those who wait, by transaction
        self._inviting: dict[str, DialogOwner | None] = {}
        self._invited: dict[str, str] = {}
        self._owners: dict[str, DialogOwner] = {}
        self._error: Exception | None = None

    # --- from the connection ---

    def connection_made(self, connection: Connection) -> None:
        """Take the connection (it calls this); an earlier attempt may have failed."""
        self._connection, self._error = connection, None

    def events_received(self, events: Sequence[Event]) -> None:
        """Sort events to whom they belong (the connection calls this)."""
        for event in events:
            match event:
                case ResponseReceived():
                    self._answered(event)
                case RequestReceived():
                    self._requested(event)
                case RequestTimedOut():
                    error = OperationTimeout(f"no answer to {event.request.method}")
                    self._settle(event.transaction, error)
                case DialogEnded():
                    self._dialog_over(event.dialog, event.reason)
                case SessionRefreshDue() if event.dialog in self._owners:
                    self._owners[event.dialog].refresh_due()
                case _:
                    pass

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody who waits (the connection calls this)."""
        cause = self._error or error
        self._error = _connection_error(cause)
        self._connection = None
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            _fail(future, self._error)
        owners, self._owners = self._owners, {}
        for owner in owners.values():
            owner.dialog_ended(str(self._error))
        self._on_lost(self._error)

    # --- from the endpoint ---

    @property
    def is_up(self) -> bool:
        """Whether anything can be sent."""
        return self._connection is not None and not self._connection.is_closing

    @property
    def connection(self) -> Connection:
        """The connection; ConnectionFailure when it is over."""
        if self._connection is None:
            raise self._error or ConnectionFailure("not connected")
        return self._connection

    async def exchange(self, request: Request, wait: float) -> Response:
        """
        Send a request outside a dialog and return its final answer, whatever it says.

        Raises:
            OperationTimeout: No final answer within ``wait`` seconds.
            ConnectionFailure: The connection ended first.

        """
        return await self._final(self.connection.request(request), request.method, wait)

    async def exchange_in(
        self,
        dialog: str,
        method: str,
        wait: float,
        *,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """Do the same inside a dialog."""
        transaction = self.connection.request_in(dialog, method, headers=headers, body=body)
        self._within[transaction] = dialog
        try:
            return await self._final(transaction, method, wait)
        finally:
            del self._within[transaction]

    async def invite(
        self, request: Request, owner: DialogOwner, wait: float
    ) -> tuple[Response, str]:
        """
        Send an INVITE and return its final answer with the dialog, if one was made.

        ``owner`` has the dialog from the moment it exists. An attempt given up is
        cancelled, and ended by BYE should the peer accept it all the same.
        """
        transaction = self.connection.request(request)
        self._inviting[transaction] = owner
        try:
            response = await self._final(transaction, "INVITE", wait)
        except BaseException:
            self._give_up(transaction)
            raise
        return response, self._invited.pop(transaction, "")

    async def subscribe(
        self, request: Request, owner: DialogOwner, wait: float
    ) -> tuple[Response, str]:
        """
        Send a SUBSCRIBE and return its final answer with the dialog, if one was made.

        ``owner`` has the dialog from the moment it exists; one that comes when nobody
        waits any more is dropped: its notifications are refused with 481.
        """
        transaction = self.connection.request(request)
        self._inviting[transaction] = owner
        try:
            response = await self._final(transaction, request.method, wait)
        except BaseException:
            if dialog := self._invited.pop(transaction, None):
                self.forget_dialog(dialog)
            elif transaction in self._inviting:
                self._inviting[transaction] = None
            raise
        return response, self._invited.pop(transaction, "")

    def fail_within(self, dialog: str, error: Exception) -> None:
        """Let nobody wait any longer for answers inside a dialog."""
        for transaction in [t for t, within in self._within.items() if within == dialog]:
            self._settle(transaction, error)

    def forget_dialog(self, dialog: str) -> None:
        """Drop a dialog without a word; its owner hears nothing more of it."""
        self._owners.pop(dialog, None)
        if self._connection is not None:
            self._connection.drop_dialog(dialog)

    def fail(self, error: Exception) -> None:
        """Cut the connection; ``error`` is what everybody waiting gets."""
        self._error = self._error or error
        if self._connection is not None:
            self._connection.abort(error)

    async def close(self, wait: float) -> None:
        """Write what is left and close; cut it after ``wait`` seconds."""
        if (connection := self._connection) is None:
            return
        connection.close()
        try:
            async with asyncio.timeout(wait):
                await connection.wait_closed()
        except TimeoutError:
            connection.abort()

    # --- inside ---

    async def _final(self, transaction: str, method: str, wait: float) -> Response:
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._waiting[transaction] = future
        try:
            async with asyncio.timeout(wait):
                return await future
        except OperationTimeout:
            raise
        except TimeoutError as error:
            raise OperationTimeout(f"no answer to {method} within {wait:g} s") from error
        finally:
            self._waiting.pop(transaction, None)

    def _answered(self, event: ResponseReceived) -> None:
        if event.response.status < 200:
            return
        if event.transaction in self._inviting:
            self._invite_answered(event)
        elif event.response.cseq.method == "INVITE":
            self._answered_again(event)
        future = self._waiting.pop(event.transaction, None)
        if future is not None and not future.done():
            future.set_result(event.response)

    def _invite_answered(self, event: ResponseReceived) -> None:
        owner = self._inviting.pop(event.transaction)
        if event.dialog is None or event.response.status >= 300:
            return
        if owner is None and event.response.cseq.method != "INVITE":  # given up before
            self.connection.drop_dialog(event.dialog)
        elif owner is None:
            self.connection.request_in(event.dialog, "BYE")
        else:
            self._owners[event.dialog] = owner
            self._invited[event.transaction] = event.dialog

    def _answered_again(self, event: ResponseReceived) -> None:
        """End the session of another party that accepted too (RFC 3261 §13.2.2.4)."""
        if event.response.status < 300 and event.dialog and event.dialog not in self._owners:
            self.connection.request_in(event.dialog, "BYE")

    def _give_up(self, transaction: str) -> None:
        dialog = self._invited.pop(transaction, None)
        if dialog is not None and self.is_up:
            self._owners.pop(dialog, None)
            self.connection.request_in(dialog, "BYE")
        elif transaction in self._inviting and self.is_up:
            self._inviting[transaction] = None
            self.connection.cancel(transaction)

    def _requested(self, event: RequestReceived) -> None:
        owner = self._owners.get(event.dialog or "")
        if owner is not None:
            owner.request_received(event.transaction, event.request)
        else:
            self._unasked(event.transaction, event.request)

    def _unasked(self, transaction: str, request: Request) -> None:
        if request.method in ("NOTIFY", "BENOTIFY"):
            status = 200 if self._on_notify(request) else 481
        else:
            status = _UNASKED.get(request.method, 481)
        if status != 200:
            _log.debug("refused with %d, nobody asked for it: %s", status, request.method)
        if request.method not in _UNANSWERED:
            self.connection.respond(transaction, status)

    def _dialog_over(self, dialog: str, reason: str) -> None:
        owner = self._owners.pop(dialog, None)
        if owner is not None:
            owner.dialog_ended(reason)

    def _settle(self, transaction: str, error: Exception) -> None:
        future = self._waiting.pop(transaction, None)
        self._inviting.pop(transaction, None)
        if future is not None:
            _fail(future, error)


def _fail(future: asyncio.Future[Response], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # read here: its waiter may have been cancelled meanwhile


def _connection_error(error: Exception | None) -> Exception:
    if error is None:
        return ConnectionFailure("the connection was closed")
    if isinstance(error, OSError) and not isinstance(error, ConnectionFailure):
        return ConnectionFailure(f"the connection was cut: {error}")
    return error
