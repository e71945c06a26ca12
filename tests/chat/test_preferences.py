from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import pytest

from perchat.chat.preferences import FOLLOWED_LABEL
from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.model.preference import Preference
from tests.store.samples import ADA, BOB, LAB, OPS

if TYPE_CHECKING:
    from tests.chat.conftest import Node

T = TypeVar("T")


def done(result: Refusal | T) -> T:
    assert not isinstance(result, Refusal), result
    return result


async def test_a_bundle_is_read_unless_the_caller_has_it(node: Node) -> None:
    chat = node.service
    assert done(await chat.get_preference(ADA, "rooms")) is None
    assert done(await chat.set_preference(ADA, "rooms", "a")) == Preference("rooms", 1, "a")
    assert done(await chat.set_preference(ADA, "rooms", "b")).version == 2
    assert done(await chat.get_preference(ADA, "rooms", 1)) == Preference("rooms", 2, "b")
    assert done(await chat.get_preference(ADA, "rooms", 2)) is None
    assert done(await chat.get_preference(BOB, "rooms")) is None


async def test_a_stale_write_collides(node: Node) -> None:
    done(await node.service.set_preference(ADA, "rooms", "a", expected=0))
    again = await node.service.set_preference(ADA, "rooms", "b", expected=0)
    assert isinstance(again, Refusal)
    assert again.code is ErrorCode.DATA_COLLISION


@pytest.mark.parametrize(
    ("label", "data", "code"),
    [
        ("", "a", ErrorCode.INVALID_ARGUMENT),
        ("x" * 256, "a", ErrorCode.INVALID_ARGUMENT),
        (FOLLOWED_LABEL, "a", ErrorCode.INVALID_ARGUMENT),
        ("rooms", "x" * 131_073, ErrorCode.LIMIT_EXCEEDED),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    node: Node, label: str, data: str, code: ErrorCode
) -> None:
    result = await node.service.set_preference(ADA, label, data)
    assert isinstance(result, Refusal)
    assert result.code is code


async def test_followed_rooms_are_the_same_for_all_programs_of_a_user(node: Node) -> None:
    chat = node.service
    await asyncio.gather(chat.follow(ADA, add=[OPS]), chat.follow(ADA, add=[LAB]))
    assert set(done(await chat.followed_rooms(ADA))) == {OPS, LAB}
    assert done(await chat.follow(ADA, remove=[OPS])) == (LAB,)
    assert done(await chat.follow(BOB, add=[LAB])) == ()  # a room that Bob may not see


async def test_the_position_read_never_goes_back(node: Node) -> None:
    chat = node.service
    assert done(await chat.mark_read(ADA, OPS, 5)) == {OPS: 5}
    assert done(await chat.mark_read(ADA, OPS, 3)) == {OPS: 5}
    assert (
        done(await chat.mark_read(ADA, LAB, 1))
        == {OPS: 5, LAB: 1}
        == done(await chat.last_read(ADA))
    )
    for where, message in ((LAB, 1), (OPS, -1)):
        assert isinstance(await chat.mark_read(BOB, where, message), Refusal)
