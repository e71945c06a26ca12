"""A store that forgets everything when it ends: for tests and first steps."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from perchat.errors import CommandFailed, ErrorCode, StorageError
from perchat.model.chatroom import Role, Room
from perchat.model.journal import (
    ApplicationChanged,
    ApplicationRemoved,
    CategoryChanged,
    Fact,
    JournalEntry,
    MessagePosted,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    UserChanged,
)
from perchat.model.name import fold
from perchat.store.base import Receipts, Snapshot, system_clock

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.model.application import RegisteredApplication
    from perchat.model.category import Category
    from perchat.model.message import Message
    from perchat.model.principal import User
    from perchat.model.uri import CategoryUri, RoomUri, SipUri
    from perchat.store.base import Clock

__all__ = ["MemoryStore"]

_EPOCH = datetime.fromtimestamp(0, UTC)


class MemoryStore:
    """Keeps all in dictionaries; one instance is one database."""

    def __init__(self, *, clock: Clock = system_clock, receipts: Receipts = Receipts()) -> None:  # noqa: B008 - frozen
        self._clock = clock
        self._receipts = receipts
        self._tables = _Tables()
        self._journal: list[JournalEntry] = []
        self._secrets: dict[SipUri, bytes] = {}
        self._database = str(uuid.uuid4())

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Keep what there is: opening again finds it."""

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        """See Store.append."""
        tables = self._tables.copy() if len(facts) > 1 else self._tables
        micros = round(self._clock() * 1e6)
        fresh: list[JournalEntry] = []
        entries = [self._enter(fact, micros, tables, fresh) for fact in facts]
        self._tables = tables
        self._journal += fresh
        return entries

    def _enter(
        self, fact: Fact, micros: int, tables: _Tables, fresh: list[JournalEntry]
    ) -> JournalEntry:
        newest = len(self._journal) + len(fresh)
        post = _post_of(fact)
        earlier = tables.receipts.get(post) if post else None
        if earlier and self._stands(earlier, micros, newest):
            place = earlier.position - 1 - len(self._journal)
            return self._journal[earlier.position - 1] if place < 0 else fresh[place]
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

    def _forget(self, receipts: dict[_Post, JournalEntry], micros: int, newest: int) -> None:
        while not self._stands(receipts[oldest := next(iter(receipts))], micros, newest):
            del receipts[oldest]

    async def read(self, after: int, limit: int = 1000) -> list[JournalEntry]:
        """See Store.read."""
        return self._journal[after : after + limit]

    async def position(self) -> int:
        """See Store.position."""
        return len(self._journal)

    async def snapshot(self) -> Snapshot:
        """See Store.snapshot."""
        return self._tables.snapshot(len(self._journal), self._database)

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

    async def find_users(self, login: str) -> list[User]:
        """See Store.find_users."""
        key = fold(login)
        return [u for u in self._tables.users.values() if key in {u.uri, fold(u.name)}]

    async def secret(self, user: SipUri) -> bytes | None:
        """See Store.secret."""
        return self._secrets.get(user)

    async def set_secret(self, user: SipUri, secret: bytes) -> None:
        """See Store.set_secret."""
        if user not in self._tables.users:
            raise StorageError(f"no such user: {user}")
        self._secrets[user] = secret


_Post: TypeAlias = tuple[str, str, str]


def _post_of(fact: Fact) -> _Post | None:
    if not isinstance(fact, MessagePosted) or not fact.message.client_id:
        return None
    return fact.message.author, fact.message.room_uri, fact.message.client_id


class _Tables:
    """What the journal adds up to."""

    def __init__(self) -> None:
        self.users: dict[SipUri, User] = {}
        self.categories: dict[CategoryUri, Category] = {}
        self.rooms: dict[RoomUri, Room] = {}
        self.names: dict[str, str] = {}
        self.roles: dict[tuple[RoomUri, Role], frozenset[str]] = {}
        self.present: dict[tuple[RoomUri, SipUri, str], ParticipantJoined] = {}
        self.messages: dict[RoomUri, list[Message]] = {}
        self.last_ids: dict[RoomUri, int] = {}
        self.receipts: dict[_Post, JournalEntry] = {}
        self.applications: dict[str, RegisteredApplication] = {}

    def copy(self) -> _Tables:
        other = _Tables()
        for name, table in vars(self).items():
            setattr(other, name, dict(table))
        other.messages = {room: list(messages) for room, messages in self.messages.items()}
        return other

    def take(self, fact: Fact, micros: int) -> Fact:
        """Change the tables by one fact; return the fact as it was decided."""
        if isinstance(fact, MessagePosted):
            return self._post(fact, micros)
        _TAKE[type(fact)](self, fact)
        return fact

    def _post(self, fact: MessagePosted, micros: int) -> MessagePosted:
        room = self._room(fact.message.room_uri)
        message = replace(
            fact.message,
            id=self.last_ids.get(room.uri, 0) + 1,
            timestamp=_EPOCH + timedelta(microseconds=micros),
            room_name=room.name,
        )
        self.last_ids[room.uri] = message.id
        if fact.kept:
            self.messages.setdefault(room.uri, []).append(message)
        return MessagePosted(message, fact.kept)

    def _room(self, uri: RoomUri) -> Room:
        room = self.rooms.get(uri)
        if room is None:
            raise StorageError(f"no such room: {uri}")
        return room

    def join(self, fact: ParticipantJoined) -> None:
        self._room(fact.room)
        self.present[fact.room, fact.user, fact.session] = fact

    def part(self, fact: ParticipantParted) -> None:
        self._room(fact.room)
        self.present.pop((fact.room, fact.user, fact.session), None)

    def start(self, fact: NodeStarted) -> None:
        self.present = {k: v for k, v in self.present.items() if v.node != fact.node}

    def change_room(self, fact: RoomChanged) -> None:
        if fact.room.category not in self.categories:
            raise StorageError(f"no such category: {fact.room.category}")
        self._name(fact.room.name, fact.room.uri)
        self.rooms[fact.room.uri] = fact.room

    def change_category(self, fact: CategoryChanged) -> None:
        self._name(fact.category.name, fact.category.uri)
        self.categories[fact.category.uri] = fact.category

    def _name(self, name: str, uri: str) -> None:
        key = fold(name)
        if self.names.get(key, uri) != uri:
            raise CommandFailed.of(ErrorCode.DUPLICATE_ROOM_NAME, f"the name is taken: {name}")
        self.names = {k: v for k, v in self.names.items() if v != uri} | {key: uri}

    def grant(self, fact: RolesGranted) -> None:
        self._room(fact.room)
        held = self.roles.get((fact.room, fact.role), frozenset())
        self.roles[fact.room, fact.role] = held | set(fact.principals)

    def revoke(self, fact: RolesRevoked) -> None:
        self._room(fact.room)
        held = self.roles.get((fact.room, fact.role), frozenset())
        self.roles[fact.room, fact.role] = held - set(fact.principals)

    def change_user(self, fact: UserChanged) -> None:
        known = self.users.get(fact.user.uri)
        if known and known.guid != fact.user.guid:
            raise StorageError(f"{fact.user.uri} exists already, with another GUID")
        self.users[fact.user.uri] = fact.user

    def change_application(self, fact: ApplicationChanged) -> None:
        self.applications[fold(fact.application.name)] = fact.application

    def remove_application(self, fact: ApplicationRemoved) -> None:
        self.applications.pop(fold(fact.name), None)

    def snapshot(self, position: int, database: str) -> Snapshot:
        return Snapshot(
            position,
            database,
            users=tuple(self.users[key] for key in sorted(self.users)),
            categories=tuple(self.categories[key] for key in sorted(self.categories)),
            rooms=tuple(self.rooms[key] for key in sorted(self.rooms)),
            roles=tuple(
                RolesGranted(room, role, tuple(sorted(held)))
                for (room, role), held in sorted(
                    self.roles.items(), key=lambda item: (item[0][0], item[0][1].value)
                )
                if held
            ),
            participants=tuple(self.present[key] for key in sorted(self.present)),
            applications=tuple(self.applications[key] for key in sorted(self.applications)),
        )


_TAKE: dict[type, Callable[..., None]] = {
    ParticipantJoined: _Tables.join,
    ParticipantParted: _Tables.part,
    NodeStarted: _Tables.start,
    RoomChanged: _Tables.change_room,
    CategoryChanged: _Tables.change_category,
    RolesGranted: _Tables.grant,
    RolesRevoked: _Tables.revoke,
    UserChanged: _Tables.change_user,
    ApplicationChanged: _Tables.change_application,
    ApplicationRemoved: _Tables.remove_application,
}
