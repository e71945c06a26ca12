"""Which session gets what comes from which room."""

from __future__ import annotations

import weakref
from types import MappingProxyType
from typing import TYPE_CHECKING

from perchat.client.events import MessagesModerated, SessionReason
from perchat.errors import ErrorCode, StateError
from perchat.model.journal import MessagesModerated as ModeratedFact
from perchat.model.roomdetails import RoomDetails
from perchat.xccos.blocks import Arrivals, Departures, RoomUris
from perchat.xccos.primitives import Chat, Notice, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perchat.client.session import ChatRoomSession
    from perchat.model.uri import RoomUri
    from perchat.xccos.primitives import Primitive

__all__ = ["RoomRoutes"]


class RoomRoutes:
    """The sessions of one chat endpoint, one a room; idle ones are known weakly."""

    def __init__(self) -> None:
        self._rooms: dict[RoomUri, ChatRoomSession] = {}
        self._all: weakref.WeakSet[ChatRoomSession] = weakref.WeakSet()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, session: ChatRoomSession) -> None:
        """Know a session, to end it with the endpoint."""
        self._all.add(session)

    def occupy(self, room: RoomUri, session: ChatRoomSession) -> None:
        """Give a session what comes from a room; StateError when another one has it."""
        if room in self._rooms:
            raise StateError(f"the room is joined already: {room}")
        self._rooms[room] = session

    def vacate(self, room: RoomUri, session: ChatRoomSession) -> bool:
        """Give it nothing more; returns whether it had the room."""
        if self._rooms.get(room) is not session:
            return False
        del self._rooms[room]
        return True

    def joined(self) -> Mapping[RoomUri, ChatRoomSession]:
        """Return the sessions that are in a room now, as a copy."""
        return MappingProxyType(
            {uri: session for uri, session in self._rooms.items() if session.is_joined}
        )

    def deliver(self, primitive: Primitive) -> bool:
        """Hand on a line or a notice; returns whether rooms are what it is about."""
        match primitive:
            case Chat():
                if primitive.room in self._rooms:
                    self._rooms[primitive.room]._line_received(primitive)
            case Notice(data=Arrivals() as arrivals):
                self._arrived(arrivals, came=primitive.name != "permmodify")
            case Notice(data=Departures() as departures):
                self._departed(departures, _reason(primitive.error))
            case Notice(data=RoomDetails() | ModeratedFact() as change):
                self._changed(change)
            case Reply(data=RoomUris() as gone):
                self._put_out(gone, _reason(None if primitive.succeeded else primitive.error))
            case _:
                return False
        return True

    def end_all(self, reason: SessionReason) -> None:
        """End every session there is."""
        for session in {*self._rooms.values(), *self._all}:
            session._ended(reason)
        self._rooms.clear()

    def _put_out(self, gone: RoomUris, reason: SessionReason) -> None:
        for room in gone.rooms:
            if (session := self._rooms.get(room)) is not None:
                session._put_out(reason)

    def _changed(self, change: RoomDetails | ModeratedFact) -> None:
        room = change.uri if isinstance(change, RoomDetails) else change.room
        session = self._rooms.get(room)
        if session is None:
            return
        if isinstance(change, RoomDetails):
            session._changed(change)
        else:
            session._moderated(MessagesModerated(change.messages, change.text))

    def _arrived(self, arrivals: Arrivals, *, came: bool) -> None:
        for arrival in arrivals.arrivals:
            for room, mask in arrival.rooms:
                if room in self._rooms:
                    self._rooms[room]._arrived(arrival.participant, mask, came=came)

    def _departed(self, departures: Departures, reason: SessionReason) -> None:
        for departure in departures.departures:
            session = self._rooms.get(departure.room)
            if session is not None:
                session._departed(departure.users, reason)


def _reason(error: ErrorCode | None) -> SessionReason:
    """Tell why whoever is put out is."""
    disabled = error is ErrorCode.NODE_DISABLED
    return SessionReason.ROOM_DISABLED if disabled else SessionReason.KICKED
