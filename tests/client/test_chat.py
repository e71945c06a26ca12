"""The chat session: found, opened, listened to, and lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from perchat.client.chat import PersistentChatEndpoint
from perchat.client.events import ConnectionStateChanged
from perchat.client.states import ConnectionState, EndpointState
from perchat.client.targets import Match
from perchat.errors import (
    AuthenticationError,
    ChatServerConnectionError,
    CommandFailed,
    ConnectionFailure,
    ErrorCode,
    NotSupported,
    OperationTimeout,
    PermissionDenied,
    RoomNotFound,
    ServerFault,
    StateError,
)
from perchat.model.invitation import Invitation
from perchat.model.uri import SipUri
from perchat.xccos.blocks import Invitations, Nothing, Rooms, ServerUri
from perchat.xccos.primitives import Notice
from tests.client.peer import (
    LOBBY,
    POOL,
    SHORT,
    PeerConnection,
    room,
    unsigned,
    wrongly_signed,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from perchat.client.endpoint import LocalEndpoint
    from perchat.client.streams import EventStream
    from perchat.sip.events import Event, RequestReceived
    from tests.client.peer import Peer

C = ConnectionState
OTHER = SipUri("sip:service@example.com")


def invitation(number: int) -> Invitation:
    return Invitation(number, datetime(2026, 1, 2, tzinfo=UTC), room())


async def states(changes: EventStream[ConnectionStateChanged]) -> list[ConnectionState]:
    return [change.state async for change in changes]


# --- before anything is sent ---


@pytest.mark.parametrize("address", [None, 5])
@pytest.mark.requirement("R4")
async def test_an_address_is_needed_at_once(peer: Peer, address: Any) -> None:
    async with peer.platform() as platform:
        with pytest.raises(TypeError):
            PersistentChatEndpoint(address, peer.endpoint(platform))


@pytest.mark.parametrize("address", ["", "perchat@example.com", "ma-chan://example.com/x"])
@pytest.mark.requirement("R4")
async def test_an_address_that_is_none_is_refused_at_once(peer: Peer, address: str) -> None:
    async with peer.platform() as platform:
        with pytest.raises(ValueError, match="sip:"):
            PersistentChatEndpoint(address, peer.endpoint(platform))


@pytest.mark.requirement("R4")
def test_a_local_endpoint_is_needed_at_once() -> None:
    with pytest.raises(TypeError, match="not a local endpoint"):
        PersistentChatEndpoint(POOL, None)  # type: ignore[arg-type]


@pytest.mark.requirement("R4", "R2")
async def test_the_local_endpoint_has_to_be_established_first(peer: Peer) -> None:
    async with peer.platform() as platform:
        chat = PersistentChatEndpoint(POOL, peer.endpoint(platform))
        with pytest.raises(StateError, match="the local endpoint is idle"):
            await chat.establish()
        with pytest.raises(ChatServerConnectionError, match="the chat endpoint is idle"):
            _ = chat.server
        assert (chat.state, chat.endpoint.state) == (C.IDLE, EndpointState.IDLE)


async def _joined(chat: PersistentChatEndpoint) -> object:
    return await chat.join(LOBBY)


OPERATIONS: dict[str, Callable[[PersistentChatEndpoint], Awaitable[object]]] = {
    "search": lambda chat: chat.search_rooms("x"),
    "invitations": lambda chat: chat.stored_invitations(),
    "join": _joined,
    "stream": lambda chat: anext(chat.invitations(since=0)),
    "command": lambda chat: chat.command("requri", Nothing(), ServerUri),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.requirement("R1")
async def test_nothing_works_before_and_after_the_session(peer: Peer, operation: str) -> None:
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        with pytest.raises(ChatServerConnectionError, match="idle"):
            await OPERATIONS[operation](chat)
        with pytest.raises(ChatServerConnectionError, match="idle"):
            _ = chat.server
        assert not peer.requests("INFO")
        await chat.establish()
        await chat.terminate()
        said = len(peer.seen)
        with pytest.raises(ChatServerConnectionError, match="terminated"):
            await OPERATIONS[operation](chat)
        assert len(peer.seen) == said


# --- opening ---


@pytest.mark.requirement("R52")
async def test_a_service_that_names_itself_is_kept(peer: Peer) -> None:
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        changes = chat.state_changes()
        async with chat:
            assert alice.state is EndpointState.ESTABLISHED
            assert (chat.address, chat.server.display_name) == (POOL, "Peer")
            assert chat.clock_offset.total_seconds() != 0
        assert await states(changes) == [
            C.ESTABLISHING,
            C.ESTABLISHED,
            C.TERMINATING,
            C.TERMINATED,
        ]
    assert len(peer.requests("INVITE")) == 1
    assert len(peer.requests("BYE")) == 1
    assert peer.commands() == ["requri", "getserverinfo"]


@pytest.mark.requirement("R52")
async def test_a_service_elsewhere_is_called_instead(peer: Peer) -> None:
    peer.replies["requri"] = lambda _: ServerUri(OTHER)
    async with peer.chatting() as chat:
        assert chat.address == OTHER
        assert [request.uri for request in peer.requests("INVITE")] == [POOL, OTHER]
        assert len(peer.requests("BYE")) == 1


@pytest.mark.parametrize("answer", [None, ErrorCode.MSG_NOT_SUPPORTED, ServerUri(None)])
@pytest.mark.requirement("R52")
async def test_a_service_that_does_not_say_where_it_is_is_kept(peer: Peer, answer: Any) -> None:
    peer.replies["requri"] = lambda _: answer
    async with peer.chatting() as chat:
        assert chat.state is C.ESTABLISHED
        assert len(peer.requests("INVITE")) == 1


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, 20010, "Rejected session (principal not provisioned)"),
        (404, 0, ""),
        (480, 1007, "Temporarily cannot route"),
        (503, 20009, "Rejected session (no more endpoints allowed)"),
    ],
)
@pytest.mark.requirement("R55")
async def test_a_refused_session_says_why_and_is_final(
    peer: Peer, status: int, code: int, reason: str
) -> None:
    header = ("ms-diagnostics", f'{code};reason="{reason}";source="sip.example.com"')
    peer.on["INVITE"] = lambda c, event: c.refuse(event, status, *([header] if code else []))
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        changes = chat.state_changes()
        with pytest.raises(ChatServerConnectionError) as caught:
            await chat.establish()
        error = caught.value
        assert (error.status, error.diagnostics.code, error.diagnostics.reason) == (
            status,
            code,
            reason,
        )
        assert await states(changes) == [C.ESTABLISHING, C.TERMINATING, C.TERMINATED]
        with pytest.raises(StateError, match="lives once"):
            await chat.establish()
        assert alice.state is EndpointState.ESTABLISHED


@pytest.mark.requirement("R55")
async def test_a_service_that_hangs_up_once_it_has_answered_is_told(peer: Peer) -> None:
    def hang_up(connection: PeerConnection, event: RequestReceived) -> None:
        connection.info(event)
        if b"cmd:getserverinfo" in event.request.body:
            connection.connection.request_in(connection.dialog, "BYE")

    peer.on["INFO"] = hang_up
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        with pytest.raises(ChatServerConnectionError, match="ended at once"):
            await chat.establish()
        assert chat.state is C.TERMINATED


@pytest.mark.parametrize("command", ["requri", "getserverinfo"])
@pytest.mark.requirement("R55")
async def test_a_service_that_hangs_up_at_once_is_told(peer: Peer, command: str) -> None:
    def hang_up(connection: PeerConnection, event: RequestReceived) -> None:
        if f"cmd:{command}".encode() in event.request.body:
            connection.accept(event)
            connection.connection.request_in(connection.dialog, "BYE")
        else:
            connection.info(event)

    peer.on["INFO"] = hang_up
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        with pytest.raises(ChatServerConnectionError, match="BYE"):
            await chat.establish()
        assert chat.state is C.TERMINATED


@pytest.mark.parametrize("step", ["INVITE", "requri", "getserverinfo"])
@pytest.mark.requirement("R55")
async def test_a_connection_cut_while_opening_is_told(peer: Peer, step: str) -> None:
    _interrupt(peer, step, lambda connection: connection.cut())
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        with pytest.raises(ConnectionFailure, match="the peer closed the connection") as caught:
            await chat.establish()
        assert type(caught.value) is ConnectionFailure
        assert (chat.state, alice.state) == (C.TERMINATED, EndpointState.TERMINATED)


@pytest.mark.parametrize("step", ["INVITE", "requri", "getserverinfo"])
@pytest.mark.requirement("R68", "R12")
async def test_a_cancelled_opening_leaves_no_session(peer: Peer, step: str) -> None:
    reached = asyncio.Event()
    _interrupt(peer, step, lambda _: reached.set())
    async with peer.signed_in(replace(SHORT, lookup=5.0)) as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        opening = asyncio.get_running_loop().create_task(chat.establish())
        await reached.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert chat.state is C.TERMINATED
        await alice.provisioning(refresh=True)
        assert not peer.connection.connection.ua.dialogs


async def given_up(peer: Peer, alice: LocalEndpoint) -> None:
    """Give up an opening once its INVITE has reached the peer."""
    chat = PersistentChatEndpoint(POOL, alice)
    opening = asyncio.get_running_loop().create_task(chat.establish())
    while not peer.requests("INVITE"):
        await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


@pytest.mark.requirement("R68", "R12")
async def test_an_invitation_given_up_is_cancelled(peer: Peer) -> None:
    peer.on["INVITE"] = lambda c, event: c.refuse(event, 180)
    async with peer.signed_in() as alice:
        await given_up(peer, alice)
        await alice.provisioning(refresh=True)
        assert len(peer.requests("CANCEL")) == 1


async def test_an_invitation_accepted_too_late_is_ended(peer: Peer) -> None:
    held: list[RequestReceived] = []
    peer.on["INVITE"] = lambda _, event: held.append(event)
    async with peer.signed_in() as alice:
        await given_up(peer, alice)
        peer.connection.invite(held[0])
        await alice.provisioning(refresh=True)
        assert len(peer.requests("BYE")) == 1
        assert not peer.connection.connection.ua.dialogs


async def test_an_invitation_given_up_in_the_moment_of_its_answer_is_ended(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with peer.signed_in() as alice:
        opening = asyncio.get_running_loop().create_task(
            PersistentChatEndpoint(POOL, alice).establish()
        )
        link = alice._signed_in.link
        received = link.events_received

        def receive_and_cancel(events: Sequence[Event]) -> None:
            received(events)
            if link._invited:
                opening.cancel()

        monkeypatch.setattr(link, "events_received", receive_and_cancel)
        with pytest.raises(asyncio.CancelledError):
            await opening
        await alice.provisioning(refresh=True)
        assert len(peer.requests("BYE")) == 1


async def test_terminating_while_opening_ends_both(peer: Peer) -> None:
    reached = asyncio.Event()
    _interrupt(peer, "getserverinfo", lambda _: reached.set())
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        opening = asyncio.get_running_loop().create_task(chat.establish())
        await reached.wait()
        await chat.terminate()
        with pytest.raises(ChatServerConnectionError):
            await opening
        assert chat.state is C.TERMINATED
        assert len(peer.requests("BYE")) == 1


def _interrupt(peer: Peer, step: str, act: Callable[[PeerConnection], None]) -> None:
    def on_info(connection: PeerConnection, event: RequestReceived) -> None:
        if f"cmd:{step}".encode() in event.request.body:
            act(connection)
        else:
            connection.info(event)

    if step == "INVITE":
        peer.on["INVITE"] = lambda connection, _: act(connection)
    else:
        peer.on["INFO"] = on_info


# --- commands ---


@pytest.mark.parametrize("limit", [None, -1])
async def test_a_search_without_limit_returns_all(peer: Peer, limit: int | None) -> None:
    peer.replies["chansrch"] = lambda _: Rooms((room("Lobby"), room("Lab")))
    async with peer.chatting() as chat:
        for found in (
            await chat.search_rooms("l", limit=limit),
            await chat.filter_rooms("l", limit=limit),
            await chat.rooms.in_category("ma-cat://example.com/1", limit=limit),
        ):
            assert [one.name for one in found] == ["Lobby", "Lab"]


async def test_rooms_are_searched(peer: Peer) -> None:
    asked = []

    def answer(command: Any) -> Rooms:
        asked.append(command.data)
        return Rooms((room("Lobby"), room("Lab")))

    peer.replies["chansrch"] = answer
    async with peer.chatting() as chat:
        found = await chat.search_rooms("l b", descriptions=True, match=Match.ALL, limit=1)
        assert [one.name for one in found] == ["Lobby"]
        with pytest.raises(ValueError, match="at least one"):
            await chat.search_rooms("x", limit=0)
    (query,) = asked
    assert (query.criteria, query.extended, query.match_all, query.max_results) == (
        "l b",
        True,
        True,
        1,
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.ERROR_PERMISSION, PermissionDenied),
        (ErrorCode.NO_SUCH_NODE, RoomNotFound),
        (ErrorCode.MSG_NOT_SUPPORTED, NotSupported),
        (ErrorCode.DATABASE_CONNECTION, ServerFault),
    ],
)
async def test_refused_commands_are_told_apart(
    peer: Peer, code: ErrorCode, kind: type[CommandFailed]
) -> None:
    peer.replies["chansrch"] = lambda _: code
    async with peer.chatting() as chat:
        with pytest.raises(kind) as caught:
            await chat.search_rooms()
        assert (caught.value.code, caught.value.request) == (code, "chansrch")


async def test_a_reply_that_makes_no_sense_fails_the_command(peer: Peer) -> None:
    peer.replies["getinv"] = lambda _: Nothing()
    peer.replies["chansrch"] = lambda _: Nothing()
    async with peer.chatting() as chat:
        assert await chat.search_rooms() == []
        with pytest.raises(CommandFailed, match="makes no sense"):
            await chat.command("chansrch", Nothing(), ServerUri)
        assert chat.state is C.ESTABLISHED


@pytest.mark.requirement("R55", "R68")
async def test_silence_ends_in_a_timeout_and_nothing_else(peer: Peer) -> None:
    peer.replies["chansrch"] = lambda _: None
    async with peer.chatting(replace(SHORT, request=0.05)) as chat:
        with pytest.raises(OperationTimeout, match="cmd:chansrch"):
            await chat.search_rooms()
        assert await chat.stored_invitations() == []


async def test_a_busy_service_is_asked_again(peer: Peer) -> None:
    refusals = [503, 503]

    def busy(connection: PeerConnection, event: RequestReceived) -> None:
        if b"chansrch" in event.request.body and refusals:
            connection.refuse(event, refusals.pop())
        else:
            connection.info(event)

    peer.on["INFO"] = busy
    async with peer.chatting() as chat:
        assert await chat.search_rooms()
    assert peer.commands().count("chansrch") == 3


async def test_a_service_that_stays_busy_is_given_up(peer: Peer) -> None:
    peer.replies["getinv"] = lambda _: Invitations(())
    async with peer.chatting() as chat:
        peer.on["INFO"] = lambda c, event: c.refuse(event, 503, ("ms-diagnostics", "20000"))
        with pytest.raises(ServerFault) as caught:
            await chat.search_rooms()
        assert caught.value.diagnostics.code == 20000
    assert peer.commands().count("chansrch") == 3


async def test_a_challenged_command_is_signed_anew_and_repeated(peer: Peer) -> None:
    challenges = [401]

    def challenge(connection: PeerConnection, event: RequestReceived) -> None:
        if b"chansrch" in event.request.body and challenges:
            connection.refuse(event, challenges.pop())
        else:
            connection.info(event)

    peer.on["INFO"] = challenge
    async with peer.chatting() as chat:
        assert await chat.search_rooms()


@pytest.mark.parametrize("status", [408, 481, 487])
async def test_a_session_that_the_server_forgot_is_over(peer: Peer, status: int) -> None:
    async with peer.chatting() as chat:
        changes = chat.state_changes()
        peer.on["INFO"] = lambda c, event: c.refuse(event, status)
        with pytest.raises(ChatServerConnectionError):
            await chat.search_rooms()
        assert await states(changes) == [C.TERMINATING, C.TERMINATED]
        assert chat.endpoint.state is EndpointState.ESTABLISHED


# --- news ---


@pytest.mark.requirement("R59")
async def test_invitations_of_the_connect_exchange_are_not_lost(peer: Peer) -> None:
    def invite(connection: PeerConnection, event: RequestReceived) -> None:
        connection.say(Notice("invite", Invitations((invitation(7),))))
        connection.info(event)

    peer.on["INFO"] = invite
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        invitations = chat.invitations()
        async with chat:
            assert await anext(invitations) == invitation(7)


@pytest.mark.requirement("R65")
async def test_kept_invitations_come_first_and_none_comes_twice(peer: Peer) -> None:
    kept = Invitations((invitation(3), invitation(2), invitation(1)))
    peer.replies["getinv"] = lambda _: kept
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        invitations = chat.invitations(since=1)
        async with chat:
            peer.connection.say(Notice("invite", Invitations((invitation(3), invitation(4)))))
            assert [(await anext(invitations)).id for _ in range(3)] == [2, 3, 4]
        assert [one async for one in invitations] == []


async def test_documents_that_make_no_sense_are_answered_and_ignored(peer: Peer) -> None:
    async with peer.chatting() as chat:
        for body in (b"", b"hello", b"<xccos/>", b"<a" * 1000, b"\xff\xfe"):
            peer.connection.raw(body)
        assert await chat.search_rooms()
        assert {answer.status for answer in peer.connection.answers} == {200}


async def test_unsigned_news_are_not_heard(peer: Peer) -> None:
    async with peer.chatting() as chat:
        invitations = chat.invitations()
        peer.connection.spoil = unsigned
        peer.connection.say(Notice("invite", Invitations((invitation(1),))))
        peer.connection.spoil = lambda message: message
        peer.connection.say(Notice("invite", Invitations((invitation(2),))))
        assert (await anext(invitations)).id == 2


async def test_wrongly_signed_news_end_the_connection(peer: Peer) -> None:
    async with peer.chatting() as chat:
        changes = chat.state_changes()
        peer.connection.spoil = wrongly_signed
        peer.connection.say(Notice("invite", Invitations((invitation(1),))))
        assert await states(changes) == [C.TERMINATING, C.TERMINATED]
        with pytest.raises(ChatServerConnectionError, match="signature"):
            await chat.search_rooms()
        with pytest.raises((AuthenticationError, StateError)):
            await chat.endpoint.provisioning(refresh=True)


# --- the end ---


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.requirement("R60")
async def test_losing_the_session_is_told_in_order_with_a_reason(peer: Peer, *, cut: bool) -> None:
    async with peer.chatting() as chat:
        changes = chat.state_changes()
        session = await chat.join(LOBBY)
        events = session.events()
        if cut:
            peer.connection.cut()
        else:
            peer.connection.connection.request_in(peer.connection.dialog, "BYE")
        told = [change async for change in changes]
        assert [one.state for one in told] == [C.TERMINATING, C.TERMINATED]
        assert all(one.reason for one in told)
        assert len([event async for event in events]) == 2
        assert not chat.sessions


async def test_a_command_under_way_fails_when_the_session_is_lost(peer: Peer) -> None:
    async with peer.chatting() as chat:
        peer.on["INFO"] = lambda c, _: c.cut()
        with pytest.raises((ConnectionFailure, ChatServerConnectionError)):
            await chat.search_rooms()


async def test_the_session_is_refreshed_at_half_its_interval(peer: Peer) -> None:
    updated = asyncio.Event()

    def invite(connection: PeerConnection, event: RequestReceived) -> None:
        headers = (("Contact", "<sip:sip.example.com>"), ("Session-Expires", "1;refresher=uac"))
        connection.connection.respond(event.transaction, 200, headers=headers)
        connection.dialog = connection.connection.ua.dialogs[-1]

    def update(connection: PeerConnection, event: RequestReceived) -> None:
        connection.accept(event)
        updated.set()

    peer.on["INVITE"], peer.on["UPDATE"] = invite, update
    async with peer.chatting() as chat:
        await updated.wait()
        assert chat.state is C.ESTABLISHED


@pytest.mark.requirement("R67")
async def test_terminating_is_repeatable_and_ends_before_the_local_endpoint(peer: Peer) -> None:
    async with peer.signed_in() as alice:
        chat = PersistentChatEndpoint(POOL, alice)
        await chat.establish()
        changes = alice.state_changes()
        await alice.terminate()
        assert chat.state is C.TERMINATED
        await asyncio.gather(chat.terminate(), chat.terminate())
        assert [change.state async for change in changes][-1] is EndpointState.TERMINATED
    methods = [m.method for m in peer.seen if hasattr(m, "method")]
    assert methods.index("BYE") < len(methods) - 1
    assert methods[-1] == "REGISTER"


@pytest.mark.requirement("R53")
async def test_two_chat_endpoints_share_one_local_endpoint(peer: Peer) -> None:
    async with (
        peer.signed_in() as alice,
        PersistentChatEndpoint(POOL, alice) as one,
        PersistentChatEndpoint(POOL, alice) as other,
    ):
        assert await one.search_rooms() == await other.search_rooms()
        await one.terminate()
        assert await other.search_rooms()
