"""Filters let through what they say, and never what is not for the searcher."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.chat.finding import RoomFilter, find_rooms
from perchat.chat.state import ChatState
from perchat.model.category import Category
from perchat.model.chatroom import Behavior, Permission, Privacy, Role, Room
from perchat.model.journal import (
    CategoryChanged,
    GroupMembersAdded,
    JournalEntry,
    ParticipantJoined,
    RolesGranted,
    RoomChanged,
    UserChanged,
)
from perchat.model.principal import User
from perchat.model.uri import CategoryUri, GroupUri, RoomUri, SipUri

ADA, BEN = SipUri("sip:ada@example.com"), SipUri("sip:ben@example.com")
STAFF = GroupUri("ma-grp:11111111-2222-3333-4444-555555555555@u.g")
WALL = CategoryUri.of("example.com", "wall")
NAMES = ("Red Fox", "Red Deer", "Grey fox")


@dataclass(frozen=True)
class Place:
    name: str
    privacy: Privacy
    behavior: Behavior
    disabled: bool
    invites: bool
    members: frozenset[str]
    managers: frozenset[str]


PRINCIPALS = st.frozensets(st.sampled_from([str(ADA), str(BEN), str(STAFF)]))
PLACES = st.lists(
    st.builds(
        Place,
        st.sampled_from(NAMES),
        st.sampled_from(Privacy),
        st.sampled_from(Behavior),
        st.booleans(),
        st.booleans(),
        PRINCIPALS,
        PRINCIPALS,
    ),
    max_size=6,
)
FILTERS = st.builds(
    RoomFilter,
    text=st.sampled_from(["", "fox", "RED fox", "red  "]),
    every_word=st.booleans(),
    phrase=st.booleans(),
    member=st.sampled_from(["", str(ADA), str(STAFF)]),
    manager=st.sampled_from(["", str(ADA), str(STAFF)]),
    disabled=st.sampled_from([None, True, False]),
    privacy=st.none() | st.sampled_from(Privacy),
    behavior=st.none() | st.sampled_from(Behavior),
    inherits=st.none() | st.booleans(),
)


def uri(number: int) -> RoomUri:
    return RoomUri.of("example.com", f"r{number}")


def state_of(places: list[Place]) -> ChatState:
    state, positions = ChatState("one"), count(1)
    facts: list[object] = [
        *(UserChanged(User(one, one.user, one.user, one.user)) for one in (ADA, BEN)),
        GroupMembersAdded(STAFF, (str(BEN),)),
        CategoryChanged(Category(WALL, "Wall", allowed=frozenset({"domain:example.com"}))),
    ]
    for number, one in enumerate(places):
        room = Room(
            uri(number), one.name, "", WALL, one.privacy, one.behavior, one.disabled, one.invites
        )
        facts.append(RoomChanged(room))
        for role, held in ((Role.MEMBER, one.members), (Role.MANAGER, one.managers)):
            if held:
                facts.append(RolesGranted(room.uri, role, tuple(held), ADA))
    for fact in facts:
        state.apply(JournalEntry(next(positions), 0.0, fact))  # type: ignore[arg-type]  # facts
    return state


def is_named(place: Place, wanted: RoomFilter) -> bool:
    name, text = place.name.lower(), wanted.text.lower().strip()
    if wanted.phrase or not text:
        return text in name
    return (all if wanted.every_word else any)(word in name for word in text.split())


def holds(principal: str, held: frozenset[str]) -> bool:
    return principal in held or (principal == BEN and STAFF in held)


def may_know(place: Place, principal: str) -> bool:
    return principal == BEN or holds(BEN, place.members | place.managers)


def passes(place: Place, wanted: RoomFilter) -> bool:
    asked = ((wanted.member, place.members), (wanted.manager, place.managers))
    people = all(holds(who, held) and may_know(place, who) for who, held in asked if who)
    properties = (
        (wanted.disabled, place.disabled),
        (wanted.privacy, place.privacy),
        (wanted.behavior, place.behavior),
        (wanted.inherits, place.invites),
    )
    return is_named(place, wanted) and people and all(w in (None, has) for w, has in properties)


def shows(place: Place) -> bool:
    manages, belongs = holds(BEN, place.managers), holds(BEN, place.members)
    if place.disabled:
        return manages
    return manages or belongs or place.privacy is not Privacy.SECRET


@given(PLACES, FILTERS)
@settings(max_examples=200, deadline=None)
async def test_a_search_finds_what_it_asks_for_and_may_find(
    places: list[Place], wanted: RoomFilter
) -> None:
    found = await find_rooms(state_of(places), BEN, wanted)
    expected = {
        uri(number) for number, one in enumerate(places) if passes(one, wanted) and shows(one)
    }
    assert set(found) == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize(
    ("privacy", "belongs", "known"),
    [
        (Privacy.OPEN, None, True),
        (Privacy.CLOSED, None, False),
        (Privacy.CLOSED, Role.MEMBER, True),
        (Privacy.CLOSED, Role.MANAGER, True),
        (Privacy.SECRET, None, False),
        (Privacy.SECRET, Role.MEMBER, True),
    ],
)
async def test_who_is_in_a_room_is_known_to_those_who_may_join_or_manage_it(
    privacy: Privacy, belongs: Role | None, known: bool
) -> None:
    ben = frozenset([str(BEN)])
    members = ben if belongs is Role.MEMBER else frozenset[str]()
    managers = ben if belongs is Role.MANAGER else frozenset[str]()
    state = state_of(
        [
            Place("Full", privacy, Behavior.NORMAL, False, True, members | {str(ADA)}, managers),
            Place("Empty", privacy, Behavior.NORMAL, False, True, members, managers),
        ]
    )
    joined = ParticipantJoined(uri(0), ADA, "s", "one")
    state.apply(JournalEntry(state.position + 1, 0.0, joined))
    assert await find_rooms(state, BEN, RoomFilter(present=ADA)) == [uri(0)] * known
    assert await find_rooms(state, ADA, RoomFilter(present=ADA)) == [uri(0)]
    assert await find_rooms(state, BEN, RoomFilter(present=BEN)) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cafe", "Café"),
        ("CAFÉ", "cafe"),
        ("cafe", "Cafe\u0301 Nord"),
        ("lodz", "Łódź"),
        ("ελλαδα", "Ελλάδα"),
        ("елка", "Ёлка"),
        ("иод", "Йод"),
    ],
)
async def test_case_and_accents_make_no_difference(text: str, name: str) -> None:
    nobody = frozenset[str]()
    plain = (Privacy.OPEN, Behavior.NORMAL, False, True, nobody, nobody)
    state = state_of([Place(name, *plain), Place("Другая Room", *plain)])
    assert await find_rooms(state, BEN, RoomFilter(text)) == [uri(0)]


async def test_rooms_come_by_name_and_one_by_its_address() -> None:
    plain = [
        Place(n, Privacy.OPEN, Behavior.NORMAL, False, True, *2 * [frozenset()]) for n in NAMES
    ]
    state = state_of(plain)
    assert await find_rooms(state, BEN, RoomFilter()) == [uri(2), uri(1), uri(0)]
    assert await find_rooms(state, BEN, RoomFilter(uri=uri(1))) == [uri(1)]
    assert await find_rooms(state, BEN, RoomFilter(uri=uri(9))) == []
    assert Permission.VIEW in state.permission(BEN, state.rooms[uri(0)])


@pytest.mark.parametrize("name", ["member", "manager"])
async def test_a_filter_by_what_is_no_principal_makes_no_sense(name: str) -> None:
    with pytest.raises(ValueError, match="not the URI"):
        await find_rooms(state_of([]), BEN, RoomFilter(**{name: "somebody"}))  # type: ignore[arg-type]
