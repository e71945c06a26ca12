"""
The three state machines, walked at random over a real connection, against their tables.

Whatever is done in whatever order: every transition is told once, in order, with its
reason, to who subscribed before the beginning; what a table does not allow is refused and
changes nothing; readers who went away or never read harm nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import perchat
from perchat import (
    ConnectionState,
    EndpointReason,
    EndpointState,
    ErrorCode,
    SessionReason,
    SessionState,
)
from perchat.client.chat import PersistentChatEndpoint
from perchat.client.session import ChatRoomSession
from perchat.client.signedin import Granted
from perchat.client.states import CHAT_TABLE, ENDPOINT_TABLE, SESSION_TABLE, Step
from perchat.sip.message import Headers, Response
from perchat.xccos.blocks import Departure, Departures, RoomUris
from perchat.xccos.primitives import Notice, Reply
from tests.client.peer import ALICE, LOBBY, POOL, Peer, PeerConnection, peer_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from perchat.client.streams import EventStream
    from perchat.sip.events import RequestReceived

_EXAMPLES = settings(max_examples=50, stateful_step_count=12, deadline=None)
_GRANTED = Granted(Response(200, "OK", Headers()), expires=600, gruu="", keep_alive=0)


class Walk(RuleBasedStateMachine):
    """An object of the SDK, a scripted server, and what the table says of both."""

    table: Mapping[tuple[Any, Step], Any]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = contextlib.AsyncExitStack()
        self.expected: list[tuple[Any, Any]] = []
        self.state: Any = None
        self.peer: Peer

    def run(self, work: Awaitable[Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(10):
                return await work

        return self.loop.run_until_complete(bounded())

    def raises(self, work: Awaitable[Any], *kinds: type[Exception]) -> None:
        with pytest.raises(kinds):
            self.run(work)

    def can(self, step: Step) -> bool:
        return (self.state, step) in self.table

    def goes(self, *steps: tuple[Step, Any]) -> None:
        """Note the transitions that have to be told, with what they have to say."""
        for step, told in steps:
            self.state = self.table[self.state, step]
            self.expected.append((self.state, told))

    def settled(self, holds: Callable[[], bool]) -> None:
        """Wait for something that the server's words bring about."""

        async def wait() -> None:
            while not holds():
                await asyncio.sleep(0)

        self.run(wait())

    def subscribe(self, stream: Callable[..., EventStream[Any]]) -> None:
        """Subscribe thrice: one is read at the end, one never, one goes away."""
        self.told = stream()
        self.unread = stream(limit=1)
        stream(limit=1)
        self.expected = []

    def heard(self) -> list[tuple[Any, Any]]:
        async def drain() -> list[Any]:
            return [(event.state, event.reason) async for event in self.told]

        found: list[tuple[Any, Any]] = self.run(drain())
        return found

    def over(self) -> None:
        """Everything ends, and what was told is what the table says."""

    def teardown(self) -> None:
        if hasattr(self, "peer"):
            try:
                self.over()
            finally:
                self.run(self.stack.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    async def enter_peer(self) -> None:
        self.peer = await self.stack.enter_async_context(peer_up())


def refused(connection: PeerConnection, event: RequestReceived) -> None:
    connection.refuse(event, 403)


def cut(connection: PeerConnection, _event: RequestReceived) -> None:
    connection.cut()


class EndpointWalk(Walk):
    """A user endpoint signs in, is refused, is troubled, is cut, signs out."""

    table = ENDPOINT_TABLE

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())

    async def _begin(self) -> None:
        await self.enter_peer()
        platform = await self.stack.enter_async_context(self.peer.platform())
        self.endpoint = self.peer.endpoint(platform)
        self.state = EndpointState.IDLE
        self.subscribe(self.endpoint.state_changes)

    def _establish(self, outcome: tuple[Step, Any], *errors: type[Exception]) -> None:
        if not self.can(Step.BEGIN):
            self.raises(self.endpoint.establish(), perchat.StateError)
            return
        if errors:
            self.raises(self.endpoint.establish(), *errors)
        else:
            self.run(self.endpoint.establish())
        self.goes((Step.BEGIN, EndpointReason.NONE), outcome)

    @rule()
    def establish(self) -> None:
        self.peer.on.clear()
        self._establish((Step.SUCCEED, EndpointReason.NONE))

    @rule()
    def establish_and_be_refused(self) -> None:
        self.peer.on["REGISTER"] = refused
        reason = EndpointReason.OWNER_DISABLED_OR_REMOVED
        self._establish((Step.FAIL, reason), perchat.RegisterError)

    @rule()
    def establish_and_be_cut(self) -> None:
        self.peer.on["REGISTER"] = cut
        reason = EndpointReason.SIGN_IN_FAILED
        self._establish((Step.FAIL, reason), perchat.ConnectionFailure)

    @rule()
    def a_refresh_fails(self) -> None:
        self.endpoint._in_trouble(perchat.OperationTimeout("no answer"))
        if self.can(Step.LOSE):
            self.goes((Step.LOSE, EndpointReason.REFRESH_FAILED))

    @rule()
    def a_refresh_succeeds(self) -> None:
        self.endpoint._recovered(_GRANTED)
        if self.can(Step.RECOVER):
            self.goes((Step.RECOVER, EndpointReason.REFRESH_SUCCEEDED))

    def _lost(self, reason: EndpointReason) -> None:
        self.settled(lambda: self.endpoint.state is EndpointState.TERMINATED)
        self.goes((Step.END, reason), (Step.ENDED, EndpointReason.NONE))

    @rule()
    def be_cut(self) -> None:
        if self.state in {EndpointState.ESTABLISHED, EndpointState.REESTABLISHING}:
            self.peer.connection.cut()
            self._lost(EndpointReason.CONNECTION_LOST)

    @rule()
    def be_deregistered(self) -> None:
        if self.state in {EndpointState.ESTABLISHED, EndpointState.REESTABLISHING}:
            event = ("Event", "registration-notify")
            self.peer.connection.request("NOTIFY", event, body=b"rejected")
            self._lost(EndpointReason.DEREGISTERED)

    @rule()
    def terminate(self) -> None:
        self.run(self.endpoint.terminate())
        if self.can(Step.END):
            self.goes((Step.END, EndpointReason.NONE), (Step.ENDED, EndpointReason.NONE))

    @invariant()
    def the_state_is_the_tables(self) -> None:
        if hasattr(self, "endpoint"):
            assert self.endpoint.state is self.state

    def over(self) -> None:
        self.terminate()
        self.terminate()
        assert self.heard() == self.expected


class ChatWalk(Walk):
    """A chat endpoint, which lives once, over an endpoint that may go away below it."""

    table = CHAT_TABLE

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())

    async def _begin(self) -> None:
        await self.enter_peer()
        self.endpoint = await self.stack.enter_async_context(self.peer.signed_in())
        self.chat = PersistentChatEndpoint(POOL, self.endpoint)
        self.state = ConnectionState.IDLE
        self.below = True
        self.subscribe(self.chat.state_changes)

    def heard(self) -> list[tuple[Any, Any]]:
        """Reasons are for people; there is one exactly when we did not ask for the end."""
        return [(state, bool(reason)) for state, reason in super().heard()]

    def _fail(self, *errors: type[Exception]) -> None:
        if self.can(Step.BEGIN) and self.below:
            self.raises(self.chat.establish(), *errors)
            self.goes((Step.BEGIN, False), (Step.END, True), (Step.ENDED, True))
        else:
            self.raises(self.chat.establish(), perchat.StateError)

    @rule()
    def establish(self) -> None:
        if self.can(Step.BEGIN) and self.below:
            self.run(self.chat.establish())
            self.goes((Step.BEGIN, False), (Step.SUCCEED, False))
        else:
            self.raises(self.chat.establish(), perchat.StateError)

    @rule()
    def establish_and_be_refused(self) -> None:
        self.peer.on["INVITE"] = refused
        self._fail(perchat.ChatServerConnectionError)
        del self.peer.on["INVITE"]

    @rule()
    def establish_with_a_service_in_trouble(self) -> None:
        self.peer.replies["getserverinfo"] = lambda _: ErrorCode.SERVER_ERROR
        self._fail(perchat.ServerFault)
        del self.peer.replies["getserverinfo"]

    @rule()
    def the_service_says_goodbye(self) -> None:
        if self.state is ConnectionState.ESTABLISHED:
            peer = self.peer.connection
            peer.connection.request_in(peer.dialog, "BYE")
            peer.connection.flush()
            self.settled(lambda: self.chat.state is ConnectionState.TERMINATED)
            self.goes((Step.END, True), (Step.ENDED, True))

    @rule()
    def be_cut(self) -> None:
        if self.below:
            self.peer.connection.cut()
            self.settled(lambda: self.endpoint.state is EndpointState.TERMINATED)
            self.below = False
            if self.state is ConnectionState.ESTABLISHED:
                self.goes((Step.END, True), (Step.ENDED, True))

    @rule()
    def ask(self) -> None:
        if self.state is ConnectionState.ESTABLISHED:
            assert len(self.run(self.chat.search_rooms())) == 1
        else:
            self.raises(self.chat.search_rooms(), perchat.ChatServerConnectionError)

    @rule()
    def terminate(self) -> None:
        self.run(self.chat.terminate())
        if self.can(Step.END):
            self.goes((Step.END, False), (Step.ENDED, False))

    @rule()
    def the_endpoint_signs_out(self) -> None:
        established = self.state is ConnectionState.ESTABLISHED
        self.run(self.endpoint.terminate())
        if self.below and (established or self.state is ConnectionState.IDLE):
            self.goes((Step.END, False), (Step.ENDED, False))
        self.below = False

    @invariant()
    def the_state_is_the_tables(self) -> None:
        if hasattr(self, "chat"):
            assert self.chat.state is self.state

    def over(self) -> None:
        self.terminate()
        self.terminate()
        assert self.heard() == self.expected


class SessionWalk(Walk):
    """A room session joins and leaves, and is put out, or its chat ends, for good."""

    table = SESSION_TABLE

    @initialize()
    def begin(self) -> None:
        self.run(self._begin())

    async def _begin(self) -> None:
        await self.enter_peer()
        self.chat = await self.stack.enter_async_context(self.peer.chatting())
        self.session = ChatRoomSession(self.chat)
        self.state = SessionState.IDLE
        self.told_so_far: list[tuple[Any, Any]] = []
        self.subscribe_again()

    def subscribe_again(self) -> None:
        """A stream of a session ends when the room is left."""
        self.subscribe(self.session.events)

    def _compare(self) -> None:
        expected = self.expected
        assert [one for one in self.heard() if isinstance(one[0], SessionState)] == expected
        self.subscribe_again()

    def heard(self) -> list[tuple[Any, Any]]:
        async def drain() -> list[tuple[Any, Any]]:
            return [
                (event.state, event.reason)
                async for event in self.told
                if isinstance(event, perchat.SessionStateChanged)
            ]

        found: list[tuple[Any, Any]] = self.run(drain())
        return found

    def _join(self, *errors: type[Exception]) -> None:
        alive = self.chat.state is ConnectionState.ESTABLISHED
        if not (alive and self.can(Step.BEGIN)):
            wrong = perchat.SessionStateError if alive else perchat.ChatServerConnectionError
            self.raises(self.session.join(LOBBY), wrong)
        elif errors:
            self.raises(self.session.join(LOBBY), *errors)
            self.goes((Step.BEGIN, SessionReason.NONE), (Step.FAIL, SessionReason.NONE))
        else:
            self.run(self.session.join(LOBBY))
            self.goes((Step.BEGIN, SessionReason.NONE), (Step.SUCCEED, SessionReason.NONE))

    @rule()
    def join(self) -> None:
        self._join()

    @rule()
    def join_and_be_refused(self) -> None:
        self.peer.replies["join"] = lambda _: ErrorCode.ERROR_PERMISSION
        self._join(perchat.PermissionDenied)
        del self.peer.replies["join"]

    def _leave(self, *errors: type[Exception]) -> None:
        if self.state is not SessionState.ESTABLISHED:
            wrong = (perchat.SessionStateError, perchat.ChatServerConnectionError)
            self.raises(self.session.leave(), *wrong)
            return
        if errors:
            self.raises(self.session.leave(), *errors)
        else:
            self.run(self.session.leave())
        self.goes((Step.LEAVE, SessionReason.LEFT), (Step.LEFT, SessionReason.LEFT))
        self._compare()

    @rule()
    def leave(self) -> None:
        self._leave()

    @rule()
    def leave_and_be_refused(self) -> None:
        self.peer.replies["part"] = lambda _: ErrorCode.SERVER_ERROR
        self._leave(perchat.ServerFault)
        del self.peer.replies["part"]

    def _ended(self, reason: SessionReason) -> None:
        if self.can(Step.END):
            self.goes((Step.END, reason), (Step.ENDED, reason))
        self.settled(lambda: self.session.state is SessionState.TERMINATED)

    @rule()
    def be_put_out(self) -> None:
        if self.state is SessionState.ESTABLISHED:
            gone = Departures((Departure(LOBBY, (ALICE,)),))
            self.peer.connection.say(Notice("part", gone))
            self._ended(SessionReason.KICKED)

    @rule()
    def be_put_out_the_other_way(self) -> None:
        if self.state is SessionState.ESTABLISHED:
            self.peer.connection.say(Reply("part", RoomUris((LOBBY,)), "0", 0))
            self._ended(SessionReason.KICKED)

    @rule()
    def be_cut(self) -> None:
        if self.chat.state is ConnectionState.ESTABLISHED:
            self.peer.connection.cut()
            self.settled(lambda: self.chat.state is ConnectionState.TERMINATED)
            self._ended(SessionReason.DISCONNECTED)

    @rule()
    def the_chat_terminates(self) -> None:
        if self.chat.state is ConnectionState.ESTABLISHED:
            self.run(self.chat.terminate())
            self._ended(SessionReason.DISCONNECTED)

    @rule()
    def post(self) -> None:
        if self.state is SessionState.ESTABLISHED:
            assert self.run(self.session.post("hello")).message is not None
        else:
            wrong = (perchat.SessionStateError, perchat.ChatServerConnectionError)
            self.raises(self.session.post("hello"), *wrong)

    @invariant()
    def the_state_is_the_tables(self) -> None:
        if hasattr(self, "session"):
            assert self.session.state is self.state
            assert self.session.is_joined is (self.state is SessionState.ESTABLISHED)

    def over(self) -> None:
        self.run(self.session.close())
        if self.state is SessionState.ESTABLISHED:
            self.goes((Step.LEAVE, SessionReason.LEFT), (Step.LEFT, SessionReason.LEFT))
            self._compare()
        self.run(self.session.close())
        self.run(self.chat.terminate())
        self._ended(SessionReason.DISCONNECTED)
        assert self.heard() == self.expected


def walk(machine: type[Walk]) -> Any:
    case = machine.TestCase
    case.settings = _EXAMPLES
    for requirement in ("R59", "R60", "R62", "R63", "R67"):
        pytest.mark.requirement(requirement)(case)
    return case


TestEndpointWalk = walk(EndpointWalk)
TestChatWalk = walk(ChatWalk)
TestSessionWalk = walk(SessionWalk)


@pytest.mark.requirement("R67")
@pytest.mark.parametrize("dead", [False, True])
async def test_leaving_goes_from_the_top_down_and_may_be_repeated(
    peer: Peer, caplog: pytest.LogCaptureFixture, dead: bool
) -> None:
    async with peer.platform() as platform:
        endpoint = peer.endpoint(platform)
        await endpoint.establish()
        chat = PersistentChatEndpoint(POOL, endpoint)
        await chat.establish()
        session = await chat.join(LOBBY)
        caplog.clear()
        caplog.set_level(logging.INFO)
        if dead:
            peer.connection.cut()
        for _ in range(2):
            await session.close()
            await endpoint.terminate()
            await chat.terminate()
            await platform.stop()
    ends = [r.name for r in caplog.records if " terminated" in r.message]
    assert ends == ["perchat.session", "perchat.chat", "perchat.signin"]
