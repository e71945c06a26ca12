"""
One seat of the load: a user who signs in, joins, hears, and comes back when the line is lost.

What was said while it was away it reads from history, as a client does, before it hears
on; so that what it has heard in the end has to be complete, whatever happened between.
"""

from __future__ import annotations

import asyncio
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.errors import ConnectionFailure
from perchat.loadgen.checking import Faults, faults_of
from perchat.loadgen.conversation import Heard
from perchat.loadgen.marks import Mark, mark_of, marked
from perchat.loadgen.session import Account, Session, connect
from perchat.model.uri import SipUri
from perchat.xccos.primitives import Chat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perchat.loadgen.crowd import Crowd
    from perchat.loadgen.messages import Seat

__all__ = ["Participant"]

_CATCH_UP = 200  # messages of a room read by who has heard none of it yet
_EPOCH = datetime.fromtimestamp(0, UTC)


class Participant:
    """
    A seat that is taken.

    Attributes:
        present: Set while it is in its rooms.
        lost_at: When it was lost, in the loop's seconds; None while it is not.

    """

    def __init__(self, seat: Seat, crowd: Crowd) -> None:
        self.seat = seat
        self.present = asyncio.Event()
        self.lost_at: float | None = None
        self._crowd = crowd
        self._uri = SipUri(f"sip:{seat.name}@{crowd.target.domain}")
        self._heard = {room: array("q") for room in seat.rooms}
        self._session: Session | None = None
        self._held: list[Heard] | None = None
        self._told: set[tuple[int, int]] = set()  # by history, and perhaps told again
        self._posts = 0

    # coming and going

    async def arrive(self) -> None:
        """
        Sign in and join all rooms.

        Raises:
            RealTimeError: It could not be done.

        """
        crowd, loop = self._crowd, asyncio.get_running_loop()
        begun = loop.time()
        target = crowd.target
        session = await connect(self._new, target.host, target.port, crowd.tls, crowd.patience)
        try:
            await session.sign_in(target.chat_uri)
            crowd.sign_ins.add((loop.time() - begun) * 1000)
            begun = loop.time()
            await session.join([crowd.rooms[room] for room in self.seat.rooms])
            crowd.joins.add((loop.time() - begun) * 1000)
        except BaseException:
            session.close()
            raise
        self._session = session
        self.present.set()

    async def return_(self) -> None:
        """Sign in again after having been away, and catch up on what was said meanwhile."""
        held = self._held = list[Heard]()
        try:
            await self.arrive()
            for room in self.seat.rooms:
                await self._catch_up(room)
        finally:
            self._held = None
        for heard in held:
            self._note_live(self._crowd.numbers[heard.room], heard)
        self.lost_at = None

    def leave(self) -> None:
        """Sign out."""
        self.present.clear()
        if self._session is not None:
            self._session.close()
            self._session = None

    def refresh(self) -> None:
        """Renew what would run out."""
        if self._session is not None:
            self._session.refresh()

    # posting

    def next_post(self) -> int:
        """Return the name of a post that is to be made."""
        self._posts += 1
        return Mark.post_of(self.seat.number, self._posts)

    async def say(self, room: int, post: int, due: float) -> int:
        """
        Post what was due at ``due``, perhaps again, and return the status of the receipt.

        A post carries a name of its own, by which the server knows one that it has already.

        Raises:
            RealTimeError: Nobody knows whether it was stored.

        """
        if self._session is None:
            raise ConnectionFailure("not signed in")
        crowd = self._crowd
        text = marked(Mark(crowd.run, post, int(due * 1e6)), crowd.size)
        name = f"{crowd.run}-{post}"
        line = Chat(crowd.rooms[room], self._uri, text, _EPOCH, client_id=name)
        return await self._session.post(line)

    # what was heard

    def count(self, room: int) -> int:
        """Return how many messages it has heard in a room."""
        return len(self._heard[room])

    def faults(self, ids: Mapping[int, Sequence[int]]) -> Faults:
        """Hold what it heard against what was said."""
        found = Faults()
        for room, heard in self._heard.items():
            found += faults_of(heard, ids.get(room, ()))
        return found

    def _hear(self, heard: Heard, now: float) -> None:
        crowd = self._crowd
        room = crowd.numbers.get(heard.room)
        if room is None or heard.run != crowd.run_bytes or room not in self._heard:
            return  # somebody else's
        if self._held is not None:
            self._held.append(heard)
            return
        crowd.deliveries.add(now, now * 1000 - heard.due / 1000)
        self._note_live(room, heard)

    def _note_live(self, room: int, heard: Heard) -> None:
        """Take note of a line, once where history was faster: it may be told by both."""
        if self._told and (room, heard.id) in self._told:
            self._told.remove((room, heard.id))
        else:
            self._note(room, heard.id, heard.post)

    def _note(self, room: int, message: int, post: int) -> None:
        self._heard[room].append(message)
        self._crowd.heard += 1
        self._crowd.board.note(room, message, post)

    async def _catch_up(self, room: int) -> None:
        session, known = self._session, self._heard[room]
        if session is None:
            raise ConnectionFailure("lost again while catching up")
        uri, newest, more = self._crowd.rooms[room], max(known, default=0), True
        while more:
            if newest:
                messages, more = await session.after(uri, newest)
            else:
                messages, more = await session.recent(uri, _CATCH_UP), False
            for message in messages:
                mark = mark_of(message.text)
                if mark is not None and mark.run == self._crowd.run:
                    self._note(room, message.id, mark.post)
                    self._told.add((room, message.id))
            newest = messages[-1].id if messages else newest
            more = more and bool(messages)

    def _new(self) -> Session:
        crowd, seat = self._crowd, self.seat
        epid = f"{crowd.run[:4]}{seat.number:08x}"
        domain = crowd.target.domain
        account = Account(self._uri, f"{seat.name}@{domain}", crowd.target.password, epid)
        return Session(
            account,
            crowd.random,
            heard=self._hear,
            lost=self._lost,
            patience=crowd.patience,
        )

    def _lost(self, reason: str) -> None:
        self._session = None
        if self.present.is_set():
            self.present.clear()
            self.lost_at = asyncio.get_running_loop().time()
            self._crowd.lost(self, reason)
