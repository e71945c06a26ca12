from __future__ import annotations

import asyncio

from perchat.cluster.wakeup import LocalWakeup


async def test_a_wake_up_before_the_wait_is_not_lost() -> None:
    wakeup = LocalWakeup()
    seen = wakeup.count
    wakeup.wake()
    async with asyncio.timeout(1):
        await wakeup.wait(seen, within=100)


async def test_all_who_wait_are_woken() -> None:
    wakeup = LocalWakeup()
    async with asyncio.timeout(1), asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(wakeup.wait(wakeup.count, within=100))
        await asyncio.sleep(0)
        wakeup.wake()
        wakeup.wake()


async def test_without_a_wake_up_the_wait_ends_by_itself() -> None:
    async with asyncio.timeout(1):
        await LocalWakeup().wait(0, within=0.001)


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    wakeup = LocalWakeup()
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(wakeup.wait(0, within=100))
        await asyncio.sleep(0)
        waiting.cancel()
    wakeup.wake()
    assert wakeup.count == 1
