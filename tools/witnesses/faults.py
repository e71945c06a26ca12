"""The faults that a member of the SDK can be given, each by the kind of thing that it is."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from perchat import EventStream
from tools.witnesses.seen import by_test
from tools.witnesses.values import emptied, other

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["READINGS", "alter_argument", "alter_call", "alter_class", "alter_member", "alter_value"]

READINGS: Mapping[str, Callable[[Any], object]] = {
    "other": other,
    "empty": emptied,
    "true": lambda _: True,
    "false": lambda _: False,
}


class _Altered:
    """An attribute that tests read wrongly, but for values that they made themselves."""

    def __init__(self, there: Any, alter: Callable[[Any], object], made: Mapping[int, Any]) -> None:
        self._there = there
        self._alter = alter
        self._made = made

    def __get__(self, holder: object, kind: type) -> object:
        if holder is None:
            return self
        value = self._there.__get__(holder, kind)
        return self._alter(value) if id(holder) not in self._made and by_test() else value

    def __set__(self, holder: object, value: object) -> None:
        self._there.__set__(holder, value)


class _Stored:
    """An attribute that stands in its object and not in the class."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, holder: object, kind: type) -> object:
        return vars(holder)[self._name]

    def __set__(self, holder: object, value: object) -> None:
        vars(holder)[self._name] = value


class _AnotherMember:
    """A member of an enumeration that is another one to tests."""

    def __init__(self, there: object, shown: object) -> None:
        self._there = there
        self._shown = shown

    def __get__(self, holder: object, kind: type) -> object:
        return self._shown if by_test() else self._there


def alter_value(kind: type, name: str, how: str) -> None:
    """Have tests read an attribute wrongly."""
    made: dict[int, object] = {}
    _note_made(kind, made)
    there = inspect.getattr_static(kind, name, None) or _Stored(name)
    altered = _Altered(there, READINGS[how], made)
    type.__setattr__(kind, name, altered)


def alter_member(kind: type, name: str, shown: str) -> None:
    """Have a member of an enumeration be another one to tests."""
    type.__setattr__(kind, name, _AnotherMember(kind[name], kind[shown]))  # type: ignore[index]


def alter_argument(kind: type, name: str, argument: str, how: str) -> None:
    """Leave out, or change, an argument that a test gives; ``name`` is empty for a constructor."""
    found = inspect.getattr_static(kind, name or "__init__")
    there = found.__func__ if isinstance(found, classmethod) else found
    signature = inspect.signature(there)

    @functools.wraps(there)
    def instead(*given: Any, **named: Any) -> Any:
        if not by_test():
            return there(*given, **named)
        bound = signature.bind(*given, **named)
        if how == "ignored":
            bound.arguments.pop(argument, None)
        elif argument in bound.arguments:
            bound.arguments[argument] = other(bound.arguments[argument])
        return there(*bound.args, **bound.kwargs)

    made = classmethod(instead) if isinstance(found, classmethod) else instead
    type.__setattr__(kind, name or "__init__", made)


def alter_call(kind: type, name: str, how: str) -> None:
    """Have what a test calls do nothing, or return something else."""
    there = inspect.getattr_static(kind, name)
    instead = {
        "idle": _idle_coroutine if inspect.iscoroutinefunction(there) else _idle,
        "other": _returning(other),
        "empty": _returning(emptied),
        "ended": _ended,
    }[how]

    @functools.wraps(there)
    def called(*given: Any, **named: Any) -> Any:
        return instead(there, *given, **named) if by_test() else there(*given, **named)

    type.__setattr__(kind, name, called)


def alter_class(kind: type, name: str) -> type:
    """Return a class that looks like this one, is none, and forgets what it is made with."""
    namespace: dict[str, object] = {"__slots__": ()}
    if "__init__" in vars(kind):
        namespace["__init__"] = _forgetful(kind)
    return type(name, (kind,), namespace)


def _forgetful(kind: type) -> Callable[..., None]:
    there: Callable[..., None] = vars(kind)["__init__"]

    def init(self: object, *given: Any, **named: Any) -> None:
        there(self, *given, **named)
        for field in getattr(kind, "__dataclass_fields__", ()):
            object.__setattr__(self, field, other(getattr(self, field)))

    return init


def _note_made(kind: type, made: dict[int, object]) -> None:
    there = getattr(kind, "__init__", None)
    if not hasattr(kind, "__dataclass_fields__") or there is None:
        return

    @functools.wraps(there)
    def init(self: object, *given: Any, **named: Any) -> None:
        there(self, *given, **named)
        if by_test():
            made[id(self)] = self

    type.__setattr__(kind, "__init__", init)


def _idle(there: Callable[..., Any], holder: object, *_: Any, **__: Any) -> object:
    """Do nothing; a builder goes on with itself."""
    return holder if "Self" in str(there.__annotations__.get("return")) else None


async def _idle_coroutine(*_: Any, **__: Any) -> None:
    """Do nothing."""


def _returning(alter: Callable[[Any], object]) -> Callable[..., Any]:
    def call(there: Callable[..., Any], *given: Any, **named: Any) -> Any:
        if not inspect.iscoroutinefunction(there):
            return alter(there(*given, **named))

        async def altered() -> object:
            return alter(await there(*given, **named))

        return altered()

    return call


def _ended(*_: Any, **__: Any) -> EventStream[Any]:
    """Return a stream that has nothing and is over."""
    stream: EventStream[Any] = EventStream()
    stream._end()  # noqa: SLF001 - as its source does
    return stream
