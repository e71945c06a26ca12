"""
A room session: join, post, read back, listen, leave; and join again.

What arrives is applied at once and in order, so that ``participants`` is always
what the events so far add up to.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from perchat.client.builder import MessageBuilder, composed
from perchat.client.echoes import Echoes, check_post, new_client_id
from perchat.client.events import (
    AttendanceChanged,
    EventsLost,
    MessageReceived,
    PostResult,
    PrivilegeChanged,
    RoomChanged,
    SessionReason,
    SessionStateChanged,
)
from perchat.client.filejobs import FileRoom
from perchat.client.filesharing import FileSharing
from perchat.client.filters import Draft, OutgoingFilters
from perchat.client.observed import Observed
from perchat.client.questions import ask, walk
from perchat.client.roster import JoinedRoomView, JoinedState, changes_between, properties
from perchat.client.states import SESSION_TABLE, SessionState, StateMachine, Step
from perchat.client.streams import DEFAULT_BUFFER, Broadcast, EventStream, Overflow
from perchat.client.targets import room_or_name
from perchat.errors import (
    CannotGetParticipants,
    CommandFailed,
    NotJoined,
    NotSupported,
    PerchatError,
    SessionStateError,
)
from perchat.model.excerpt import Excerpt
from perchat.model.history import HistoryQuery, HistoryResult
from perchat.xccos.blocks import (
    FileToken,
    Histories,
    History,
    HistorySearch,
    Joined,
    RecentQuery,
    RoomIds,
    RoomUris,
)
from perchat.xccos.primitives import Chat

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
    from types import TracebackType

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.events import MessagesModerated, SessionEvent
    from perchat.client.filters import OutgoingFilter
    from perchat.client.targets import RoomLike
    from perchat.model.message import Message
    from perchat.model.participant import Participant
    from perchat.model.roomdetails import RoomDetails
    from perchat.model.uri import RoomUri, SipUri
    from perchat.xccos.blocks import Data

__all__ = ["ChatRoomSession"]

_log = logging.getLogger("perchat.session")
_EVERYTHING = HistoryQuery()


class ChatRoomSession(JoinedRoomView, FileSharing, Observed):
    """
    One room, as one user takes part in it; usually made by ``chat.join``.

    After ``leave`` it may join again. Once the room or the connection ended it
    (KICKED, ROOM_DISABLED, DISCONNECTED) it is TERMINATED for good.
    """

    def __init__(self, chat: PersistentChatEndpoint) -> None:
        """Make a session that is in no room yet."""
        super().__init__()
        self._chat = chat
        self._machine = StateMachine(SESSION_TABLE, SessionState.IDLE)
        self._events: Broadcast[SessionEvent] = Broadcast()
        self._echoes = Echoes()
        self._filters = OutgoingFilters()
        chat._routes.add(self)

    # --- what it is ---

    @property
    def state(self) -> SessionState:
        """Where it is; already true when an event tells of it."""
        return self._machine.state

    @property
    def chat(self) -> PersistentChatEndpoint:
        """The chat service it belongs to."""
        return self._chat

    @property
    def is_joined(self) -> bool:
        """Whether it is in a room."""
        return self.state is SessionState.ESTABLISHED

    # --- what it tells ---

    def events(
        self, *, limit: int = DEFAULT_BUFFER, overflow: Overflow = Overflow.DROP_OLDEST
    ) -> EventStream[SessionEvent]:
        """
        Return all that happens from now on; it may be made before joining.

        A gap is marked by EventsLost. The stream ends when the room is left.
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
        limit: int = DEFAULT_BUFFER,
        overflow: Overflow = Overflow.DROP_OLDEST,
    ) -> EventStream[Message]:
        """
        Return the messages from now on; it may be made before joining.

        Args:
            include_own: Whether our own come too, from all our devices.
            limit: How many may wait for the reader.
            overflow: What happens beyond that; ``lost`` on the stream counts.

        """
        owner = self._chat.owner_uri

        def select(event: SessionEvent) -> Message | None:
            if not isinstance(event, MessageReceived):
                return None
            own = event.message.author.address == owner
            return event.message if include_own or not own else None

        return self._events.stream(select, limit=limit, overflow=overflow)

    # --- what it can do ---

    async def join(self, room: RoomLike) -> None:
        """
        Join a room by URI, name, or anything a search or invitation gave.

        Raises:
            ValueError: ``room`` cannot name a room.
            ChatServerConnectionError: The chat endpoint is not established.
            SessionStateError: This session is not idle.
            StateError: Another session on this endpoint is in the room.
            RoomNotFound: No such room, or it may not be known.
            PermissionDenied: Only members may join.
            RoomDisabled: Nobody may.

        """
        wanted = room_or_name(room)
        dialog = self._chat._live_dialog
        self._need(SessionState.IDLE)
        self._move(Step.BEGIN)
        uri: RoomUri | None = None
        try:
            uri = await self._chat.find(wanted)
            self._chat._routes.occupy(uri, self)
            await dialog.command("join", RoomIds((uri,)), self._enter(uri))
        except BaseException as error:
            self._not_entered(uri, error)
            raise

    async def leave(self) -> None:
        """
        Leave the room; whatever the service says, we are out of it.

        Raises:
            SessionStateError: Not joined.
            CommandFailed: The service refused to note it.
            OperationTimeout: The service did not answer.

        """
        uri = self._need_joined()
        self._move(Step.LEAVE, SessionReason.LEFT)
        try:
            with suppress(NotJoined):
                await self._chat.command("part", RoomUris((uri,)), RoomUris)
        finally:
            self._left(uri)

    async def close(self) -> None:
        """Leave if joined; never raises but for cancellation, may be repeated."""
        if self.is_joined:
            try:
                await self.leave()
            except PerchatError as error:
                _log.warning("leaving did not go well: %s", error)

    async def post(
        self,
        text: str | MessageBuilder,
        *,
        title: str | None = None,
        alert: bool = False,
        rtf: str | None = None,
        client_id: str | None = None,
    ) -> PostResult:
        """
        Post, and return once the service has stored it.

        Args:
            text: Plain text, also when there is ``rtf``; or what was built. Its lines end
                with LF when it arrives, however they ended.
            title: One line; makes it a story, which may be longer.
            alert: Whether it is important.
            rtf: The same as RTF.
            client_id: What to call the post, up to 64 characters; made up without it. A
                Perchat server keeps one of several of the same: send it again when nobody
                knows whether it was stored.

        Raises:
            ValueError: The text is empty or has characters that no message can carry (they are
                named), the title has several lines, ``rtf`` is no RTF, or the id is too long.
            SessionStateError: Not joined.
            PostCancelled: A filter stopped it.
            PermissionDenied: We may not post here.
            LimitExceeded: Longer than ``chat.server.message_size_limit``, or for a story
                ``story_size_limit``.
            RoomDisabled, NotJoined, RoomNotFound: As they say.
            ServerFault: The service is too busy; the message was not stored.
            ChatServerConnectionError, OperationTimeout: Nobody knows whether it was stored.

        """
        check_post(composed(text, title), client_id, rtf)
        raw = text.raw if isinstance(text, MessageBuilder) else text
        draft = await self._filters.passed(Draft(raw, title, alert, rtf))
        text = composed(draft.text, draft.title)
        check_post(text, client_id, draft.rtf)
        line = Chat(
            room=self._need_joined(),
            author=self._chat.owner_uri,
            text=text,
            at=datetime.now(UTC),
            alert=draft.alert,
            rtf=draft.rtf,
            client_id=client_id or new_client_id(),
        )
        with self._echoes.expect(text, line.client_id) as echo:
            wait = self._chat.timers.echo if self._echoes.come else 0.0
            message = await self._chat._live_dialog.post(line, echo, wait)
        self._echoes.come = self._echoes.come and (message is not None or not wait)
        return PostResult(message)

    def add_outgoing_filter(self, filter_: OutgoingFilter) -> Callable[[], None]:
        """
        Ask ``filter_``, a coroutine function, about everything this session posts.

        It is given a ``Draft`` and returns it, another one instead, or None, and then ``post``
        raises PostCancelled. Several are asked in the order in which they were added; what
        one raises, ``post`` raises. Returns a function that takes the filter off again.
        """
        return self._filters.add(filter_)

    async def all_participants(self) -> Excerpt[Participant]:
        """
        Return who is in the room, also where ``participants`` does not tell all.

        Large rooms are asked about; of others the service says that there is no need.

        Raises:
            SessionStateError: Not joined.
            CommandFailed: The service refused.

        """
        try:
            return await self.hidden_participants()
        except (CannotGetParticipants, NotSupported):
            return Excerpt(self.participants)

    async def hidden_participants(self) -> Excerpt[Participant]:
        """
        Return who is in a room too large to tell who comes and goes.

        Raises:
            SessionStateError: Not joined.
            CannotGetParticipants: The room is not that large: see ``participants``.
            CommandFailed: The service refused.

        """
        uri = self._need_joined()
        found = await self._chat.command("gethiddenparts", RoomUris((uri,)), Joined)
        entries = (one.participants for one in found.rooms if one.room.uri == uri)
        there = (entry.participant for several in entries for entry in several)
        return Excerpt(there, truncated=found.truncated)

    async def recent(self, count: int = 30) -> list[Message]:
        """
        Return the newest messages, oldest first.

        Raises:
            ValueError: ``count`` is below 1.
            SessionStateError: Not joined.
            CommandFailed: The service refused.

        """
        if count < 1:
            raise ValueError(f"at least one message, not {count}")
        query = RecentQuery(self._need_joined(), count)
        history = await self._chat.command("bccontext", query, History)
        return list(history.messages)

    async def query_history(self, query: HistoryQuery = _EVERYTHING) -> HistoryResult:
        """
        Return what was said here that matches, as much of it as the service returns at once.

        Raises:
            SessionStateError: Not joined.
            LimitExceeded: Too many words or authors.
            NotSupported: The service cannot do that.
            CommandFailed: The service refused.

        """
        (result,) = await ask(self._chat, [self._need_joined()], query)
        return result

    def iter_history(self, query: HistoryQuery = _EVERYTHING) -> AsyncIterator[Message]:
        """
        Iterate over all that was said here that matches, in the order asked for.

        It is asked for page by page; only with a limit at the opposite end of the order
        are up to that many held. Raises what ``query_history`` does.
        """
        return walk(self.query_history, query)

    async def history_after(self, message: int, limit: int = 100) -> list[Message]:
        """
        Return the messages that follow the one with that id, oldest first.

        Fewer than asked for may come although there are more; none means that is all.

        Raises:
            ValueError: ``message`` is negative, or ``limit`` below 1.
            SessionStateError: Not joined.
            NotSupported: The service cannot do that.
            CommandFailed: The service refused.

        """
        return list((await self._page_after(message, limit)).messages)

    async def _page_after(self, message: int, limit: int) -> HistoryResult:
        """Do the same, and tell whether there are more."""
        if message < 0 or limit < 1:
            raise ValueError(f"not {limit} messages after number {message}")
        room = self._need_joined()
        search = HistorySearch((room,), HistoryQuery(after_id=message, limit=limit))
        found = await self._chat.command("bcbymsg", search, Histories)
        own = (result for result in found.results if result.room_uri == room)
        return next(own, HistoryResult(room))

    async def mark_read(self, message: Message | int) -> None:
        """
        Note, for all devices of the user, that the room was read up to a message or its id.

        The position never goes back; ``RoomServices.mark_read`` says more.

        Raises:
            ValueError: The message has no id, or a negative one.
            SessionStateError: Not joined.
            CommandFailed: The service refused.

        """
        await self._chat.rooms.mark_read(self._need_joined(), message)

    async def unread(self) -> int:
        """
        Return how many messages of others stand behind the user's read position.

        Raises:
            SessionStateError: Not joined.
            CommandFailed: The service refused.

        """
        return await self._chat.rooms.unread(self._need_joined())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # --- from the chat endpoint ---

    def _line_received(self, line: Chat) -> None:
        """Take a message of the room."""
        message = line.message(self.name)
        if message.author.address == self._chat.owner_uri:
            self._echoes.arrived(message)
        self._events.publish(MessageReceived(message))

    def _moderated(self, change: MessagesModerated) -> None:
        """Note that a moderator replaced messages or took them away."""
        self._events.publish(change)

    def _arrived(self, participant: Participant, mask: int, *, came: bool = True) -> None:
        """Note that somebody came, or that somebody in the room has other rights now."""
        if self._joined is None:
            return
        known = self._joined.find(participant.uri)
        if came or known is not None:  # large rooms do not list everybody
            self._joined.put(participant, mask)
        if came and known is None:
            self._events.publish(AttendanceChanged(participant, active=True))
        elif known != participant:
            self._events.publish(PrivilegeChanged(participant))

    def _departed(
        self, users: Iterable[SipUri], reason: SessionReason = SessionReason.KICKED
    ) -> None:
        """Note that users went; when we are among them, that we were put out."""
        for user in users:
            if user.address == self._chat.owner_uri:
                self._put_out(reason)
            elif self._joined is not None:
                participant = self._joined.remove(user)
                if participant is not None:
                    self._events.publish(AttendanceChanged(participant, active=False))

    def _changed(self, room: RoomDetails) -> None:
        """Note what the room is now; a disabled one is over."""
        if self._joined is None:
            return
        before = properties(self)
        self._joined.update(room)
        if changes := changes_between(before, properties(self)):
            self._events.publish(RoomChanged(changes))
        if room.disabled:
            self._put_out(SessionReason.ROOM_DISABLED)

    def _put_out(self, reason: SessionReason = SessionReason.KICKED) -> None:
        """Note that we may not stay; harmless when we are not there."""
        if self.is_joined:
            self._ended(reason)

    def _ended(self, reason: SessionReason) -> None:
        """End for good; harmless when it has ended."""
        if self._machine.allows(Step.END):
            self._move(Step.END, reason)
        if self._joined is not None:
            self._chat._routes.vacate(self._joined.room.uri, self)
            self._joined = None
        if self._machine.allows(Step.ENDED):
            self._move(Step.ENDED, reason)
        self._events.end()

    # --- files, see FileSharing ---

    def _file_room(self) -> FileRoom:
        platform = self._chat.endpoint.platform
        return FileRoom(
            uri=self._need_joined(),
            timers=self._chat.timers,
            ask=lambda name, query: self._chat.command(name, query, FileToken),
            tls=platform._web_tls,
        )

    def _takes_files(self) -> bool:
        return self.can_post and self.can_post_files

    async def _announce(self, text: str) -> None:
        await self.post(text)

    def _found(self, query: HistoryQuery) -> AsyncIterator[Message]:
        return self.iter_history(query)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> Task[None]:
        return self._chat._spawn(work, name)

    # --- inside ---

    def _enter(self, uri: RoomUri) -> Callable[[Data], None]:
        """Apply the reply to a join before anything that came after it."""

        def apply(data: Data) -> None:
            self._joined = JoinedState.of(data, uri, self._chat.owner_uri)
            self._move(Step.SUCCEED)

        return apply

    def _not_entered(self, uri: RoomUri | None, error: BaseException) -> None:
        if (
            uri is not None
            and self._chat._routes.vacate(uri, self)
            and not isinstance(error, CommandFailed)
        ):
            self._chat._part_later(uri)  # the service may have let us in all the same
        self._joined = None
        if self.state is SessionState.ESTABLISHED:  # it had, and nobody waits any more
            self._move(Step.LEAVE)
            self._move(Step.LEFT)
        elif self.state is SessionState.ESTABLISHING:
            self._move(Step.FAIL)

    def _left(self, uri: RoomUri) -> None:
        self._chat._routes.vacate(uri, self)
        self._joined = None
        if self._machine.allows(Step.LEFT):
            self._move(Step.LEFT, SessionReason.LEFT)
            self._events.end_streams()

    def _need(self, state: SessionState) -> None:
        if self.state is not state:
            raise SessionStateError(
                f"the session is {self.state.value}, not {state.value}",
                expected=state.value,
                actual=self.state.value,
            )

    def _need_joined(self) -> RoomUri:
        self._chat._check_established()
        self._need(SessionState.ESTABLISHED)
        if self._joined is None:  # established means joined
            raise SessionStateError("the session is in no room")
        return self._joined.room.uri

    def _move(self, step: Step, reason: SessionReason = SessionReason.NONE) -> None:
        state = self._machine.take(step)
        _log.info("%s in %s: %s", self._chat.owner_uri, self.uri or "no room", state.value)
        self._events.publish(SessionStateChanged(state, reason))
