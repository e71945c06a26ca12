"""A store that forgets everything when it ends: for tests and first steps."""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from perchat.errors import NodeInUse, PerchatError
from perchat.model.journal import (
    Administered,
    JournalEntry,
    MessagePosted,
    MessagesModerated,
    RoomRemoved,
    UserChanged,
)
from perchat.model.name import fold
from perchat.model.preference import Preference
from perchat.model.uri import GroupUri
from perchat.store.base import COUNTED, LOOK_AGAIN, Receipts, RunningNode, system_clock
from perchat.store.decisions import after_moderation, check_version, nothing_there
from perchat.store.scan import scan
from perchat.store.tables import Post, Tables, post_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.model.changes import Changes
    from perchat.model.chatroom import Role
    from perchat.model.history import HistoryQuery, HistoryResult
    from perchat.model.journal import Fact
    from perchat.model.message import Message, ModeratedMessage
    from perchat.model.principal import Group, User
    from perchat.model.uri import RoomUri, SipUri
    from perchat.store.base import Clock, GivenInvitation, Snapshot, Told

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps all in dictionaries; one instance is one database."""

    def __init__(self, *, clock: Clock = system_clock, receipts: Receipts = Receipts()) -> None:  # noqa: B008 - frozen
        self._clock = clock
        self._receipts = receipts
        self._tables = Tables()
        self._journal: list[JournalEntry] = []
        self._secrets: dict[SipUri, bytes] = {}
        self._database = str(uuid.uuid4())
        self._node: RunningNode | None = None
        self.behind: tuple[RunningNode, ...] = ()

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Keep what there is: opening again finds it."""
        self._node = None

    async def claim(self, node: str) -> None:
        """See Store.claim."""
        if self._node is not None:
            raise NodeInUse(f"a server runs on this store already: {self._node}")
        self._node = RunningNode(node, os.getpid(), self._clock())

    async def nodes(self) -> list[RunningNode]:
        """See Store.nodes."""
        return [self._node] if self._node else []

    def note_followed(self, position: int) -> None:
        """See Store.note_followed."""
        if self._node is not None:
            self._node = replace(self._node, followed=position)

    async def grown(self) -> None:
        """See Store.grown; there is no other process."""
        await asyncio.get_running_loop().create_future()

    async def followed(self, position: int, within: float) -> list[RunningNode]:
        """See Store.followed."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + within
        while behind := [one for one in await self.nodes() if one.followed < position]:
            if loop.time() >= give_up:
                return behind
            await asyncio.sleep(LOOK_AGAIN)
        return []

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        """See Store.append."""
        return self._append(facts)

    def append_then(self, told: Told, *facts: Fact) -> None:
        """See Store.append_then."""
        outcome: list[JournalEntry] | PerchatError
        try:
            outcome = self._append(facts)
        except PerchatError as error:
            outcome = error
        asyncio.get_running_loop().call_soon(told, outcome)

    def _append(self, facts: Sequence[Fact]) -> list[JournalEntry]:
        tables = self._tables.copy() if len(facts) > 1 else self._tables
        micros = round(self._clock() * 1e6)
        fresh: list[JournalEntry] = []
        entries = [self._enter(fact, micros, tables, fresh) for fact in facts]
        self._tables = tables
        self._journal += fresh
        for entry in fresh:
            if isinstance(entry.fact, RoomRemoved):
                self._unsay(entry.fact.room)
            elif isinstance(entry.fact, MessagesModerated):
                self._moderate(entry.fact)
        return entries

    def _moderate(self, done: MessagesModerated) -> None:
        meant = _keys(done)
        for place, entry in enumerate(self._journal):
            if isinstance(entry.fact, MessagePosted) and entry.fact.message.key in meant:
                self._journal[place] = _moderated(entry, done.text)

    def _unsay(self, room: RoomUri) -> None:
        for place, entry in enumerate(self._journal):
            fact = entry.fact
            if isinstance(fact, MessagePosted) and fact.message.room_uri == room:
                silent = replace(fact.message, text="", rtf=None)
                self._journal[place] = replace(entry, fact=MessagePosted(silent, kept=False))

    def _enter(
        self, fact: Fact, micros: int, tables: Tables, fresh: list[JournalEntry]
    ) -> JournalEntry:
        newest = len(self._journal) + len(fresh)
        post = post_of(fact)
        earlier = tables.receipts.get(post) if post else None
        if earlier and self._stands(earlier, micros, newest):
            place = earlier.position - 1 - len(self._journal)
            if place >= 0:
                return _named(fresh[place], tables)
            return _named(_current(self._journal[earlier.position - 1], fresh), tables)
        entry = JournalEntry(newest + 1, micros / 1e6, tables.take(fact, micros))
        fresh.append(entry)
        if post:
            tables.receipts.pop(post, None)
            tables.receipts[post] = entry
            self._forget(tables.receipts, micros, newest + 1)
        return entry

    def _stands(self, entry: JournalEntry, micros: int, newest: int) -> bool:
        young = round(entry.at * 1e6) > micros - self._receipts.seconds * 1_000_000
        return young and entry.position > newest - self._receipts.entries

    def _forget(self, receipts: dict[Post, JournalEntry], micros: int, newest: int) -> None:
        while not self._stands(receipts[oldest := next(iter(receipts))], micros, newest):
            del receipts[oldest]

    async def read(self, after: int, limit: int = 1000) -> list[JournalEntry]:
        """See Store.read."""
        return self._journal[after : after + limit]

    def has_told(self, after: int) -> bool:
        """See Store.has_told."""
        return len(self._journal) == after

    async def position(self) -> int:
        """See Store.position."""
        return len(self._journal)

    async def snapshot(self) -> Snapshot:
        """See Store.snapshot."""
        return self._tables.snapshot(len(self._journal), self._database)

    async def outline(self, *rooms: str) -> Snapshot:
        """See Store.outline."""
        whole, keys = await self.snapshot(), {fold(one) for one in rooms}
        called = {one.uri for one in whole.rooms if one.uri in rooms or fold(one.name) in keys}
        roles = tuple(one for one in whole.roles if one.room in called)
        return replace(whole, users=(), participants=(), roles=roles)

    async def history(
        self, room: RoomUri, *, last: int, before: int | None = None, after: int | None = None
    ) -> list[Message]:
        """See Store.history."""
        found = [
            message
            for message in self._tables.messages.get(room, ())
            if (before is None or message.id < before) and (after is None or message.id > after)
        ]
        named = self._tables.rooms.get(room)
        return [replace(m, room_name=named.name) for m in found[-last:] if last > 0 and named]

    async def history_after(self, room: RoomUri, after: int, limit: int) -> list[Message]:
        """See Store.history_after."""
        found = await self.history(room, last=len(self._journal), after=after)
        return found[: max(limit, 0)]

    async def search(
        self, rooms: Sequence[RoomUri], query: HistoryQuery, *, most: int = COUNTED
    ) -> list[HistoryResult]:
        """See Store.search."""
        known = [room for uri in dict.fromkeys(rooms) if (room := self._tables.rooms.get(uri))]
        every = len(self._journal) + 1
        said = {room.uri: await self.history(room.uri, last=every) for room in known}
        return [scan(room, said[room.uri], query, most) for room in known]

    async def originals(self, room: RoomUri) -> list[ModeratedMessage]:
        """See Store.originals."""
        kept, named = self._tables.originals.get(room, {}), self._tables.rooms.get(room)
        name = named.name if named else ""
        return [
            replace(one, original=replace(one.original, room_name=name))
            for _, one in sorted(kept.items())
        ]

    async def users(self, after: str = "", limit: int | None = None) -> list[User]:
        """See Store.users."""
        keys = sorted(key for key in self._tables.users if key > after)
        return [self._tables.users[key] for key in keys[:limit]]

    async def groups(self) -> list[Group]:
        """See Store.groups."""
        return [self._tables.groups[key] for key in sorted(self._tables.groups)]

    def groups_of(self, user: str) -> list[str]:
        """See Store.groups_of."""
        return self._tables.groups_of(user)

    async def members(self, group: str) -> list[str]:
        """See Store.members."""
        return sorted(self._tables.members.get(GroupUri(group), ()))

    async def held_by(self, principals: Sequence[str]) -> list[str]:
        """See Store.held_by."""
        return self._tables.held_by(principals)

    async def role_entries(self, room: RoomUri, role: Role) -> list[tuple[str, Changes]]:
        """See Store.role_entries."""
        return sorted(self._tables.roles.get((room, role), {}).items(), key=lambda held: held[0])

    async def invitations(self, user: SipUri, after: int, limit: int) -> list[GivenInvitation]:
        """See Store.invitations."""
        given = self._tables.invitations.get(user, ())
        return [one for one in given if one.id > after][:limit]

    async def preference(self, user: SipUri, label: str) -> Preference | None:
        """See Store.preference."""
        return self._tables.preferences.get((user, label))

    async def set_preference(
        self, user: SipUri, label: str, data: str, *, expected: int | None = None
    ) -> Preference:
        """See Store.set_preference."""
        if user not in self._tables.users:
            raise nothing_there("user", user)
        known = self._tables.preferences.get((user, label))
        check_version(known, expected)
        kept = Preference(label, known.version + 1 if known else 1, data)
        self._tables.preferences[user, label] = kept
        return kept

    async def find_users(self, login: str) -> list[User]:
        """See Store.find_users."""
        key = fold(login)
        return [u for u in self._tables.users.values() if key in {u.uri, fold(u.name)}]

    def secret(self, user: SipUri) -> bytes | None:
        """See Store.secret."""
        return self._secrets.get(user)

    async def administered(self, after: int, limit: int) -> list[JournalEntry]:
        """See Store.administered."""
        later = self._journal[after:]
        return [one for one in later if isinstance(one.fact, Administered)][:limit]

    async def enroll(
        self, *accounts: tuple[User, bytes | None], facts: Sequence[Fact] = ()
    ) -> list[JournalEntry]:
        """See Store.enroll."""
        entries = await self.append(*(UserChanged(user) for user, _ in accounts), *facts)
        self._secrets |= {user.uri: secret for user, secret in accounts if secret is not None}
        return entries

    async def set_secret(self, user: SipUri, secret: bytes, *facts: Fact) -> None:
        """See Store.set_secret."""
        if user not in self._tables.users:
            raise nothing_there("user", user)
        await self.append(*facts)
        self._secrets[user] = secret


def _current(entry: JournalEntry, fresh: Sequence[JournalEntry]) -> JournalEntry:
    """Return the entry of a message as what was appended with it has left it."""
    for done in (one.fact for one in fresh):
        assert isinstance(entry.fact, MessagePosted)
        if isinstance(done, MessagesModerated) and entry.fact.message.key in _keys(done):
            entry = _moderated(entry, done.text)
    return entry


def _keys(done: MessagesModerated) -> set[tuple[RoomUri, int]]:
    return {(done.room, one) for one in done.messages}


def _moderated(entry: JournalEntry, text: str | None) -> JournalEntry:
    assert isinstance(entry.fact, MessagePosted)
    message = after_moderation(entry.fact.message, text)
    return replace(entry, fact=MessagePosted(message, kept=text is not None))


def _named(entry: JournalEntry, tables: Tables) -> JournalEntry:
    """Return the entry of a message with its room's name of today."""
    fact = entry.fact
    assert isinstance(fact, MessagePosted)
    room = tables.rooms[fact.message.room_uri]
    return replace(entry, fact=replace(fact, message=replace(fact.message, room_name=room.name)))
