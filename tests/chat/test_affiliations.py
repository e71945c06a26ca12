"""Who is held by what: against the plainest way to find out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.chat.affiliations import Affiliations
from perchat.model.uri import SipUri

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


@examples(max_examples=150)
@given(changes=_changes)
def test_what_a_user_is_follows_every_change(changes: list[tuple[bool, int, str]]) -> None:
    kept, held = Affiliations(), {group: set[str]() for group in GROUPS}
    for on, n, member in changes:
        group = GROUPS[n]
        if member in GROUPS and GROUPS.index(member) <= n:
            continue  # no cycles: the store refuses them
        (held[group].add if on else held[group].discard)(member)
        (kept.add if on else kept.remove)(group, (member,))
        for user in USERS:
            assert kept.of(user) == holders(held, {str(user), DOMAIN})
        for one in GROUPS:
            assert kept.above(one) == holders(held, {one})
            below = {x for x in [*USERS, DOMAIN, *GROUPS] if one in holders(held, {str(x)})}
            assert set(kept.below(one)) == below


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
    assert kept.members(GROUPS[0]) == kept.holders(USERS[0]) == []


def test_the_way_up_is_the_shortest() -> None:
    kept, user = Affiliations(), USERS[0]
    kept.add(GROUPS[0], (GROUPS[1], GROUPS[2]))
    kept.add(GROUPS[1], (GROUPS[2],))
    kept.add(GROUPS[2], (user,))
    assert kept.chain(user, GROUPS[0]) == (user, GROUPS[2], GROUPS[0])
    assert kept.chain(user, GROUPS[3]) == ()
    kept.add(GROUPS[3], (DOMAIN,))
    assert kept.chain(user, GROUPS[3]) == (DOMAIN, GROUPS[3])
