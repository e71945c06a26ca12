"""
A room that outlives the connections of its chat: one object, one session after another.

What it tells goes on where it stopped. A post waits for the connection to come back,
and is sent again under the same id when its receipt was lost.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from perchat.client.builder import MessageBuilder, composed
from perchat.client.catchup import CatchUpStream
from perchat.client.coming import Coming
from perchat.client.echoes import check_post, new_client_id
from perchat.client.events import (
    AttendanceChanged,
    EventsLost,
    MessageReceived,
    PostResult,
    RoomChanged,
    SessionReason,
    SessionStateChanged,
)
from perchat.client.filejobs import FileRoom
from perchat.client.filesharing import FileSharing
from perchat.client.filters import Draft, OutgoingFilters
from perchat.client.observed import Observed
from perchat.client.questions import walk
from perchat.client.reconnect import LOST
from perchat.client.roster import JoinedRoomView, changes_between, properties
from perchat.client.sequel import Sequel
from perchat.client.session import ChatRoomSession
from perchat.client.states import SessionState
from perchat.client.streams import DEFAULT_BUFFER, Broadcast, EventStream, Overflow
from perchat.errors import (
    ChatServerConnectionError,
    CommandFailed,
    NotSupported,
    OperationFailure,
    PerchatError,
    SessionStateError,
)
from perchat.model.history import HistoryQuery, HistoryResult
from perchat.xccos.blocks import FileToken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from types import TracebackType

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.events import SessionEvent
    from perchat.client.filters import OutgoingFilter
    from perchat.client.living import LivingChat
    from perchat.client.roster import JoinedState
    from perchat.model.excerpt import Excerpt
    from perchat.model.message import Message
    from perchat.model.participant import Participant
    from perchat.model.uri import RoomUri
    from perchat.xccos.blocks import FileTokenQuery

__all__ = ["LivingRoom"]

_log = logging.getLogger("perchat.session")
_Result = TypeVar("_Result")
_EVERYTHING = HistoryQuery()
_LOOK_BACK = 100  # messages, for one of ours whose echo was lost
_OUT = frozenset({SessionReason.KICKED, SessionReason.ROOM_DISABLED})


class LivingRoom(JoinedRoomView, FileSharing, Observed):
    """
    One room, as one user takes part in it across connections; made by ``chat.join``.

    It is ESTABLISHED, or ESTABLISHING while the connection is away. Being put out of
    the room, leaving it, or the end of the chat makes it TERMINATED.
    """

    def __init__(self, chat: LivingChat, uri: RoomUri) -> None:
        super().__init__()
        self._chat = chat
        self._uri = uri
        self._session: Coming[ChatRoomSession] = Coming()
        self._events: Broadcast[SessionEvent] = Broadcast()
        self._streams: weakref.WeakSet[CatchUpStream] = weakref.WeakSet()
        self._newest: int | None = None
        self._filters = OutgoingFilters()
        self._over = False
        self._followed = asyncio.Event()
        self._followed.set()

    # --- what it is ---

    @property
    def uri(self) -> RoomUri:
        """The room's address."""
        return self._uri

    @property
    def chat(self) -> LivingChat:
        """The chat it belongs to."""
        return self._chat

    @property
    def state(self) -> SessionState:
        """Where it is."""
        if self._over:
            return SessionState.TERMINATED
        return SessionState.ESTABLISHED if self.is_joined else SessionState.ESTABLISHING

    @property
    def is_joined(self) -> bool:
        """Whether it is in the room at this moment."""
        session = self._session.now
        return session is not None and session.is_joined

    # --- what it tells ---

    def events(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[SessionEvent]:
        """
        Return what is seen from now on; what happened while the connection was away is not.

        Who came and went meanwhile, and how the room changed, is told, though, when it is back.
        """
        return self._events.stream(
            lambda event: event, limit=limit, overflow=overflow, marker=EventsLost
        )

    def _sources(self) -> tuple[Broadcast[Any], ...]:
        return (self._events,)

    def messages(
        self,
        *,
        include_own: bool = True,
        catch_up: bool = False,
        since: int | None = None,
        limit: int = DEFAULT_BUFFER,
        overflow: Overflow = Overflow.DROP_OLDEST,
    ) -> EventStream[Message] | CatchUpStream:
        """
        Return the messages from now on.

        Args:
            include_own: Whether our own come too, from all our devices.
            catch_up: Whether what was said while the connection was away comes too, from
                history and in its place: no message is missing and none comes twice, and
                a slow reader loses none. Where the room keeps no history there is none.
            since: Begin behind the message with that id instead, and catch up.
            limit: How many may be held for the reader.
            overflow: What happens beyond that; without meaning when it catches up.

        """
        owner = self._chat.owner_uri

        def wanted(message: Message) -> bool:
            return include_own or message.author.address != owner

        if catch_up or since is not None:
            return self._catching_up(since, limit, wanted)
        return self._events.stream(
            lambda event: (
                event.message
                if isinstance(event, MessageReceived) and wanted(event.message)
                else None
            ),
            limit=limit,
            overflow=overflow,
        )

    def _catching_up(
        self, since: int | None, limit: int, wanted: Callable[[Message], bool]
    ) -> CatchUpStream:
        begin = self._newest if since is None else since
        kept = self.keeps_history and begin is not None
        stream = CatchUpStream(self, Sequel(begin, limit=limit, kept=kept), wanted)
        if self._over:
            stream._end()
        else:
            self._streams.add(stream)
        if since is not None or not self.is_joined:
            stream._lose_track()
        return stream

    # --- what it can do ---

    async def post(
        self,
        text: str | MessageBuilder,
        *,
        title: str | None = None,
        alert: bool = False,
        rtf: str | None = None,
    ) -> PostResult:
        """
        Post, and return once the service has stored it; once, however often it has to be sent.

        Waits for the connection to come back, for as long as the policy has patience.

        Raises:
            ValueError: The text is empty or has characters that no message can carry, the title
                has several lines, or ``rtf`` is no RTF.
            SessionStateError: The room was left, or we were put out of it.
            ChatServerConnectionError: The chat is over for good.
            PostCancelled: A filter stopped it.
            OperationTimeout: Patience ended; nobody knows whether it was stored.
            CommandFailed: The service refused, see ``ChatRoomSession.post``.

        """
        client_id = new_client_id()
        check_post(composed(text, title), client_id, rtf)
        raw = text.raw if isinstance(text, MessageBuilder) else text
        draft = await self._filters.passed(Draft(raw, title, alert, rtf))
        posted = composed(draft.text, draft.title)
        check_post(posted, client_id, draft.rtf)
        tries = 0

        async def send(session: ChatRoomSession) -> PostResult:
            nonlocal tries
            tries += 1
            return await session.post(posted, alert=draft.alert, rtf=draft.rtf, client_id=client_id)

        async with self._chat._lives.patience("the post"):
            result = await self._through(send)
            if result.message is None and tries > 1:
                return PostResult(await self._look_back(client_id))
            return result

    def add_outgoing_filter(self, filter_: OutgoingFilter) -> Callable[[], None]:
        """See ``ChatRoomSession.add_outgoing_filter``; it stays across connections."""
        return self._filters.add(filter_)

    async def all_participants(self) -> Excerpt[Participant]:
        """Return who is in the room, see ``ChatRoomSession.all_participants``."""
        async with self._chat._lives.patience("the participants"):
            return await self._through(lambda session: session.all_participants())

    async def hidden_participants(self) -> Excerpt[Participant]:
        """Return who is in a large room, see ``ChatRoomSession.hidden_participants``."""
        async with self._chat._lives.patience("the participants"):
            return await self._through(lambda session: session.hidden_participants())

    async def recent(self, count: int = 30) -> list[Message]:
        """Return the newest messages, see ``ChatRoomSession.recent``."""
        async with self._chat._lives.patience("history"):
            return await self._through(lambda session: session.recent(count))

    async def query_history(self, query: HistoryQuery = _EVERYTHING) -> HistoryResult:
        """Return what was said here, see ``ChatRoomSession.query_history``."""
        async with self._chat._lives.patience("history"):
            return await self._through(lambda session: session.query_history(query))

    def iter_history(self, query: HistoryQuery = _EVERYTHING) -> AsyncIterator[Message]:
        """Iterate over what was said here, see ``ChatRoomSession.iter_history``."""
        return walk(self.query_history, query)

    async def history_after(self, message: int, limit: int = 100) -> list[Message]:
        """Return what follows a message, see ``ChatRoomSession.history_after``."""
        async with self._chat._lives.patience("history"):
            return await self._through(lambda session: session.history_after(message, limit))

    async def _page_after(self, message: int, limit: int) -> HistoryResult:
        """Do the same and tell whether there are more; waits for ever."""
        try:
            return await self._through(lambda session: session._page_after(message, limit))
        except NotSupported:  # not a Perchat server: what is not too far back has to do
            recent = await self._through(lambda session: session.recent(limit))
            return HistoryResult(self._uri, self.name, tuple(m for m in recent if m.id > message))

    async def mark_read(self, message: Message | int) -> None:
        """Note how far the user has read, see ``ChatRoomSession.mark_read``."""
        await self._chat.rooms.mark_read(self._still_here(), message)

    async def unread(self) -> int:
        """Return what the user has not read, see ``ChatRoomSession.unread``."""
        return await self._chat.rooms.unread(self._still_here())

    async def leave(self) -> None:
        """
        Leave the room for good.

        Raises:
            SessionStateError: It is over already.
            CommandFailed: The service refused to note it.

        """
        if self._over:
            raise self._gone("over")
        session = self._session.now
        self._end(SessionReason.LEFT)
        if session is not None and session.is_joined:
            with suppress(*LOST):  # then we are out too
                await session.leave()

    async def close(self) -> None:
        """Leave if that was not done; never raises but for cancellation, may be repeated."""
        if not self._over:
            try:
                await self.leave()
            except PerchatError as error:
                _log.warning("leaving did not go well: %s", error)

    async def _through(self, work: Callable[[ChatRoomSession], Awaitable[_Result]]) -> _Result:
        """Do it on the session there is, and again on the next one if that is lost."""
        while True:
            session = await self._session.wait()
            try:
                if session.is_joined:
                    return await work(session)
            except OperationFailure:  # too much at once
                raise
            except LOST as error:
                self._chat._lives.suspect(session.chat, str(error))
            except SessionStateError:
                if session.is_joined:
                    raise
            self._session.go(session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # --- from the chat ---

    async def _enter(self, chat: PersistentChatEndpoint) -> None:
        """
        Join on a connection.

        Raises:
            CommandFailed: Refused.
            ChatServerConnectionError, OperationTimeout: The connection is lost again.

        """
        await self._followed.wait()  # to the end of the session before
        session = ChatRoomSession(chat)
        events = session.events()
        await session.join(self._uri)
        try:
            newest = await _newest(session)
        except BaseException:
            await session.close()
            raise
        if self._over:
            await session.close()
        elif not session.is_joined:
            raise ChatServerConnectionError(f"the connection was lost while joining {self._uri}")
        else:
            self._adopt(session, events, newest)

    def _end(self, reason: SessionReason, error: Callable[[], Exception] | None = None) -> None:
        """End for good; harmless when it has ended."""
        if self._over:
            return
        self._over = True
        self._chat._forget(self)
        self._session.end(error or (lambda: self._gone(reason.value)))
        for stream in list(self._streams):
            stream._end()
        self._events.publish(SessionStateChanged(SessionState.TERMINATED, reason))
        self._events.end()

    # --- files, see FileSharing ---

    def _file_room(self) -> FileRoom:
        if self._over:
            raise self._gone("over")
        return FileRoom(
            uri=self._uri,
            timers=self._chat.timers,
            ask=self._ask_leave,
            tls=self._chat.endpoint.platform._web_tls,
        )

    async def _ask_leave(self, name: str, query: FileTokenQuery) -> FileToken:
        async with self._chat._lives.patience("the file service"):
            return await self._through(lambda session: session.chat.command(name, query, FileToken))

    def _takes_files(self) -> bool:
        return self.can_post and self.can_post_files

    async def _announce(self, text: str) -> None:
        await self.post(text)

    def _found(self, query: HistoryQuery) -> AsyncIterator[Message]:
        return self.iter_history(query)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return self._chat._spawn(work, name)

    # --- inside ---

    def _still_here(self) -> RoomUri:
        if self._over:
            raise self._gone("over")
        return self._uri

    def _adopt(
        self, session: ChatRoomSession, events: EventStream[SessionEvent], newest: int | None
    ) -> None:
        known = properties(self)
        before, self._joined = self._joined, session._joined
        if newest is not None:
            self._newest = max(newest, self._newest or 0)
        self._followed.clear()
        self._chat._spawn(self._follow(session, events), f"events of {self._uri}")
        self._session.come(session)
        if before is not None and self._joined is not None:
            self._events.publish(SessionStateChanged(SessionState.ESTABLISHED))
            if changes := changes_between(known, properties(self)):
                self._events.publish(RoomChanged(changes))
            for change in _attendance(before, self._joined):
                self._events.publish(change)

    async def _follow(self, session: ChatRoomSession, events: EventStream[SessionEvent]) -> None:
        reason = SessionReason.DISCONNECTED
        try:
            async for event in events:
                if isinstance(event, SessionStateChanged):
                    reason = event.reason
                else:
                    self._tell(event)
        finally:
            self._session.go(session)
            self._followed.set()
        if reason in _OUT:
            self._end(reason)
        elif not self._over:
            self._lose_track()
            away = SessionStateChanged(SessionState.ESTABLISHING, SessionReason.DISCONNECTED)
            self._events.publish(away)

    def _tell(self, event: SessionEvent) -> None:
        if isinstance(event, MessageReceived):
            if event.message.id:
                self._newest = max(event.message.id, self._newest or 0)
            for stream in list(self._streams):
                stream._hear(event.message)
        elif isinstance(event, EventsLost):
            self._lose_track()
        self._events.publish(event)

    def _lose_track(self) -> None:
        for stream in list(self._streams):
            stream._lose_track()

    async def _look_back(self, client_id: str) -> Message | None:
        """Return our message whose echo went by on a connection that was lost."""
        with suppress(PerchatError):
            recent = await self._through(lambda session: session.recent(_LOOK_BACK))
            return next((m for m in reversed(recent) if m.client_id == client_id), None)
        return None

    def _gone(self, why: str) -> SessionStateError:
        return SessionStateError(
            f"the room session is over: {why}",
            expected=SessionState.ESTABLISHED.value,
            actual=SessionState.TERMINATED.value,
        )


async def _newest(session: ChatRoomSession) -> int | None:
    """Return the id of the newest message; None where no history tells."""
    if not session.keeps_history:
        return None
    try:
        recent = await session.recent(1)
    except CommandFailed as error:
        _log.warning("%s: history was refused: %s", session.uri, error)
        return None
    return recent[-1].id if recent else 0


def _attendance(before: JoinedState, now: JoinedState) -> list[AttendanceChanged]:
    """Return who came and went while we were away; nothing for rooms that do not tell."""
    if now.room.participants > len(now.participants):
        return []
    old = {participant.uri for participant in before.participants}
    new = {participant.uri for participant in now.participants}
    gone = [AttendanceChanged(p, active=False) for p in before.participants if p.uri not in new]
    return gone + [AttendanceChanged(p, active=True) for p in now.participants if p.uri not in old]
