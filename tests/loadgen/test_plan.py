"""The plans have the numbers that were published, and no more than can be carried out."""

from __future__ import annotations

from collections import Counter

import pytest

from perchat.errors import ConfigurationError
from perchat.loadgen import plan


def test_the_model_is_the_published_one_scaled() -> None:
    found = plan.model(1 / 40, 10, 60)
    assert found.seats == 2000
    assert Counter(len(room.seats) for room in found.rooms) == {30: 800, 150: 27, 400: 1}
    assert len(found.posts) == pytest.approx(24 / 40 * 10 * 60, rel=0.2)
    assert len(found.returns) == pytest.approx(10 / 40 * 10 * 60, rel=0.3)
    joined = [len(rooms) for rooms in found.rooms_of()]
    assert min(joined) == 12 + 2
    assert max(joined) <= 12 + 3 + 1


def test_the_same_numbers_are_the_same_plan() -> None:
    assert plan.model(0.001, 100, 10) == plan.model(0.001, 100, 10)
    assert plan.morning(40, 4, 10, 0) == plan.morning(40, 4, 10, 0)


def test_everybody_posts_only_where_they_are() -> None:
    found = plan.model(0.002, 500, 10)
    assert found.posts
    assert all(post.seat in found.rooms[post.room].seats for post in found.posts)
    assert [post.at for post in found.posts] == sorted(post.at for post in found.posts)


def test_a_morning_has_as_many_joins_as_are_wanted() -> None:
    found = plan.morning(60, 6, 10, 0)
    assert {len(rooms) for rooms in found.rooms_of()} == {6}
    assert {post.room for post in found.posts} == set(range(len(found.rooms)))


@pytest.mark.parametrize(
    "wanted",
    [
        lambda: plan.room(200_000, 1, 0, 1),
        lambda: plan.room(10, 1000, 0, 10_000),
        lambda: plan.room(50_000, 20, 0, 3600),
        lambda: plan.model(1.0, 1000.0, 3600),
    ],
)
def test_what_cannot_be_carried_out_is_refused_before_it_begins(wanted: object) -> None:
    with pytest.raises(ConfigurationError):
        wanted()  # type: ignore[operator]


def test_a_small_room_has_fewer_posters_than_a_large_one() -> None:
    assert {post.seat for post in plan.room(3, 10, 0, 1).posts} == {0, 1, 2}
    assert plan.room(3, 10, 10, 1).closed == 4
