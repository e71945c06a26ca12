"""A file on its way: watched with ``async for``, waited for with ``await``, or cancelled."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from types import TracebackType

__all__ = ["FileTransfer", "Progress"]

_log = logging.getLogger("perchat.files")
_Result = TypeVar("_Result")
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far a transfer is.

    Attributes:
        transferred: Bytes.
        total: Bytes of the whole file; None before that is known.

    """

    transferred: int = 0
    total: int | None = None

    @property
    def percent(self) -> int:
        """Of the whole, rounded down; 100 only when every byte has gone over."""
        if self.total is None:
            return 0
        return self.transferred * _WHOLE // self.total if self.total else _WHOLE


class FileTransfer(Generic[_Result]):
    """
    One file that is sent or fetched.

    It begins when it is first awaited, iterated over or entered, and goes on by itself
    from then. ``await`` returns what came of it, or raises what went wrong; whoever is
    cancelled while awaiting it cancels it. ``async with`` cancels it if it is not over
    at the end of the block.
    """

    def __init__(
        self,
        work: Callable[[FileTransfer[_Result]], Coroutine[Any, Any, _Result]],
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        cancelled: Exception,
        name: str,
    ) -> None:
        """Sessions make it, see ``upload`` and ``download``."""
        self._work = work
        self._spawn = spawn
        self._cancelled = cancelled
        self._name = name
        self._now = self._told = Progress()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._result: asyncio.Future[_Result] | None = None
        self._given_up = False
        self._too_late = False

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._now

    @property
    def done(self) -> bool:
        """Whether it is over, well or not."""
        return self._result is not None and self._result.done()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled before it was done."""
        return self._given_up

    def cancel(self) -> bool:
        """
        Stop it: no message appears, and nothing is left of the file where it was going.

        Returns whether that was in time. An upload whose last piece is on its way is
        finished and posted. ``await`` returns when everything is cleared up.
        """
        if self._too_late or self.done:
            return False
        if self._given_up:  # clearing up must not be cut short by being asked for again
            return True
        self._given_up = True
        if self._task is None:
            self._fail(self._future(), self._cancelled)
        else:
            self._task.cancel()
        return True

    async def result(self) -> _Result:
        """Do what ``await`` does, for those who have none."""
        return await self

    def __await__(self) -> Generator[Any, None, _Result]:
        return self._outcome().__await__()

    def __aiter__(self) -> Self:
        """Iterate over how far it is, each step that there is time for, until it is over."""
        return self

    async def __anext__(self) -> Progress:
        result = self._begin()
        while self._now == self._told:
            if not result.done():
                await self._next(self._changed)
            else:
                if not self._given_up:
                    result.result()  # raises what went wrong
                raise StopAsyncIteration
        self._told = self._now
        return self._told

    async def __aenter__(self) -> Self:
        self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()
        if self._result is not None:
            await asyncio.wait({self._result})

    # --- from the work ---

    def _moved(self, transferred: int, total: int | None) -> None:
        """Note how far it is."""
        self._now = Progress(transferred, total)
        self._tell()

    def _commit(self) -> None:
        """Note that it cannot be undone from now on."""
        self._too_late = True

    # --- inside ---

    def _future(self) -> asyncio.Future[_Result]:
        if self._result is None:
            self._result = asyncio.get_running_loop().create_future()
        return self._result

    def _begin(self) -> asyncio.Future[_Result]:
        result = self._future()
        if self._task is None and not result.done():
            self._task = self._spawn(self._run(result), self._name)
            self._task.add_done_callback(self._ended)
        return result

    async def _run(self, result: asyncio.Future[_Result]) -> None:
        try:
            result.set_result(await self._work(self))
        except Exception as error:
            self._fail(result, error)

    def _ended(self, _: asyncio.Task[None]) -> None:
        result = self._future()
        if not result.done():  # by us, or with the chat
            self._given_up = True
            self._fail(result, self._cancelled)
        self._tell()

    def _fail(self, result: asyncio.Future[_Result], error: Exception) -> None:
        _log.info("%s: %s", self._name, error)
        result.set_exception(error)
        result.exception()  # read here: perhaps nobody asks

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _outcome(self) -> _Result:
        result = self._begin()
        try:
            return await asyncio.shield(result)
        except asyncio.CancelledError:
            self.cancel()
            raise

    async def _next(self, changed: asyncio.Event) -> None:
        try:
            await changed.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
