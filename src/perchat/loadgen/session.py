"""
A cheap session: one conversation on one socket.

What it hears is handed on at once; what it asks is awaited. There is no queue, no task and
no timer of its own, so that thousands of them fit into one process.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from perchat.errors import ConnectionFailure, OperationTimeout, PerchatError
from perchat.loadgen.conversation import Answered, Conversation, Ended, Heard, Identity, Replied
from perchat.model.history import HistoryQuery
from perchat.xccos.blocks import (
    Histories,
    History,
    HistorySearch,
    Joined,
    RecentQuery,
    RoomIds,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from perchat.loadgen.conversation import Event
    from perchat.model.message import Message
    from perchat.model.uri import RoomUri
    from perchat.xccos.blocks import Data
    from perchat.xccos.primitives import Chat, Reply

__all__ = ["Account", "Session", "connect"]

_T = TypeVar("_T")
_BUFFER = memoryview(bytearray(65536))  # of this process, which has one loop
_UNSENT = 4 * 1024 * 1024  # bytes the server may leave unread


class Account:
    """Who a session signs in as; shows no password."""

    __slots__ = ("epid", "login", "password", "uri")

    def __init__(self, uri: str, login: str, password: str, epid: str) -> None:
        self.uri = uri
        self.login = login
        self.password = password
        self.epid = epid


class Session(asyncio.BufferedProtocol):
    """
    One client.

    Args:
        account: Who it is.
        random: As many bytes nobody can guess as it is asked for.
        heard: Called with each line of ours and the time it came, in the loop's seconds.
        lost: Called once when the connection or the dialog is over, with the reason.
        patience: Seconds to wait for an answer.

    """

    def __init__(
        self,
        account: Account,
        random: Callable[[int], bytes],
        *,
        heard: Callable[[Heard, float], None],
        lost: Callable[[str], None],
        patience: float,
    ) -> None:
        self._account = account
        self._random = random
        self._heard = heard
        self._lost = lost
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._conversation: Conversation
        self._transport: asyncio.Transport | None = None
        self._statuses: dict[tuple[str, int], asyncio.Future[Answered]] = {}
        self._replies: dict[str, asyncio.Future[Reply]] = {}
        self._over = ""

    # from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the conversation (asyncio calls this)."""
        self._transport = cast("asyncio.Transport", transport)
        host, port = transport.get_extra_info("sockname")[:2]
        kind = "TLS" if transport.get_extra_info("ssl_object") else "TCP"
        who, shown = self._account, f"[{host}]" if ":" in host else host
        identity = Identity(who.uri, who.login, who.password, who.epid, f"{kind} {shown}:{port}")
        self._conversation = Conversation(identity, self._random)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the buffer that all sessions share; emptied at once (asyncio calls this)."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """Hear what came and answer it, in one write (asyncio calls this)."""
        now, data = self._loop.time(), bytes(_BUFFER[:nbytes])
        try:
            events = self._conversation.receive(data, datetime.now(UTC).timestamp())
        except PerchatError as error:
            self._end(str(error))
            return
        self._flush()
        for event in events:
            if isinstance(event, Heard):
                self._heard(event, now)
            else:
                self._take(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what waits (asyncio calls this)."""
        self._end(f"connection lost: {exc}" if exc else "the server closed the connection")

    # what it does

    async def sign_in(self, chat_uri: str) -> None:
        """
        Register and open the dialog with the chat service.

        Raises:
            ConnectionFailure: Refused, or the connection ended.
            OperationTimeout: No answer in time.

        """
        self._conversation.register()
        await self._accepted(("REGISTER", 0))
        self._conversation.invite(chat_uri)
        await self._accepted(("INVITE", 1))

    async def join(self, rooms: Sequence[RoomUri]) -> None:
        """Join rooms by one command; ConnectionFailure when one cannot be."""
        name = "join" if len(rooms) == 1 else "bjoin"
        joined = await self._command(name, RoomIds(tuple(rooms)), Joined)
        if len(joined.rooms) != len(rooms):
            raise ConnectionFailure(f"{len(rooms) - len(joined.rooms)} rooms were not joined")

    async def recent(self, room: RoomUri, count: int) -> Sequence[Message]:
        """Return the newest messages of a room, oldest first."""
        return (await self._command("bccontext", RecentQuery(room, count), History)).messages

    async def after(self, room: RoomUri, message: int) -> tuple[Sequence[Message], bool]:
        """Return what follows a message, oldest first, and whether there is still more."""
        query = HistorySearch((room,), HistoryQuery(after_id=message))
        (found,) = (await self._command("bcbymsg", query, Histories)).results
        return found.messages, found.truncated

    async def post(self, line: Chat) -> int:
        """Post and return the status of the receipt: 200 when it is stored."""
        return (await self._status(("INFO", self._conversation.post(line)))).status

    def refresh(self) -> None:
        """Renew registration and dialog; the answers are not waited for."""
        if not self._over:
            self._conversation.refresh()
            self._flush()

    def close(self) -> None:
        """Say goodbye and close; harmless when it is closed already."""
        self._lost = _nobody
        if not self._over:
            self._conversation.leave()
            self._flush()
        self._end("we left")

    # inside

    async def _command(self, name: str, data: Data, kind: type[_T]) -> _T:
        number, envid = self._conversation.command(name, data)
        arrival = self._replies[envid] = self._loop.create_future()
        try:
            await self._accepted(("INFO", number))
            reply = await self._in_time(arrival, name)
        finally:
            del self._replies[envid]
        if not reply.succeeded or not isinstance(reply.data, kind):
            raise ConnectionFailure(f"{name} refused: {reply.code} {reply.text}")
        return reply.data

    async def _accepted(self, key: tuple[str, int]) -> None:
        answer = await self._status(key)
        if answer.status >= 300:
            raise ConnectionFailure(f"{key[0]} refused: {answer.status} {answer.reason}")

    async def _status(self, key: tuple[str, int]) -> Answered:
        self._flush()
        if self._over:
            raise ConnectionFailure(self._over)
        arrival = self._statuses[key] = self._loop.create_future()
        try:
            return await self._in_time(arrival, key[0])
        finally:
            self._statuses.pop(key, None)

    async def _in_time(self, arrival: asyncio.Future[_T], what: str) -> _T:
        try:
            async with asyncio.timeout(self._patience):
                return await arrival
        except TimeoutError:
            raise OperationTimeout(f"no answer to {what} in {self._patience:g} s") from None

    def _take(self, event: Event) -> None:
        match event:
            case Answered(method=method, number=number):
                _settle(self._statuses.get((method, number)), event)
            case Replied(reply=reply):
                _settle(self._replies.get(reply.command_envid), reply)
            case Ended(reason=reason):
                self._end(reason)
            case Heard():
                pass

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or not (data := self._conversation.data_to_send()):
            return
        transport.write(data)
        if transport.get_write_buffer_size() > _UNSENT:
            transport.abort()
            self._end("the server does not read what it is sent")

    def _end(self, reason: str) -> None:
        if self._over:
            return
        self._over = reason
        if self._transport is not None:
            self._transport.close()
        waiting: list[asyncio.Future[Any]] = [*self._statuses.values(), *self._replies.values()]
        for one in waiting:
            if not one.done():
                one.set_exception(ConnectionFailure(reason))
                one.exception()  # read here: its waiter may be gone
        self._lost(reason)


async def connect(
    make: Callable[[], Session], host: str, port: int, tls: ssl.SSLContext | None, patience: float
) -> Session:
    """
    Connect a session that ``make`` makes.

    Raises:
        ConnectionFailure: The server cannot be reached, or not be trusted.
        OperationTimeout: It does not answer.

    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(patience):
            _, session = await loop.create_connection(
                make, host, port, ssl=tls, server_hostname=host if tls else None
            )
    except TimeoutError:
        raise OperationTimeout(f"no connection to {host}:{port} in {patience:g} s") from None
    except OSError as error:  # ssl.SSLError is one
        raise ConnectionFailure(f"cannot connect to {host}:{port}: {error}") from error
    return session


def _settle(waiting: asyncio.Future[_T] | None, result: _T) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(result)


def _nobody(_reason: str) -> None:
    pass
