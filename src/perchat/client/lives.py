"""
Connections, one after another: what brings a living chat back, and how others wait for it.

One task waits, connects, has the rooms joined again, and stands by until the
connection is lost. Calls go through whatever connection there is.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from perchat.client.coming import Coming
from perchat.client.reconnect import LOST, is_final
from perchat.client.states import ConnectionState
from perchat.errors import (
    ChatServerConnectionError,
    CommandFailed,
    OperationFailure,
    OperationTimeout,
    PerchatError,
)
from perchat.xccos.blocks import ServerInfoQuery, ServerInfoReply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from perchat.client.chat import PersistentChatEndpoint
    from perchat.client.events import ConnectionStateChanged
    from perchat.client.reconnect import ReconnectPolicy
    from perchat.client.streams import EventStream

__all__ = ["LifeOwner", "Lives"]

_log = logging.getLogger("perchat.chat")
_Result = TypeVar("_Result")


class LifeOwner(Protocol):
    """Who is told of connections."""

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> object:
        """Run something in the background."""

    async def _take_up(self, chat: PersistentChatEndpoint) -> None:
        """Go on where the connection before stopped; PerchatError when that cannot be."""

    def _came(self, chat: PersistentChatEndpoint) -> None:
        """Take note that the connection stands."""

    def _went(self, why: str) -> None:
        """Take note that it is lost."""


class Lives:
    """
    The connections of one living chat.

    Attributes:
        now: The connection that stands.
        latest: That one, or the last one there was.

    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[PersistentChatEndpoint]],
        policy: ReconnectPolicy,
        owner: LifeOwner,
        *,
        name: str,
        chance: Callable[[], float],
    ) -> None:
        self.now: Coming[PersistentChatEndpoint] = Coming()
        self.latest: PersistentChatEndpoint | None = None
        self._connect = connect
        self._policy = policy
        self._owner = owner
        self._name = name
        self._chance = chance
        self._life: PersistentChatEndpoint | None = None
        self._lost = asyncio.Event()
        self._why = ""
        self._waits = 0

    # --- for who uses them ---

    async def through(
        self, work: Callable[[PersistentChatEndpoint], Awaitable[_Result]], *, again: bool = True
    ) -> _Result:
        """Do it on the connection there is, and ``again`` on the next one if that is lost."""
        while True:
            chat = await self.now.wait()
            begun = chat.state is ConnectionState.ESTABLISHED
            try:
                return await work(chat)
            except OperationFailure:  # too much at once
                raise
            except LOST as error:
                self.suspect(chat, str(error))
                if begun and not again:
                    raise

    @asynccontextmanager
    async def patience(self, what: str) -> AsyncIterator[None]:
        """Bound a wait for the connection; OperationTimeout when it is over."""
        limit = self._policy.patience
        bound = asyncio.timeout(limit)
        try:
            async with bound:
                yield
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise OperationTimeout(f"no connection for {what} within {limit:g} s") from error

    def suspect(self, chat: PersistentChatEndpoint, why: str) -> None:
        """Take a connection for lost: something on it failed that should not have."""
        self.now.go(chat)
        if chat is self._life:
            self._why = self._why or why
            self._lost.set()

    def is_current(self, chat: PersistentChatEndpoint) -> bool:
        """Whether that one has not been given up."""
        return chat is self._life

    # --- for who keeps them ---

    async def run(self) -> None:
        """Bring up one connection after another; raises what makes it pointless to go on."""
        while True:
            chat = await self._begin()
            await self._stand(chat)
            await self.drop()

    async def drop(self) -> None:
        """End the connection there is; never raises but for cancellation, may be repeated."""
        if (chat := self._life) is not None:
            await chat.terminate()
            self._life = None

    # --- inside ---

    async def _begin(self) -> PersistentChatEndpoint:
        failures = 0
        while True:
            if self._waits or self.latest is not None:
                await asyncio.sleep(self._policy.wait(max(self._waits - 1, 0), self._chance()))
            self._waits += 1
            try:
                return await self._attempt()
            except PerchatError as error:
                failures += 1
                if is_final(error) or not self._policy.allows(failures):
                    raise
                _log.warning("%s: not connected, attempt %d: %s", self._name, failures, error)

    async def _attempt(self) -> PersistentChatEndpoint:
        self._lost.clear()
        self._why = ""
        chat = self._life = self.latest = await self._connect()
        self._owner._spawn(self._watch(chat, chat.state_changes()), f"state of {self._name}")
        try:
            await self._owner._take_up(chat)
            if self._lost.is_set():
                raise ChatServerConnectionError(f"lost at once: {self._why}")
        except BaseException:
            await self.drop()
            raise
        return chat

    async def _watch(
        self, chat: PersistentChatEndpoint, changes: EventStream[ConnectionStateChanged]
    ) -> None:
        reason = ""
        if chat.state is not ConnectionState.TERMINATED:
            async for change in changes:
                reason = change.reason or reason
        self.suspect(chat, reason or "the session ended")

    async def _stand(self, chat: PersistentChatEndpoint) -> None:
        loop = asyncio.get_running_loop()
        since = loop.time()
        self.now.come(chat)
        self._owner._came(chat)
        while not self._lost.is_set():
            try:
                async with asyncio.timeout(self._policy.probe):
                    await self._lost.wait()
            except TimeoutError:
                await self._probe(chat)
        self.now.go(chat)
        if loop.time() - since >= self._policy.wait(self._waits, 0.0):
            self._waits = 0  # it was no flash in the pan
        self._owner._went(self._why)

    async def _probe(self, chat: PersistentChatEndpoint) -> None:
        query = ServerInfoQuery(chat.address.domain)
        try:
            await chat.command("getserverinfo", query, ServerInfoReply)
        except CommandFailed:
            return  # it lives
        except PerchatError as error:
            self.suspect(chat, f"no sign of life: {error}")
