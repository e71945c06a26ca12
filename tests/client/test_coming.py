from __future__ import annotations

import asyncio

import pytest

from perchat.client.coming import Coming


async def test_those_who_wait_get_it_in_the_order_they_came() -> None:
    coming: Coming[int] = Coming()
    got: list[tuple[str, int]] = []

    async def wait(name: str) -> None:
        got.append((name, await coming.wait()))

    async with asyncio.TaskGroup() as tasks:
        for name in "abc":
            tasks.create_task(wait(name))
        await asyncio.sleep(0)
        coming.come(7)
    assert got == [("a", 7), ("b", 7), ("c", 7)]
    assert await coming.wait() == 7


async def test_what_has_gone_is_waited_for_again() -> None:
    coming: Coming[str] = Coming()
    coming.come("first")
    coming.go("another")
    assert coming.now == "first"
    coming.go("first")
    waiting = asyncio.ensure_future(coming.wait())  # noqa: TID251
    await asyncio.sleep(0)
    assert not waiting.done()
    coming.come("second")
    assert await waiting == "second"


async def test_one_who_gives_up_waiting_leaves_no_trace() -> None:
    coming: Coming[str] = Coming()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await coming.wait()
    assert coming._waiters == []


async def test_the_end_is_told_to_each_in_an_error_of_his_own() -> None:
    coming: Coming[str] = Coming()
    coming.come("x")
    coming.end(lambda: LookupError("over"))
    coming.end(lambda: ValueError("the first word stands"))
    errors = []
    for _ in range(2):
        with pytest.raises(LookupError, match="over") as caught:
            await coming.wait()
        errors.append(caught.value)
    assert errors[0] is not errors[1]
