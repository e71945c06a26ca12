"""
Journal to participants: the one follower that applies entries and tells them on.

A session hears a room from its own ``ParticipantJoined`` entry on. What the joiner is
shown of the room is taken at that very entry, and until the answer to the join is
ready everything else for the session is held back behind it: no moment lies between
"joined" and "hears", and nobody is listed twice.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from perchat.chat.refusal import Refusal, may_change
from perchat.chat.state import (
    RoomAltered,
    RosterDue,
    UserArrived,
    UserDeparted,
    UserInvited,
    UserPrivilegesChanged,
)
from perchat.chat.turns import Turn, patiently
from perchat.errors import StorageError
from perchat.model.chatroom import Permission, RoomSnapshot
from perchat.model.journal import (
    ApplicationChanged,
    ApplicationRemoved,
    CategoryChanged,
    CategoryRemoved,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
    MessagePosted,
    MessagesModerated,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    SignInUnlocked,
    UserChanged,
    UserRemoved,
)
from perchat.model.richtext import flattened
from perchat.server import news
from perchat.server.departures import Departures
from perchat.server.gathering import Gathering
from perchat.server.rounds import Rounds
from perchat.sip.lane import framed
from perchat.xccos.blocks import JoinedRoom, RoomUris, RosterEntry
from perchat.xccos.encoder import encode_chat
from perchat.xccos.masks import participant_mask
from perchat.xccos.primitives import Notice, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from perchat.chat.service import ChatService
    from perchat.chat.state import Happening
    from perchat.cluster.feed import Feed
    from perchat.model.journal import Fact, JournalEntry
    from perchat.model.uri import RoomUri, SipUri
    from perchat.server.backoff import Backoff
    from perchat.server.services import EnvelopeIds
    from perchat.server.session import ChatSession
    from perchat.server.tasks import Tasks
    from perchat.xccos.codec import Dialect

__all__ = ["ArrivalInRooms", "Fanout"]

_Removed: TypeAlias = "tuple[ChatSession, Sequence[RoomUri]]"

_log = logging.getLogger(__name__)
_READ_ON = 5.0  # seconds for what other processes appended to be followed
_FEW = 100  # sessions whose notices of one batch are gathered
_ABOUT_WALLS = (
    CategoryChanged,
    CategoryRemoved,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    GroupRemoved,
)
_ABOUT_TRUST = (ApplicationChanged, ApplicationRemoved, UserChanged, UserRemoved)


def _user_of(fact: Fact) -> SipUri | None:
    match fact:
        case UserChanged(user=user):
            return user.uri
        case UserRemoved(user=uri):
            return uri
        case _:
            return None


@dataclass(slots=True)
class _Joining:
    session: ChatSession
    shown: JoinedRoom | None = None  # as it was at the journal entry of the join


@dataclass(slots=True)
class ArrivalInRooms:
    """
    A session's join of one or several rooms, until it is answered.

    Attributes:
        rooms: What was joined, as it was at the join.
        refused: What was not, and why.

    """

    session: ChatSession
    rooms: tuple[JoinedRoom, ...] = ()
    refused: dict[RoomUri, Refusal] = field(default_factory=dict)

    def release(self, reply: Reply | None = None) -> None:
        """Answer the join, then let through what was held back."""
        if reply is not None:
            self.session.reply(reply, first=True)
        self.session.outbox.release()


class Fanout:
    """
    Follows the journal for the sessions of this node.

    Attributes:
        on_trust_changed: Called when a user, who is named, or an application has changed.
        on_walls_changed: Called when others than before may know of each other.
        overruns: How many sessions were ended because their clients did not keep up.
        removals: How many another process took out of their rooms.
        rounds: What large rooms are being told; has to run beside.

    """

    def __init__(
        self,
        chat: ChatService,
        feed: Feed,
        envelope_ids: EnvelopeIds,
        tasks: Tasks,
        backoff: Backoff,
    ) -> None:
        self.on_trust_changed: Callable[[SipUri | None], None] = lambda _: None
        self.on_walls_changed: Callable[[], None] = lambda: None
        self.overruns = 0
        self.removals = 0
        self._chat = chat
        self._feed = feed
        self._tasks = tasks
        self._envelope_ids = envelope_ids
        self._backoff = backoff
        self._sessions: dict[str, ChatSession] = {}
        self._of_user: dict[SipUri, dict[str, ChatSession]] = {}
        self._joining: dict[tuple[str, RoomUri], _Joining] = {}
        self._leaving: dict[tuple[str, RoomUri], asyncio.Event] = {}  # put out, not yet gone
        self.rounds = Rounds(self._belonging)
        self._gathering = Gathering()
        self._departures = Departures(chat, tasks)
        self._gathers = False  # whether several entries came together

    @property
    def sessions(self) -> Collection[ChatSession]:
        """All that are open here."""
        return self._sessions.values()

    def add(self, session: ChatSession) -> None:
        """Let a session hear the rooms it will join."""
        self._sessions[session.id] = session
        self._of_user.setdefault(session.user.uri, {})[session.id] = session

    def remove(self, session: ChatSession) -> None:
        """Tell a session nothing any more, and take it out of its rooms."""
        self._sessions.pop(session.id, None)
        own = self._of_user.get(session.user.uri, {})
        own.pop(session.id, None)
        if not own:
            self._of_user.pop(session.user.uri, None)
        self._departures.add(session.user.uri, session.id)

    def tell_user(self, user: SipUri, notice: Notice, *, but: ChatSession | None = None) -> None:
        """Tell all sessions of a user something, in whatever rooms they are."""
        end_for = _written(notice)
        for session in tuple(self._of_user.get(user, {}).values()):
            if session is not but:
                session.outbox.put(end_for(session))  # which may be the end of it

    async def run(self) -> None:
        """Follow the journal until cancelled."""
        async for entries in self._feed.follow(self._chat.position):
            turn = Turn()
            self._gathers = len(entries) > 1
            for entry in entries:
                if turn.is_over:
                    self.rounds.begin()
                    await turn.pass_on()
                self._deliver(entry)
                if self.rounds.is_full:
                    self.rounds.begin()
                    await self.rounds.room_for_more()
            self.rounds.begin()
            await self._gathering.tell()
            await asyncio.sleep(0)  # let connections breathe between batches

    async def read_on(self) -> bool:
        """
        Follow the journal to where it ends now; tell whether there was anything new.

        For whoever was refused what another process may have granted a moment ago.
        """
        try:
            newest = await self._feed.newest()
            if newest <= self._chat.position:
                return False
            self._feed.look()
            async with asyncio.timeout(_READ_ON):
                await self._chat.applied(newest)
        except (StorageError, TimeoutError) as error:
            _log.warning("the journal was not followed to its end: %s", str(error) or "no time")
            return False
        return True

    async def join(self, session: ChatSession, rooms: Sequence[RoomUri]) -> ArrivalInRooms:
        """Bring a session into rooms; what it hears is held back until ``release``."""
        arrival = ArrivalInRooms(session)
        session.outbox.hold()
        try:
            await self._join(arrival, tuple(dict.fromkeys(rooms)))
            if any(map(may_change, arrival.refused.values())) and await self.read_on():
                refused, arrival.refused = tuple(arrival.refused), {}
                await self._join(arrival, refused)
        except BaseException:
            session.outbox.release()
            raise
        return arrival

    # --- inside ---

    async def _join(self, arrival: ArrivalInRooms, rooms: Sequence[RoomUri]) -> None:
        """Join all together; each is shown as it is at the very entry of its join."""
        session = arrival.session
        new = [room for room in rooms if await self._is_new(session, room)]
        keys = [(session.id, room) for room in new]
        joining = {key: _Joining(session) for key in keys if key not in self._joining}
        self._joining |= joining
        try:
            answers = await self._chat.join_all(session.user.uri, session.id, new)
        finally:
            for key in joining:
                del self._joining[key]
            if session.ended:  # before the last of the joins began
                self._departures.add(session.user.uri, session.id)
        for room in rooms:
            if isinstance(refusal := answers.get(room), Refusal):
                arrival.refused[room] = refusal
            else:  # not shown: the session is there already, or another join of it came first
                one = joining.get((session.id, room))
                arrival.rooms += ((one and one.shown) or self._view(session, room),)

    async def _is_new(self, session: ChatSession, room: RoomUri) -> bool:
        """Whether a session is to join a room; who was put out has to be gone before."""
        user = session.user.uri
        if leaving := self._leaving.get((session.id, room)):
            if Permission.JOIN in self._chat.permission(user, room):  # again
                await leaving.wait()
            return True
        return not self._chat.state.is_joined(room, user, session.id)

    def _deliver(self, entry: JournalEntry) -> None:
        try:
            removed = self._removed_by(entry.fact) if type(entry.fact) is NodeStarted else ()
            happenings = self._chat.apply(entry)
            if isinstance(entry.fact, MessagePosted):
                self._message(entry.fact)
                return
            self.rounds.begin()  # what was said is for who was there
            if outcasts := self._chat.outcasts(entry):
                self._expel(outcasts)  # first: the rest is not theirs to know
            if isinstance(entry.fact, ParticipantParted):
                self._gone(entry.fact)
            for happening in happenings:
                self._tell(happening, entry.at)
            if isinstance(entry.fact, ParticipantJoined):
                self._show_room(entry.fact)
            self._conclude(entry.fact, removed)
        except Exception:
            _log.exception("journal entry %d was not delivered", entry.position)

    def _conclude(self, fact: Fact, removed: Sequence[_Removed]) -> None:
        if isinstance(fact, _ABOUT_TRUST):
            self.on_trust_changed(_user_of(fact))
        elif isinstance(fact, _ABOUT_WALLS):
            self.on_walls_changed()
        elif isinstance(fact, SignInUnlocked):
            self._unlock(fact.user)
        if removed:
            self._send_back(removed)

    def _unlock(self, user: SipUri | None) -> None:
        count = self._backoff.unlock(user)
        _log.info("unlocked %s: %d counts of wrong passwords", user or "everybody", count)

    def _removed_by(self, fact: NodeStarted) -> Sequence[_Removed]:
        """Return the sessions here, with their rooms, that a start of this node takes out."""
        if fact.node != self._chat.state.node:
            return ()
        found = [(one, tuple(self._chat.joined(one.user.uri, one.id))) for one in self.sessions]
        return [(session, rooms) for session, rooms in found if rooms]

    def _send_back(self, removed: Sequence[_Removed]) -> None:
        """Have sessions join again from which their rooms were taken while this node runs."""
        _log.warning(
            "another process says that node %s started: %d sessions were taken out of their rooms"
            " and have to join again; see that no other server runs as this node",
            self._chat.state.node,
            len(removed),
        )
        self.removals += len(removed)
        self._tasks.spawn(_in_turns(removed), "sending sessions back to their rooms")

    def _message(self, fact: MessagePosted) -> None:
        message = fact.message
        body = simple = framed(encode_chat(message, self._envelope_ids.next()))
        if (plain := flattened(message.text)) != message.text:
            simple = framed(encode_chat(replace(message, text=plain), self._envelope_ids.next()))
        self.rounds.put(
            message.room_uri,
            self._audience(message.room_uri),
            lambda session: simple if session.dialect.plain_links else body,
        )

    def _tell(self, happening: Happening, at: float) -> None:
        match happening:
            case UserArrived(room=room, user=user, session=joiner):
                arrived = self._chat.participants(room, (user,))
                others = [s for s in self._audience(room) if s.id != joiner]
                self._tell_room(room, others, news.arrival(room, arrived))
            case UserDeparted(room=room, user=user):
                self._tell_room(room, self._audience(room), news.departure(room, (user,)))
            case RosterDue(room=room, gone=gone):
                self._introduce_all(room, gone)
            case RoomAltered() | MessagesModerated():
                self._tell_change(happening)
            case UserPrivilegesChanged(room=room, users=users):
                self._tell_privileges(room, users)
            case UserInvited(user=user) if user in self._of_user:
                if notice := news.invitation(self._chat, happening, at):
                    self.tell_user(user, notice)
            case _:
                return

    def _tell_change(self, change: RoomAltered | MessagesModerated) -> None:
        """Tell of a room, or of what moderators did there: this to clients that ask for it."""
        room, told = change.room, self._audience(change.room)
        if isinstance(change, MessagesModerated):
            asked = [one for one in told if one.hears_moderation]
            self._tell_room(room, asked, Notice("moderated", change))
        else:
            self._tell_room(room, told, news.room_change(self._chat.state, room))

    def _tell_privileges(self, room: RoomUri, users: Sequence[SipUri]) -> None:
        """Tell everyone, in a large room the users themselves: nobody else knows they are there."""
        changed = {p.uri: p for p in self._chat.participants(room, users)}
        if not self._chat.is_large(room):
            self._tell_room(room, self._audience(room), news.privileges(room, changed.values()))
            return
        belongs = self._belonging(room)
        for user, own in changed.items():
            theirs = [s for s in self._of_user.get(user, {}).values() if belongs(s)]
            self._tell_room(room, theirs, news.privileges(room, (own,)))

    def _introduce_all(self, room: RoomUri, left: Sequence[SipUri]) -> None:
        """Tell everyone who is there, without naming anyone twice: all out, then all in."""
        present = self._chat.participants(room)
        for session in self._audience(room):
            others = tuple(p for p in present if p.uri != session.user.uri)
            out = (*left, *(p.uri for p in others))
            if out:
                self._tell_room(room, (session,), news.departure(room, out))
            if others:
                self._tell_room(room, (session,), news.arrival(room, others))

    def _tell_room(self, room: RoomUri, sessions: Sequence[ChatSession], notice: Notice) -> None:
        if self._gathers and len(sessions) <= _FEW and room not in self.rounds:
            self._gathering.put(sessions, _written(notice))
        else:
            self.rounds.put(room, sessions, _written(notice))

    def _show_room(self, fact: ParticipantJoined) -> None:
        joining = self._joining.get((fact.session, fact.room))
        if joining is not None and joining.shown is None:
            joining.shown = self._view(joining.session, fact.room)

    def _expel(self, outcasts: Sequence[ParticipantParted]) -> None:
        """Let them hear nothing more at once; they are told so, and leave, in our own time."""
        keys = {(parted.session, parted.room): parted for parted in outcasts}
        new = {key: parted for key, parted in keys.items() if key not in self._leaving}
        self._leaving.update((key, asyncio.Event()) for key in new)
        untold = iter(new.values())
        self._tasks.insist(partial(self._put_out, outcasts, untold), "closing rooms to outcasts")

    async def _put_out(
        self, outcasts: Sequence[ParticipantParted], untold: Iterator[ParticipantParted]
    ) -> Refusal | None:
        async for parted in patiently(untold):
            if session := self._sessions.get(parted.session):
                self._tell_outcast(session, parted)
        return await self._chat.expel(outcasts)

    def _tell_outcast(self, session: ChatSession, parted: ParticipantParted) -> None:
        """Close the room in the words that the client understands."""
        if session.dialect.legacy_masks:
            session.reply(Reply("part", RoomUris((parted.room,)), "0", 0))
        else:
            kick = news.kick(self._chat, parted.room, parted.user)
            session.outbox.put(framed(session.encode(kick)))

    def _gone(self, parted: ParticipantParted) -> None:
        if leaving := self._leaving.pop((parted.session, parted.room), None):
            leaving.set()

    def _view(self, session: ChatSession, room: RoomUri) -> JoinedRoom:
        chat = self._chat
        present = chat.participants(room, (session.user.uri,) if chat.is_large(room) else None)
        roster = tuple([RosterEntry(p, participant_mask(p)) for p in present])
        snapshot = chat.snapshot(session.user.uri, room)
        if isinstance(snapshot, Refusal):  # taken out of the room between its entry and here
            snapshot = RoomSnapshot(room, room.guid)
        return JoinedRoom(snapshot, roster)

    def _belonging(self, room: RoomUri) -> Callable[[ChatSession], bool]:
        here, leaving = self._chat.audience(room), self._leaving
        return lambda one: one.id in here and not (leaving and (one.id, room) in leaving)

    def _audience(self, room: RoomUri) -> Sequence[ChatSession]:
        sessions, leaving = self._sessions, self._leaving
        here = [sessions[one] for one in self._chat.audience(room) if one in sessions]
        return [one for one in here if (one.id, room) not in leaving] if leaving else here


async def _in_turns(removed: Sequence[_Removed]) -> None:
    async for session, rooms in patiently(removed):
        if not session.ended:
            session.on_removed(session, rooms)


def _written(notice: Notice) -> Callable[[ChatSession], bytes]:
    """Return what writes a notice for a session, once a dialect."""
    ends: dict[Dialect, bytes] = {}

    def end_for(session: ChatSession) -> bytes:
        try:
            return ends[session.dialect]
        except KeyError:  # the first of them
            end = ends[session.dialect] = framed(session.encode(notice))
            return end

    return end_for
