"""Lists that may be too long for one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Excerpt"]

T = TypeVar("T")


class Excerpt(list[T]):
    """
    A list, and whether the service had more than an answer holds (some thousand entries).

    Attributes:
        truncated: Whether something is missing at its end.

    """

    def __init__(self, items: Iterable[T] = (), *, truncated: bool = False) -> None:
        super().__init__(items)
        self.truncated = truncated
