"""
Commands that wait for their reply, by envelope id and place in the envelope.

A reply is applied the moment it arrives, before anything that came after it, so
that what it says (who is in the room) and what follows (who came) add up.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from perchat.errors import OperationFailure

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_CALLS", "Call", "Calls"]

MAX_CALLS = 1000  # commands under way on one chat session
_Reply = TypeVar("_Reply")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, eq=False)
class Call(Generic[_Result]):
    """One command under way: what it is called, and the future of its result."""

    envid: str
    seqid: int
    name: str
    result: asyncio.Future[_Result]

    @property
    def key(self) -> tuple[str, int]:
        """What a reply repeats to be recognised."""
        return (self.envid, self.seqid)


class Calls(Generic[_Reply]):
    """The commands under way on one chat session; bounded."""

    def __init__(self, first: int, *, limit: int = MAX_CALLS) -> None:
        """Count envelope ids up from ``first``, as 32-bit numbers."""
        self._next = first
        self._limit = limit
        self._waiting: dict[tuple[str, int], tuple[Call[Any], Callable[[_Reply], Any]]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def new_envid(self) -> str:
        """Return an envelope id that was not used before in this session."""
        envid = self._next & 0xFFFFFFFF
        self._next += 1
        return str(envid)

    def begin(self, name: str, apply: Callable[[_Reply], _Result]) -> Call[_Result]:
        """
        Register a command; ``apply`` makes its result of the reply, or raises.

        Raises:
            OperationFailure: Too many commands are under way already.

        """
        if len(self._waiting) >= self._limit:
            raise OperationFailure(
                f"{self._limit} commands are under way already", reason="throttled"
            )
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        call = Call(self.new_envid(), 1, name, future)
        self._waiting[call.key] = (call, apply)
        return call

    def resolve(self, envid: str, seqid: int, reply: _Reply) -> bool:
        """Complete the command that the reply names; False when none waits for it."""
        call, apply = self._waiting.pop((envid, seqid), (None, None))
        if call is None or apply is None or call.result.done():
            return False
        try:
            call.result.set_result(apply(reply))
        except Exception as error:  # it belongs to whoever awaits the call
            _fail(call, error)
        return True

    def forget(self, call: Call[Any]) -> None:
        """Wait for this one no more; a late reply is ignored."""
        self._waiting.pop(call.key, None)
        call.result.cancel()

    def fail_all(self, error: Exception) -> None:
        """Nothing will be answered any more."""
        waiting, self._waiting = self._waiting, {}
        for call, _ in waiting.values():
            if not call.result.done():
                _fail(call, error)


def _fail(call: Call[Any], error: Exception) -> None:
    call.result.set_exception(error)
    call.result.exception()  # read here: its waiter may have been cancelled meanwhile
