"""What can be awaited, or entered with ``async with``: ``join`` and the ``connect`` helpers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from types import TracebackType
    from typing import Any

__all__ = ["Opening"]

_Opened = TypeVar("_Opened")


class Opening(Generic[_Opened]):
    """
    Something about to be opened.

    Await it to get it and close it yourself, or enter it to have it closed.
    """

    __slots__ = ("_close", "_open", "_opened")

    def __init__(
        self,
        open_: Callable[[], Coroutine[Any, Any, _Opened]],
        close: Callable[[_Opened], Awaitable[None]],
    ) -> None:
        self._open = open_
        self._close = close
        self._opened: _Opened | None = None

    def __await__(self) -> Generator[Any, None, _Opened]:
        return self._open().__await__()

    async def __aenter__(self) -> _Opened:
        self._opened = await self._open()
        return self._opened

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            await self._close(self._opened)
