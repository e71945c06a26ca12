"""
Registrations and sessions are renewed one after the other, all the time.

Real clients began at different times and keep to their own clocks. Renewals of a whole
run at once would be a load that no server ever sees, and everybody else would wait for it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

__all__ = ["PERIOD", "Renewable", "renew"]

PERIOD = 240.0
"""Seconds until everybody's turn has come; registrations last ten minutes."""


class Renewable(Protocol):
    """Who holds something that ends unless it is renewed."""

    def refresh(self) -> None:
        """Ask for more time."""


async def renew(
    everybody: Collection[Renewable],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Renew what each of them holds, once in a period and evenly over it, until cancelled."""
    while True:
        begin, around = clock(), tuple(everybody)
        for place, one in enumerate(around):
            await sleep(begin + PERIOD * place / len(around) - clock())
            one.refresh()
        await sleep(begin + PERIOD - clock())
