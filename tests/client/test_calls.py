"""Commands under way: each gets its own reply, or an error, and they are bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.client.calls import Calls
from perchat.errors import OperationFailure


async def test_replies_find_their_commands_in_any_order() -> None:
    calls: Calls[str] = Calls(1)
    first, second = calls.begin("join", str.upper), calls.begin("join", str.lower)
    assert calls.resolve(second.envid, second.seqid, "Two")
    assert calls.resolve(first.envid, first.seqid, "One")
    assert (await first.result, await second.result) == ("ONE", "two")
    assert len(calls) == 0


async def test_a_reply_to_nothing_is_reported() -> None:
    calls: Calls[str] = Calls(1)
    call = calls.begin("join", str.upper)
    assert not calls.resolve(call.envid, 2, "other place")
    assert not calls.resolve("77", 1, "other envelope")
    assert calls.resolve(call.envid, 1, "mine")
    assert not calls.resolve(call.envid, 1, "again")


async def test_what_apply_raises_belongs_to_the_waiter() -> None:
    calls: Calls[str] = Calls(1)

    def refuse(_: str) -> None:
        raise OperationFailure("no")

    call = calls.begin("join", refuse)
    assert calls.resolve(call.envid, 1, "refused")
    with pytest.raises(OperationFailure):
        await call.result


async def test_a_forgotten_command_ignores_its_reply() -> None:
    calls: Calls[str] = Calls(1)
    call = calls.begin("join", str.upper)
    calls.forget(call)
    calls.forget(call)
    assert not calls.resolve(call.envid, 1, "late")


async def test_all_fail_together() -> None:
    calls: Calls[str] = Calls(1)
    waiting = [calls.begin("join", str.upper) for _ in range(3)]
    calls.forget(waiting[2])
    calls.fail_all(OperationFailure("over"))
    for call in waiting[:2]:
        with pytest.raises(OperationFailure, match="over"):
            await call.result
    assert len(calls) == 0


async def test_there_are_never_more_than_so_many() -> None:
    calls: Calls[str] = Calls(1, limit=2)
    first = calls.begin("join", str.upper)
    calls.begin("join", str.upper)
    with pytest.raises(OperationFailure) as caught:
        calls.begin("join", str.upper)
    assert caught.value.reason == "throttled"
    calls.forget(first)
    calls.begin("join", str.upper)


@given(st.integers(min_value=0, max_value=2**32), st.integers(min_value=1, max_value=50))
def test_envelope_ids_are_32_bit_numbers_and_differ(first: int, count: int) -> None:
    calls: Calls[str] = Calls(first)
    ids = [calls.new_envid() for _ in range(count)]
    assert len(set(ids)) == count
    assert all(0 <= int(envid) < 2**32 for envid in ids)
