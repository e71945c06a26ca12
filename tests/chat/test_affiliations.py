"""Who is held by what: against the plainest way to find out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.chat.affiliations import Affiliations
from perchat.model.uri import SipUri

if TYPE_CHECKING:
    from collections.abc import Iterator

DOMAIN = "domain:contoso.example"
USERS = [SipUri(f"sip:{name}@contoso.example") for name in ("ada", "bob")]
GROUPS = [f"ma-grp:g{n}@u.g" for n in range(4)]

_changes = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, 3),
        st.sampled_from([*map(str, USERS), DOMAIN, *GROUPS]),
    ),
    max_size=30,
)


def holders(held: dict[str, set[str]], start: set[str]) -> set[str]:
    found = set(start)
    while more := {group for group, inside in held.items() if inside & found} - found:
        found |= more
    return found


def play(
    changes: list[tuple[bool, int, str]], *kept: Affiliations
) -> Iterator[dict[str, set[str]]]:
    held = {group: set[str]() for group in GROUPS}
    for on, n, member in changes:
        group = GROUPS[n]
        if member in GROUPS and GROUPS.index(member) <= n:
            continue  # no cycles: the store refuses them
        (held[group].add if on else held[group].discard)(member)
        for one in kept:
            (one.add if on else one.remove)(group, (member,))
        yield held


@examples(max_examples=150)
@given(changes=_changes)
def test_what_a_user_is_follows_every_change(changes: list[tuple[bool, int, str]]) -> None:
    kept = Affiliations()
    for held in play(changes, kept):
        for user in USERS:
            assert kept.of(user) == holders(held, {str(user), DOMAIN})
        for one in GROUPS:
            assert kept.above(one) == holders(held, {one})


@examples(max_examples=150)
@given(changes=_changes, asked=st.sets(st.tuples(st.integers(0, 30), st.sampled_from(USERS))))
def test_users_that_are_asked_for_late_or_early_come_out_the_same(
    changes: list[tuple[bool, int, str]], asked: set[tuple[int, SipUri]]
) -> None:
    final: dict[str, set[str]] = {group: set() for group in GROUPS}
    for held in play(changes):
        final = held
    late = Affiliations(lambda user: [group for group in GROUPS if user in final[group]])
    for n, _ in enumerate(play(changes, late)):
        for user in USERS:
            if (n, user) in asked:
                late.of(user)  # of a store that is ahead of the journal
    for user in USERS:
        assert late.of(user) == holders(final, {str(user), DOMAIN})
    late.forget(USERS[0])
    final = {group: inside - {USERS[0]} for group, inside in final.items()}
    late.forget(GROUPS[0])
    final = {group: inside - {GROUPS[0]} for group, inside in final.items()} | {GROUPS[0]: set()}
    for user in USERS:
        assert late.of(user) == holders(final, {str(user), DOMAIN})


@examples(max_examples=150)
@given(changes=_changes, sought=st.sets(st.sampled_from([*map(str, USERS), DOMAIN, *GROUPS])))
def test_many_users_are_told_apart_as_each_would_be(
    changes: list[tuple[bool, int, str]], sought: set[str]
) -> None:
    kept = Affiliations()
    many = {*USERS, *(SipUri(f"sip:u{n}@elsewhere.example") for n in range(20))}
    for _ in play(changes, kept):
        pass
    assert kept.among(many, sought) == {one for one in many if kept.of(one) & sought}
    assert kept.among(set(USERS), sought) == {one for one in USERS if kept.of(one) & sought}


def test_a_user_is_the_address_and_its_domain() -> None:
    kept = Affiliations()
    assert kept.of(USERS[0]) == {USERS[0], DOMAIN}
    assert kept.of(SipUri(f"{USERS[0]};gruu;opaque=x")) == kept.of(USERS[0])


def test_who_is_forgotten_is_in_nothing_and_holds_nothing() -> None:
    kept = Affiliations()
    kept.add(GROUPS[0], (GROUPS[1],))
    kept.add(GROUPS[1], (USERS[0],))
    assert GROUPS[0] in kept.of(USERS[0])
    kept.forget(GROUPS[1])
    assert kept.of(USERS[0]) == {USERS[0], DOMAIN}
    assert kept.holders(GROUPS[1]) == kept.holders(USERS[0]) == []


def test_the_way_up_is_the_shortest() -> None:
    kept, user = Affiliations(), USERS[0]
    kept.add(GROUPS[0], (GROUPS[1], GROUPS[2]))
    kept.add(GROUPS[1], (GROUPS[2],))
    kept.add(GROUPS[2], (user,))
    assert kept.chain(user, GROUPS[0]) == (user, GROUPS[2], GROUPS[0])
    assert kept.chain(user, GROUPS[3]) == ()
    kept.add(GROUPS[3], (DOMAIN,))
    assert kept.chain(user, GROUPS[3]) == (DOMAIN, GROUPS[3])
