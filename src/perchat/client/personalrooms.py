"""Rooms as one user follows and reads them: the part of ``chat.rooms`` about the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perchat.client.questions import ask, walk
from perchat.client.staffing import RoomStaff
from perchat.model.history import HistoryQuery, HistoryResult
from perchat.model.message import Message
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import History, RecentQuery, RoomUris
from perchat.xccos.managing import RoomPermissions

if TYPE_CHECKING:
    from perchat.client.commands import Commands
    from perchat.client.targets import RoomLike
    from perchat.client.userdata import UserData

__all__ = ["PersonalRooms", "message_id"]

_MOST_OWN = 1000  # messages of the caller's that are told from those of others


class PersonalRooms(RoomStaff):
    """Rooms that the caller follows, and how far the caller has read in them."""

    def __init__(self, chat: Commands, data: UserData) -> None:
        super().__init__(chat)
        self._data = data

    async def follow(self, room: RoomLike) -> None:
        """
        Follow a room, on all devices of the caller; harmless when it is followed already.

        Raises:
            RoomNotFound: No such room, or it may not be known.
            ValueError: 1000 rooms are followed.

        """
        uri = await self._uri(room)
        await self._chat.command("getperms", RoomUris((uri,)), RoomPermissions)  # it is there
        await self._data.follow(uri)

    async def unfollow(self, room: RoomLike) -> None:
        """Follow a room no more; by URI also one that is gone."""
        await self._data.unfollow(await self._uri(room))

    async def followed(self) -> list[RoomUri]:
        """
        Return the rooms that the caller follows, in the order they were chosen.

        A room that was removed since, or may not be known any more, stays until it is
        unfollowed.
        """
        return list(await self._data.followed())

    async def mark_read(self, room: RoomLike, message: Message | int) -> None:
        """
        Note, for all devices of the caller, that a room was read up to a message.

        The position never goes back. Of 1000 rooms it is kept; beyond that the one that
        was not moved for the longest time is forgotten.

        Args:
            room: Which.
            message: A message, or its id.

        Raises:
            ValueError: The message has no id, or a negative one.

        """
        wanted = message_id(message)
        await self._data.mark_read(await self._uri(room), wanted)

    async def read_position(self, room: RoomLike) -> int:
        """Return the id of the newest message that the caller has read; 0 for none."""
        uri = await self._uri(room)
        return (await self._data.positions()).get(uri, 0)

    async def unread(self, room: RoomLike) -> int:
        """
        Return how many messages of others stand behind the caller's read position.

        Messages of a room are numbered without gaps, so that only the caller's own have to
        be looked for; beyond 1000 of those they count as unread. A room that keeps no
        history has nothing to read.

        Raises:
            PermissionDenied, RoomDisabled: Its history may not be read.

        """
        uri = await self._uri(room)
        position = (await self._data.positions()).get(uri, 0)
        behind = await self._newest(uri) - position
        return max(behind - await self._own(uri, position), 0) if behind > 0 else 0

    async def _newest(self, room: RoomUri) -> int:
        found = await self._chat.command("bccontext", RecentQuery(room, 1), History)
        return found.messages[-1].id if found.messages else 0

    async def _own(self, room: RoomUri, position: int) -> int:
        async def turn(page: HistoryQuery) -> HistoryResult:
            return (await ask(self._chat, [room], page))[0]

        mine = HistoryQuery(after_id=position, authors=(self._chat.owner_uri,), limit=_MOST_OWN)
        return len([message async for message in walk(turn, mine)])


def message_id(message: Message | int) -> int:
    """Return the id of a message; ValueError if it has none or a negative one."""
    number = message.id if isinstance(message, Message) else message
    if number < 0 or (number == 0 and isinstance(message, Message)):
        raise ValueError(f"no message has the id {number}")
    return number
