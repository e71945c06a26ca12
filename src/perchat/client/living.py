"""
A chat that outlives its connections: made of chat endpoints, each of which lives once.

Its rooms, streams and states go on while ``Lives`` brings up one connection after another.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from perchat.client.browse import CHANGING, ChatServices
from perchat.client.events import SessionReason
from perchat.client.invitations import InvitationStream
from perchat.client.lives import Lives
from perchat.client.livingpresence import LivingPresence
from perchat.client.livingroom import LivingRoom
from perchat.client.livingstates import LIVING_TABLE, LivingState, LivingStateChanged
from perchat.client.observed import Observed
from perchat.client.opening import Opening
from perchat.client.preferences import PreferenceCopies
from perchat.client.questions import HistoryReader, named_rooms
from perchat.client.reconnect import LOST
from perchat.client.states import StateMachine, Step
from perchat.client.streams import DEFAULT_BUFFER, Broadcast, EventStream, Overflow
from perchat.client.targets import room_or_name
from perchat.client.tasks import Background
from perchat.client.userdata import UserData
from perchat.errors import (
    ChatServerConnectionError,
    CommandFailed,
    PerchatError,
    RoomDisabled,
    ServerFault,
    StateError,
)
from perchat.model.history import HistoryQuery, Match
from perchat.model.uri import RoomUri

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
    from datetime import datetime, timedelta
    from types import TracebackType

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.endpoint import LocalEndpoint
    from perchat.client.events import PreferenceChanged
    from perchat.client.options import ClientTimers
    from perchat.client.presence import PresenceServices
    from perchat.client.reconnect import ReconnectPolicy
    from perchat.client.targets import RoomLike
    from perchat.model.chatroom import RoomSnapshot
    from perchat.model.history import HistoryResult
    from perchat.model.invitation import Invitation
    from perchat.model.service import ServerInfo
    from perchat.model.uri import SipUri
    from perchat.xccos.blocks import Data

__all__ = ["LivingChat", "living"]

_log = logging.getLogger("perchat.chat")
_Result = TypeVar("_Result")
_EVERYTHING = HistoryQuery()
_chance = secrets.SystemRandom().random
_JOINS = 16  # joins under way at once after a reconnection


class LivingChat(HistoryReader, ChatServices, Observed):
    """
    A chat service, as one user sees it across connections; made by the connect helpers.

    ``async with`` establishes and terminates it.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[PersistentChatEndpoint]],
        policy: ReconnectPolicy,
        *,
        name: str = "",
        chance: Callable[[], float] = _chance,
    ) -> None:
        """
        Make a chat; nothing is sent before ``establish``.

        Args:
            connect: Signs in and opens a session; what it returns is terminated by us.
            policy: When to come back.
            name: Whose it is, for the log.
            chance: A number from 0 to 1, for the jitter.

        """
        self._name = name
        self._lives = Lives(connect, policy, self, name=name, chance=chance)
        self._machine = StateMachine(LIVING_TABLE, LivingState.IDLE)
        self._changes: Broadcast[LivingStateChanged] = Broadcast()
        self._invited: Broadcast[Invitation] = Broadcast()
        self._preferred: Broadcast[PreferenceChanged] = Broadcast()
        self._copies = PreferenceCopies()
        self._data = UserData(self, LOST)
        self._presence = LivingPresence(self._lives)
        self._last_invitation: int | None = None
        self._began: datetime | None = None  # by the service's clock
        self._rooms: dict[RoomUri, LivingRoom] = {}
        self._joining: set[RoomUri] = set()
        self._background = Background()
        self._keeper: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    # --- what it is ---

    @property
    def state(self) -> LivingState:
        """Where it is; already true when an event tells of it."""
        return self._machine.state

    @property
    def failure(self) -> BaseException | None:
        """What ended it for good, when that was not ``terminate``."""
        return self._failure

    @property
    def endpoint(self) -> LocalEndpoint:
        """The local endpoint of the connection there is, or of the last one."""
        return self._known.endpoint

    @property
    def owner_uri(self) -> SipUri:
        """The user's address-of-record."""
        return self._known.owner_uri

    @property
    def address(self) -> SipUri:
        """The chat service."""
        return self._known.address

    @property
    def timers(self) -> ClientTimers:
        """How long things may take on one connection."""
        return self._known.timers

    @property
    def server(self) -> ServerInfo:
        """Limits and identity of the service, as last told."""
        return self._known.server

    @property
    def presence(self) -> PresenceServices:
        """How reachable the user and others are; kept up across connections."""
        return self._presence

    @property
    def clock_offset(self) -> timedelta:
        """How far the service's clock was ahead of ours when it was last asked."""
        return self._known.clock_offset

    @property
    def sessions(self) -> Mapping[RoomUri, LivingRoom]:
        """The rooms, as a copy; those too that wait to be joined again."""
        return MappingProxyType(dict(self._rooms))

    def session(self, room: RoomLike) -> LivingRoom | None:
        """Return a room that was joined, by URI or by name without case."""
        wanted = room_or_name(room)
        if isinstance(wanted, RoomUri):
            return self._rooms.get(wanted)
        name = wanted.casefold()
        return next((one for one in self._rooms.values() if one.name.casefold() == name), None)

    @property
    def _known(self) -> PersistentChatEndpoint:
        if self._lives.latest is None:
            raise ChatServerConnectionError(f"the chat is {self.state.value}, not established")
        return self._lives.latest

    # --- what it tells ---

    def _sources(self) -> tuple[Broadcast[Any], ...]:
        data = self._data
        own = (self._changes, self._invited, self._preferred)
        return (*own, data.followed_changes, data.position_changes)

    def state_changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[LivingStateChanged]:
        """Return every change of state from now on; ends after TERMINATED."""
        return self._changes.stream(lambda change: change, limit=limit, overflow=overflow)

    def invitations(
        self,
        since: int | None = None,
        *,
        limit: int = DEFAULT_BUFFER,
        overflow: Overflow = Overflow.DROP_OLDEST,
    ) -> InvitationStream:
        """
        Return the invitations from now on; those of an absence once we are back.

        Args:
            since: First those that the service kept with a greater id, each once.
            limit: How many may wait for the reader.
            overflow: What happens beyond that.

        """
        live = self._invited.stream(lambda one: one, limit=limit, overflow=overflow)
        return InvitationStream(live, since, self.stored_invitations)

    def preference_changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[PreferenceChanged]:
        """
        Return which bundles other programs of the user wrote, from now on.

        What was written while the connection was away is not told: read it again then.
        """
        return self._preferred.stream(lambda change: change, limit=limit, overflow=overflow)

    # --- its life ---

    async def establish(self) -> None:
        """
        Connect, as often as the policy allows.

        Raises:
            StateError: It was used before.
            PerchatError: What ended the last attempt, see the connect helpers.

        """
        if not self._machine.allows(Step.BEGIN):
            raise StateError(f"the chat is {self.state.value}: make another")
        self._move(Step.BEGIN)
        self._keeper = asyncio.get_running_loop().create_task(self._live(), name=self._name)
        try:
            await self._lives.now.wait()
        except BaseException:
            await self.terminate()
            raise

    async def terminate(self) -> None:
        """Leave all rooms and close; never raises but for cancellation, may be repeated."""
        if self._machine.allows(Step.END):
            self._move(Step.END)
        if self._keeper is not None and self._keeper is not asyncio.current_task():
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        try:
            await self._lives.drop()
        finally:
            self._finish()

    async def __aenter__(self) -> Self:
        await self.establish()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.terminate()

    # --- what it can do ---

    def join(self, room: RoomLike) -> Opening[LivingRoom]:
        """
        Join a room for as long as the chat lives: await it, or ``async with`` to leave it again.

        Raises:
            ValueError: ``room`` cannot name a room; raised at once.

        """
        wanted = room_or_name(room)

        async def opened() -> LivingRoom:
            async with self._lives.patience("the join"):
                return await self._through(lambda chat: self._join(chat, wanted))

        return Opening(opened, LivingRoom.close)

    async def command(self, name: str, data: Data, kind: type[_Result]) -> _Result:
        """
        Send a command to the service and return its reply's data, a ``kind``.

        It is sent again on the next connection, unless it changes something: then the
        failure of the connection it was sent on is raised.
        """
        async with self._lives.patience("the service"):
            return await self._lives.through(
                lambda chat: chat.command(name, data, kind), again=name not in CHANGING
            )

    async def search_rooms(
        self,
        text: str = "",
        *,
        descriptions: bool = False,
        match: Match = Match.ANY,
        limit: int | None = None,
    ) -> list[RoomSnapshot]:
        """Return the visible rooms, see ``PersistentChatEndpoint.search_rooms``."""
        async with self._lives.patience("the search"):
            return await self._through(
                lambda chat: chat.search_rooms(
                    text, descriptions=descriptions, match=match, limit=limit
                )
            )

    async def query_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = _EVERYTHING
    ) -> list[HistoryResult]:
        """Return what was said, see ``PersistentChatEndpoint.query_history``."""
        wanted = named_rooms(rooms)
        async with self._lives.patience("history"):
            return await self._through(lambda chat: chat.query_history(wanted, query))

    async def find(self, room: RoomUri | str) -> RoomUri:
        """Return the URI of a room given by name; RoomNotFound if none is named so."""
        async with self._lives.patience("the search"):
            return await self._through(lambda chat: chat.find(room))

    async def stored_invitations(
        self, after: int = 0, *, limit: int | None = None
    ) -> list[Invitation]:
        """Return what was kept, see ``PersistentChatEndpoint.stored_invitations``."""
        async with self._lives.patience("invitations"):
            return await self._through(lambda chat: chat.stored_invitations(after, limit=limit))

    async def _through(
        self, work: Callable[[PersistentChatEndpoint], Awaitable[_Result]]
    ) -> _Result:
        """Do it on the connection there is, and again on the next one if that is lost."""
        return await self._lives.through(work)

    # --- from its rooms ---

    def _forget(self, room: LivingRoom) -> None:
        """Join that room no more."""
        if self._rooms.get(room.uri) is room:
            del self._rooms[room.uri]

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something in the background for as long as the chat lives."""
        return self._background.spawn(work, name)

    # --- from its connections ---

    def _came(self, chat: PersistentChatEndpoint) -> None:
        """Say that we are connected."""
        self._spawn(self._pass_on_invitations(chat), f"invitations of {self._name}")
        self._copies.clear()
        changes = chat.preference_changes()
        self._spawn(self._pass_on_preferences(changes), f"preferences of {self._name}")
        if self._data.may_be_stale():
            self._read_on()
        self._spawn(self._presence.renew(chat), f"presence of {self._name}")
        first = self.state is LivingState.ESTABLISHING
        self._move(Step.SUCCEED if first else Step.RECOVER)

    def _went(self, why: str) -> None:
        """Say that we are not."""
        self._move(Step.LOSE, why)

    async def _live(self) -> None:
        try:
            await self._lives.run()
        except Exception as error:
            if not isinstance(error, PerchatError):
                _log.exception("%s: coming back failed unexpectedly", self._name)
            self._failure = error
            await self._give_up(error)

    async def _give_up(self, error: Exception) -> None:
        _log.error("%s: the chat is over: %s", self._name, error)
        first = self.state is LivingState.ESTABLISHING
        self._lives.now.end((lambda: error) if first else self._ended)
        self._move(Step.END, str(error))
        try:
            await self._lives.drop()
        finally:
            self._finish(str(error))

    async def _take_up(self, chat: PersistentChatEndpoint) -> None:
        """Join the rooms again."""
        slots = asyncio.Semaphore(_JOINS)

        async def enter(room: LivingRoom) -> None:
            async with slots:
                await self._reenter(room, chat)

        failures = await asyncio.gather(*map(enter, self._rooms.values()), return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure

    async def _reenter(self, room: LivingRoom, chat: PersistentChatEndpoint) -> None:
        try:
            await room._enter(chat)
        except ServerFault:
            raise
        except CommandFailed as error:
            _log.warning("%s: not let into %s again: %s", self._name, room.uri, error)
            disabled = isinstance(error, RoomDisabled)
            room._end(SessionReason.ROOM_DISABLED if disabled else SessionReason.KICKED)

    async def _pass_on_invitations(self, chat: PersistentChatEndpoint) -> None:
        began, self._began = self._began, self._began or chat.server.time
        last = self._last_invitation or (None if began is None else 0)
        try:
            async for invitation in chat.invitations(last):
                if last == 0 and began is not None and invitation.created_on < began:
                    continue  # stored before there was anybody to tell
                self._last_invitation = max(invitation.id, self._last_invitation or 0)
                self._invited.publish(invitation)
        except PerchatError as error:
            _log.debug("%s: invitations end here: %s", self._name, error)

    async def _pass_on_preferences(self, changes: EventStream[PreferenceChanged]) -> None:
        async for change in changes:
            self._copies.changed(change)
            self._preferred.publish(change)
            if self._data.is_news(change.label):
                self._read_on()

    def _read_on(self) -> None:
        self._spawn(self._data.refresh(), f"what other programs of {self._name} wrote")

    # --- rooms ---

    async def _join(self, chat: PersistentChatEndpoint, wanted: RoomUri | str) -> LivingRoom:
        uri = await chat.find(wanted)
        if uri in self._rooms or uri in self._joining:
            raise StateError(f"the room is joined already: {uri}")
        room = LivingRoom(self, uri)
        self._joining.add(uri)
        try:
            await room._enter(chat)
        finally:
            self._joining.discard(uri)
        if not self._lives.is_current(chat) or not room.is_joined:  # too late to be joined again
            room._end(SessionReason.DISCONNECTED)
            raise ChatServerConnectionError(f"the connection was lost while joining {uri}")
        self._rooms[uri] = room
        return room

    # --- the end ---

    def _finish(self, reason: str = "") -> None:
        if not self._machine.allows(Step.ENDED):
            return
        self._lives.now.end(self._ended)
        for room in list(self._rooms.values()):
            room._end(SessionReason.DISCONNECTED, self._ended)
        self._background.cancel()
        self._move(Step.ENDED, reason)
        self._changes.end()
        self._invited.end()
        self._preferred.end()
        self._data.end()

    def _ended(self) -> ChatServerConnectionError:
        why = f": {self._failure}" if self._failure else ""
        return ChatServerConnectionError(f"the chat is over{why}")

    def _move(self, step: Step, reason: str = "") -> None:
        state = self._machine.take(step)
        _log.info("%s: %s%s", self._name, state.value, f": {reason}" if reason else "")
        self._changes.publish(LivingStateChanged(state, reason))


def living(
    connect: Callable[[], Awaitable[PersistentChatEndpoint]], policy: ReconnectPolicy, name: str
) -> Opening[LivingChat]:
    """Return a living chat about to be established (connect helpers call this)."""

    async def opened() -> LivingChat:
        chat = LivingChat(connect, policy, name=name)
        await chat.establish()
        return chat

    return Opening(opened, LivingChat.terminate)
