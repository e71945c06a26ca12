"""Connected to the real server: the whole way up, and all of it down again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from perchat.client.connect import connect_user
from perchat.client.credentials import PasswordCredential
from perchat.client.events import AttendanceChanged
from perchat.client.platform import CollaborationPlatform
from perchat.client.states import ConnectionState, EndpointState
from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    ChatServerNotConfigured,
    LimitExceeded,
    PermissionDenied,
    PersistentChatDisabled,
    ProvisioningError,
    RoomNotFound,
    TlsFailure,
    TlsFailureReason,
)
from perchat.lync.provisioning import ChatProvisioning
from perchat.net.connector import Transport
from tests.client.peer import POOL, SHORT
from tests.client.server import QUICK, credential

if TYPE_CHECKING:
    from tests.client.peer import Peer
    from tests.client.server import LiveServer


@pytest.mark.parametrize("transport", list(Transport))
@pytest.mark.requirement("R15", "R20")
async def test_two_people_talk(server: LiveServer, transport: Transport) -> None:
    async with (
        server.connect("alice", transport) as alice,
        server.connect("bob", transport) as bob,
        alice.join("Lobby") as hers,
    ):
        events = hers.events()
        async with bob.join("Lobby") as his:
            messages = his.messages()
            posted = (await hers.post("Good morning,\nBob <&> ü")).message
            assert posted is not None
            assert await anext(messages) == posted
            assert await his.recent(5) == [posted]
            assert [one.name for one in his.participants] == ["Alice", "Bob"]
        arrival = await anext(events)
        assert isinstance(arrival, AttendanceChanged)
        assert (arrival.participant.name, arrival.active) == ("Bob", True)
    assert alice.state is ConnectionState.TERMINATED
    assert alice.endpoint.state is EndpointState.TERMINATED
    assert not alice.endpoint.platform.is_running


@pytest.mark.requirement("R66")
async def test_devices_of_one_user_hear_each_other(server: LiveServer) -> None:
    async with (
        server.connect("alice") as desk,
        server.connect("alice") as phone,
        desk.join("Lobby") as one,
        phone.join("Lobby") as other,
    ):
        heard = other.messages()
        await one.post("from the desk")
        assert (await anext(heard)).text == "from the desk"


async def test_posts_come_back_in_the_order_in_which_they_were_sent(server: LiveServer) -> None:
    async with server.connect("alice") as alice, alice.join("Lobby") as lobby:
        results = await asyncio.gather(*(lobby.post(f"number {n}") for n in range(20)))
        assert [r.message.text if r.message else None for r in results] == [
            f"number {n}" for n in range(20)
        ]
        assert [one.text for one in await lobby.recent(3)] == [
            "number 17",
            "number 18",
            "number 19",
        ]


async def test_the_servers_refusals_arrive_as_errors(server: LiveServer) -> None:
    async with server.connect("carol") as carol:
        assert len(await carol.search_rooms()) == 2
        with pytest.raises(PermissionDenied):
            await carol.join("Lobby")
        with pytest.raises(RoomNotFound):
            await carol.join(f"ma-chan://{server.config.domain}/none")
    async with server.connect("bob") as bob, bob.join("Lobby") as lobby:
        with pytest.raises(LimitExceeded):
            await lobby.post("x" * (bob.server.message_size_limit + 1))
        assert lobby.can_post
        assert not lobby.can_manage


async def test_awaited_it_is_closed_by_hand_and_completely(server: LiveServer) -> None:
    chat = await server.connect("alice")
    await chat.search_rooms()
    await chat.terminate()
    await chat.terminate()
    assert chat.endpoint.state is EndpointState.TERMINATED
    assert not chat.endpoint.platform.is_running


@pytest.mark.parametrize("lower", ["endpoint", "platform"])
@pytest.mark.requirement("R67")
async def test_closing_from_below_closes_all(server: LiveServer, lower: str) -> None:
    chat = await server.connect("alice")
    if lower == "endpoint":
        await chat.endpoint.terminate()
    else:
        await chat.endpoint.platform.stop()
    assert chat.state is ConnectionState.TERMINATED
    await chat.terminate()
    assert not chat.endpoint.platform.is_running


@pytest.mark.requirement("R67")
async def test_a_server_that_stops_is_told_and_closing_still_works(server: LiveServer) -> None:
    async with server.connect("alice") as alice:
        changes = alice.state_changes()
        session = await alice.join("Lobby")
        server.stop.set()
        assert [change.state async for change in changes][-1] is ConnectionState.TERMINATED
        assert not session.is_joined


@pytest.mark.requirement("R50")
async def test_a_user_without_chat_is_refused_before_any_session(server: LiveServer) -> None:
    with pytest.raises(PersistentChatDisabled):
        await server.connect("dave")


@pytest.mark.requirement("R25")
async def test_a_wrong_password_is_refused(server: LiveServer) -> None:
    opening = connect_user(
        "alice@example.com",
        server=server.tls,
        ca=server.ca,
        credential=PasswordCredential("alice", "wrong"),
        options=QUICK,
    )
    with pytest.raises(AuthenticationError) as refused:
        await opening
    assert refused.value.reason is AuthenticationReason.INVALID_CREDENTIALS
    assert refused.value.realm == "SIP Communications Service"
    assert refused.value.protocols == ("NTLM",)


@pytest.mark.requirement("R16")
async def test_a_certificate_that_is_not_trusted_is_refused(server: LiveServer) -> None:
    with pytest.raises(TlsFailure) as caught:
        await connect_user(
            "alice@example.com", server=server.tls, credential=credential("alice"), options=QUICK
        )
    assert caught.value.reason is TlsFailureReason.UNTRUSTED


@pytest.mark.parametrize(
    "arguments",
    [
        {"uri": "alice"},
        {"uri": "tel:+15551234"},
        {"uri": "alice@example.com", "server": None, "transport": Transport.TCP},
        {"uri": "alice@example.com", "port": 70000},
    ],
)
@pytest.mark.requirement("R20")
def test_arguments_are_checked_before_anything_is_awaited(arguments: dict[str, Any]) -> None:
    given = {"server": "sip.example.com", "credential": credential("alice"), **arguments}
    with pytest.raises(ValueError):
        connect_user(**given)


@pytest.fixture
def platforms(monkeypatch: pytest.MonkeyPatch) -> list[CollaborationPlatform]:
    """Every platform that is started from here on."""
    found: list[CollaborationPlatform] = []
    start = CollaborationPlatform.start

    async def noted(platform: CollaborationPlatform) -> None:
        await start(platform)
        assert platform.is_running
        found.append(platform)

    monkeypatch.setattr(CollaborationPlatform, "start", noted)
    return found


@pytest.mark.parametrize("step", ["REGISTER", "SUBSCRIBE", "INVITE", "INFO"])
@pytest.mark.requirement("R6", "R12")
async def test_cancelled_at_any_step_nothing_is_left(
    peer: Peer, platforms: list[CollaborationPlatform], step: str
) -> None:
    reached = asyncio.Event()
    peer.on[step] = lambda _, __: reached.set()

    async def connect() -> None:
        async with _connecting(peer):
            pass

    connecting = asyncio.get_running_loop().create_task(connect())
    await reached.wait()
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await peer.connection.lost.wait()
    assert [platform.is_running for platform in platforms] == [False]


@pytest.mark.parametrize("step", ["REGISTER", "SUBSCRIBE", "INVITE", "INFO"])
@pytest.mark.requirement("R6")
async def test_failing_at_any_step_nothing_is_left(
    peer: Peer, platforms: list[CollaborationPlatform], step: str
) -> None:
    peer.on[step] = lambda c, event: c.refuse(event, 500)
    with pytest.raises(Exception, match="500"):
        await _connecting(peer)
    await peer.connection.lost.wait()
    assert [platform.is_running for platform in platforms] == [False]


@pytest.mark.requirement("R6")
async def test_an_error_inside_closes_everything(
    peer: Peer, platforms: list[CollaborationPlatform]
) -> None:
    with pytest.raises(KeyError):
        async with _connecting(peer) as chat:
            raise KeyError
    assert chat.endpoint.state is EndpointState.TERMINATED
    assert not chat.endpoint.platform.is_running
    await peer.connection.lost.wait()
    assert [platform.is_running for platform in platforms] == [False]


def _connecting(peer: Peer, **more: Any) -> Any:
    return connect_user(
        "alice@example.com",
        server=peer.address,
        transport=Transport.TCP,
        credential=PasswordCredential("alice", "Secret-1"),
        options=type(QUICK)(timers=SHORT),
        **more,
    )


# --- where the chat service is ---


@pytest.mark.requirement("R49")
async def test_the_address_given_wins(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "perchat.chat")
    async with _connecting(peer, chat_uri="sip:other@example.com"):
        assert peer.requests("INVITE")[0].uri == "sip:other@example.com"
    assert not peer.requests("SUBSCRIBE")
    assert "sip:other@example.com (given)" in caplog.text


@pytest.mark.requirement("R49")
async def test_the_provisioned_address_comes_next(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "perchat.chat")
    async with _connecting(peer, legacy_lookup=True) as chat:
        assert chat.address == POOL
    assert f"{POOL} (provisioned)" in caplog.text


@pytest.mark.requirement("R49", "R51")
async def test_the_legacy_address_only_when_asked_for(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "perchat.chat")
    peer.chat = ChatProvisioning()
    with pytest.raises(ChatServerNotConfigured, match="ocschat"):
        await _connecting(peer)
    async with _connecting(peer, legacy_lookup=True):
        assert peer.requests("INVITE")[0].uri == "sip:ocschat@example.com"
    assert "sip:ocschat@example.com (legacy lookup)" in caplog.text


@pytest.mark.requirement("R50")
async def test_a_policy_that_forbids_chat_wins_over_the_legacy_address(peer: Peer) -> None:
    peer.chat = ChatProvisioning(enabled=False)
    with pytest.raises(PersistentChatDisabled):
        await _connecting(peer, legacy_lookup=True)
    assert not peer.requests("INVITE")


@pytest.mark.requirement("R51")
async def test_a_provisioned_address_that_is_none_is_told(peer: Peer) -> None:
    peer.chat = ChatProvisioning(default_uri="perchat")
    with pytest.raises(ProvisioningError, match="perchat"):
        await _connecting(peer)
