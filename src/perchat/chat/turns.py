"""Going through much without holding up others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["patiently"]

T = TypeVar("T")


async def patiently(everything: Sequence[T], turn: int = 1000) -> AsyncIterator[T]:
    """Yield one after the other; after every ``turn`` of them, others have theirs."""
    for count, one in enumerate(everything, 1):
        yield one
        if count % turn == 0:
            await asyncio.sleep(0)
