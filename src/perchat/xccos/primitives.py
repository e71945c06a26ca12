"""
What an envelope holds: commands, replies, notices, or one line of chat.

``name`` is what follows ``cmd:``, ``rpl:`` and ``ntc:``, in lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from perchat.model.message import Message
from perchat.xccos.blocks import Nothing, Unknown
from perchat.xccos.codes import SUCCESS, error_of, result_of

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.errors import ErrorCode
    from perchat.model.uri import RoomUri, SipUri
    from perchat.xccos.blocks import Data

__all__ = ["Chat", "Command", "Envelope", "Notice", "Primitive", "Reply"]


@dataclass(frozen=True, slots=True)
class Command:
    """A request; ``(envelope id, seqid)`` identifies it to its reply."""

    name: str
    data: Data = Nothing()  # noqa: RUF009 - frozen
    seqid: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """
    The answer to a command, or to a post that was refused.

    Attributes:
        command_envid: The envelope id of the command, as it came; empty when the peer left it out.
        command_seqid: The command's place in that envelope; 0 when the peer left it out.
        code: 200 is success; no other number can be relied on.

    """

    name: str
    data: Data
    command_envid: str
    command_seqid: int
    code: int = SUCCESS.code
    text: str = SUCCESS.text
    seqid: int = 1

    @classmethod
    def to(cls, command: Command | Chat, envid: str, data: Data, *, seqid: int = 1) -> Self:
        """Answer a command that came in the envelope ``envid`` with success."""
        return cls(command.name, data, envid, command.seqid, seqid=seqid)

    @classmethod
    def refusing(
        cls,
        command: Command | Chat,
        envid: str,
        error: ErrorCode,
        *,
        data: Data = Nothing(),  # noqa: B008 - frozen
        seqid: int = 1,
    ) -> Self:
        """Answer a command or post that came in the envelope ``envid`` with an error."""
        result = result_of(error)
        return cls(command.name, data, envid, command.seqid, result.code, result.text, seqid)

    @property
    def succeeded(self) -> bool:
        """Whether the command was carried out; parts of it may have failed."""
        return self.code == SUCCESS.code

    @property
    def error(self) -> ErrorCode:
        """What a refusal means; only to be asked when it is one."""
        return error_of(self.code, self.text)


@dataclass(frozen=True, slots=True)
class Notice:
    """
    News nobody asked for.

    Attributes:
        error: Why something was taken from the reader: what a new attempt would be refused with.

    """

    name: str
    data: Data
    seqid: int = 1
    error: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """
    A line of chat, posted or delivered.

    Attributes:
        author: Whoever the sender claims to be; a server puts in whom it knows.
        text: Lines end with LF.
        at: Aware; the epoch when the sender gave no usable time.
        id: 0 when the sender gave none, as clients do.
        client_id: What the poster's program calls the post, in an attribute of ours that
            other programs pass over; empty without one.

    """

    room: RoomUri
    author: SipUri
    text: str
    at: datetime
    alert: bool = False
    id: int = 0
    author_name: str = ""
    rtf: str | None = None
    seqid: int = 1
    client_id: str = ""

    name: ClassVar[str] = "grpchat"

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return the line that delivers a message."""
        return cls(
            room=message.room_uri,
            author=message.author,
            text=message.text,
            at=message.timestamp,
            alert=message.is_alert,
            id=message.id,
            author_name=message.author_name,
            rtf=message.rtf,
            client_id=message.client_id,
        )

    def message(self, room_name: str = "") -> Message:
        """Return the message a server delivered; it does not tell the room's name."""
        return Message(
            id=self.id,
            timestamp=self.at,
            author=self.author,
            room_uri=self.room,
            text=self.text,
            author_name=self.author_name,
            room_name=room_name,
            rtf=self.rtf,
            is_alert=self.alert,
            client_id=self.client_id,
        )


Primitive = Command | Reply | Notice | Chat | Unknown


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    One document.

    Attributes:
        id: Chosen by the sender and echoed in replies; a number, kept as it is written.
        primitives: All of one kind when written; Chat only alone.

    """

    id: str
    primitives: tuple[Primitive, ...]
