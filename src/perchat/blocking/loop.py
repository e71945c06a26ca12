"""
An event loop in a thread of its own, and threads that wait for what happens in it.

It ends when nobody holds it any more. A wait that is given up, by Ctrl-C or because its
time is up, cancels what it waited for and lets it clean up first.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import weakref
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from perchat.client.opening import Opening
from perchat.errors import OperationTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LoopThread", "timeout"]

_PATIENCE = 5.0  # seconds for what was given up to come to its end
_NEVER = float("inf")


class _Deadlines(threading.local):
    """When the blocks that this thread is in have to end, on the monotonic clock."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def remaining(self) -> float | None:
        end = min(self.ends, default=_NEVER)
        return None if end == _NEVER else max(0.0, end - time.monotonic())

    def strike(self) -> None:
        """Take out those that are over: each strikes once, and then lets clean up."""
        now = time.monotonic()
        self.ends[:] = [_NEVER if end <= now else end for end in self.ends]


_deadlines = _Deadlines()


@contextmanager
def timeout(seconds: float) -> Iterator[None]:
    """
    Let the calls in the block take so long together, as ``asyncio.timeout`` does.

    The call that is under way then ends with OperationTimeout; what cleans up after it
    may take its time.
    """
    _deadlines.ends.append(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadlines.ends.pop()


class LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=_serve, args=(self._loop,), name="perchat.blocking", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, _end, self._loop, self._thread)

    def run(
        self, call: Callable[..., Any], *args: Any, **named: Any
    ) -> tuple[Any, Opening[Any] | None]:
        """Call it there; return what comes of it, and by what it was opened if it was."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a blocking call in the loop's own thread would wait for itself")
        work = _Work(partial(call, *args, **named))
        self._loop.call_soon_threadsafe(work.begin, self._loop)
        try:
            return work.outcome.result(_deadlines.remaining())
        except BaseException as error:
            if work.outcome.done():
                raise
            self._give_up(work)
            if isinstance(error, TimeoutError):
                _deadlines.strike()
                raise OperationTimeout("the time of the block is up") from None
            raise

    def _give_up(self, work: _Work) -> None:
        self._loop.call_soon_threadsafe(work.cancel)
        with suppress(Exception, asyncio.CancelledError):
            _, opening = work.outcome.result(_PATIENCE)
            if opening is not None:  # it was opened all the same
                closing = _Work(partial(opening.__aexit__, None, None, None))
                self._loop.call_soon_threadsafe(closing.begin, self._loop)
                closing.outcome.result(_PATIENCE)


class _Work:
    """One call in the loop, and what comes of it."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.outcome: Future[tuple[Any, Opening[Any] | None]] = Future()
        self._call = call
        self._task: asyncio.Task[None] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._task = loop.create_task(self._do())
        self._task.add_done_callback(self._done)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _do(self) -> None:
        try:
            self.outcome.set_result(await _settled(self._call()))
        except BaseException as error:  # the thread that waits is where it belongs
            self.outcome.set_exception(error)

    def _done(self, _: asyncio.Task[None]) -> None:
        if not self.outcome.done():  # cancelled before it began
            self.outcome.set_exception(asyncio.CancelledError())


async def _settled(value: Any) -> tuple[Any, Opening[Any] | None]:
    if isinstance(value, Opening):
        return await value.__aenter__(), value
    # a transfer can be awaited too, but is first of all something to watch
    waits = inspect.isawaitable(value) and not hasattr(value, "__anext__")
    return (await value if waits else value), None


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    if threading.current_thread() is not thread:
        thread.join(_PATIENCE)
