from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from perchat.chat.refusal import Refusal
from perchat.errors import ErrorCode
from perchat.model.preference import Preference
from tests.store.samples import ADA, BOB

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
        ("rooms", "x" * 131_073, ErrorCode.LIMIT_EXCEEDED),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    node: Node, label: str, data: str, code: ErrorCode
) -> None:
    result = await node.service.set_preference(ADA, label, data)
    assert isinstance(result, Refusal)
    assert result.code is code
