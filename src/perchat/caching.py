"""
What is read again and again is read once and kept: addresses, numbers and times of a dialog.

Only short texts are, since a peer chooses them: what is kept at most is then known.
"""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cached_if_short"]

T = TypeVar("T")
_SHORT = 512  # characters; longer ones are rare


def cached_if_short(maxsize: int) -> Callable[[Callable[[str], T]], Callable[[str], T]]:
    """
    Keep what a function returns of short texts, of so many at most.

    What it raises is not kept; what it returns is shared by all who ask, so it must not change.
    """

    def decorate(function: Callable[[str], T]) -> Callable[[str], T]:
        cached = lru_cache(maxsize)(function)

        @wraps(function, updated=())  # a class is not copied
        def kept(text: str) -> T:
            return cached(text) if len(text) < _SHORT else function(text)

        return kept

    return decorate
