"""
Asking what was said: one question, or page after page until all of it has come.

A page is asked for behind the last message of the one before, room by room, as
messages are numbered within their room. A service ignores a range of time beside
such a place, so it is looked after here.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from perchat.client.targets import RoomLike, room_or_name
from perchat.errors import (
    CommandFailed,
    PermissionDenied,
    RemoteProtocolError,
    RoomDisabled,
    RoomNotFound,
)
from perchat.model.chatroom import RoomSummary
from perchat.model.history import HistoryQuery, HistoryResult
from perchat.model.invitation import Invitation
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import Histories, HistorySearch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable

    from perchat.client.commands import Commands
    from perchat.model.message import Message

__all__ = ["HistoryReader", "ask", "named_rooms", "walk"]

PAGE = 100
"""Messages asked for at a time; so many are in memory at most."""

_EVERYTHING = HistoryQuery()


class HistoryReader:
    """What endpoints of chat services have in common: reading without being in a room."""

    @abstractmethod
    async def query_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = _EVERYTHING
    ) -> list[HistoryResult]:
        """
        Return what was said that matches, a result a room; they need not be joined.

        Rooms that may not be read are left out, unless none can. The service limits how
        much it returns: see ``truncated``, and ``iter_history``.

        Raises:
            ValueError: No rooms.
            RoomNotFound, PermissionDenied, RoomDisabled: None of the rooms may be read.
            LimitExceeded: Too many rooms, words or authors.
            NotSupported: The service cannot do that.

        """

    async def iter_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = _EVERYTHING
    ) -> AsyncIterator[Message]:
        """
        Iterate over all that was said that matches, room by room, in bounded memory.

        Within a room the messages come in the order asked for. Only with a limit on the
        opposite end (``search_newest_first`` without ``newest_first``, or the other way
        round) are up to that many held. Raises what ``query_history`` does.
        """
        failures: list[CommandFailed] = []
        wanted = named_rooms(rooms)
        for room in wanted:
            try:
                turn = partial(self._turn, await self.find(room))
                async with aclosing(walk(turn, query)) as found:
                    async for message in found:
                        yield message
            except (PermissionDenied, RoomDisabled, RoomNotFound) as error:
                failures.append(error)
        if len(failures) == len(wanted):
            raise failures[0]

    async def _turn(self, room: RoomUri, page: HistoryQuery) -> HistoryResult:
        return (await self.query_history([room], page))[0]

    @abstractmethod
    async def find(self, room: RoomUri | str) -> RoomUri:
        """Return the URI of a room given by name; RoomNotFound if none is named so."""


def named_rooms(rooms: RoomLike | Iterable[RoomLike]) -> list[RoomUri | str]:
    """Return the rooms that were named, each once; ValueError when there is none."""
    some = [rooms] if isinstance(rooms, (str, RoomSummary, Invitation)) else rooms
    named = list(dict.fromkeys(map(room_or_name, some)))
    if not named:
        raise ValueError("history is asked of one room at least")
    return named


async def ask(chat: Commands, rooms: Iterable[RoomUri], query: HistoryQuery) -> list[HistoryResult]:
    """Put one question to the service; about one room, there is one result."""
    name = "bcbymsg" if query.after_id else "bcbydate"
    query = query if query.after_id else replace(query, after_id=None)
    wanted = tuple(rooms)
    found = await chat.command(name, HistorySearch(wanted, query), Histories)
    results = [result for result in found.results if result.room_uri in wanted]
    return results or [HistoryResult(room) for room in wanted[:1] if len(wanted) == 1]


async def walk(
    turn: Callable[[HistoryQuery], Awaitable[HistoryResult]], query: HistoryQuery
) -> AsyncGenerator[Message, None]:
    """Iterate over all of one room that matches; ``turn`` asks for a page."""
    way = _Way(query)
    async with aclosing(way.messages(turn)) as found:
        if query.limit is None or way.backwards is query.newest_first:
            async for message in found:
                yield message
        else:
            for message in reversed([message async for message in found]):
                yield message


class _Way:
    """
    How a room's messages are gone through.

    Attributes:
        backwards: Towards the older ones. A limit counts from where the search begins;
            without one the order of the answer is the shortest way.

    """

    def __init__(self, query: HistoryQuery) -> None:
        self._query = replace(query, since=None, until=None) if query.after_id else query
        limited = query.limit is not None
        self.backwards = query.search_newest_first if limited else query.newest_first
        self._place = query.after_id or None
        self._end: int | None = None
        if self._place and self.backwards is not query.search_newest_first:
            self._place, self._end = None, self._place

    async def messages(
        self, turn: Callable[[HistoryQuery], Awaitable[HistoryResult]]
    ) -> AsyncGenerator[Message, None]:
        """Iterate over what matches, one page at a time."""
        left = self._query.limit
        while left is None or left > 0:
            page = await turn(self._page(left))
            messages = sorted(page.messages, key=lambda one: one.id, reverse=self.backwards)
            meant = [message for message in messages if self._is_meant(message)]
            for message in meant:
                yield message
            left = None if left is None else left - len(meant)
            if not page.truncated or not messages or not meant:
                return
            self._go_on(messages[-1].id)

    def _page(self, left: int | None) -> HistoryQuery:
        return replace(
            self._query,
            after_id=self._place,
            limit=PAGE if left is None else min(PAGE, left),
            search_newest_first=self.backwards,
            newest_first=self.backwards,
        )

    def _is_meant(self, message: Message) -> bool:
        """Tell whether a message is on this side of the end, and in the range of time."""
        if self._end is not None:
            return message.id > self._end if self.backwards else message.id < self._end
        since, until = self._query.since, self._query.until
        return (since is None or message.timestamp >= since) and (
            until is None or message.timestamp <= until
        )

    def _go_on(self, last: int) -> None:
        if self._place is not None and (
            last >= self._place if self.backwards else last <= self._place
        ):
            raise RemoteProtocolError(f"history behind message {self._place} ends at {last}")
        self._place = last
