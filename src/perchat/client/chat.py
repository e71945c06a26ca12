"""
The chat endpoint: one connection to one chat service, over one local endpoint.

It lives once. What can be subscribed to may be subscribed before it is
established, and nothing that happens from then on is lost.
"""

from __future__ import annotations

import logging
from asyncio import Event
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

from perchat.client.browse import ChatServices
from perchat.client.dialog import ChatDialog
from perchat.client.endpoint import LocalEndpoint
from perchat.client.events import ConnectionStateChanged, PreferenceChanged, SessionReason
from perchat.client.invitations import InvitationStream
from perchat.client.naming import at_most, first
from perchat.client.observed import Observed
from perchat.client.opening import Opening
from perchat.client.preferences import PreferenceCopies
from perchat.client.presence import EndpointPresence
from perchat.client.questions import HistoryReader, ask, named_rooms
from perchat.client.routes import RoomRoutes
from perchat.client.service import expect, learn, open_service
from perchat.client.session import ChatRoomSession
from perchat.client.states import CHAT_TABLE, ConnectionState, StateMachine, Step
from perchat.client.streams import DEFAULT_BUFFER, Broadcast, EventStream, Overflow
from perchat.client.targets import Match, pick_by_name, room_or_name
from perchat.client.tasks import Background
from perchat.client.userdata import UserData
from perchat.errors import (
    ChatServerConnectionError,
    PerchatError,
    StateError,
)
from perchat.model.history import HistoryQuery
from perchat.model.invitation import Invitation
from perchat.model.uri import RoomUri, SipUri
from perchat.xccos.blocks import (
    InvitationQuery,
    Invitations,
    RoomQuery,
    Rooms,
    RoomUris,
)
from perchat.xccos.managing import PreferenceVersion
from perchat.xccos.primitives import Notice

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Coroutine, Iterable, Mapping
    from types import TracebackType

    from perchat.client.options import ClientTimers
    from perchat.client.presence import PresenceServices
    from perchat.client.targets import RoomLike
    from perchat.model.chatroom import RoomSnapshot
    from perchat.model.history import HistoryResult
    from perchat.model.service import ServerInfo
    from perchat.xccos.blocks import Data
    from perchat.xccos.primitives import Primitive

__all__ = ["PersistentChatEndpoint"]

_log = logging.getLogger("perchat.chat")
_Block = TypeVar("_Block")
_EVERYTHING = HistoryQuery()


class PersistentChatEndpoint(HistoryReader, ChatServices, Observed):
    """
    A chat service, as one user sees it.

    ``async with`` establishes and terminates it.
    """

    def __init__(self, address: str, endpoint: LocalEndpoint) -> None:
        """
        Make an endpoint; nothing is sent before ``establish``.

        Args:
            address: The chat service, ``sip:…``, as provisioned or configured.
            endpoint: Has to be established first.

        Raises:
            ValueError: ``address`` is not a SIP address.
            TypeError: An argument is missing or of another kind.

        """
        if not isinstance(address, str):
            raise TypeError("the chat service's address is missing")
        if not isinstance(endpoint, LocalEndpoint):
            raise TypeError(f"not a local endpoint: {type(endpoint).__name__}")
        self._address = SipUri(address)
        self._endpoint = endpoint
        self._machine = StateMachine(CHAT_TABLE, ConnectionState.IDLE)
        self._changes: Broadcast[ConnectionStateChanged] = Broadcast()
        self._invited: Broadcast[Invitation] = Broadcast()
        self._preferred: Broadcast[PreferenceChanged] = Broadcast()
        self._copies = PreferenceCopies()
        self._data = UserData(self)
        self._presence = EndpointPresence(endpoint)
        self._dialog: ChatDialog | None = None
        self._server: ServerInfo | None = None
        self._clock_offset = timedelta()
        self._routes = RoomRoutes()
        self._beneath = AsyncExitStack()
        self._background = Background()
        self._why = ""
        self._over = Event()
        endpoint._add(self)

    # --- what it is ---

    @property
    def state(self) -> ConnectionState:
        """Where it is; already true when an event tells of it."""
        return self._machine.state

    @property
    def endpoint(self) -> LocalEndpoint:
        """What it stands on."""
        return self._endpoint

    @property
    def owner_uri(self) -> SipUri:
        """The user's address-of-record."""
        return self._endpoint.owner_uri

    @property
    def address(self) -> SipUri:
        """The chat service; once established, the one that a lookup led to."""
        return self._dialog.address if self._dialog is not None else self._address

    @property
    def timers(self) -> ClientTimers:
        """How long things may take here."""
        return self._endpoint.timers

    @property
    def server(self) -> ServerInfo:
        """Limits and identity of the service; ChatServerConnectionError until established."""
        if self._server is None:
            raise self._not_established()
        return self._server

    @property
    def presence(self) -> PresenceServices:
        """How reachable the user and others are."""
        return self._presence

    @property
    def clock_offset(self) -> timedelta:
        """How far the service's clock was ahead of ours when the endpoint was established."""
        return self._clock_offset

    @property
    def sessions(self) -> Mapping[RoomUri, ChatRoomSession]:
        """The joined rooms now, as a copy."""
        return self._routes.joined()

    def session(self, room: RoomLike) -> ChatRoomSession | None:
        """Return the joined session of a room, by URI or by name without case."""
        wanted = room_or_name(room)
        if isinstance(wanted, RoomUri):
            return self.sessions.get(wanted)
        name = wanted.casefold()
        return next((one for one in self.sessions.values() if one.name.casefold() == name), None)

    # --- what it tells ---

    def _sources(self) -> tuple[Broadcast[Any], ...]:
        data = self._data
        own = (self._changes, self._invited, self._preferred)
        return (*own, data.followed_changes, data.position_changes)

    def state_changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[ConnectionStateChanged]:
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
        Return the invitations from now on.

        Args:
            since: First those that the service kept with a greater id, each once.
            limit: How many may wait for the reader.
            overflow: What happens beyond that.

        """
        live = self._invited.stream(lambda one: one, limit=limit, overflow=overflow)
        return InvitationStream(live, since, self._invitations_after)

    def preference_changes(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[PreferenceChanged]:
        """Return which bundles other programs of the user wrote, from now on."""
        return self._preferred.stream(lambda change: change, limit=limit, overflow=overflow)

    # --- its life ---

    async def establish(self) -> None:
        """
        Open the session and learn about the service.

        Raises:
            StateError: It was used before, or the local endpoint is not established.
            ChatServerConnectionError: Refused, or ended by the service.
            CommandFailed: The service does not tell about itself.
            OperationTimeout: No answer in time.
            ConnectionFailure: The connection ended.

        """
        if not self._machine.allows(Step.BEGIN):
            raise StateError(
                f"the chat endpoint is {self.state.value}: it lives once, make another"
            )
        self._endpoint._signed_in  # noqa: B018 - raises, naming the state
        self._move(Step.BEGIN)
        try:
            self._dialog = await open_service(self._new_dialog, self._address, self.timers.lookup)
            self._server, self._clock_offset = await learn(self._dialog)
            if self._why or self.state is not ConnectionState.ESTABLISHING:
                raise ChatServerConnectionError(f"the session ended at once: {self._why}")
        except BaseException as error:
            await self._end(str(error) or type(error).__name__)
            raise
        self._move(Step.SUCCEED)

    async def terminate(self) -> None:
        """Leave all rooms and close; never raises, may be repeated."""
        try:
            await self._hang_up()
        finally:
            await self._beneath.pop_all().aclose()

    async def _hang_up(self) -> None:
        """End the session, but not what was opened for it (the local endpoint calls this)."""
        await self._end("")
        await self._over.wait()

    async def _finished(self) -> None:
        """Wait until it is terminated, if it was ever begun (a draining endpoint calls this)."""
        if self.state is not ConnectionState.IDLE:
            await self._over.wait()

    def _carry(self, beneath: AsyncExitStack) -> None:
        """Close ``beneath`` too when it is terminated (connect helpers call this)."""
        self._beneath = beneath

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

    async def command(self, name: str, data: Data, kind: type[_Block]) -> _Block:
        """
        Send a command to the service and return its reply's data, a ``kind``.

        Raises:
            ChatServerConnectionError: Not established, or over.
            CommandFailed: The service refused, or its reply makes no sense.
            OperationTimeout: No reply in time.

        """
        return await self._live_dialog.command(name, data, expect(name, kind))

    @property
    def _live_dialog(self) -> ChatDialog:
        """The session on the wire; ChatServerConnectionError unless established."""
        self._check_established()
        if self._dialog is None:  # established means there is one
            raise self._not_established()
        return self._dialog

    def _check_established(self) -> None:
        """Raise ChatServerConnectionError unless established."""
        if self.state is not ConnectionState.ESTABLISHED:
            raise self._not_established()

    async def search_rooms(
        self,
        text: str = "",
        *,
        descriptions: bool = False,
        match: Match = Match.ANY,
        limit: int | None = None,
    ) -> list[RoomSnapshot]:
        """
        Return the visible rooms whose names match; without text, all.

        Args:
            text: Words.
            descriptions: Whether descriptions count too.
            match: How many of the words have to be there.
            limit: The most to return, -1 for all; ``server.search_limit`` is above it.

        """
        query = RoomQuery(
            criteria=text,
            extended=descriptions,
            match_all=match is Match.ALL,
            match_exact_phrase=match is Match.PHRASE,
            max_results=at_most(limit),
        )
        found = await self.command("chansrch", query, Rooms)
        return first(found.rooms, limit)

    async def query_history(
        self, rooms: RoomLike | Iterable[RoomLike], query: HistoryQuery = _EVERYTHING
    ) -> list[HistoryResult]:
        """See ``HistoryReader``."""
        return await ask(self, [await self.find(room) for room in named_rooms(rooms)], query)

    async def stored_invitations(
        self, after: int = 0, *, limit: int | None = None
    ) -> list[Invitation]:
        """
        Return the invitations that the service kept, oldest first, asked for page by page.

        Args:
            after: Only those with a greater id.
            limit: The most to return, -1 for all.

        """
        most = at_most(limit)
        found: list[Invitation] = []
        while page := await self._invitations_after(found[-1].id if found else after):
            found += page
            if 0 < most <= len(found):
                break
        return first(found, limit)

    async def _invitations_after(self, after: int) -> list[Invitation]:
        query = InvitationQuery(after, self.address.domain)
        found = await self.command("getinv", query, Invitations)
        kept = [invitation for invitation in found.invitations if invitation.id > after]
        return sorted(kept, key=lambda invitation: invitation.id)

    def join(self, room: RoomLike) -> Opening[ChatRoomSession]:
        """
        Join a room: await it, or use ``async with`` to leave it again.

        Raises:
            ValueError: ``room`` cannot name a room; raised at once.

        """
        wanted = room_or_name(room)

        async def opened() -> ChatRoomSession:
            session = ChatRoomSession(self)
            await session.join(wanted)
            return session

        return Opening(opened, _leave)

    async def find(self, room: RoomUri | str) -> RoomUri:
        """Return the URI of a room given by name; RoomNotFound if none is named so."""
        if isinstance(room, RoomUri):
            return room
        return pick_by_name(await self.search_rooms(room, match=Match.PHRASE), room)

    # --- from sessions ---

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> Task[None]:
        """Run something in the background for as long as the chat is established."""
        return self._background.spawn(work, name)

    def _part_later(self, room: RoomUri) -> None:
        """Tell the service, in our own time, that we are not in a room after all."""
        if self.state is ConnectionState.ESTABLISHED:
            self._background.spawn(self._part(room), f"leaving {room}")

    async def _part(self, room: RoomUri) -> None:
        with suppress(PerchatError):
            await self.command("part", RoomUris((room,)), RoomUris)

    # --- news ---

    def _new_dialog(self, address: SipUri) -> ChatDialog:
        return ChatDialog(
            self._endpoint._signed_in, address, on_news=self._news, on_ended=self._lost
        )

    def _news(self, primitive: Primitive) -> None:
        match primitive:
            case Notice(data=Invitations() as invitations):
                for invitation in invitations.invitations:
                    self._invited.publish(invitation)
            case Notice(data=PreferenceVersion(label=label, version=version)):
                change = PreferenceChanged(label, version)
                self._copies.changed(change)
                self._preferred.publish(change)
                if self._data.is_news(label):
                    self._background.spawn(self._data.refresh(), "what other programs wrote")
            case _ if not self._routes.deliver(primitive):
                _log.debug("ignored: %s", getattr(primitive, "name", type(primitive).__name__))
            case _:
                pass

    # --- the end ---

    def _lost(self, reason: str) -> None:
        self._why = reason
        if self.state is ConnectionState.ESTABLISHED:
            self._move(Step.END, reason)
            self._finish()

    async def _end(self, reason: str) -> None:
        if self._machine.allows(Step.END):
            self._why = self._why or reason
            self._move(Step.END, reason)
        try:
            if self._dialog is not None:
                await self._dialog.close()
        finally:
            self._finish()

    def _finish(self) -> None:
        if not self._machine.allows(Step.ENDED):
            return
        self._background.cancel()
        self._routes.end_all(SessionReason.DISCONNECTED)
        self._move(Step.ENDED, self._why)
        self._changes.end()
        self._invited.end()
        self._preferred.end()
        self._data.end()
        self._over.set()

    def _move(self, step: Step, reason: str = "") -> None:
        state = self._machine.take(step)
        _log.info("%s: chat is %s%s", self.owner_uri, state.value, f": {reason}" if reason else "")
        self._changes.publish(ConnectionStateChanged(state, reason))

    def _not_established(self) -> ChatServerConnectionError:
        why = f" ({self._why})" if self._why else ""
        return ChatServerConnectionError(
            f"the chat endpoint is {self.state.value}, not established{why}"
        )


async def _leave(session: ChatRoomSession) -> None:
    await session.close()
