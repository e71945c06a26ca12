"""Those who have not signed in: who waits, who gives way, and who is not concerned."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.net.quota import Bucket, Quota, QuotaSettings, network_of
from perchat.net.ratelog import RateLimitedLog

HERE, THERE = "192.0.2.1", "198.51.100.7"
LATE = 16_385  # bytes: beyond what is a beginning


class Peer:
    """A connection that can be told to end."""

    def abort(self, error: Exception | None = None) -> None:
        del error


def quota(**settings: float) -> Quota:
    return Quota(QuotaSettings(**settings))  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 10)), max_size=20), st.floats(0.01, 1))
def test_a_debt_is_what_was_charged_less_what_time_worked_off(
    charges: list[tuple[float, float]], rate: float
) -> None:
    bucket, now, owed = Bucket(rate), 0.0, 0.0
    for cost, passed in charges:
        now, owed = now + passed, max(owed - passed * rate, 0.0) + cost
        bucket.charge(cost, now)
    assert bucket.debt(now) == pytest.approx(owed)
    wait = bucket.wait(0.1, now)
    assert bucket.debt(now + wait) <= 0.1 + 1e-9
    assert wait == 0 or bucket.debt(now + wait / 2) > 0.1


def test_who_pours_waits_until_the_debt_is_worked_off_at_the_rate_of_the_share() -> None:
    shared = quota(address_share=0.2)
    one = shared.enter(Peer(), HERE)
    one.spend(0.42, LATE, now=100.0)
    assert one.wait(100.0) == pytest.approx(2.0)
    assert one.wait(101.0) == pytest.approx(1.0)
    assert one.wait(102.1) == 0.0


def test_others_of_the_address_wait_as_well_and_those_elsewhere_do_not() -> None:
    shared = quota()
    pouring, near, far = (shared.enter(Peer(), host) for host in (HERE, HERE, THERE))
    for _ in range(10):
        pouring.spend(0.003, 4096, now=0.0)
    near.spend(0.0, LATE, now=0.0)
    far.spend(0.0, LATE, now=0.0)
    assert pouring.wait(0.0) > 0.0
    assert near.wait(0.0) > 0.0
    assert far.wait(0.0) == 0.0


def test_all_together_have_a_share_too() -> None:
    shared = quota(share=0.3)
    for number in range(30):
        shared.enter(Peer(), f"203.0.113.{number}").spend(0.1, LATE, now=0.0)
    last = shared.enter(Peer(), THERE)
    last.spend(0.0, LATE, now=0.0)
    assert last.wait(0.0) == pytest.approx((3.0 - 0.04) / 0.3)


def test_a_beginning_does_not_wait_for_a_little_debt_of_its_address() -> None:
    shared = quota()
    shared.enter(Peer(), HERE).spend(0.2, LATE, now=0.0)
    new = shared.enter(Peer(), HERE)
    new.spend(0.001, 1500, now=0.0)
    assert new.wait(0.0) == 0.0
    assert shared.delay(HERE, 0.0) == 0.0


@given(st.integers(1, 2000), st.floats(0.0001, 0.01))
def test_a_crowd_that_signs_in_from_one_address_owes_nothing(count: int, cost: float) -> None:
    shared = quota()
    for _ in range(count):
        assert shared.knock(HERE)
        shared.let_in(HERE, 0.0, is_tls=True)
        one = shared.enter(Peer(), HERE, is_tls=True)
        one.spend(cost, 1500, now=0.0)
        one.leave(0.0, signed_in=True)
    assert shared.delay(HERE, 0.0) == 0.0
    assert len(shared) == shared.addresses == 0


def test_connections_that_never_sign_in_make_the_next_ones_wait() -> None:
    shared = quota()
    for _ in range(1000):
        assert shared.knock(HERE)
        shared.let_in(HERE, 0.0, is_tls=True)
        shared.enter(Peer(), HERE, is_tls=True).leave(0.0, signed_in=False)
    assert shared.delay(HERE, 0.0) > 0.0
    assert shared.delay(HERE, 5.0) > 0.0
    assert shared.delay(HERE, 10.0) == 0.0


def test_no_more_wait_to_be_let_in_than_may() -> None:
    shared = quota()
    let = [shared.knock(HERE) for _ in range(5000)]
    assert let.count(True) == 4000
    assert shared.refused == 1000
    assert shared.knock(THERE)


def test_the_oldest_unfinished_message_of_the_address_gives_way() -> None:
    shared = quota(address_held=100)
    first, second, third, other = (shared.enter(Peer(), host) for host in (HERE, HERE, HERE, THERE))
    assert other.hold(90) == []
    assert first.hold(40) == []
    assert second.hold(40) == []
    assert third.hold(40) == [first]


def test_the_oldest_unfinished_message_of_all_gives_way() -> None:
    shared = quota(address_held=100, held=150)
    peers = [shared.enter(Peer(), f"192.0.2.{number}") for number in range(5)]
    assert [peer.hold(50) for peer in peers] == [[], [], [], [peers[0]], [peers[0], peers[1]]]
    peers[0].hold(0)
    peers[1].hold(0)
    assert shared.held == 150


def test_a_message_that_is_whole_again_is_the_oldest_no_more() -> None:
    shared = quota(address_held=100)
    first, second, third = (shared.enter(Peer(), HERE) for _ in range(3))
    first.hold(60)
    second.hold(30)
    first.hold(0)
    first.hold(60)
    assert third.hold(20) == [second]


def test_who_has_been_here_longest_is_known_until_signed_in() -> None:
    shared = quota()
    first, second = shared.enter(Peer(), HERE), shared.enter(Peer(), THERE)
    assert shared.oldest() is first
    first.leave(0.0, signed_in=True)
    first.leave(0.0, signed_in=True)
    assert shared.oldest() is second
    assert len(shared) == 1


def test_no_more_addresses_are_remembered_than_may() -> None:
    shared = quota()
    staying = shared.enter(Peer(), HERE)
    for number in range(30_000):
        shared.charge(str(number), 1.0, 0.0)
    assert shared.addresses <= 10_001
    staying.spend(0.0, LATE, 0.0)
    assert staying.key in shared._addresses


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_one_address(host: str, network: str) -> None:
    assert network_of(host) == network


def test_some_lines_of_a_kind_are_written_with_the_number_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    limited, log = RateLimitedLog(lambda: now), logging.getLogger("perchat.test")
    for now in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 9.9, 10.0, 11.0):  # noqa: B007 - read by the clock
        limited.write(log, logging.WARNING, "kind", "from %s", HERE)
    limited.write(log, logging.WARNING, "other", "that")
    assert [record.getMessage() for record in caplog.records] == [
        *(5 * [f"from {HERE}"]),
        f"from {HERE} (and 2 such lines before it)",
        f"from {HERE}",
        "that",
    ]
