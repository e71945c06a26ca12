"""
Blocking twins of asynchronous objects, made when they are needed, by one rule for all.

The objects stay what they are and live in a loop of their own, one for each platform or
connection. A twin carries every call over there and waits. Nothing of an object is
touched outside its loop, so twins may be used from any thread.
"""

# ruff: noqa: SLF001  (twins know each other)

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache, partial
from types import FunctionType, MappingProxyType, MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from perchat.blocking.loop import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perchat.client.opening import Opening

__all__ = ["Blocking", "blocking_of", "is_asynchronous"]


class Blocking:
    """A twin: the same names, without await."""

    _kind: ClassVar[type]
    _loop: LoopThread
    _target: Any
    _opening: Opening[Any] | None

    def __init__(self, *args: Any, **named: Any) -> None:
        loop = _loop_of((*args, *named.values()))
        self._keep(loop, *loop.run(self._kind, *map(_plain, args), **_plain_values(named)))

    @classmethod
    def around(cls, loop: LoopThread, target: Any, opening: Opening[Any] | None) -> Self:
        """Return the twin of an object that lives in ``loop``."""
        twin = object.__new__(cls)
        twin._keep(loop, target, opening)
        return twin

    def _keep(self, loop: LoopThread, target: Any, opening: Opening[Any] | None) -> None:
        self.__dict__.update(_loop=loop, _target=target, _opening=opening)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        value = _called(getattr, self._loop, self._target, name)
        return partial(_called, value, self._loop) if isinstance(value, MethodType) else value

    def __setattr__(self, name: str, value: Any) -> None:
        self._loop.run(setattr, self._target, name, _plain(value))

    def __enter__(self) -> Any:
        if self._opening is not None:  # what was opened is entered already
            return self
        return _called(self._target.__aenter__, self._loop)

    def __exit__(self, *error: object) -> None:
        self._loop.run((self._opening or self._target).__aexit__, *error)

    def __iter__(self) -> Self:
        if not hasattr(self._target, "__anext__"):
            raise TypeError(f"{type(self).__name__!r} object is not iterable")
        return self

    def __next__(self) -> Any:
        try:
            return _called(self._target.__anext__, self._loop)
        except StopAsyncIteration:
            raise StopIteration from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Blocking) and self._target is other._target

    def __hash__(self) -> int:
        return hash(self._target)

    def __repr__(self) -> str:
        return f"<blocking {self._target!r}>"

    def __dir__(self) -> Iterable[str]:
        return [name for name in dir(self._target) if not name.startswith("_")]


@cache
def is_asynchronous(value: Any) -> bool:
    """Tell whether a function, or anything in a class, has to be awaited."""
    if isinstance(value, FunctionType):
        opens = str(value.__annotations__.get("return", "")).startswith("Opening[")
        return inspect.iscoroutinefunction(value) or opens
    if not isinstance(value, type):
        return False
    members = (inspect.getattr_static(value, name) for name in dir(value))
    return hasattr(value, "__anext__") or any(map(inspect.iscoroutinefunction, members))


@cache
def blocking_of(value: Any) -> Any:
    """Return the blocking twin of an asynchronous class or function."""
    if isinstance(value, FunctionType):
        return partial(_called, value, None)
    bases = tuple(blocking_of(base) for base in value.__bases__ if is_asynchronous(base))
    body = {"_kind": value, "__doc__": value.__doc__, "__module__": "perchat.blocking"}
    if hasattr(value, "__class_getitem__"):
        body["__class_getitem__"] = classmethod(lambda kind, _: kind)  # for annotations
    for name in dir(value):
        if isinstance(inspect.getattr_static(value, name), classmethod) and name[0] != "_":
            body[name] = staticmethod(partial(_called, getattr(value, name), None))
    return type(value.__name__, bases or (Blocking,), body)


def _called(call: Callable[..., Any], loop: LoopThread | None, *args: Any, **named: Any) -> Any:
    loop = _loop_of((*args, *named.values()), loop)
    value, opening = loop.run(call, *map(_plain, args), **_plain_values(named))
    return _twin(loop, value, opening)


def _twin(loop: LoopThread, value: Any, opening: Opening[Any] | None = None) -> Any:
    if _lives(value):
        return blocking_of(value.__class__).around(loop, value, opening)
    if isinstance(value, Mapping) and any(map(_lives, value.values())):
        return MappingProxyType({key: _twin(loop, one) for key, one in value.items()})
    return value


def _lives(value: Any) -> bool:
    kind: Any = value.__class__
    return is_asynchronous(kind)


def _loop_of(values: Iterable[Any], loop: LoopThread | None = None) -> LoopThread:
    """Return where the objects among the values live; a new loop if there are none."""
    loops = {value._loop for value in values if isinstance(value, Blocking)}
    if loop is not None:
        loops.add(loop)
    if len(loops) > 1:
        raise ValueError("these objects belong to different platforms or connections")
    return loops.pop() if loops else LoopThread()


def _plain(value: Any) -> Any:
    return value._target if isinstance(value, Blocking) else value


def _plain_values(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in named.items()}
