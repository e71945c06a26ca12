"""Signing in, staying signed in, signing out; and every way in which that goes wrong."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from perchat.client.credentials import PasswordCredential
from perchat.client.events import EndpointReason, EndpointStateChanged
from perchat.client.options import EndpointOptions
from perchat.client.platform import CollaborationPlatform
from perchat.client.signinresult import SignInResult
from perchat.client.states import EndpointState
from perchat.client.userendpoint import UserEndpoint
from perchat.errors import (
    AuthenticationError,
    AuthenticationReason,
    ConnectionFailure,
    Diagnostics,
    OperationTimeout,
    ProvisioningError,
    ProvisioningReason,
    PublishSubscribeError,
    RealTimeError,
    RegisterError,
    ServerDiscoveryError,
    ServerPolicyError,
    StateError,
)
from perchat.net.connector import Transport
from tests.client.peer import ALICE, SHORT, PeerConnection, unsigned, wrongly_signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.client.streams import EventStream
    from perchat.sip.events import RequestReceived
    from perchat.sip.message import Message
    from tests.client.peer import Peer

Spoiler: TypeAlias = "Callable[[Message], Message]"
CREDENTIAL = PasswordCredential("alice", "Secret-1")
S = EndpointState


def endpoint(
    uri: str = ALICE, *, transport: Transport = Transport.TLS, **more: Any
) -> UserEndpoint:
    platform = CollaborationPlatform.client("test", transport=transport)
    arguments = {"server": "sip.example.com", "credential": CREDENTIAL}
    return UserEndpoint(platform, uri, **{**arguments, **more})


# --- arguments, before any I/O ---


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "alice@example.com",
        "sip:alice",
        "sip:@example.com",
        "sip:alice@",
        "tel:+15551234",
        "sips:alice@example.com",
        "sip:alice@example.com:5061",
        "sip:alice@example.com;opaque=user:epid:x;gruu",
        "sip:alice@example.com\r\nTo: <sip:eve@example.com>",
        "sip:alice@exa mple.com",
    ],
)
@pytest.mark.requirement("R20")
def test_an_owner_that_is_no_persons_address_is_refused_at_once(uri: str) -> None:
    with pytest.raises(ValueError, match="sip:user@domain"):
        endpoint(uri)


@pytest.mark.requirement("R20")
def test_the_owner_may_be_written_as_people_write_it() -> None:
    assert endpoint("sip:Alice@Example.COM").owner_uri == ALICE


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [
        ({"server": "sip.example.com"}, "sip.example.com", 5061),
        ({"server": "sip.example.com", "port": 4585}, "sip.example.com", 4585),
        ({"server": "sip.example.com:5071"}, "sip.example.com", 5071),
        ({"server": "[::1]:5071"}, "::1", 5071),
        ({"server": "sip.example.com", "transport": Transport.TCP}, "sip.example.com", 5060),
    ],
)
@pytest.mark.requirement("R10", "R17")
def test_a_server_is_a_host_with_or_without_port(
    given: dict[str, Any], host: str, port: int
) -> None:
    made = endpoint(**given)
    assert (made._host, made._port) == (host, port)


@pytest.mark.requirement("R17")
@pytest.mark.parametrize(("transport", "port"), [(Transport.TLS, 5061), (Transport.TCP, 5060)])
def test_a_port_that_is_not_given_is_that_of_the_transport(transport: Transport, port: int) -> None:
    platform = CollaborationPlatform.client("test", transport=transport)
    made = UserEndpoint(platform, ALICE, server="sip.example.com", credential=CREDENTIAL)
    assert made._port == port


@pytest.mark.parametrize(
    "given",
    [
        {"server": ""},
        {"server": "sip.example.com:"},
        {"server": "sip.example.com:0"},
        {"server": "sip.example.com", "port": 65536},
        {"server": "sip.example.com", "port": 0},
        {"server": "sip.example.com:5061", "port": 5061},
        {"server": "sip:sip.example.com"},
        {"server": None, "port": 5061},
        {"endpoint_id": "not an id"},
    ],
)
@pytest.mark.requirement("R10", "R20")
def test_unusable_arguments_are_refused_at_once(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        endpoint(**given)


@pytest.mark.requirement("R10")
def test_a_credential_of_another_kind_is_refused_at_once() -> None:
    with pytest.raises(TypeError):
        endpoint(credential="alice:Secret-1")


@pytest.mark.requirement("R19")
def test_without_a_server_tcp_is_refused_at_once() -> None:
    platform = CollaborationPlatform.client("test", transport=Transport.TCP)
    with pytest.raises(ValueError, match="server="):
        UserEndpoint(platform, ALICE, credential=CREDENTIAL)


async def test_without_a_server_signing_in_says_what_it_would_have_looked_up() -> None:
    async with CollaborationPlatform.client("test") as platform:
        lost = UserEndpoint(platform, ALICE, credential=CREDENTIAL)
        changes = lost.state_changes()
        with pytest.raises(ServerDiscoveryError, match=r"_sipinternaltls\._tcp\.example\.com"):
            await lost.establish()
        assert lost.state is S.IDLE
        assert [(await anext(changes)).reason for _ in range(2)] == [
            EndpointReason.NONE,
            EndpointReason.DISCOVERY_FAILED,
        ]


@pytest.mark.requirement("R8")
async def test_an_endpoint_needs_a_running_platform() -> None:
    with pytest.raises(StateError, match="not running"):
        await endpoint().establish()


async def test_headers_of_the_stack_cannot_be_replaced(peer: Peer) -> None:
    async with peer.platform() as platform:
        with pytest.raises(ValueError, match="set by the stack"):
            await peer.endpoint(platform).establish({"Call-ID": "mine"})
    assert not peer.connections
    with pytest.raises(ValueError, match="not a header"):
        EndpointOptions(headers={"X-Note": "a\r\nVia: b"})


# --- the good road ---


@pytest.mark.requirement("R11")
async def test_signing_in_returns_the_registrars_answer(peer: Peer) -> None:
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        changes = alice.state_changes()
        response = await alice.establish({"X-Note": "here"})
        assert (response.status, alice.state) == (200, S.ESTABLISHED)
        assert len(peer.requests("SUBSCRIBE")) == 1  # for the settings
        assert alice.endpoint_uri.is_gruu
        await alice.terminate()
    states = [change.state async for change in changes]
    assert states == [S.ESTABLISHING, S.ESTABLISHED, S.TERMINATING, S.TERMINATED]
    registers = peer.requests("REGISTER")
    assert [request.headers.get("X-Note") for request in registers] == ["here"] * 3 + [None]
    assert [request.cseq.number for request in registers] == [1, 2, 3, 4]
    assert len({request.call_id for request in registers}) == 1
    assert registers[-1].expires == 0
    assert registers[0].headers.get("User-Agent") == "test"


@pytest.mark.parametrize("method", ["NOTIFY", "BENOTIFY"])
@pytest.mark.requirement("R11")
async def test_settings_may_come_in_a_notification(peer: Peer, method: str) -> None:
    peer.on["SUBSCRIBE"] = lambda c, event: c.notify_instead(method, event)
    async with peer.signed_in() as alice:
        assert (await alice.provisioning()).chat.require_uri() == "sip:perchat@example.com"


@pytest.mark.requirement("R47")
async def test_settings_are_kept_and_fetched_again_when_asked(peer: Peer) -> None:
    async with peer.signed_in() as alice:
        first = await alice.provisioning()
        assert await alice.provisioning() is first
        assert await alice.provisioning(refresh=True) is not first
    assert len(peer.requests("SUBSCRIBE")) == 2


@pytest.mark.requirement("R47")
async def test_settings_can_be_had_before_signing_in(peer: Peer) -> None:
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        assert (await alice.provisioning()).chat.enabled
        assert alice.state is S.IDLE
        assert peer.connection.lost.is_set() or await peer.connection.lost.wait()


@pytest.mark.requirement("R6", "R67")
async def test_stopping_the_platform_signs_its_endpoints_out(peer: Peer) -> None:
    platform = peer.platform()
    await platform.start()
    alice = peer.endpoint(platform)
    await alice.establish()
    await platform.stop()
    assert alice.state is S.TERMINATED
    assert peer.requests("REGISTER")[-1].expires == 0


@pytest.mark.requirement("R67")
async def test_signing_out_is_repeatable_and_final(peer: Peer) -> None:
    async with peer.signed_in() as alice:
        await asyncio.gather(alice.terminate(), alice.terminate())
        await alice.terminate()
        with pytest.raises(StateError, match="terminated"):
            await alice.establish()
        with pytest.raises(StateError, match="terminated"):
            await alice.provisioning(refresh=True)


@pytest.mark.requirement("R13")
async def test_two_endpoints_of_one_user_are_two_connections(peer: Peer) -> None:
    async with (
        peer.platform() as platform,
        peer.endpoint(platform) as one,
        peer.endpoint(platform) as other,
    ):
        assert one.endpoint_uri != other.endpoint_uri
        assert len(peer.connections) == 2


async def test_pings_keep_the_connection_open(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    peer.keep_alive = 0
    async with peer.signed_in(replace(SHORT, keep_alive=0.01)):
        answered = asyncio.Event()
        server_side = peer.connection.connection
        write = server_side._write

        def noting(data: bytes) -> None:
            write(data)
            if data == b"\r\n":  # RFC 5626 §3.5.1
                answered.set()

        monkeypatch.setattr(server_side, "_write", noting)
        await answered.wait()


# --- refused ---


@pytest.mark.requirement("R25")
async def test_a_wrong_password_says_so_and_leaves_nothing_open(peer: Peer) -> None:
    async with peer.platform() as platform:
        alice = peer.endpoint(platform, password="wrong-one")
        with pytest.raises(AuthenticationError) as caught:
            await alice.establish()
        assert caught.value.reason is AuthenticationReason.INVALID_CREDENTIALS
        assert caught.value.diagnostics.code == 1000
        assert "wrong-one" not in repr(caught.value)
        await peer.connection.lost.wait()
        alice.credential = CREDENTIAL
        assert (await alice.establish()).status == 200


@pytest.mark.requirement("R11")
async def test_establishing_returns_how_the_server_answered(peer: Peer) -> None:
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        told = await alice.establish()
        assert told == SignInResult(200, "OK", peer.address, Diagnostics())


REASONS = {  # what a refusal does to the state, where the next attempt will not mend it
    "403": EndpointReason.OWNER_DISABLED_OR_REMOVED,
    "Not enabled": EndpointReason.OWNER_DISABLED_OR_REMOVED,
    "No more": EndpointReason.TOO_MANY_ENDPOINTS,
}


@pytest.mark.parametrize(
    ("status", "headers", "kind", "detail"),
    [
        (403, {"ms-diagnostics": '4004;reason="Foreign"'}, AuthenticationError, "unauthorized"),
        (403, {"ms-diagnostics": '1013;reason="Skew"'}, AuthenticationError, "clock skew"),
        (403, {"Warning": '310 lcs.example.com "Not today"'}, ServerPolicyError, "Not today"),
        (403, {}, RegisterError, "403"),
        (404, {"ms-diagnostics": '4005;reason="Not enabled"'}, RegisterError, "Not enabled"),
        (503, {"ms-diagnostics": '1007;reason="Wrong pool"'}, RegisterError, "Wrong pool"),
        (503, {"ms-diagnostics": '20009;reason="No more"'}, RegisterError, "No more"),
        (504, {}, OperationTimeout, "504"),
    ],
)
@pytest.mark.requirement("R25", "R29")
async def test_refusals_are_told_apart(
    peer: Peer, status: int, headers: dict[str, str], kind: type[RealTimeError], detail: str
) -> None:
    peer.on["REGISTER"] = lambda c, event: c.refuse(event, status, *headers.items())
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        changes = alice.state_changes()
        with pytest.raises(kind) as caught:
            await alice.establish()
        assert await collect(changes, S.IDLE) == [
            (S.ESTABLISHING, EndpointReason.NONE),
            (S.IDLE, REASONS.get(detail, EndpointReason.SIGN_IN_FAILED)),
        ]
    reason = getattr(caught.value, "reason", None)
    said = f"{caught.value} {reason.value if reason is not None else ''}"
    assert detail in said


@pytest.mark.parametrize(
    ("challenge", "reason"),
    [
        ('Kerberos realm="R", targetname="sip/h", version=4', "no common protocols"),
        ("NTLM realm=, , ,", "malformed challenge"),
    ],
)
@pytest.mark.requirement("R25")
async def test_challenges_nobody_can_answer_are_told_apart(
    peer: Peer, challenge: str, reason: str
) -> None:
    header = ("WWW-Authenticate", challenge)
    peer.on["REGISTER"] = lambda c, event: c.refuse(event, 401, header)
    async with peer.platform() as platform:
        with pytest.raises(AuthenticationError) as caught:
            await peer.endpoint(platform).establish()
    assert caught.value.reason.value == reason


@pytest.mark.requirement("R25")
async def test_a_server_that_lets_anybody_in_is_not_trusted(peer: Peer) -> None:
    peer.on["REGISTER"] = PeerConnection.accept
    async with peer.platform() as platform:
        with pytest.raises(AuthenticationError) as caught:
            await peer.endpoint(platform).establish()
    assert caught.value.reason is AuthenticationReason.NOT_CHALLENGED


@pytest.mark.parametrize("spoil", [wrongly_signed, unsigned])
async def test_a_server_that_does_not_know_the_password_is_not_trusted(
    peer: Peer, spoil: Spoiler
) -> None:
    peer.spoil = spoil
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        with pytest.raises(AuthenticationError) as caught:
            await alice.establish()
        assert caught.value.reason is AuthenticationReason.BAD_SIGNATURE
        await peer.connection.lost.wait()
        assert alice.state is S.IDLE


@pytest.mark.requirement("R51")
async def test_refused_settings_fail_the_sign_in(peer: Peer) -> None:
    peer.on["SUBSCRIBE"] = lambda c, event: c.refuse(event, 489)
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        with pytest.raises(PublishSubscribeError) as caught:
            await alice.establish()
        assert (caught.value.status, alice.state) == (489, S.IDLE)
        await peer.connection.lost.wait()


@pytest.mark.requirement("R51")
async def test_settings_that_make_no_sense_fail_the_sign_in(peer: Peer) -> None:
    def nonsense(connection: PeerConnection, event: RequestReceived) -> None:
        connection.connection.respond(event.transaction, 200, body=b"<html/>")

    peer.on["SUBSCRIBE"] = nonsense
    async with peer.platform() as platform:
        with pytest.raises(ProvisioningError) as caught:
            await peer.endpoint(platform).establish()
    assert caught.value.reason is ProvisioningReason.INVALID_CONFIGURATION


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE"])
@pytest.mark.requirement("R29", "R68")
async def test_silence_ends_in_a_timeout(peer: Peer, method: str) -> None:
    peer.on[method] = lambda _, __: None
    async with peer.platform() as platform:
        alice = peer.endpoint(platform, replace(SHORT, request=0.05))
        with pytest.raises(OperationTimeout):
            await alice.establish()
        assert alice.state is S.IDLE
        await peer.connection.lost.wait()


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE"])
async def test_a_connection_cut_while_signing_in_is_told(peer: Peer, method: str) -> None:
    peer.on[method] = lambda c, _: c.cut()
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        with pytest.raises(ConnectionFailure):
            await alice.establish()
        assert alice.state is S.IDLE


@pytest.mark.requirement("R29")
async def test_an_unreachable_server_is_told(peer: Peer, unused_tcp_port: int) -> None:
    async with peer.platform() as platform:
        peer.address = f"127.0.0.1:{unused_tcp_port}"
        with pytest.raises(ConnectionFailure, match="cannot connect"):
            await peer.endpoint(platform).establish()


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE"])
@pytest.mark.requirement("R12")
async def test_a_cancelled_sign_in_leaves_nothing_half_open(peer: Peer, method: str) -> None:
    reached = asyncio.Event()
    peer.on[method] = lambda _, __: reached.set()
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        signing_in = asyncio.get_running_loop().create_task(alice.establish())
        await reached.wait()
        signing_in.cancel()
        with pytest.raises(asyncio.CancelledError):
            await signing_in
        assert alice.state is S.IDLE
        await peer.connection.lost.wait()


async def test_terminating_while_signing_in_ends_both(peer: Peer) -> None:
    reached = asyncio.Event()
    peer.on["SUBSCRIBE"] = lambda _, __: reached.set()
    async with peer.platform() as platform:
        alice = peer.endpoint(platform)
        signing_in = asyncio.get_running_loop().create_task(alice.establish())
        await reached.wait()
        await alice.terminate()
        with pytest.raises(RealTimeError):
            await signing_in
        assert alice.state is S.TERMINATED


# --- staying signed in ---


async def collect(
    changes: EventStream[EndpointStateChanged], until: EndpointState
) -> list[tuple[EndpointState, EndpointReason]]:
    seen = []
    async for change in changes:
        seen.append((change.state, change.reason))
        if change.state is until:
            break
    return seen


async def test_a_registration_is_refreshed_signed_and_unchallenged(peer: Peer) -> None:
    refreshed = asyncio.Event()

    def register(connection: PeerConnection, event: RequestReceived) -> None:
        connection.register(event)
        if len(peer.requests("REGISTER")) > 4:
            refreshed.set()

    peer.expires = 1  # the least there is; refreshed at half of it
    peer.on["REGISTER"] = register
    async with peer.signed_in() as alice:
        await refreshed.wait()
        assert alice.state is S.ESTABLISHED
    assert all(
        "response=" in (r.headers.get("Authorization") or "") for r in peer.requests("REGISTER")[3:]
    )


async def test_a_failed_refresh_is_repeated(peer: Peer) -> None:
    answers = [503]

    def register(connection: PeerConnection, event: RequestReceived) -> None:
        if len(peer.requests("REGISTER")) > 3 and answers:
            connection.refuse(event, answers.pop())
        else:
            connection.register(event)

    peer.expires = 1
    peer.on["REGISTER"] = register
    async with peer.signed_in() as alice:
        changes = alice.state_changes()
        assert await collect(changes, S.ESTABLISHED) == [
            (S.REESTABLISHING, EndpointReason.REFRESH_FAILED),
            (S.ESTABLISHED, EndpointReason.REFRESH_SUCCEEDED),
        ]


@pytest.mark.parametrize(
    ("status", "tries", "reason"),
    [
        (503, 4, EndpointReason.REFRESH_FAILED),
        (403, 1, EndpointReason.OWNER_DISABLED_OR_REMOVED),
    ],
)
async def test_a_refresh_that_keeps_failing_ends_the_endpoint(
    peer: Peer, status: int, tries: int, reason: EndpointReason
) -> None:
    def register(connection: PeerConnection, event: RequestReceived) -> None:
        if len(peer.requests("REGISTER")) > 3:
            connection.refuse(event, status)
        else:
            connection.register(event)

    peer.expires = 1
    peer.on["REGISTER"] = register
    async with peer.signed_in() as alice:
        changes = alice.state_changes()
        assert await collect(changes, S.TERMINATED) == [
            (S.REESTABLISHING, EndpointReason.REFRESH_FAILED),
            (S.TERMINATING, reason),
            (S.TERMINATED, EndpointReason.NONE),
        ]
    assert len(peer.requests("REGISTER")) == 3 + tries


@pytest.mark.requirement("R60")
async def test_a_lost_connection_ends_the_endpoint(peer: Peer) -> None:
    async with peer.signed_in() as alice:
        changes = alice.state_changes()
        peer.connection.cut()
        assert await collect(changes, S.TERMINATED) == [
            (S.TERMINATING, EndpointReason.CONNECTION_LOST),
            (S.TERMINATED, EndpointReason.NONE),
        ]
        with pytest.raises(StateError):
            await alice.provisioning(refresh=True)


@pytest.mark.parametrize("method", ["NOTIFY", "BENOTIFY"])
async def test_the_server_may_end_a_registration(peer: Peer, method: str) -> None:
    async with peer.signed_in() as alice:
        changes = alice.state_changes()
        event = ("Event", "registration-notify")
        peer.connection.request(method, event, body=b"event=rejected")
        first = await anext(changes)
        assert (first.state, first.reason) == (S.TERMINATING, EndpointReason.DEREGISTERED)
        assert "event=rejected" in first.message
        assert (await anext(changes)).state is S.TERMINATED


async def test_what_the_server_does_not_sign_is_not_heard(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    async with peer.signed_in() as alice:
        peer.connection.spoil = unsigned
        peer.connection.request("OPTIONS")
        peer.connection.spoil = lambda message: message
        assert (await alice.provisioning(refresh=True)).chat.enabled
        assert not peer.connection.answers
    assert "not signed by the server: OPTIONS" in caplog.text


async def test_a_wrong_signature_ends_everything(peer: Peer) -> None:
    async with peer.signed_in() as alice:
        changes = alice.state_changes()
        peer.connection.spoil = wrongly_signed
        with pytest.raises(AuthenticationError) as caught:
            await alice.provisioning(refresh=True)
        assert caught.value.reason is AuthenticationReason.BAD_SIGNATURE
        assert await collect(changes, S.TERMINATED)
        await peer.connection.lost.wait()


@pytest.mark.parametrize(
    ("method", "status"),
    [("NOTIFY", 481), ("OPTIONS", 200), ("INVITE", 488), ("INFO", 481)],
)
async def test_what_nobody_asked_for_is_answered_and_ignored(
    peer: Peer, method: str, status: int
) -> None:
    async with peer.signed_in() as alice:
        peer.connection.request(method, ("Contact", "<sip:sip.example.com>"))
        await alice.provisioning(refresh=True)
        assert [answer.status for answer in peer.connection.answers] == [status]
        assert alice.state is S.ESTABLISHED


@pytest.mark.requirement("R21", "R72")
async def test_secrets_are_in_no_log(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with peer.signed_in() as alice:
        assert isinstance(alice.credential, PasswordCredential)
        assert alice.credential.username == "alice"
    told = [record.getMessage() for record in caplog.records]
    assert f"{alice.owner_uri} is established" in told
    assert "Secret-1" not in caplog.text
    assert "TlRMTVNTUA" not in caplog.text  # how tokens begin in base64
    assert "Secret-1" not in repr(alice.credential)


async def test_signing_out_while_a_refresh_is_under_way_is_clean(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    refreshing = asyncio.Event()

    def register(connection: PeerConnection, event: RequestReceived) -> None:
        if len(peer.requests("REGISTER")) == 4:
            refreshing.set()
        elif event.request.expires == 0:
            connection.refuse(event, 503)
        else:
            connection.register(event)

    peer.expires = 1
    peer.on["REGISTER"] = register
    async with peer.signed_in() as alice:
        await refreshing.wait()
        await alice.terminate()
        assert alice.state is S.TERMINATED
    assert [r.levelname for r in caplog.records if r.levelname == "ERROR"] == []


async def test_a_device_that_is_named_is_the_same_at_every_start(peer: Peer) -> None:
    addresses = []
    for _ in range(2):
        async with (
            peer.platform() as platform,
            UserEndpoint(
                platform,
                ALICE,
                server=peer.address,
                credential=CREDENTIAL,
                endpoint_id="0123456789ab",
            ) as alice,
        ):
            addresses.append(alice.endpoint_uri)
    assert alice.endpoint_id == "0123456789ab"
    assert {request.from_.param("epid") for request in peer.requests("REGISTER")} == {
        "0123456789ab"
    }
    assert len(set(addresses)) == 1
