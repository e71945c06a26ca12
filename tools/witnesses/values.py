"""Values that are not what they were: of the same type where there is one, and empty ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum, Flag
from functools import singledispatch
from pathlib import Path
from typing import Any

__all__ = ["emptied", "other"]


@singledispatch
def other(value: object) -> Any:
    """Return a value of the same shape that differs; None of what nothing is known of."""
    return _other_fields(value) if dataclasses.is_dataclass(value) else None


@other.register
def _(value: bool) -> bool:
    return not value


@other.register
def _(value: int) -> int:
    return value + 1


@other.register
def _(value: float) -> float:
    return value + 1


@other.register
def _(value: str) -> str:
    try:
        return type(value)(f"{value}0")
    except ValueError:
        return f"{value}0"


@other.register
def _(value: bytes) -> bytes:
    return value + b"0"


@other.register
def _(value: datetime) -> datetime:
    return value + timedelta(days=1)


@other.register
def _(value: timedelta) -> timedelta:
    return value + timedelta(days=1)


@other.register
def _(value: Path) -> Path:
    return value.with_name(f"{value.name}0")


@other.register
def _(value: Enum) -> Enum:
    if isinstance(value, Flag):
        return ~value
    every = list(type(value))
    return every[(every.index(value) + 1) % len(every)]


@other.register(list)
@other.register(tuple)
def _(value: Any) -> Any:
    return value[1:]


@other.register(set)
@other.register(frozenset)
def _(value: Any) -> Any:
    return type(value)(list(value)[1:])


@other.register(Mapping)
def _(value: Any) -> Any:
    return dict(list(value.items())[1:])


def _other_fields(value: Any) -> Any:
    """Return a copy whose fields all differ."""
    copy = object.__new__(type(value))
    for field in dataclasses.fields(value):
        object.__setattr__(copy, field.name, other(getattr(value, field.name)))
    return copy


def emptied(value: object) -> object:
    """Return what a value of that type is where there is nothing: False, 0, "", (), None."""
    match value:
        case Flag():
            return type(value)(0)
        case Enum():
            every = list(type(value))
            return every[every.index(value) - 1]
        case datetime():
            return datetime(1970, 1, 1, tzinfo=UTC)
        case timedelta():
            return timedelta(0)
        case bool() | int() | float() | bytes() | list() | tuple() | set() | frozenset():
            return type(value)()
        case str():
            return ""
        case Mapping():
            return {}
        case _:
            return None
