"""
The real pidgin-sipe client against a real server process, over TCP and TLS.

Nobody here wrote that client, so what it accepts is evidence and what it refuses is news.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.testing.peers import SipeAccount, SipeClient, SipeFailure
from tests.peers.server import Installation

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.peers.server import RunningServer

pytestmark = pytest.mark.xdist_group("sipe")

over_both = pytest.mark.parametrize("transport", ["tcp", "tls"])

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"


def account(server: RunningServer, name: str, transport: str = "tcp") -> SipeAccount:
    """Return how ``name`` signs in with pidgin; over TLS the certificate is verified."""
    made = server.installation
    return SipeAccount(
        uri=made.uri(name),
        login=name,
        password=made.passwords[name],
        port=server.port(transport),
        transport=transport,
        authorities=made.trust,
    )


def sdk(
    server: RunningServer, name: str, transport: str = "tls"
) -> AbstractAsyncContextManager[perchat.PersistentChatEndpoint]:
    """Return a chat connection of ``name`` by the SDK."""
    made = server.installation
    return perchat.connect_user(
        made.uri(name),
        server="127.0.0.1",
        port=server.port(transport),
        transport=perchat.Transport[transport.upper()],
        ca=made.authority,
        credential=perchat.PasswordCredential(name, made.passwords[name]),
    )


@over_both
@pytest.mark.requirement("R56", "R5")
async def test_a_person_signs_in_finds_a_room_and_talks(
    transport: str, driver: Path, server: RunningServer, new_room: Callable[..., str]
) -> None:
    room = new_room("Lobby", "alice", "bob", description="Where one waits")
    async with SipeClient(driver, account(server, "alice", transport)) as alice:
        await alice.ready()
        listed = (await alice.rooms())[room]
        await alice.join(room)
        await alice.send("Grüße <an> alle & jeden")
        echo = await alice.hears("Grüße <an> alle & jeden")

        assert listed["description"] == "Where one waits"
        assert listed["users"] == 0
        assert await alice.members() == [ALICE]
        assert await alice.history(room) == []
        assert echo["own"] is True
        await alice.leave()
        assert alice.complaints() == []


@over_both
@pytest.mark.requirement("R66")
async def test_two_pidgin_users_see_each_other_come_talk_and_go(
    transport: str, driver: Path, server: RunningServer, new_room: Callable[..., str]
) -> None:
    room = new_room("Pair", "alice", "bob")
    async with (
        SipeClient(driver, account(server, "alice", transport)) as alice,
        SipeClient(driver, account(server, "bob", transport)) as bob,
    ):
        await alice.join(room)
        await alice.send("first")
        await alice.hears("first")
        await bob.join(room)
        arrival = await alice.told("member-joined", room=room, new=True)

        assert arrival["uri"].endswith(BOB)
        assert sorted(await bob.members()) == sorted(await alice.members()) == [ALICE, BOB]
        assert await bob.history(room) == ["first"]

        await bob.send("second")
        heard = await alice.hears("second")
        assert heard["from"].endswith(BOB)
        assert heard["own"] is False
        await bob.leave()
        gone = await alice.told("member-left", room=room)
        assert gone["uri"].endswith(BOB)
        assert await alice.members() == [ALICE]
        assert alice.complaints() + bob.complaints() == []


@over_both
@pytest.mark.requirement("R54")
async def test_pidgin_and_the_sdk_talk_both_ways(
    transport: str, driver: Path, server: RunningServer, new_room: Callable[..., str]
) -> None:
    room = new_room("Bridge", "alice", "bob", "carol")
    async with (
        SipeClient(driver, account(server, "alice", transport)) as alice,
        SipeClient(driver, account(server, "bob", transport)) as bob,
        sdk(server, "carol", transport) as chat,
        chat.join(room) as session,
    ):
        messages = session.messages(include_own=False)
        await alice.join(room)
        await bob.join(room)
        everyone = {*await alice.members(), *await bob.members()}
        await session.post("from the SDK")
        await alice.hears("from the SDK")
        await bob.hears("from the SDK")
        await alice.send("from pidgin")
        async with asyncio.timeout(10):
            heard = await anext(messages)
        await bob.hears("from pidgin")

        assert everyone == {ALICE, BOB, CAROL}
        assert (heard.text, str(heard.author)) == ("from pidgin", server.installation.uri("alice"))
        assert len({participant.uri for participant in session.participants}) == 3
        assert alice.complaints() + bob.complaints() == []


@over_both
@pytest.mark.parametrize("name", ["alice", "nobody"])
@pytest.mark.requirement("R28")
async def test_a_wrong_password_and_an_unknown_user_are_refused_alike(
    name: str, transport: str, driver: Path, server: RunningServer
) -> None:
    right = account(server, "alice", transport)
    wrong = replace(right, uri=server.installation.uri(name), login=name, password="Wrong-1")
    with pytest.raises(SipeFailure, match="Authentication failed"):
        async with SipeClient(driver, wrong):
            pass


@pytest.mark.requirement("R28")
async def test_a_server_whose_authority_is_not_trusted_is_left_alone(
    driver: Path, server: RunningServer, tmp_path: Path
) -> None:
    wary = replace(account(server, "alice", "tls"), authorities=tmp_path)
    with pytest.raises(SipeFailure, match="invalid certificate"):
        async with SipeClient(driver, wary):
            pass


async def test_a_room_one_is_no_member_of_is_listed_but_not_entered(
    driver: Path, server: RunningServer, new_room: Callable[..., str]
) -> None:
    room = new_room("Board", "bob")
    async with SipeClient(driver, account(server, "alice")) as alice:
        await alice.ready()
        assert room in await alice.rooms()
        await alice.step(f"join-fails={room}")


class TestKilledServer:
    """`kill -9` between two messages; what was acknowledged is there, once."""

    @pytest.fixture
    def installation(self, tmp_path: Path) -> Installation:
        """An installation of its own: on the other one a server runs."""
        made = Installation.create(tmp_path / "data")
        for name in ("alice", "carol"):
            made.add_user(name)
        made.perchat("category", "add", "General")
        made.add_room("Storm", "General", "alice", "carol")
        return made

    @pytest.mark.requirement("R57")
    async def test_nothing_acknowledged_is_lost_and_everybody_talks_again(
        self, driver: Path, installation: Installation
    ) -> None:
        room = "Storm"
        first = await asyncio.to_thread(installation.serve)
        async with SipeClient(driver, account(first, "alice")) as alice:
            await alice.join(room)
            await alice.send("pidgin before")
            await alice.hears("pidgin before")
            acknowledged = await self.post_until_killed(first, room)
            await alice.told("disconnected")

            second = await asyncio.to_thread(first.restart)
            try:
                await alice.connect()  # and the client joins again by itself
                await self.talk_again(second, room, alice, ["pidgin before", *acknowledged])
            finally:
                assert await asyncio.to_thread(second.stop) == 0

    async def post_until_killed(self, server: RunningServer, room: str) -> list[str]:
        """Post without pause; after 20 receipts the server dies under the next post."""
        acknowledged: list[str] = []

        async def post_on(session: perchat.ChatRoomSession) -> None:
            while True:
                text = f"post {len(acknowledged)}"
                await session.post(text)
                acknowledged.append(text)
                if len(acknowledged) == 20:
                    server.process.kill()

        async with asyncio.timeout(30):
            with pytest.raises(perchat.PerchatError):
                async with sdk(server, "carol") as chat, chat.join(room) as session:
                    await post_on(session)
        await asyncio.to_thread(server.kill)
        return acknowledged

    async def talk_again(
        self, server: RunningServer, room: str, alice: SipeClient, acknowledged: list[str]
    ) -> None:
        """Check the history, then a message each way."""
        shown = await alice.history(room)
        async with sdk(server, "carol") as chat, chat.join(room) as session:
            kept = [message.text for message in await session.recent(100)]
            assert kept[: len(acknowledged)] == acknowledged
            assert len(kept) - len(acknowledged) <= 1  # the post under way, stored or not
            assert shown == kept[-25:]

            messages = session.messages(include_own=False)
            await session.post("the SDK is back")
            await alice.hears("the SDK is back")
            await alice.send("pidgin is back")
            async with asyncio.timeout(10):
                assert (await anext(messages)).text == "pidgin is back"


@over_both
@pytest.mark.requirement("R54")
async def test_what_moderators_do_disturbs_no_pidgin(
    transport: str, driver: Path, server: RunningServer, new_room: Callable[..., str]
) -> None:
    room = new_room("Moderated", "alice", "carol")
    server.installation.perchat("user", "grant", "carol", "--role", "moderator")
    async with (
        SipeClient(driver, account(server, "alice", transport)) as alice,
        sdk(server, "carol", transport) as chat,
    ):
        await alice.join(room)
        for text in ("an otter", "a badger", "lunch"):
            await alice.send(text)
            await alice.hears(text)
        assert await chat.moderation.replace(room, 1, "hush") == (1,)
        assert await chat.moderation.remove(room, "badger") == (2,)
        async with chat.join(room) as session:
            await session.post("still here?")
            await alice.hears("still here?")
            await alice.send("yes")
            await alice.hears("yes")
            left = [message.text for message in await session.recent(9)]
        assert left == ["hush", "lunch", "still here?", "yes"]
        await alice.leave()
        await alice.join(room)
        assert await alice.history(room) == left
        assert alice.complaints() == []
