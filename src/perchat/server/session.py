"""
One client's dialog with the chat service: commands in order, replies out.

A command is answered 200 at once and its reply travels in an INFO of its own. A
post has no reply: the final status of its INFO is the receipt, given when the
message is durable or refused. Both go through one bounded inbox (`perchat.server.inbox`).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode, RemoteProtocolError, StorageError
from perchat.lync.diagnostics import diagnostics_header
from perchat.server.commands import row_of
from perchat.server.decoding import ElementBudget, is_large, tags_to_pay_for
from perchat.server.inbox import Inbox
from perchat.server.outbox import Outbox
from perchat.sip.dialog import DialogState
from perchat.sip.lane import framed
from perchat.xccos.blocks import Unknown
from perchat.xccos.decoder import decode
from perchat.xccos.encoder import encode
from perchat.xccos.primitives import Chat, Command, Envelope, Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from perchat.model.journal import JournalEntry
    from perchat.model.principal import User
    from perchat.model.uri import RoomUri
    from perchat.net.connection import Connection
    from perchat.server.inbox import Waiting
    from perchat.server.rows import Row
    from perchat.server.services import Services
    from perchat.sip.lane import Lane
    from perchat.xccos.codec import Dialect
    from perchat.xccos.primitives import Notice, Primitive

__all__ = ["CONTENT_TYPE", "ChatSession"]

_log = logging.getLogger(__name__)
CONTENT_TYPE = ("Content-Type", "text/plain")

# the status a refused post's INFO ends with; 481 and 487 would end the client's session
_POST_STATUS = {
    ErrorCode.ERROR_PERMISSION: 403,
    ErrorCode.USER_NOT_JOINED: 412,
    ErrorCode.NO_SUCH_NODE: 404,
    ErrorCode.NODE_DISABLED: 410,
    ErrorCode.LIMIT_EXCEEDED: 413,
    ErrorCode.INVALID_ARGUMENT: 400,
    ErrorCode.DATABASE_CONNECTION: 503,
}
_BUSY = 20000  # [MS-OCER]: chat service busy
_CHAT_ERROR = 20007  # chat service error
_QUEUE_FULL = 20011  # rejected message, inbound queue is full
_NOT_XML = 4001
_UNAVAILABLE = 503


class ChatSession:
    """
    The chat service's side of one dialog.

    Attributes:
        id: Names the session in the journal.
        user: Who signed in on the connection.
        address: What the client called.
        dialect: How the client wants to be written to.
        hears_moderation: Whether the client is told what moderators do in its rooms.

    """

    def __init__(
        self,
        services: Services,
        connection: Connection,
        user: User,
        *,
        lane: Lane,
        session_id: str,
        address: str,
        dialect: Dialect,
        hears_moderation: bool = False,
    ) -> None:
        limits = services.config.limits
        self.services = services
        self.dialog = lane.dialog.id
        self.user = user
        self.id = session_id
        self.address = address
        self.dialect = dialect
        self.hears_moderation = hears_moderation
        self.ended = False
        self.used = False
        self.on_first_use: Callable[[ChatSession], Awaitable[None]] | None = None
        self.on_overrun: Callable[[ChatSession], None] = lambda _: None
        self.on_removed: Callable[[ChatSession, Sequence[RoomUri]], None] = lambda _one, _rooms: (
            None
        )
        self._connection = connection
        self._lane = lane
        self._inbox = Inbox(services.tasks, f"session {session_id}")
        self._budget = ElementBudget(services.decoding)
        self.outbox = Outbox(
            self._send, self._overflow, limit=limits.outbox, window=limits.outbox_window
        )
        services.fanout.add(self)

    @property
    def waiting(self) -> int:
        """Commands and posts that wait for their turn."""
        return len(self._inbox)

    # --- from the network ---

    def receive(self, transaction: str, content_type: str, body: bytes) -> None:
        """Take an INFO of this dialog."""
        if content_type not in ("text/plain", ""):
            self._connection.respond(transaction, 415, headers=(("Accept", "text/plain"),))
            return
        if not self._has_room(1):
            self._refuse_full(transaction)
            return
        tags = tags_to_pay_for(body)
        if tags and (wait := self._budget.spend(tags, self.id, self.user.uri)):
            self._connection.pause(wait)
        if is_large(tags):
            self._inbox.put(partial(self._receive_large, transaction, body))
        else:
            self._receive_small(transaction, body)

    def answered(self, count: int = 1) -> None:
        """Take note that the client answered so many of our INFOs, or never will."""
        self.outbox.answered(count)

    def end(self, reason: str) -> None:
        """Leave all rooms; the dialog is over or will be ignored. Safe to repeat."""
        if self.ended:
            return
        self.ended = True
        self._inbox.clear()
        self.outbox.close()
        self.services.fanout.remove(self)
        _log.info("session %s of %s ended: %s", self.id, self.user.uri, reason)

    @property
    def arrival(self) -> tuple[str, bool]:
        """The address of ours that the client came to, and whether it came by TLS."""
        return self._connection.sockname[0], self._connection.is_tls

    # --- to the network ---

    def reply(self, reply: Reply, *, first: bool = False) -> None:
        """Send the answer to a command; ``first`` puts it ahead of what is held back."""
        body = framed(self.encode(reply))
        if first:
            self.outbox.put_first(body)
        else:
            self.outbox.put(body)

    def tell(self, ends: Sequence[bytes], *, with_others: bool = False) -> None:
        """
        Send what is `framed`, in one write, or keep it until the client keeps up.

        ``with_others``: in this turn of the loop, together with what many others are sent.
        """
        if self._lane.dialog.state is DialogState.TERMINATED:
            self.end("its dialog is gone")
        elif self.outbox.admits(len(ends)):
            self._connection.tell(self._lane, ends, with_others=with_others)
        else:
            for end in ends:
                self.outbox.put(end)

    def encode(self, primitive: Reply | Notice) -> bytes:
        """Return an envelope of the service's with one primitive."""
        return encode(Envelope(self.services.envelope_ids.next(), (primitive,)), self.dialect)

    # --- inside ---

    def _receive_small(self, transaction: str, body: bytes) -> None:
        try:
            envelope = decode(body)
        except RemoteProtocolError as error:
            self._refuse_unreadable(transaction, error)
            return
        if self._may_enter(transaction, envelope):
            for place, primitive in enumerate(envelope.primitives):
                self._take(envelope.id, primitive, (transaction, place))

    async def _receive_large(self, transaction: str, body: bytes) -> None:
        """Take an INFO that is decoded beside the loop, in its turn."""
        try:
            envelope = await self.services.decoding.decode(body)
        except RemoteProtocolError as error:
            self._refuse_unreadable(transaction, error)
            return
        if not self.ended and self._may_enter(transaction, envelope, held=1):
            pairs = enumerate(envelope.primitives)
            works = [self._work(envelope.id, one, (transaction, place)) for place, one in pairs]
            self._inbox.put_next([work for work in works if work is not None])

    def _may_enter(self, transaction: str, envelope: Envelope, *, held: int = 0) -> bool:
        """
        Refuse what cannot be taken; accept what is answered in an INFO of its own.

        ``held``: so much room in the inbox it had already.
        """
        primitives = envelope.primitives
        kinds = [type(one) for one in primitives]
        if Unknown in kinds and any(_is_broken_line(one) for one in primitives):
            self._refuse(transaction, 400, _NOT_XML, "a message without room or author")
            return False
        if not self._has_room(len(primitives) - held):
            self._refuse_full(transaction)
            return False
        if Chat not in kinds:
            self._connection.accept(transaction)
        return True

    def _has_room(self, count: int) -> bool:
        return len(self._inbox) + count <= self.services.config.limits.inbox

    def _refuse_full(self, transaction: str) -> None:
        self._refuse(transaction, 503, _QUEUE_FULL, "Rejected message (inbound queue is full)")

    def _refuse_unreadable(self, transaction: str, error: RemoteProtocolError) -> None:
        _log.warning("session %s of %s: unreadable body: %s", self.id, self.user.uri, error)
        self._refuse(transaction, 400, _NOT_XML, str(error))

    def _work(self, envid: str, primitive: Primitive, name: tuple[str, int]) -> Waiting | None:
        """Return what is to be done about a primitive, for the inbox."""
        match primitive:
            case Command():
                return partial(self._carry_out, row_of(primitive.name), envid, primitive)
            case Chat():
                return name, partial(self._post, primitive, name)
            case _:
                _log.info("session %s: ignored %s", self.id, type(primitive).__name__)
                return None

    def _take(self, envid: str, primitive: Primitive, name: tuple[str, int]) -> None:
        match primitive:
            case Command():
                row = row_of(primitive.name)
                work = partial(self._carry_out, row, envid, primitive)
                self._inbox.put(work, at_once=row is not None and row.at_once)
            case Chat():
                self._inbox.begin(name, partial(self._post, primitive, name))
            case _:
                _log.info("session %s: ignored %s", self.id, type(primitive).__name__)

    async def _carry_out(self, row: Row | None, envid: str, command: Command) -> None:
        if row is None:
            _log.warning("session %s: unknown command %s", self.id, command.name)
            self.reply(Reply.refusing(command, envid, ErrorCode.MSG_NOT_SUPPORTED))
            return
        if row.enters_service:
            await self._note_use()
        try:
            await row.handle(self, envid, command)
        except StorageError as error:
            _log.error("session %s: %s not carried out: %s", self.id, command.name, error)
            self.reply(Reply.refusing(command, envid, ErrorCode.DATABASE_CONNECTION))
        except Exception:
            _log.exception("session %s: %s failed", self.id, command.name)
            self.reply(Reply.refusing(command, envid, ErrorCode.UNKNOWN_SERVER_ERROR))

    async def _note_use(self) -> None:
        if not self.used:
            self.used = True
            if self.on_first_use is not None:
                await self.on_first_use(self)

    def _post(self, line: Chat, name: tuple[str, int]) -> None:
        self.services.chat.post(
            partial(self._posted, name),
            self.user.uri,
            self.id,
            line.room,
            line.text,
            alert=line.alert,
            rtf=line.rtf,
            client_id=line.client_id,
        )

    def _posted(self, name: tuple[str, int], result: Refusal | JournalEntry) -> None:
        self._inbox.ended(name)
        transaction, _ = name
        if isinstance(result, Refusal):
            status = _POST_STATUS.get(result.code, 403)
            error_id = _BUSY if status == _UNAVAILABLE else _CHAT_ERROR
            self._refuse(transaction, status, error_id, result.code.name, result.text)
        else:
            self._connection.accept(transaction)

    def _refuse(
        self, transaction: str, status: int, error_id: int, reason: str, detail: str = ""
    ) -> None:
        header = diagnostics_header(
            error_id,
            reason,
            source=self.services.config.host_name,
            component="GroupChat",
            **({"detail": detail} if detail else {}),
        )
        self._connection.respond(transaction, status, headers=(header,))

    def _send(self, end: bytes) -> None:
        if self._lane.dialog.state is DialogState.TERMINATED:
            self.end("its dialog is gone")
        else:
            self._connection.post(self._lane, end)

    def _overflow(self) -> None:
        _log.warning(
            "session %s of %s does not keep up: %d messages waiting",
            self.id,
            self.user.uri,
            self.services.config.limits.outbox,
        )
        self.on_overrun(self)
        self.end("overrun")


def _is_broken_line(primitive: Primitive) -> bool:
    return isinstance(primitive, Unknown) and primitive.name == Chat.name
