"""The tables are walked: every live state can end, and no row is out of reach."""

from __future__ import annotations

import pytest

from perchat.sip.timers import Alarms, Timers
from perchat.sip.transaction import STARTS, TABLES, Action, Input, Kind, State, Transaction
from tests.sip.messages import parsed, sipe_invite

FIRST = {
    Kind.INVITE_CLIENT: State.CALLING,
    Kind.CLIENT: State.TRYING,
    Kind.INVITE_SERVER: State.PROCEEDING,
    Kind.SERVER: State.TRYING,
}


def reachable(kind: Kind, start: State) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        state = todo.pop()
        for (at, _), (to, _) in TABLES[kind].items():
            if at is state and to not in seen:
                seen.add(to)
                todo.append(to)
    return seen


@pytest.mark.parametrize("kind", Kind)
def test_every_row_is_in_reach_and_every_state_can_end(kind: Kind) -> None:
    states = reachable(kind, FIRST[kind])
    assert {state for state, _ in TABLES[kind]} == states - {State.TERMINATED}
    for state in states:
        assert State.TERMINATED in reachable(kind, state)


@pytest.mark.parametrize("kind", Kind)
def test_every_timer_that_starts_is_waited_for_and_no_other(kind: Kind) -> None:
    started = {(state, timer) for (of, state), ts in STARTS.items() if of is kind for timer in ts}
    waited = {(s, given) for s, given in TABLES[kind] if given.name.startswith("TIMER")}
    assert started == waited


def made(kind: Kind, *, reliable: bool) -> Transaction:
    transaction = Transaction(kind, "x", "key", parsed(sipe_invite()), Timers(reliable=reliable))
    transaction.start(0.0)
    return transaction


def fired(transaction: Transaction) -> list[tuple[float, Input]]:
    """Let time pass to the end."""
    seen = []
    while (when := transaction.deadline()) is not None:
        for timer in transaction.due(when):
            transaction.feed(timer, when)
            seen.append((when, timer))
    return seen


def test_invite_is_resent_ever_more_slowly() -> None:
    assert [when for when, _ in fired(made(Kind.INVITE_CLIENT, reliable=False))] == [
        0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 32.0,
    ]  # fmt: skip
    assert fired(made(Kind.INVITE_CLIENT, reliable=True)) == [(32.0, Input.TIMER_B)]


def test_a_refusal_is_resent_until_acknowledged() -> None:
    transaction = made(Kind.INVITE_SERVER, reliable=False)
    assert transaction.feed(Input.FAILURE, 0.0) == (Action.SEND,)
    times = [when for when, timer in fired(transaction) if timer is Input.TIMER_G]
    assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    other = made(Kind.INVITE_SERVER, reliable=False)
    other.feed(Input.FAILURE, 0.0)
    assert other.feed(Input.ACK, 1.0) == ()
    assert fired(other) == [(6.0, Input.TIMER_I)]


def test_reliable_transports_absorb_nothing() -> None:
    for kind, given in [
        (Kind.CLIENT, Input.SUCCESS),
        (Kind.INVITE_CLIENT, Input.FAILURE),
        (Kind.SERVER, Input.SUCCESS),
    ]:
        transaction = made(kind, reliable=True)
        transaction.feed(given, 1.0)
        assert transaction.is_over


def test_a_slow_answer_waits_in_longer_steps() -> None:
    transaction = made(Kind.CLIENT, reliable=False)
    transaction.feed(Input.PROVISIONAL, 0.2)
    times = [when for when, timer in fired(transaction) if timer is Input.TIMER_E]
    assert times[:3] == [4.2, 8.2, 12.2]
    assert transaction.is_over


def test_alarms_ring_once_in_order_and_the_latest_word_counts() -> None:
    alarms = Alarms()
    for number in range(200):
        alarms.set("a", 1000.0 - number)
        alarms.set(f"b{number}", 5.0)
        alarms.set(f"b{number}", None)
    alarms.set("c", 7.0)
    assert alarms.next() == 7.0
    assert alarms.due(801.0) == ["c", "a"]
    assert alarms.next() is None
    assert not alarms.due(9999.0)
