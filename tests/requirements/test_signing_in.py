"""What the original's page asks of signing in, where no other test shows it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from perchat.client.chat import PersistentChatEndpoint
from perchat.client.connect import connect_user
from perchat.client.credentials import PasswordCredential
from perchat.client.options import ClientTimers, EndpointOptions
from perchat.client.platform import CollaborationPlatform
from perchat.client.states import EndpointState
from perchat.client.userendpoint import UserEndpoint
from perchat.errors import AuthenticationError, AuthenticationReason, ConnectionFailure
from perchat.net.connector import Transport
from perchat.net.resolver import SystemResolver
from perchat.server.admin import administration
from perchat.server.install import install
from perchat.xccos.primitives import Chat
from tests.client.peer import ALICE, BOB
from tests.client.server import QUICK, credential, install_sample, live
from tests.server.harness import running
from tests.server.trusting import own_loopback

if TYPE_CHECKING:
    from tests.client.peer import Peer
    from tests.client.server import LiveServer

_LISTEN = "0A"  # proc(5), /proc/net/tcp


def listening() -> set[str]:
    """Return the sockets on which this process takes connections."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        found |= {row[9] for row in rows if row[3] == _LISTEN}
    mine = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            mine.add(str(descriptor.readlink()))
    return {f"socket:[{inode}]" for inode in found} & mine


@pytest.mark.requirement("R2", "R60")
async def test_the_lower_layer_stands_before_the_upper_begins(
    server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "perchat"):
        async with server.connect("alice"):
            pass
    told = [record.getMessage() for record in caplog.records]
    steps = [text for text in told if text.startswith("sip:alice@example.com") and " is " in text]
    assert [text.removeprefix("sip:alice@example.com").lstrip(": ") for text in steps] == [
        "is establishing",
        "is established",
        "chat is establishing",
        "chat is established",
        "chat is terminating",
        "chat is terminated",
        "is terminating",
        "is terminated",
    ]


@pytest.mark.requirement("R9")
async def test_a_client_listens_on_no_port(peer: Peer) -> None:
    before = listening()
    async with peer.chatting():
        assert listening() == before


@pytest.mark.requirement("R11")
async def test_the_settings_are_not_fetched_when_not_wanted(peer: Peer) -> None:
    async with (
        peer.platform() as platform,
        UserEndpoint(
            platform,
            ALICE,
            server=peer.address,
            credential=PasswordCredential("alice", "Secret-1"),
            provision=False,
        ),
    ):
        pass
    assert peer.requests("SUBSCRIBE") == []


@pytest.mark.requirement("R14", "R45")
async def test_the_programs_name_is_sent_and_logged_by_the_server(
    server: LiveServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "perchat.signin"):
        async with connect_user(
            "alice@example.com",
            server=server.tcp,
            transport=Transport.TCP,
            credential=credential("alice"),
            user_agent="digest-tool/1.0",
        ):
            pass
    told = [record.getMessage() for record in caplog.records]
    assert any("signed in" in text and "digest-tool/1.0" in text for text in told)
    assert capsys.readouterr() == ("", "")


@pytest.mark.requirement("R21")
@pytest.mark.parametrize(
    "name", ["alice@example.com", "ALICE@EXAMPLE.COM", "EXAMPLE\\alice", "alice"]
)
async def test_users_write_their_names_in_several_ways(server: LiveServer, name: str) -> None:
    async with connect_user(
        "alice@example.com",
        server=server.tcp,
        transport=Transport.TCP,
        credential=PasswordCredential(name, credential("alice").password),
        options=QUICK,
    ) as chat:
        assert chat.owner_uri == ALICE


@pytest.mark.requirement("R27")
@pytest.mark.parametrize("told", [True, False])
async def test_a_new_password_is_used_from_the_next_challenge_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, told: bool
) -> None:
    caplog.set_level(logging.INFO, "perchat.signin")

    config = await install_sample(tmp_path / "server")
    soon = msgspec.structs.replace(config.sign_in, registration_expires=2, association_lifetime=1)
    async with live(msgspec.structs.replace(config, sign_in=soon)) as server:
        platform = CollaborationPlatform.client("test", transport=Transport.TCP)
        options = EndpointOptions(timers=ClientTimers(reregister=(0.1,)))
        endpoint = UserEndpoint(
            platform,
            ALICE,
            server=server.tcp,
            credential=credential("alice"),
            options=options,
        )
        async with platform, endpoint, asyncio.timeout(10):
            changes = endpoint.state_changes()
            chat = PersistentChatEndpoint(server.config.pool_uri, endpoint)
            await chat.establish()
            async with administration(server.config) as admin:
                await admin.set_user("alice", password="another one")
            if not told:
                while (await anext(changes)).state is not EndpointState.TERMINATED:
                    pass
                return
            endpoint.credential = PasswordCredential("alice", "another one")
            while sum("signed in from" in one.getMessage() for one in caplog.records) < 3:
                await asyncio.sleep(0.01)  # two refreshes, each challenged
            assert endpoint.state is EndpointState.ESTABLISHED
            assert await chat.search_rooms()


@pytest.mark.requirement("R41")
async def test_nobody_signs_in_as_a_service_account_by_a_password_it_once_had(
    tmp_path: Path,
) -> None:
    config = await install_sample(tmp_path / "server")
    async with administration(config) as admin:
        await admin.set_user("alice", service=True)
    async with live(config) as server:
        with pytest.raises(AuthenticationError) as refused:
            await server.connect("alice")
        async with server.connect("bob"):
            pass
    assert refused.value.reason is AuthenticationReason.INVALID_CREDENTIALS


@pytest.mark.requirement("R5")
async def test_a_line_is_of_whom_signed_in_whatever_it_says(server: LiveServer) -> None:
    async with (
        server.connect("alice") as chat,
        chat.join("Lobby") as room,
        server.connect("bob") as other,
        other.join("Lobby") as heard,
    ):
        messages = heard.messages()
        post = chat._live_dialog.post

        async def forged(line: Chat, *rest: object) -> object:
            lie = Chat(room=line.room, author=BOB, text=line.text, at=line.at)
            return await post(lie, *rest)  # type: ignore[arg-type]

        chat._live_dialog.post = forged  # type: ignore[method-assign,assignment]
        await room.post("I am Bob")
        message = await anext(messages)
        assert (message.author, message.text) == (ALICE, "I am Bob")


class Nowhere(SystemResolver):
    """Knows no host, so that nothing leaves this machine."""

    async def addresses(self, host: str) -> tuple[str, ...]:
        del host
        return ()


PAGE_ADDRESSES = [
    ("sip:user@domain", "server.contoso.com"),
    ("sip:alice@contoso.com", "pool0.contoso.com:5061"),
    ("sip:alice@contoso.com", "client.contoso.com:4585"),
]


@pytest.mark.requirement("R70", "R10")
@pytest.mark.parametrize(("uri", "server_name"), PAGE_ADDRESSES)
async def test_what_the_page_writes_is_taken_as_it_stands(
    uri: str, server_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "perchat.signin")
    platform = CollaborationPlatform.client("page", resolver=Nowhere())
    async with platform:
        endpoint = UserEndpoint(
            platform, uri, server=server_name, credential=credential("alice"), options=QUICK
        )
        assert endpoint.owner_uri == uri
        whole = server_name if ":" in server_name else f"{server_name}:5061"
        with pytest.raises(ConnectionFailure, match=f"cannot connect to {whole}: there is no host"):
            await endpoint.establish()
    assert f"connecting to {whole} over TLS" in [one.getMessage() for one in caplog.records]


@pytest.mark.requirement("R17")
@pytest.mark.parametrize("transport", list(Transport))
async def test_the_ports_are_the_usual_ones_unless_given(
    tmp_path: Path, transport: Transport
) -> None:
    host = own_loopback()
    config = await install(tmp_path / "server", "example.com", [host])
    async with administration(config) as admin:
        await admin.add_user("alice", credential("alice").password)
    listen = msgspec.structs.replace(config.listen, tls=f"{host}:5061", tcp=f"{host}:5060")
    async with running(msgspec.structs.replace(config, listen=listen), tls=5061, tcp=5060) as up:
        assert {up.tls, up.tcp} == {(host, 5061), (host, 5060)}
        async with connect_user(
            "alice@example.com",
            server=host,
            transport=transport,
            ca=up.ca,
            credential=credential("alice"),
            options=QUICK,
        ) as chat:
            assert chat.owner_uri == ALICE
