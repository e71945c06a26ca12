"""Strategies for what all data is made of."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st

from perchat.model.uri import CategoryUri, RoomUri, SipUri

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

LEGAL = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\t\n"), max_size=15
)
WORDS = LEGAL.map(str.strip)
GUIDS = st.from_regex(r"[a-f0-9\-]{1,12}", fullmatch=True)
ROOM_URIS = st.builds(RoomUri.of, st.sampled_from(["contoso.com", "a.b"]), GUIDS)
CATEGORIES = st.builds(CategoryUri.of, st.just("contoso.com"), GUIDS)
USERS = st.from_regex(r"sip:[a-z0-9.&'$]{1,8}@[a-z]{1,5}", fullmatch=True).map(SipUri)
TIMES = st.datetimes(timezones=st.just(UTC))
NUMBERS = st.integers(0, 10**18 - 1)
MASKS = st.integers(0, 1 << 14)


def maybe(items: SearchStrategy[T]) -> SearchStrategy[T | None]:
    return st.one_of(st.none(), items)


def tuples(items: SearchStrategy[T], least: int = 0) -> SearchStrategy[tuple[T, ...]]:
    return st.lists(items, min_size=least, max_size=4).map(tuple)


def rooms(least: int = 0) -> SearchStrategy[tuple[RoomUri, ...]]:
    return st.lists(ROOM_URIS, min_size=least, max_size=4, unique=True).map(tuple)
