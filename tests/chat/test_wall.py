"""
The ethical wall: whatever happens, nobody reads, finds or counts what the rules forbid.

Random changes of the directory, roles, walls, moves and posts are played against the
service and against ``world``, which holds the same rules in fewer than sixty lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from inspect import isawaitable
from itertools import count, cycle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.chat.administration import Administration
from perchat.chat.administrators import AdministratorRegister
from perchat.chat.finding import RoomFilter
from perchat.chat.refusal import Refusal
from perchat.chat.service import ChatService
from perchat.chat.settings import ChatSettings
from perchat.cluster.wakeup import LocalWakeup
from perchat.errors import ErrorCode, GroupCycle
from perchat.model.administration import AdministrativeRole
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Privacy, Role, Room
from perchat.model.history import HistoryQuery
from perchat.model.journal import (
    CategoryChanged,
    GroupChanged,
    GroupMembersAdded,
    GroupMembersRemoved,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    UserChanged,
    UsersInvited,
)
from perchat.model.principal import Group, User
from perchat.model.roomdetails import RoomSettings, RoomUpdate
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri
from perchat.store.memory import MemoryStore
from tests.chat.conftest import post
from tests.chat.world import Place, World

if TYPE_CHECKING:
    from perchat.model.journal import Fact, JournalEntry, ParticipantParted

DOMAIN = "contoso.example"
EVERYBODY = f"domain:{DOMAIN}"
USERS = [SipUri(f"sip:{name}@{DOMAIN}") for name in ("ada", "bob", "cy", "dee")]
GROUPS = [GroupUri(f"ma-grp:g{n}@u.g") for n in range(3)]
WALLS = [CategoryUri.of(DOMAIN, f"c{n}") for n in range(2)]
ROOMS = [RoomUri.of(DOMAIN, f"r{n}") for n in range(3)]
ROLES = [Role.MEMBER, Role.MANAGER, Role.PRESENTER]
NO_ROOM, NO_WALL = RoomUri.of(DOMAIN, "r9"), CategoryUri.of(DOMAIN, "c9")
EXAMPLES, STEPS = 200, 51
LISTS: dict[Callable[[ChatService, SipUri, RoomUri], Any], str] = {
    ChatService.members: "member",
    ChatService.managers: "manager",
    ChatService.presenters: "presenter",
}
"""Asked by turns, as each takes time."""
QUESTIONS: list[Callable[[ChatService, SipUri, RoomUri], Any]] = [
    lambda chat, user, room: chat.snapshot(user, room),
    lambda chat, user, room: chat.permissions(user, room),
    lambda chat, user, room: chat.room(user, room),
    lambda chat, user, room: chat.members(user, room),
    lambda chat, user, room: chat.managers(user, room),
    lambda chat, user, room: chat.presenters(user, room),
    lambda chat, user, room: chat.join(user, "s", room),
    lambda chat, user, room: chat.part(user, "s", room),
    lambda chat, user, room: chat.recent(user, room, 10),
    lambda chat, user, room: chat.after(user, room, 0, 10),
    lambda chat, user, room: chat.query(user, [room], HistoryQuery("spoken")),
    lambda chat, user, room: chat.hidden_participants(user, "s", room),
    lambda chat, user, room: post(chat, user, "s", room, "hello"),
    lambda chat, user, room: chat.refusal_to_upload(user, room),
    lambda chat, user, room: chat.refusal_to_download(user, room),
    lambda chat, user, room: chat.update_room(user, RoomUpdate(room, "Other")),
    lambda chat, user, room: chat.move_room(user, room, WALLS[1]),
    lambda chat, user, room: chat.grant(user, room, Role.MEMBER, [user]),
    lambda chat, user, room: chat.revoke(user, room, Role.MEMBER, [user]),
    lambda chat, user, room: chat.replace_roles(user, room, Role.MEMBER, [user]),
    lambda chat, user, room: chat.eligible(user, room, Role.MEMBER, "a"),
]
"""All that a session may ask of one room."""
SETTINGS = ChatSettings(domain=DOMAIN, node="one", participant_update_limit=2)


class Follower(LocalWakeup):
    """Applies what was appended at once, as if the journal came round in no time."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self.service: ChatService
        self.outcasts: list[ParticipantParted] = []
        self._store = store

    def wake(self) -> None:
        super().wake()
        for entry in self._news():
            self.service.apply(entry)
            self.outcasts += self.service.outcasts(entry)

    def _news(self) -> list[JournalEntry]:
        try:
            self._store.read(self.service.position, 10_000).send(None)
        except StopIteration as done:
            return list(done.value)
        raise AssertionError("the store in memory waits for nothing")


class Game:
    """The service and the world, side by side."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.lists, self.roles = cycle(LISTS), cycle(("member", "member", "manager"))
        self.follower = Follower(self.store)
        self.chat = ChatService(self.store, self.follower, SETTINGS)
        self.admin = Administration(
            self.store, SETTINGS, new_guid=map(str, count()).__next__, wakeup=self.follower
        )
        self.administrators = AdministratorRegister(self.store)
        self.world = World(
            EVERYBODY,
            dict.fromkeys(USERS, True),
            {group: set() for group in GROUPS},
            {wall: ({EVERYBODY}, set()) for wall in WALLS},
            {room: Place(WALLS[0]) for room in ROOMS},
        )

    async def begin(self) -> None:
        await self.store.append(
            *(UserChanged(User(uri, uri.user, uri.user, f"g-{uri.user}")) for uri in USERS),
            *(GroupChanged(Group(uri, uri)) for uri in GROUPS),
            *(CategoryChanged(self._category(n)) for n in range(len(WALLS))),
            *(RoomChanged(Room(uri, f"Room {uri.guid}", "", WALLS[0])) for uri in ROOMS),
        )
        self.follower.service = self.chat
        await self.chat.start()

    def _category(self, n: int) -> Category:
        allowed, denied = self.world.walls[WALLS[n]]
        return Category(WALLS[n], f"Wall {n}", allowed=frozenset(allowed), denied=frozenset(denied))

    async def become(self, *facts: Fact) -> None:
        try:
            await self.store.append(*facts)
        finally:
            self.follower.wake()

    async def evict(self) -> None:
        """Do what the follower of a node does after each entry."""
        while self.follower.outcasts:
            outcasts, self.follower.outcasts = self.follower.outcasts, []
            await self.chat.expel(outcasts)
        self.world.settle()

    # moves of the game

    async def enable(self, user: SipUri, on: bool) -> None:
        self.world.enabled[user] = on
        await self.become(UserChanged(replace(self.chat.state.users[user], enabled=on)))

    async def affiliate(self, group: GroupUri, principal: str, on: bool) -> None:
        if on and principal in self.world.groups and self.world.holds(principal, group):
            with pytest.raises(GroupCycle):
                await self.become(GroupMembersAdded(group, (principal,)))
        elif on:
            self.world.groups[group].add(principal)
            await self.become(GroupMembersAdded(group, (principal,)))
        else:
            self.world.groups[group].discard(principal)
            await self.become(GroupMembersRemoved(group, (principal,)))

    async def wall(self, n: int, allowed: set[str], denied: set[str]) -> None:
        self.world.walls[WALLS[n]] = allowed, denied
        for place in self.world.places.values():
            if place.category == WALLS[n]:
                self.world.purge(place)
        await self.admin.set_category(self._category(n))

    async def cast(self, room: RoomUri, role: Role, principal: str, on: bool) -> None:
        held = self.world.places[room].roles[role.value]
        (held.add if on else held.discard)(principal)
        kind = RolesGranted if on else RolesRevoked
        await self.become(kind(room, role, (principal,)))

    async def furnish(
        self, room: RoomUri, privacy: Privacy, behavior: Behavior, disabled: bool
    ) -> None:
        place = self.world.places[room]
        place.privacy, place.disabled = int(privacy), disabled
        place.auditorium = behavior is Behavior.AUDITORIUM
        known = self.chat.state.rooms[room].room
        changed = replace(known, privacy=privacy, behavior=behavior, disabled=disabled)
        await self.become(RoomChanged(changed))

    async def move(self, room: RoomUri, n: int) -> None:
        place = self.world.places[room]
        place.category = WALLS[n]
        self.world.purge(place)
        await self.admin.move_room(room, WALLS[n])

    async def enter(self, user: SipUri, room: RoomUri) -> None:
        place = self.world.places[room]
        result = await self.chat.join(user, f"s-{user}", room)
        assert isinstance(result, Refusal) is not self.world.takes_part(user, place)
        if not isinstance(result, Refusal):
            place.present.add(user)

    async def leave(self, user: SipUri, room: RoomUri) -> None:
        await self.chat.part(user, f"s-{user}", room)
        self.world.places[room].present.discard(user)

    async def say(self, user: SipUri, room: RoomUri, n: int) -> None:
        place, text = self.world.places[room], f"word{n} spoken"
        result = await post(self.chat, user, f"s-{user}", room, text)
        assert isinstance(result, Refusal) is not self.world.speaks(user, place)
        if not isinstance(result, Refusal):
            place.said.append(text)

    async def empower(
        self, user: SipUri, role: AdministrativeRole, n: int | None, on: bool
    ) -> None:
        if on:
            self.world.granted[user, role.value] = None if n is None else {WALLS[n]}
            await self.administrators.grant(user, role, [] if n is None else [WALLS[n]])
        else:
            self.world.granted.pop((user, role.value), None)
            await self.administrators.revoke(user, role)
        self.follower.wake()

    async def invite(self, user: SipUri, room: RoomUri) -> None:
        self.world.places[room].invited.add(user)
        await self.become(UsersInvited(room, (user,)))

    # what everybody may know

    async def look(self, other: SipUri) -> None:
        """Ask for everybody all there is to ask about rooms and one user; for him in detail."""
        for user in USERS:
            await self._find(user, other)
            for room, place in self.world.places.items():
                await self._read(user, room, place)
                await self._staff(user, room, place)
                await self._fetch(user, room, place)
            self._administer(user)
            await self._search(user)
            await self._be_invited(user)
        await self._make_rooms(other)
        if hidden := [r for r, p in self.world.places.items() if not self.world.knows(other, p)]:
            await self._be_answered_as_of_no_room(other, hidden)

    async def _find(self, user: SipUri, other: SipUri) -> None:
        world, find = self.world, self.chat.find_rooms
        seen = {room: place for room, place in world.places.items() if world.sees(user, place)}
        found = await find(user, RoomFilter())
        assert {one.uri: one.participants for one in found} == {
            room: len(place.present) for room, place in seen.items()
        }
        there = await find(user, RoomFilter(present=other))
        assert {one.uri for one in there} == {
            room
            for room, place in seen.items()
            if other in place.present and (user == other or world.sees_who_is_in(user, place))
        }
        role = next(self.roles)
        theirs = await find(user, RoomFilter(**{role: other}))  # type: ignore[arg-type]
        assert {one.uri for one in theirs} == {
            room
            for room, place in seen.items()
            if world.has(other, place, role)
            and (user == other or world.has(user, place, "member", "manager"))
        }

    async def _read(self, user: SipUri, room: RoomUri, place: Place) -> None:
        may = self.world.takes_part(user, place)
        recent = await self.chat.recent(user, room, 500)
        after = await self.chat.after(user, room, 0, 500)
        assert isinstance(recent, Refusal) is isinstance(after, Refusal) is not may
        if not isinstance(recent, Refusal):
            assert [message.text for message in recent] == place.said
        hidden = self.chat.hidden_participants(user, f"s-{user}", room)
        if not isinstance(hidden, Refusal):
            assert user in place.present
            assert {one.uri for one in hidden} == place.present

    async def _staff(self, user: SipUri, room: RoomUri, place: Place) -> None:
        details = await self.chat.room(user, room)
        if not isinstance(details, Refusal):
            manages = self.world.has(user, place, "manager")
            assert self.world.sees(user, place) or (place.disabled and manages)
            assert details.participants == len(place.present)
        asked = next(self.lists)
        entries = await asked(self.chat, user, room)
        if not isinstance(entries, Refusal):
            assert self.world.has(user, place, "member", "manager")
            assert {one.principal.uri for one in entries} == place.roles[LISTS[asked]]
        assert self.chat.state.rooms[room].present.keys() == place.present

    async def _fetch(self, user: SipUri, room: RoomUri, place: Place) -> None:
        allowed = self.chat.refusal_to_download(user, room) is None
        assert allowed is self.world.takes_part(user, place)

    async def _be_answered_as_of_no_room(self, user: SipUri, hidden: Sequence[RoomUri]) -> None:
        """Ask all that can be asked of a room, and the same of one that is not there."""
        for question in QUESTIONS:
            none, *answers = [
                await answer if isawaitable(answer) else answer
                for answer in (question(self.chat, user, room) for room in (NO_ROOM, *hidden))
            ]
            assert isinstance(none, Refusal)
            assert answers == [none] * len(hidden)

    async def _make_rooms(self, user: SipUri) -> None:
        """Try to make a room where nobody may: only who is in scope learns that there is a wall."""
        for wall in WALLS:
            answer = await self.chat.create_room(user, RoomSettings("New", wall))
            none = await self.chat.create_room(user, RoomSettings("New", NO_WALL))
            assert isinstance(answer, Refusal)
            assert isinstance(none, Refusal)
            if self.world.inside(user, wall):
                assert answer.code is ErrorCode.UNABLE_TO_CREATE_ROOM
            else:
                assert answer == replace(none, text=none.text.replace(NO_WALL, wall))

    def _administer(self, user: SipUri) -> None:
        for role in AdministrativeRole:
            for where in (None, *WALLS):
                holds = self.world.holds_role(user, role.value, where)
                assert self.chat.state.holds(user, role, where) is holds

    async def _search(self, user: SipUri) -> None:
        """Ask for a word that every message has."""
        results = await self.chat.query(user, ROOMS, HistoryQuery("spoken"))
        readable = {r: p for r, p in self.world.places.items() if self.world.takes_part(user, p)}
        found = [] if isinstance(results, Refusal) else results
        assert {one.room_uri: one.total for one in found} == {
            room: len(place.said) for room, place in readable.items()
        }

    async def _be_invited(self, user: SipUri) -> None:
        given = await self.chat.invitations(user)
        assert not isinstance(given, Refusal)
        assert {one.room.uri for one in given} == {
            room
            for room, place in self.world.places.items()
            if user in place.invited and self.world.takes_part(user, place)
        }


_users, _groups, _rooms = st.sampled_from(USERS), st.sampled_from(GROUPS), st.sampled_from(ROOMS)
_anybody = st.sampled_from([*map(str, USERS), *map(str, GROUPS), EVERYBODY])
_some = st.sets(_anybody, max_size=2)
_on = st.booleans()
_walls = st.integers(0, len(WALLS) - 1)
_MOVES: list[tuple[Callable[..., Any], tuple[st.SearchStrategy[Any], ...]]] = [
    (Game.enable, (_users, _on)),
    (Game.affiliate, (_groups, _anybody, _on)),
    (Game.wall, (_walls, _some | st.just({EVERYBODY}), _some)),
    (Game.cast, (_rooms, st.sampled_from(ROLES), _anybody, _on)),
    (Game.cast, (_rooms, st.just(Role.MEMBER), _anybody, st.just(True))),
    (Game.furnish, (_rooms, st.sampled_from(Privacy), st.sampled_from(Behavior), _on)),
    (Game.move, (_rooms, _walls)),
    (Game.enter, (_users, _rooms)),
    (Game.leave, (_users, _rooms)),
    (Game.say, (_users, _rooms, st.integers(0, 9))),
    (Game.invite, (_users, _rooms)),
    (Game.empower, (_users, st.sampled_from(AdministrativeRole), st.none() | _walls, _on)),
]
moves = st.one_of([st.tuples(st.just(act), st.tuples(*given_)) for act, given_ in _MOVES])


@pytest.mark.timeout(300)  # ten thousand steps, on a busy machine
def test_after_ten_thousand_steps_nobody_has_read_found_or_counted_what_is_forbidden() -> None:
    steps = 0

    @examples(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each of them is short enough
        suppress_health_check=list(HealthCheck),
    )
    @given(played=st.lists(moves, min_size=STEPS, max_size=STEPS))
    def play(played: list[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
        nonlocal steps
        asyncio.run(_played(played))
        steps += len(played)

    play()
    assert steps >= 10_000


async def _played(played: list[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
    game = Game()
    await game.begin()
    for number, (act, words) in enumerate(played):
        await act(game, *words)
        await game.evict()
        await game.look(USERS[number % len(USERS)])
