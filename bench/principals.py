"""
A directory of the published ceiling: 150,000 users, 200 groups each, 2,000,000 role entries.

Run alone: it takes some minutes and about two gigabytes.
"""

from __future__ import annotations

import random
import resource
import time
from itertools import cycle
from typing import TYPE_CHECKING

from bench.figure import Figure, microseconds
from perchat.chat.state import ChatState
from perchat.model.category import Category
from perchat.model.chatroom import Role, Room
from perchat.model.journal import (
    GroupMembersAdded,
    GroupMembersRemoved,
    JournalEntry,
    RolesGranted,
)
from perchat.model.principal import Group, User
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri
from perchat.store.base import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

USERS, GROUPS_OF_EACH, ROLE_ENTRIES = 150_000, 200, 2_000_000
GROUPS, ROOMS = 15_000, 20_000
DOMAIN = "contoso.example"
WALL = CategoryUri.of(DOMAIN, "c")


def figures() -> Iterator[Figure]:
    """Build the directory once and ask it."""
    chance = random.Random(1)  # the same every time
    users = [SipUri(f"sip:u{n}@{DOMAIN}") for n in range(USERS)]
    groups = [GroupUri(f"ma-grp:g{n}@u.g") for n in range(GROUPS)]
    rooms = [RoomUri.of(DOMAIN, f"r{n}") for n in range(ROOMS)]
    snapshot = _snapshot(chance, users, groups, rooms)
    before, begun = _resident(), time.perf_counter()
    state = ChatState("bench")
    state.load(snapshot)
    yield Figure("directory loaded", time.perf_counter() - begun, "s")
    yield Figure("directory in memory", _resident() - before, "MB")
    del snapshot
    yield from _questions(state, chance, users, rooms)
    yield from _changes(state, users, groups)


def _snapshot(
    chance: random.Random,
    users: Sequence[SipUri],
    groups: Sequence[GroupUri],
    rooms: Sequence[RoomUri],
) -> Snapshot:
    size = USERS * GROUPS_OF_EACH // GROUPS
    held = [
        GroupMembersAdded(group, (*groups[n * 3 + 1 : n * 3 + 3], *chance.sample(users, size)))
        for n, group in enumerate(groups)
    ]
    few = ROLE_ENTRIES // ROOMS - 2
    roles = [
        RolesGranted(room, Role.MEMBER, (*chance.sample(users, few), *chance.sample(groups, 2)))
        for room in rooms
    ]
    return Snapshot(
        position=0,
        database="bench",
        users=tuple(User(uri, uri.user, uri.user, uri.user) for uri in users),
        categories=(Category(WALL, "Wall", allowed=frozenset([f"domain:{DOMAIN}"])),),
        rooms=tuple(Room(uri, f"Room {uri.guid}", "", WALL) for uri in rooms),
        roles=tuple(roles),
        groups=tuple(Group(uri, uri) for uri in groups),
        memberships=tuple(held),
    )


def _questions(
    state: ChatState, chance: random.Random, users: Sequence[SipUri], rooms: Sequence[RoomUri]
) -> Iterator[Figure]:
    strangers = cycle(users)  # each comes again only when long forgotten
    known = users[0]
    places = cycle([state.rooms[uri] for uri in chance.sample(rooms, 1000)])
    one = next(places)
    yield Figure(
        "principals of a new user",
        microseconds(lambda: state.affiliations.of(next(strangers))),
        "us",
        wanted=500,
    )
    yield Figure(
        "permission, new user",
        microseconds(lambda: state.permission(next(strangers), one)),
        "us",
        wanted=500,
    )
    yield Figure(
        "permission, known user",
        microseconds(lambda: state.permission(known, next(places))),
        "us",
        wanted=50,
    )
    yield Figure("rooms of a user", microseconds(lambda: _rooms_of(state, known)), "us")


def _rooms_of(state: ChatState, user: SipUri) -> set[RoomUri]:
    principals = state.affiliations.of(user)
    return {room for one in principals for room in state.holdings.get(one, ())}


def _changes(
    state: ChatState, users: Sequence[SipUri], groups: Sequence[GroupUri]
) -> Iterator[Figure]:
    pairs = cycle(zip(users, cycle(groups), strict=False))

    def come_and_go() -> None:
        user, group = next(pairs)
        for kind in (GroupMembersRemoved, GroupMembersAdded):
            state.apply(JournalEntry(state.position + 1, 0.0, kind(group, (user,))))

    yield Figure("a user leaves and joins a group", microseconds(come_and_go), "us", wanted=2000)


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
