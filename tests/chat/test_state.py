from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.chat.state import ChatState, Happening, RosterDue, UserArrived, UserDeparted
from perchat.errors import PerchatError, StateError
from perchat.model.journal import (
    Fact,
    JournalEntry,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
)
from perchat.model.uri import SipUri
from perchat.store.memory import MemoryStore
from tests.store.samples import ADA, BOB, DOMAIN, LAB, OPS, SETTLED, facts, posted

if TYPE_CHECKING:
    from perchat.chat.state import RoomState


class Told:
    """A state, and what applying facts to it told."""

    def __init__(self, **limits: float) -> None:
        self.state = ChatState("one", **limits)  # type: ignore[arg-type]
        self._positions = count(1)
        self.tell(*SETTLED)

    def tell(self, *given: Fact) -> list[Happening]:
        entries = [JournalEntry(next(self._positions), 0.0, fact) for fact in given]
        return [happening for entry in entries for happening in self.state.apply(entry)]


def joined(
    user: SipUri = ADA, session: str = "s1", node: str = "one", where: object = OPS
) -> ParticipantJoined:
    return ParticipantJoined(where, user, session, node)  # type: ignore[arg-type]


def parted(user: SipUri = ADA, session: str = "s1", node: str = "one") -> ParticipantParted:
    return ParticipantParted(OPS, user, session, node)


def test_a_user_arrives_once_and_departs_once_whatever_the_devices() -> None:
    told = Told()
    assert told.tell(joined()) == [UserArrived(OPS, ADA, "s1")]
    assert told.tell(joined(session="s2", node="two")) == []
    assert told.tell(joined()) == []
    assert told.tell(parted()) == []
    assert told.tell(parted()) == []
    assert told.tell(parted(session="s2", node="two")) == [UserDeparted(OPS, ADA)]
    assert told.state.rooms[OPS].present == {}
    assert told.state.joined == {}


def test_only_this_nodes_sessions_are_here() -> None:
    told = Told()
    told.tell(joined(), joined(BOB, "s2", "two"))
    assert told.state.rooms[OPS].here == {"s1": ADA}
    told.tell(parted())
    assert told.state.rooms[OPS].here == {}


def test_carrying_a_session_over_is_neither_arrival_nor_departure() -> None:
    told = Told()
    told.tell(joined())
    assert told.tell(joined(session="s2"), parted()) == []
    assert told.state.is_joined(OPS, ADA, "s2")
    assert not told.state.is_joined(OPS, ADA, "s1")


def test_a_node_that_starts_has_lost_its_sessions() -> None:
    told = Told()
    told.tell(joined(), joined(where=LAB), joined(BOB, "s2"), joined(BOB, "s3", "two"))
    gone = told.tell(NodeStarted("one"))
    assert sorted(gone, key=str) == [UserDeparted(OPS, ADA), UserDeparted(LAB, ADA)]
    assert told.state.rooms[OPS].present == {BOB: {"s3": "two"}}


def test_a_message_changes_nothing_but_the_position() -> None:
    told = Told()
    assert told.tell(posted("hello")) == []
    assert told.state.position == len(SETTLED) + 1


@pytest.mark.parametrize("position", [0, len(SETTLED), len(SETTLED) + 2])
def test_entries_out_of_order_are_refused(position: int) -> None:
    told = Told()
    with pytest.raises(StateError):
        told.state.apply(JournalEntry(position, 0.0, NodeStarted("one")))


def test_a_room_is_large_above_the_limit_and_calm_only_below_the_share() -> None:
    told = Told(large_above=75, calm_below=60)
    crowd = [SipUri(f"sip:u{n}@{DOMAIN}") for n in range(76)]
    place = told.state.rooms[OPS]
    large = []
    for n, user in enumerate(crowd[:75]):
        assert told.tell(joined(user, f"s{n}")) == [UserArrived(OPS, user, f"s{n}")]
    large.append(place.large)
    assert told.tell(joined(crowd[75], "s75")) == []
    large.append(place.large)
    for n in range(75, 59, -1):
        assert told.tell(parted(crowd[n], f"s{n}")) == []
    large.append(place.large)
    assert len(place.present) == 60
    assert told.tell(parted(crowd[59], "s59")) == [RosterDue(OPS, tuple(crowd[74:58:-1]))]
    assert [*large, place.large] == [False, True, True, False]
    assert told.tell(parted(crowd[58], "s58")) == [UserDeparted(OPS, crowd[58])]


def _view(state: ChatState) -> object:
    return (
        state.position,
        state.users,
        state.categories,
        {uri: _room_view(place) for uri, place in state.rooms.items()},
        {key: set(rooms) for key, rooms in state.joined.items()},
        (state.groups, state.add_ins),
        [state.affiliations.of(user) for user in (ADA, BOB)],
    )


def _room_view(place: RoomState) -> object:
    roles = {role: held for role, held in place.roles.items() if held}
    return place.room, place.key, roles, place.present, place.here, place.large


@examples(max_examples=100)
@given(history=st.lists(facts, max_size=40), cut=st.integers(0, 40))
async def test_replaying_the_journal_gives_the_state_of_the_snapshot(
    history: list[Fact], cut: int
) -> None:
    store, replayed = MemoryStore(), ChatState("one")
    resumed, loaded = (ChatState("one", groups_of=store.groups_of) for _ in range(2))
    await store.append(*SETTLED)
    for n, fact in enumerate(history):
        if n == cut:
            resumed.load(await store.snapshot())
        try:
            await store.append(fact)
        except PerchatError:
            continue
    for entry in await store.read(0):
        replayed.apply(entry)
    for entry in await store.read(resumed.position):
        resumed.apply(entry)
    loaded.load(await store.snapshot())
    assert _view(replayed) == _view(loaded) == _view(resumed)
