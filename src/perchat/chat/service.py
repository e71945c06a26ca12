"""
The chat service behind one face: what a session asks for comes in here.

What is refused is returned as a Refusal; what is done is a journal entry. The one
who follows the journal gives every entry to ``apply`` before telling anybody of it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perchat.chat.desk import Desk
from perchat.chat.evictions import Evictions
from perchat.chat.files import Files
from perchat.chat.history import History
from perchat.chat.invitations import InvitationBook
from perchat.chat.meeting import may_meet
from perchat.chat.messages import Messages
from perchat.chat.people import People
from perchat.chat.preferences import Preferences
from perchat.chat.refusal import Refusal, refuse
from perchat.chat.rooms import Rooms
from perchat.errors import ErrorCode
from perchat.model.chatroom import Permission
from perchat.model.journal import MessagePosted, NodeStarted, ParticipantJoined
from perchat.model.service import ServerInfo
from perchat.model.uri import CategoryUri

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from perchat.chat.finding import RoomFilter
    from perchat.chat.settings import ChatSettings
    from perchat.chat.state import ChatState, Happening
    from perchat.cluster.wakeup import Wakeup
    from perchat.model.chatroom import RoomSnapshot
    from perchat.model.history import HistoryQuery, HistoryResult
    from perchat.model.journal import JournalEntry, ParticipantParted
    from perchat.model.message import Message
    from perchat.model.participant import Participant
    from perchat.model.principal import User
    from perchat.model.uri import RoomUri, SipUri
    from perchat.store.base import Store

__all__ = ["ChatService"]


class ChatService(InvitationBook, Preferences, Files, People):
    """
    One node's chat service over an open store.

    ``start`` first; then somebody has to follow the journal from ``position`` and
    ``apply`` every entry, since joins and parts wait for that.
    """

    def __init__(
        self,
        store: Store,
        wakeup: Wakeup,
        settings: ChatSettings,
        *,
        new_guid: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.settings = settings
        self._desk = Desk(store, wakeup, settings)
        self._rooms = Rooms(self._desk)
        self._messages = Messages(self._desk)
        self._history = History(self._desk)
        self._new_guid = new_guid
        self._root: CategoryUri | None = None
        self._evictions = Evictions(self._desk.state)
        self._database = ""

    # life

    async def start(self) -> None:
        """
        Say that this node has no sessions yet, and read the state.

        Raises:
            StorageError: As the store says.

        """
        await self._desk.store.append(NodeStarted(self.settings.node))
        snapshot = await self._desk.store.snapshot()
        self._database = snapshot.database
        self._root = CategoryUri.of(self.settings.domain, snapshot.database)
        self._desk.state.load(snapshot)

    async def stop(self) -> None:
        """Let other nodes know that this one's sessions are gone."""
        await self._desk.append(NodeStarted(self.settings.node))

    @property
    def position(self) -> int:
        """The last entry in the state; follow the journal from here."""
        return self._desk.state.position

    async def applied(self, position: int) -> None:
        """Return when the state has an entry, which whoever follows the journal sees to."""
        await self._desk.applied(position)

    @property
    def state(self) -> ChatState:
        """The state, to be read only."""
        return self._desk.state

    def may_meet(self, one: SipUri, other: SipUri) -> bool:
        """Tell whether two users may know of each other, see ``perchat.chat.meeting``."""
        return may_meet(self.state, one, other)

    def apply(self, entry: JournalEntry) -> Sequence[Happening]:
        """
        Take the next entry; return what is to be told besides messages.

        Users arrive with their first session and depart with their last one; in large
        rooms neither is returned until RosterDue. See ``happenings`` for the rest.

        Raises:
            StateError: The entry does not follow ``position``.

        """
        happenings = self._desk.apply(entry)
        fact = entry.fact
        if type(fact) is MessagePosted:
            return happenings
        if isinstance(fact, ParticipantJoined):
            self._rooms.arrived(fact)
        return [*happenings, *self._evictions.of(fact)]

    def outcasts(self, entry: JournalEntry) -> list[ParticipantParted]:
        """
        Return what must be appended because an applied entry took rights away.

        Call it after ``apply``, for every entry, and give what it returns to ``expel``.
        Only this node's sessions are named. A join that lost a race against a
        revocation is among them.
        """
        return [] if type(entry.fact) is MessagePosted else self._evictions.sessions()

    async def expel(self, parted: Sequence[ParticipantParted]) -> Refusal | None:
        """Make sessions leave; not from within the follower, as it waits for ``apply``."""
        return await self._rooms.expel(parted)

    # what a session does

    async def join(
        self, user: SipUri, session: str, room: RoomUri
    ) -> Refusal | JournalEntry | None:
        """Put a session into a room; None when it is there already. Returns once applied."""
        return (await self._rooms.join(user, session, (room,)))[room]

    async def join_all(
        self, user: SipUri, session: str, rooms: Sequence[RoomUri]
    ) -> Mapping[RoomUri, Refusal | JournalEntry | None]:
        """Put a session into several rooms at the price of one, and answer of each as `join`."""
        return await self._rooms.join(user, session, rooms)

    async def part(
        self, user: SipUri, session: str, room: RoomUri
    ) -> Refusal | JournalEntry | None:
        """Take a session out of a room; None when it was not there. Returns once applied."""
        return await self._rooms.part(user, session, room)

    async def part_all(self, sessions: Iterable[tuple[SipUri, str]]) -> Refusal | None:
        """Take sessions out of every room, those they are just joining included."""
        return await self._rooms.part_all(sessions)

    async def transfer(self, user: SipUri, old: str, new: str) -> Refusal | None:
        """Carry a session's rooms over to another of the same user; nobody sees a departure."""
        return await self._rooms.transfer(user, old, new)

    def post(  # each is part of a message
        self,
        told: Callable[[Refusal | JournalEntry], None],
        user: SipUri,
        session: str,
        room: RoomUri,
        text: str,
        *,
        alert: bool = False,
        rtf: str | None = None,
        client_id: str = "",
    ) -> None:
        """
        Say something; durable when ``told`` is called with its entry, once, on the loop.

        ``client_id`` is what the user's program calls the post: the same again, for as
        long as the store keeps receipts, is not said again but answered as the first.

        The checks, in order: NO_SUCH_NODE (also a room one may not see), NODE_DISABLED,
        USER_NOT_JOINED, ERROR_PERMISSION, INVALID_ARGUMENT (no text, or too long
        an id), LIMIT_EXCEEDED; DATABASE_CONNECTION when the store is busy or full.
        """
        self._messages.post(
            told, user, session, room, text, alert=alert, rtf=rtf, client_id=client_id
        )

    async def recent(self, user: SipUri, room: RoomUri, count: int) -> Refusal | list[Message]:
        """
        Return the newest messages, oldest first; none where the category keeps none.

        Fewer than asked for come when they are long, or more than the server returns.
        """
        return await self._history.recent(user, room, count)

    async def after(
        self, user: SipUri, room: RoomUri, message: int, limit: int
    ) -> Refusal | tuple[list[Message], bool]:
        """Return the messages that follow one, oldest first, and whether there are more."""
        return await self._history.after(user, room, message, limit)

    async def query(
        self, user: SipUri, rooms: Sequence[RoomUri], query: HistoryQuery
    ) -> Refusal | list[HistoryResult]:
        """
        Return what was said that matches, a value a room, in the order given.

        Rooms the user may not read are left out; if there is no other, that is refused as
        reading it would be. Also refused: INVALID_ARGUMENT (no rooms), LIMIT_EXCEEDED (too
        many rooms, authors or words), DATABASE_CONNECTION. What does not fit an answer is
        left out and the result marked as truncated; of one room there is one message at
        least, so that asking on behind the last comes to an end.
        """
        return await self._history.query(user, rooms, query)

    # what a session sees

    async def find_rooms(
        self, user: SipUri, wanted: RoomFilter, limit: int | None = None
    ) -> list[RoomSnapshot]:
        """
        Return the rooms that a user may find and that are what is wanted, sorted by name.

        The server's limit prevails over ``limit``.

        Raises:
            ValueError: ``member`` or ``manager`` is no principal.

        """
        return await self._rooms.find(user, wanted, limit)

    def snapshot(self, user: SipUri, room: RoomUri) -> Refusal | RoomSnapshot:
        """Return a room as the user may see it."""
        found = self._desk.find(user, room)
        return found if isinstance(found, Refusal) else self._rooms.snapshot(found[0])

    def participants(
        self, room: RoomUri, users: Iterable[SipUri] | None = None
    ) -> list[Participant]:
        """
        Return who is in a room, in the order of arrival; empty for an unknown room.

        Of ``users`` only those, at a price that does not depend on how many are there.
        """
        place = self._desk.state.rooms.get(room)
        if place is None:
            return []
        return self._rooms.some(place, place.present if users is None else users)

    def hidden_participants(
        self, user: SipUri, session: str, room: RoomUri
    ) -> Refusal | list[Participant]:
        """
        Return who is in a large room, in the order of arrival, to those who are.

        Refused: NO_SUCH_NODE, USER_NOT_JOINED, CANNOT_GET_PARTICIPANT_LIST (it is not large).
        """
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        if not self._desk.state.is_joined(room, user, session):
            return refuse(ErrorCode.USER_NOT_JOINED)
        if not found[0].large:
            return refuse(ErrorCode.CANNOT_GET_PARTICIPANT_LIST)
        return self._rooms.participants(found[0])

    def permission(self, user: SipUri, room: RoomUri) -> Permission:
        """Return what a user may do in a room; POST alone is not enough in an auditorium."""
        place = self._desk.state.rooms.get(room)
        return self._desk.permission(user, place) if place else Permission.NONE

    def audience(self, room: RoomUri) -> Mapping[str, SipUri]:
        """Return the user by session for this node's sessions in a room; a live view."""
        place = self._desk.state.rooms.get(room)
        return place.here if place else {}

    def joined(self, user: SipUri, session: str) -> Collection[RoomUri]:
        """Return the rooms a session is in."""
        return tuple(self._desk.state.joined.get((user, session), ()))

    def is_anywhere(self, user: SipUri, session: str) -> bool:
        """Tell whether there is a room that a session is in, or just joining."""
        return self._rooms.is_anywhere(user, session)

    def is_large(self, room: RoomUri) -> bool:
        """Tell whether comings and goings in a room are kept quiet."""
        place = self._desk.state.rooms.get(room)
        return place is not None and place.large

    def user(self, uri: SipUri) -> User | None:
        """Return a user as the directory has it."""
        return self._desk.state.users.get(uri)

    def server_info(self, at: float) -> ServerInfo:
        """Return identity and limits; ``at`` is the time now, seconds since the epoch."""
        settings = self.settings
        return ServerInfo(
            display_name=settings.display_name or settings.domain,
            message_size_limit=settings.message_size_limit,
            story_size_limit=settings.story_size_limit,
            search_limit=settings.search_limit,
            root_category=CategoryUri.of(settings.domain, self._database),
            database_version=self._database,
            time=datetime.fromtimestamp(at, UTC),
            domain=settings.domain,
            room_management_url=settings.room_management_url,
        )
