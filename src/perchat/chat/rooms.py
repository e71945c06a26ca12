"""Finding rooms, and being in them."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from perchat.batching import batches
from perchat.chat import rules
from perchat.chat.finding import find_rooms
from perchat.chat.refusal import Refusal, refuse
from perchat.errors import ErrorCode
from perchat.model.chatroom import Permission, RoomSnapshot
from perchat.model.journal import ParticipantJoined, ParticipantParted
from perchat.model.name import fold
from perchat.model.participant import Participant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perchat.chat.desk import Desk
    from perchat.chat.finding import RoomFilter
    from perchat.chat.state import RoomState
    from perchat.model.journal import JournalEntry
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["Rooms"]

_TOGETHER = 250
"""Who joins or leaves at a time, of many: others write, and are told something, in between."""


_participant = lru_cache(maxsize=4096)(Participant)
"""Shown to everybody who joins a room that somebody is in."""


class Rooms:
    """Browse, join, part."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._joining: dict[tuple[SipUri, str], dict[RoomUri, None]] = {}

    # coming and going

    async def join(
        self, user: SipUri, session: str, rooms: Sequence[RoomUri]
    ) -> dict[RoomUri, Refusal | JournalEntry | None]:
        """See ChatService.join_all."""
        answers: dict[RoomUri, Refusal | JournalEntry | None] = {}
        for some in batches(rooms, _TOGETHER):
            answers |= await self._join_some(user, session, some)
        return answers

    async def _join_some(
        self, user: SipUri, session: str, rooms: Sequence[RoomUri]
    ) -> dict[RoomUri, Refusal | JournalEntry | None]:
        state, node = self._desk.state, self._desk.settings.node
        answers: dict[RoomUri, Refusal | JournalEntry | None] = {
            room: self._refusal(user, room) for room in rooms
        }
        facts = [
            ParticipantJoined(room, user, session, node)
            for room, refusal in answers.items()
            if refusal is None and not state.is_joined(room, user, session)
        ]
        return answers | await self._join(facts) if facts else answers

    def _refusal(self, user: SipUri, room: RoomUri) -> Refusal | None:
        found = self._desk.find(user, room)
        if isinstance(found, Refusal):
            return found
        code = rules.refusal_to_join(found[0].room, found[1])
        return refuse(code) if code else None

    async def _join(
        self, facts: Sequence[ParticipantJoined]
    ) -> dict[RoomUri, Refusal | JournalEntry | None]:
        """Make joins true together; where the store refuses that, each by itself."""
        for fact in facts:
            self._joining.setdefault((fact.user, fact.session), {})[fact.room] = None
        entries = await self._desk.settle(*facts)
        if not isinstance(entries, Refusal):
            return {fact.room: entry for fact, entry in zip(facts, entries, strict=True)}
        for fact in facts:
            self.arrived(fact)
        if len(facts) == 1 or entries.code is ErrorCode.DATABASE_CONNECTION:
            return dict.fromkeys((fact.room for fact in facts), entries)
        answers: dict[RoomUri, Refusal | JournalEntry | None] = {}
        for fact in facts:
            answers |= await self._join((fact,))
        return answers

    def arrived(self, fact: ParticipantJoined | ParticipantParted) -> None:
        """Note that a join has come round by the journal, or is undone already."""
        rooms = self._joining.get((fact.user, fact.session), {})
        rooms.pop(fact.room, None)
        if not rooms:
            self._joining.pop((fact.user, fact.session), None)

    async def part(
        self, user: SipUri, session: str, room: RoomUri
    ) -> Refusal | JournalEntry | None:
        """See ChatService.part."""
        if not self._desk.state.is_joined(room, user, session):
            found = self._desk.find(user, room)
            return found if isinstance(found, Refusal) else None
        entries = await self._desk.settle(self._parted(user, session, room))
        return entries if isinstance(entries, Refusal) else entries[0]

    async def part_all(self, sessions: Iterable[tuple[SipUri, str]]) -> Refusal | None:
        """See ChatService.part_all."""
        facts = [self._parted(*one, room) for one in sessions for room in self._rooms_of(one)]
        if refusal := await self.expel(facts):
            return refusal
        for fact in facts:
            self.arrived(fact)
        return None

    def is_anywhere(self, user: SipUri, session: str) -> bool:
        """See ChatService.is_anywhere."""
        return bool(self._rooms_of((user, session)))

    def _rooms_of(self, session: tuple[SipUri, str]) -> dict[RoomUri, None]:
        """Return the rooms of a session, those it is just joining included."""
        return self._desk.state.joined.get(session, {}) | self._joining.get(session, {})

    async def transfer(self, user: SipUri, old: str, new: str) -> Refusal | None:
        """See ChatService.transfer."""
        rooms = tuple(self._desk.state.joined.get((user, old), ()))
        if not rooms or old == new:
            return None
        node = self._desk.settings.node
        came = [ParticipantJoined(room, user, new, node) for room in rooms]
        went = [self._parted(user, old, room) for room in rooms]
        entries = await self._desk.settle(*came, *went)
        return entries if isinstance(entries, Refusal) else None

    async def expel(self, parted: Sequence[ParticipantParted]) -> Refusal | None:
        """See ChatService.expel."""
        for some in batches(parted, _TOGETHER):
            entries = await self._desk.settle(*some)
            if isinstance(entries, Refusal):
                return entries
        return None

    def _parted(self, user: SipUri, session: str, room: RoomUri) -> ParticipantParted:
        return ParticipantParted(room, user, session, self._desk.settings.node)

    # finding

    async def find(self, user: SipUri, wanted: RoomFilter, limit: int | None) -> list[RoomSnapshot]:
        """See ChatService.find_rooms."""
        most = self._desk.settings.search_limit
        most = most if limit is None or limit < 0 else min(limit, most)
        uris = await find_rooms(self._desk.state, user, wanted)
        found = (self._desk.find(user, uri) for uri in uris)
        still = (self.snapshot(one[0]) for one in found if not isinstance(one, Refusal))
        return list(islice(still, most))

    def called(self, user: SipUri, name: str) -> RoomUri | None:
        """Return the room of that name, if the user may see it."""
        key, state = fold(name.strip()), self._desk.state
        for uri, place in state.rooms.items():
            if place.key == key and Permission.VIEW in state.permission(user, place):
                return uri
        return None

    def snapshot(self, place: RoomState) -> RoomSnapshot:
        """Return a room as a search finds it."""
        room, category = place.room, self._desk.category(place)
        return RoomSnapshot(
            uri=room.uri,
            name=room.name,
            description=room.description,
            category=room.category,
            privacy=room.privacy,
            behavior=room.behavior,
            disabled=room.disabled,
            participants=len(place.present),
            keeps_history=category.keeps_history,
            invites=room.invites and category.invitations,
            can_post_files=category.file_posts,
            add_in=self._desk.state.add_ins.get(room.add_in),
        )

    def participants(self, place: RoomState) -> list[Participant]:
        """Return who is in a room, in the order of arrival."""
        return self.some(place, place.present.keys())

    def some(self, place: RoomState, users: Iterable[SipUri]) -> list[Participant]:
        """Return those of some users who are in a room."""
        state = self._desk.state
        there = dict.fromkeys(user for user in users if user in place.present).keys()
        return [
            _participant(user, known.display_name, known.guid, *privileges)
            if (known := state.users.get(user))
            else _participant(user)
            for user, privileges in state.privileges(there, place).items()
        ]
