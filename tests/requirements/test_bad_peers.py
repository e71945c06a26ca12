"""Peers that answer late, twice, for somebody else, or without end."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest

from perchat.client.chat import PersistentChatEndpoint
from perchat.client.states import EndpointState
from perchat.errors import (
    AuthenticationError,
    CommandFailed,
    OperationTimeout,
    ProvisioningError,
)
from perchat.lync.provisioning import ChatProvisioning, provisioning_answer
from perchat.sip.message import Headers, Request, Response
from tests.client.peer import ALICE, BOB, POOL, PeerConnection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perchat.sip.events import RequestReceived
    from perchat.sip.message import Message
    from tests.client.peer import Peer

EVENT = ("Event", "vnd-microsoft-provisioning-v2")
EVIL = provisioning_answer(ChatProvisioning(default_uri="sip:evil@example.com"))


def say_nothing(_: PeerConnection, event: RequestReceived) -> None:
    del event


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not seen():
            await asyncio.sleep(0.005)


# --- half open ---


@pytest.mark.requirement("R67", "R68")
async def test_a_peer_that_fell_silent_is_left_in_bounded_time(peer: Peer) -> None:
    loop = asyncio.get_running_loop()
    async with peer.chatting() as chat:
        for method in ("INFO", "BYE", "REGISTER"):
            peer.on[method] = say_nothing
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await chat.search_rooms()
        begun = loop.time()
    assert loop.time() - begun < 2  # two farewells and the close, each bounded
    assert chat.endpoint.state is EndpointState.TERMINATED


OPERATIONS: dict[str, Callable[[PersistentChatEndpoint], Awaitable[object]]] = {
    "search": lambda chat: chat.search_rooms(),
    "invitations": lambda chat: chat.stored_invitations(),
    "join": lambda chat: chat.join("Lobby").__aenter__(),
    "settings": lambda chat: chat.endpoint.provisioning(refresh=True),
    "another session": lambda chat: PersistentChatEndpoint(POOL, chat.endpoint).establish(),
}


@pytest.mark.requirement("R68")
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_waits_can_be_bounded_and_blocks_nobody(peer: Peer, operation: str) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.002)
            beats += 1

    async with peer.chatting() as chat:
        for method in ("INFO", "SUBSCRIBE", "INVITE"):
            peer.on[method] = say_nothing
        beating = asyncio.get_running_loop().create_task(beat())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await OPERATIONS[operation](chat)
        beating.cancel()
        peer.on.clear()
        assert beats > 10
        assert await chat.search_rooms()  # and it works on


# --- somebody else's ---


async def test_an_answer_with_another_users_settings_is_refused(peer: Peer) -> None:
    def of_bob(connection: PeerConnection, event: RequestReceived) -> None:
        seal = connection.seal

        def changed(message: Message) -> Message:
            if isinstance(message, Response) and message.cseq.method == "SUBSCRIBE":
                headers = message.headers.replaced("To", f"<{BOB}>;tag=b")
                message = Response(message.status, message.reason, headers, message.body)
            return seal(message)

        connection.seal = changed  # type: ignore[method-assign]
        connection.subscribe(event)

    peer.on["SUBSCRIBE"] = of_bob
    async with peer.platform() as platform:
        with pytest.raises(ProvisioningError, match="bob"):
            await peer.endpoint(platform).establish()


def notified_by(connection: PeerConnection, event: RequestReceived, sender: str, call: str) -> None:
    """Answer without the settings and send a notification of somebody's."""
    connection.connection.respond(event.transaction, 200)
    headers = [("From", f"<{sender}>;tag=f"), ("To", f"<{ALICE}>"), ("Call-ID", call), EVENT]
    notify = Request("NOTIFY", ALICE, Headers([*headers, ("CSeq", "1 NOTIFY")]), EVIL)
    connection.connection.request(notify)
    connection.connection.flush()


@pytest.mark.parametrize("forged", ["another sender", "another call"])
async def test_a_forged_notification_is_refused_and_not_believed(peer: Peer, forged: str) -> None:
    def answer(connection: PeerConnection, event: RequestReceived) -> None:
        mine = forged == "another sender"
        call = event.request.call_id if mine else "of-my-own-making"
        notified_by(connection, event, BOB if mine else ALICE, call)

    async with peer.signed_in() as endpoint:
        peer.on["SUBSCRIBE"] = answer
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await endpoint.provisioning(refresh=True)
        assert [answer.status for answer in peer.connection.answers] == [481]
        assert (await endpoint.provisioning()).chat.default_uri == POOL


# --- late, and twice ---


@pytest.mark.requirement("R55")
async def test_a_proxy_may_take_its_time_but_not_for_ever(peer: Peer) -> None:
    def later(wait: float, connection: PeerConnection, event: RequestReceived) -> None:
        connection.connection.respond(event.transaction, 100)
        asyncio.get_running_loop().call_later(wait, connection.invite, event)

    peer.on["INVITE"] = partial(later, 0.2)
    async with peer.chatting() as chat:
        assert chat.server.display_name == "Peer"
    peer.on["INVITE"] = partial(later, 60.0)
    async with peer.signed_in() as endpoint:
        chat = PersistentChatEndpoint(POOL, endpoint)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await chat.establish()
        assert chat.state.value == "terminated"
        await until(lambda: bool(peer.requests("CANCEL")))


@pytest.mark.parametrize("tag", ["the same", "another"])
async def test_a_second_200_makes_no_second_session(peer: Peer, tag: str) -> None:
    sent: list[Response] = []

    def noted(message: Message) -> Message:
        if isinstance(message, Response) and _opens(message):
            sent.append(message)
        return message

    def twice(connection: PeerConnection, event: RequestReceived) -> None:
        connection.spoil = noted
        connection.invite(event)
        connection.connection.flush()
        (answer,) = sent
        headers = answer.headers
        if tag == "another":
            headers = headers.replaced("To", f"<{POOL}>;tag=forked")
        connection.connection._send(Response(200, "OK", headers.replaced("Authentication-Info")))

    peer.on["INVITE"] = twice
    async with peer.chatting() as chat:
        await until(lambda: len(peer.requests("ACK")) >= (2 if tag == "the same" else 1))
        assert await chat.search_rooms()
        if tag == "another":
            await until(lambda: any(r.to.tag == "forked" for r in peer.requests("BYE")))
    assert [request.to.tag != "forked" for request in peer.requests("INFO")].count(False) == 0


def _opens(message: Response) -> bool:
    return message.status == 200 and message.cseq.method == "INVITE"


# --- without end ---


@pytest.mark.requirement("R25")
async def test_a_loop_of_challenges_ends(peer: Peer) -> None:
    def challenge(connection: PeerConnection, event: RequestReceived) -> None:
        value = 'NTLM realm="SIP Communications Service", targetname="x", version=4'
        connection.refuse(event, 401, ("WWW-Authenticate", value))

    peer.on["REGISTER"] = challenge
    async with peer.platform() as platform:
        with pytest.raises(AuthenticationError):
            await peer.endpoint(platform).establish()
    assert len(peer.requests("REGISTER")) <= 12


async def test_a_command_that_is_always_challenged_fails(peer: Peer) -> None:
    async with peer.chatting() as chat:
        before = len(peer.requests("INFO"))
        peer.on["INFO"] = lambda connection, event: connection.refuse(event, 401)
        with pytest.raises((CommandFailed, OperationTimeout)):
            await chat.search_rooms()
        assert len(peer.requests("INFO")) - before <= 3
        peer.on.clear()
