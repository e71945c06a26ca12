"""Long sequences in parts: so many of a transaction, a command or a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["batches"]

T = TypeVar("T")


def batches(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the rows in order, ``size`` at a time and the rest at last; nothing of none."""
    return (rows[start : start + size] for start in range(0, len(rows), size))
