"""
What the controller and its worker processes tell each other: values, and how they travel.

A worker is a process of its own whose standard input and output are the line. Each
value is written with its length before it, so neither side ever reads half of one.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "Arrived",
    "Assignment",
    "Begin",
    "Expect",
    "Outcome",
    "Post",
    "Posted",
    "Progress",
    "Seat",
    "Stop",
    "Target",
    "Verify",
    "receive",
    "send",
]

_LENGTH = struct.Struct(">I")
_LONGEST = 1 << 30  # bytes of one value


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """
    The server under load.

    Attributes:
        ca: PEM file of the authorities to trust, with TLS; the system's when empty.
        chat_uri: Where the chat service is called.

    """

    host: str
    port: int
    tls: bool
    ca: str
    domain: str
    chat_uri: str
    password: str

    def __repr__(self) -> str:
        return f"Target({self.host}:{self.port})"


class Seat(msgspec.Struct, frozen=True, array_like=True):
    """A user with the rooms it joins, both by number."""

    number: int
    name: str
    rooms: tuple[int, ...]


class Post(msgspec.Struct, frozen=True, array_like=True):
    """A post to be made: seconds after the beginning, in which room, by which seat."""

    at: float
    room: int
    seat: int


class Assignment(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """
    What one worker has to do.

    Attributes:
        rooms: URIs, by number.
        posts: In the order of time; empty with ``closed``.
        returns: When which seats sign out and in again.
        arrivals: When the first, second, ... seat signs in, in seconds; empty: as fast as
            the server answers.
        concurrency: Sign-ins under way at once.
        closed: Posts each of ``posters`` keeps under way for ``seconds``; 0: by ``posts``.
        size: Characters of a message.
        returning: Whether a session that is lost comes back and catches up.
        patience: Seconds to wait for an answer, or for what is still on its way at the end.

    """

    run: str
    target: Target
    seats: tuple[Seat, ...]
    rooms: tuple[str, ...]
    posts: tuple[Post, ...] = ()
    returns: tuple[tuple[float, int], ...] = ()
    arrivals: tuple[float, ...] = ()
    concurrency: int = 16
    closed: int = 0
    posters: tuple[int, ...] = ()
    seconds: float = 0.0
    size: int = 100
    returning: bool = False
    patience: float = 30.0


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Post from this moment of the machine's monotonic clock on."""

    at: float


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Come to an end with what was measured."""


class Expect(msgspec.Struct, frozen=True, tag=True):
    """How many messages there are in each room; wait for them."""

    counts: dict[int, int]


class Verify(msgspec.Struct, frozen=True, tag=True):
    """The ids of each room's messages; hold what was heard against them, and end."""

    ids: dict[int, list[int]]


class Progress(msgspec.Struct, frozen=True, tag=True):
    """How it goes, once a second."""

    present: int
    posted: int
    heard: int


class Arrived(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The sign-ins are done; durations as counts by step, errors by what they say."""

    present: int
    sign_ins: dict[int, int]
    joins: dict[int, int]
    errors: dict[str, int]


class Posted(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """
    All posts have their receipts, or never will.

    Attributes:
        stored: By room, the posts that the server says are stored.
        refused: By status.
        unknown: Posts that nobody knows about.
        late: The most milliseconds a post was begun after it was due.

    """

    begun: int
    stored: dict[int, list[int]]
    refused: dict[int, int]
    unknown: int
    late: float
    receipts: dict[int, int]


class Outcome(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """
    What one worker found.

    Attributes:
        board: By room, which post each message is.
        audience: By room, how many sessions were there.
        torn: Messages that differed between sessions.
        lost_sessions: Sessions that ended without our doing.
        deliveries: Durations by second, from when a post was due to when it was heard.
        away: How long sessions that were lost took to come back.
        cpu: Seconds of CPU this worker used while posting.

    """

    heard: int
    lost: int
    duplicated: int
    misordered: int
    torn: int
    lost_sessions: int
    deliveries: dict[int, dict[int, int]]
    away: dict[int, int]
    errors: dict[str, int]
    cpu: float


class Heard(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What the sessions of a worker have heard: by room, which post each message is."""

    board: dict[int, dict[int, int]]
    audience: dict[int, int]


Message: TypeAlias = (
    Assignment | Begin | Stop | Expect | Verify | Progress | Arrived | Posted | Heard | Outcome
)

_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


async def receive(reader: asyncio.StreamReader) -> Message:
    """
    Return what the other side says next.

    Raises:
        EOFError: It has gone; `asyncio.IncompleteReadError` is one.

    """
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > _LONGEST:
        raise EOFError(f"a value of {length} bytes")
    return _DECODER.decode(await reader.readexactly(length))


async def send(writer: asyncio.StreamWriter, message: Message) -> None:
    """Say something to the other side; ConnectionError when it has gone."""
    data = _ENCODER.encode(message)
    writer.write(_LENGTH.pack(len(data)) + data)
    await writer.drain()
