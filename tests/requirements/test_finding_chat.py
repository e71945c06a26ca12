"""What the original's page asks of finding the chat service, where no other test shows it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from perchat.client.chat import PersistentChatEndpoint
from perchat.client.connect import connect_user
from perchat.client.platform import CollaborationPlatform
from perchat.client.userendpoint import UserEndpoint
from perchat.errors import ChatServerConnectionError
from perchat.model.invitation import Invitation
from perchat.net.connector import Transport
from perchat.server.admin import administration
from perchat.xccos.blocks import Invitations, ServerInfoReply
from perchat.xccos.primitives import Notice
from tests.client.peer import POOL, room
from tests.client.server import QUICK, LiveServer, credential, install_sample, live
from tests.server.process import process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.server.config import ServerConfig
    from tests.client.peer import Peer

CHOSEN, FURTHER = "sip:rooms@example.com", "sip:archive@example.com"


@pytest.fixture
async def pools(tmp_path: Path) -> AsyncIterator[LiveServer]:
    """A server with two addresses of its own choice."""
    config = await install_sample(tmp_path / "pools")
    chat = msgspec.structs.replace(config.chat, pool_uri=CHOSEN, further_uris=(FURTHER,))
    async with live(msgspec.structs.replace(config, chat=chat)) as up:
        yield up


def signing_in(server: LiveServer, name: str = "alice") -> UserEndpoint:
    platform = CollaborationPlatform.client("test", transport=Transport.TCP)
    return UserEndpoint(
        platform,
        f"sip:{name}@example.com",
        server=server.tcp,
        credential=credential(name),
        options=QUICK,
    )


@pytest.mark.requirement("R48", "R56")
async def test_clients_are_told_what_the_administrator_set(pools: LiveServer) -> None:
    user = signing_in(pools)
    async with user.platform, user:
        chat = (await user.provisioning()).chat
    assert (chat.enabled, chat.default_uri) == (True, CHOSEN)
    assert chat.uris == (CHOSEN, FURTHER)
    assert chat.properties["EnablePersistentChat"] == "true"


@pytest.mark.requirement("R47", "R48")
async def test_fresh_settings_show_what_changed_since(server: LiveServer) -> None:
    user = signing_in(server)
    async with user.platform, user:
        assert (await user.provisioning()).chat.enabled
        async with administration(server.config) as admin:
            await admin.set_user("alice", chat_enabled=False)
        async with asyncio.timeout(10):
            while (await user.provisioning(refresh=True)).chat.enabled:
                await asyncio.sleep(0.05)
        assert not (await user.provisioning()).chat.enabled


@pytest.mark.requirement("R53", "R54")
async def test_several_pools_at_once_over_one_local_endpoint(pools: LiveServer) -> None:
    user = signing_in(pools)
    async with user.platform, user:
        addresses = (await user.provisioning()).chat.uris
        first, second = (PersistentChatEndpoint(address, user) for address in addresses)
        async with first, second:
            assert (first.address, second.address) == addresses
            assert len(set(addresses)) == 2
            assert first.server.message_size_limit == second.server.message_size_limit == 8192
            async with first.join("Lobby") as here, second.join("Lobby") as there:
                messages = there.messages()
                await here.post("to the other")
                assert (await anext(messages)).text == "to the other"


@pytest.mark.requirement("R56")
async def test_the_address_the_administrator_chose_is_told_and_answers_alone(
    tmp_path: Path,
) -> None:
    config = await install_sample(tmp_path / "server")
    chosen = "sip:talk@example.com"
    chat = msgspec.structs.replace(config.chat, pool_uri=chosen)
    async with live(msgspec.structs.replace(config, chat=chat)) as server:
        async with server.connect("alice") as told:
            assert told.address == chosen
            assert await told.search_rooms()
        user = signing_in(server)
        async with user.platform, user:
            with pytest.raises(ChatServerConnectionError) as refused:
                await PersistentChatEndpoint("sip:perchat@example.com", user).establish()
    assert refused.value.status == 404


@pytest.mark.requirement("R52", "R56", "R49")
async def test_the_server_answers_at_the_legacy_address(server: LiveServer) -> None:
    async with connect_user(
        "alice@example.com",
        server=server.tcp,
        transport=Transport.TCP,
        credential=credential("alice"),
        chat_uri="sip:ocschat@example.com",
        options=QUICK,
    ) as chat:
        assert chat.address == server.config.service_uri  # the look-up was followed


@pytest.mark.requirement("R57")
async def test_the_address_is_good_for_whatever_machine_takes_over(tmp_path: Path) -> None:
    config: ServerConfig = await install_sample(tmp_path / "server")
    addresses = []
    for _ in range(2):  # killed, then another process at another port
        async with process(config) as node:
            up = LiveServer(config, node.sample.addresses, asyncio.Event())
            async with up.connect("alice") as chat, chat.join("Lobby") as session:
                addresses.append(chat.address)
                await session.post("kept")
                kept = len(await session.recent())
            await node.kill()
    assert addresses == [config.pool_uri] * 2
    assert kept == 2


@pytest.mark.requirement("R58")
async def test_a_server_of_an_older_generation_is_told_to_be_one(peer: Peer) -> None:
    async with peer.chatting() as chat:
        info = replace(chat.server, display_name="", room_management_url="")
    peer.replies["getserverinfo"] = lambda _: ServerInfoReply(info)
    async with peer.signed_in() as endpoint:
        with pytest.raises(ChatServerConnectionError, match="older generation"):
            await PersistentChatEndpoint(POOL, endpoint).establish()


@pytest.mark.requirement("R61")
async def test_an_invitation_carries_the_room_its_time_and_an_id(peer: Peer) -> None:
    lobby = room()
    sent = Invitation(41, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), lobby)
    async with peer.chatting() as chat:
        invitations = chat.invitations()
        peer.connection.say(Notice("invite", Invitations((sent,))))
        got = await anext(invitations)
    assert (got.id, got.room.uri, got.room.name) == (41, lobby.uri, "Lobby")
    assert got.room.description == "for all"
    assert got.created_on == sent.created_on
    assert got.created_on.tzinfo is UTC
