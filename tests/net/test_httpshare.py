"""Who gives way when an HTTP service has too many connections, and who is never concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.net.httpshare import HttpShares, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE, THERE, ELSEWHERE = "192.0.2.1", "198.51.100.7", "203.0.113.9"


def shares(connections: int = 4, of_one: int = 3) -> HttpShares[int]:
    return HttpShares(connections, of_one)


def filled(hosts: Sequence[str], phase: Phase = Phase.IDLE, **bounds: int) -> HttpShares[int]:
    """Return shares with a connection from each host, numbered from 0, all in one phase."""
    shared = shares(**bounds)
    for number, host in enumerate(hosts):
        assert shared.enter(number, host) == ([], True)
        shared.move(number, phase)
    return shared


def test_an_address_that_has_its_share_closes_its_own_oldest_for_another() -> None:
    shared = filled([THERE, HERE, HERE, HERE], connections=9)
    assert shared.enter(9, HERE) == ([1], True)


def test_a_full_service_closes_the_oldest_of_the_address_that_has_most() -> None:
    shared = filled([THERE, HERE, HERE, HERE])
    assert shared.enter(9, ELSEWHERE) == ([1], True)
    assert shared.enter(10, ELSEWHERE) == ([2], True)


def test_who_asks_for_nothing_gives_way_before_who_has_begun_to_ask() -> None:
    shared = filled([HERE, HERE, HERE], connections=9)
    shared.move(0, Phase.RECEIVING)
    assert shared.enter(9, HERE) == ([1], True)


def test_who_kept_its_connection_after_an_answer_is_the_youngest_of_the_idle() -> None:
    shared = filled([HERE, HERE, HERE], connections=9)
    shared.move(0, Phase.ANSWERING)
    shared.move(0, Phase.IDLE)
    assert shared.enter(9, HERE) == ([1], True)


@pytest.mark.parametrize("host", [HERE, THERE])
def test_a_request_that_is_whole_is_answered_and_the_new_one_refused(host: str) -> None:
    shared = filled([HERE] * 3 + [THERE], Phase.ANSWERING)
    assert shared.enter(9, host) == ([], False)
    assert shared.refused == 1


def test_a_refused_connection_gives_way_to_the_next() -> None:
    shared = filled([HERE] * 3, Phase.ANSWERING, connections=9)
    shared.enter(9, HERE)
    assert shared.enter(10, HERE) == ([9], False)
    shared.leave(0)
    assert shared.enter(11, HERE) == ([10], True)


def test_those_of_an_ipv6_network_count_as_one() -> None:
    shared = filled(["2001:db8::1", "2001:db8::2", "2001:db8::3"], connections=9)
    assert shared.enter(9, "2001:db8::4") == ([0], True)
    assert shared.enter(10, "2001:db8:0:1::1") == ([], True)


def test_what_is_closed_is_counted_and_said_a_few_times(caplog: pytest.LogCaptureFixture) -> None:
    shared = filled([HERE] * 3, connections=9)
    for number in range(9, 29):
        shared.enter(number, HERE)
    assert shared.closed == 20
    assert [record.message for record in caplog.records] == [
        f"unfinished HTTP connections closed: too many are open, and {HERE} opened another"
    ] * 5


@given(
    st.lists(
        st.tuples(st.sampled_from([HERE, THERE, ELSEWHERE]), st.sampled_from(list(Phase))),
        max_size=60,
    ),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_places_are_never_more_than_the_bounds(
    arrivals: list[tuple[str, Phase]], connections: int, of_one: int
) -> None:
    shared = shares(connections, of_one)
    placed: dict[int, str] = {}
    for number, (host, phase) in enumerate(arrivals):
        closed, has_place = shared.enter(number, host)
        for one in closed:
            placed.pop(one, None)
        if has_place:
            placed[number] = host
            shared.move(number, phase)
        hosts = list(placed.values())
        assert len(hosts) <= connections
        assert max(map(hosts.count, hosts), default=0) <= of_one
        assert len(shared) <= connections + 1
    for number in range(len(arrivals)):
        shared.leave(number)
    assert len(shared) == 0
