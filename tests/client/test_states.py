"""The three machines: what their tables allow, and that nobody gets stuck in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.client.states import (
    CHAT_TABLE,
    ENDPOINT_TABLE,
    SESSION_TABLE,
    ConnectionState,
    EndpointState,
    SessionState,
    StateMachine,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MACHINES: dict[str, tuple[Any, Any]] = {
    "endpoint": (ENDPOINT_TABLE, EndpointState),
    "chat": (CHAT_TABLE, ConnectionState),
    "session": (SESSION_TABLE, SessionState),
}
machines = st.sampled_from(sorted(MACHINES))


def reachable(table: Mapping[tuple[Any, Step], Any], start: Any) -> set[Any]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {after for (state, _), after in table.items() if state in fresh} - found
        found |= fresh
    return found


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_every_live_one_can_end(name: str) -> None:
    table, states = MACHINES[name]
    assert reachable(table, states.IDLE) == set(states)
    for state in states:
        assert states.TERMINATED in reachable(table, state)


@pytest.mark.parametrize("name", MACHINES)
def test_the_end_is_final(name: str) -> None:
    table, states = MACHINES[name]
    assert reachable(table, states.TERMINATED) == {states.TERMINATED}


@given(machines, st.lists(st.sampled_from(Step), max_size=30))
def test_a_walk_never_leaves_the_table(name: str, steps: list[Step]) -> None:
    table, states = MACHINES[name]
    machine: StateMachine[Any] = StateMachine(table, states.IDLE)
    for step in steps:
        before = machine.state
        if machine.allows(step):
            assert machine.take(step) is table[before, step]
        else:
            with pytest.raises(KeyError):
                machine.take(step)
            assert machine.state is before


def test_only_a_local_endpoint_and_a_session_may_begin_again() -> None:
    again = {
        name: states.IDLE in {after for (state, _), after in table.items() if state != states.IDLE}
        for name, (table, states) in MACHINES.items()
    }
    assert again == {"endpoint": True, "chat": False, "session": True}
