"""What every part of the chat service works with: state, store, and the way between."""

from __future__ import annotations

import asyncio
import heapq
import logging
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from perchat.chat.refusal import Refusal, refuse
from perchat.chat.state import ChatState
from perchat.errors import CommandFailed, ErrorCode, PerchatError, StorageError
from perchat.model.chatroom import Permission
from perchat.model.journal import MessagePosted, ParticipantJoined, ParticipantParted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perchat.chat.settings import ChatSettings
    from perchat.chat.state import Happening, RoomState
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.category import Category
    from perchat.model.chatroom import Role
    from perchat.model.journal import Fact, JournalEntry
    from perchat.model.uri import RoomUri, SipUri
    from perchat.store.base import Store

__all__ = ["Desk"]

_log = logging.getLogger(__name__)
_KEPT = 10_000  # answers to what a user may do in a room
_ABOUT_NO_RIGHT = frozenset({MessagePosted, ParticipantJoined, ParticipantParted})


class Desk:
    """
    Reads from the state, writes through the store.

    What is written comes back by the journal: nobody but ``apply`` changes the state.
    """

    def __init__(self, store: Store, wakeup: Wakeup, settings: ChatSettings) -> None:
        self.store = store
        self.settings = settings
        limit = settings.participant_update_limit
        self.state = ChatState(
            settings.node,
            large_above=limit,
            calm_below=limit * settings.calm_share,
            groups_of=store.groups_of,
        )
        self._granted: dict[tuple[SipUri, RoomUri], Permission] = {}
        self._wakeup = wakeup
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._ticket = count()

    async def append(self, *facts: Fact) -> Refusal | list[JournalEntry]:
        """Make facts true and wake the followers; a store in trouble is a refusal."""
        try:
            return await self.store.append(*facts)
        except (CommandFailed, StorageError) as error:
            return _refusal_of(error)
        finally:
            self._wakeup.wake()

    def append_then(
        self, told: Callable[[Refusal | list[JournalEntry]], None], *facts: Fact
    ) -> None:
        """Do the same for somebody who does not wait; followers are woken before ``told``."""
        try:
            self.store.append_then(partial(self._appended, told), *facts)
        except StorageError as error:
            told(_refusal_of(error))

    def _appended(
        self,
        told: Callable[[Refusal | list[JournalEntry]], None],
        outcome: list[JournalEntry] | PerchatError,
    ) -> None:
        self._wakeup.wake()
        told(_refusal_of(outcome) if isinstance(outcome, PerchatError) else outcome)

    async def settle(self, *facts: Fact) -> Refusal | list[JournalEntry]:
        """Do the same and return when this node's state has them too."""
        entries = await self.append(*facts)
        if not isinstance(entries, Refusal) and entries:
            await self.applied(entries[-1].position)
        return entries

    async def applied(self, position: int) -> None:
        """Return when this node's state has an entry."""
        if self.state.position >= position:
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (position, next(self._ticket), waiter))
        await waiter

    def apply(self, entry: JournalEntry) -> Sequence[Happening]:
        """Take the next entry of the journal."""
        if type(entry.fact) not in _ABOUT_NO_RIGHT:
            self._granted.clear()
        happenings = self.state.apply(entry)
        while self._waiting and self._waiting[0][0] <= entry.position:
            waiter = heapq.heappop(self._waiting)[2]
            if not waiter.done():
                waiter.set_result(None)
        return happenings

    def category(self, place: RoomState) -> Category:
        """Return the category of a room."""
        return self.state.category(place)

    def roles(self, user: SipUri, place: RoomState) -> frozenset[Role]:
        """Return the roles a user has in a room, through any principal."""
        return self.state.roles(user, place)

    def permission(self, user: SipUri, place: RoomState) -> Permission:
        """Return what a user may do in a room; kept until something comes that may change it."""
        key = (user, place.room.uri)
        granted = self._granted.get(key)
        if granted is None:
            if len(self._granted) >= _KEPT:
                self._granted.clear()
            granted = self._granted[key] = self.state.permission(user, place)
        return granted

    def find(self, user: SipUri, room: RoomUri) -> Refusal | tuple[RoomState, Permission]:
        """Return a room the user may know of, with what the user may do there."""
        place = self.state.rooms.get(room)
        if place is None:
            return refuse(ErrorCode.NO_SUCH_NODE)
        granted = self.permission(user, place)
        if Permission.VIEW not in granted:
            return refuse(ErrorCode.NO_SUCH_NODE)
        return place, granted


def _refusal_of(error: PerchatError) -> Refusal:
    if isinstance(error, CommandFailed):
        return Refusal(error.code, str(error))
    _log.error("not stored: %s", error)
    return Refusal(ErrorCode.DATABASE_CONNECTION, "the service cannot store it now")
