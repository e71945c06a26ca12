"""A registrar that sends users elsewhere (RFC 3261 §8.1.3.4): where we go, and where we do not."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from perchat.client.credentials import PasswordCredential
from perchat.client.events import EndpointReason
from perchat.client.options import EndpointOptions
from perchat.client.platform import CollaborationPlatform
from perchat.client.states import EndpointState
from perchat.client.userendpoint import UserEndpoint
from perchat.errors import (
    ConnectionFailure,
    RegisterError,
    TlsFailure,
    TlsFailureReason,
)
from tests.client.peer import ALICE, PASSWORD, SHORT, peer_up
from tests.client.test_discovery import Names
from tests.net.material import Authority
from tests.server.harness import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from perchat.sip.events import RequestReceived
    from tests.client.peer import Peer, PeerConnection

HERE = "127.0.0.1"
HOSTS = ("fe1.example.com", "fe2.example.com", "fe2.elsewhere.example", "example.com")


def to(*contacts: str, status: int = 301) -> Callable[[PeerConnection, RequestReceived], None]:
    """Return what answers a REGISTER with these contacts."""

    def send_away(connection: PeerConnection, event: RequestReceived) -> None:
        connection.refuse(event, status, *(("Contact", contact) for contact in contacts))

    return send_away


def uri(peer: Peer, host: str = HERE, transport: str = "tcp") -> str:
    return f"<sip:{host}:{peer.address.rpartition(':')[2]};transport={transport}>"


@asynccontextmanager
async def peers(count: int) -> AsyncIterator[list[Peer]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(peer_up()) for _ in range(count)]


def endpoint(platform: CollaborationPlatform, server: str, redirects: int = 5) -> UserEndpoint:
    return UserEndpoint(
        platform,
        ALICE,
        server=server,
        credential=PasswordCredential("alice", PASSWORD),
        options=EndpointOptions(timers=SHORT, redirects=redirects),
    )


async def refused(first: Peer, redirects: int = 5) -> RegisterError:
    """Sign in, and return why that is not possible; the endpoint may try again."""
    async with first.platform() as platform:
        alice = endpoint(platform, first.address, redirects)
        with pytest.raises(RegisterError) as caught:
            await alice.establish()
        assert alice.state is EndpointState.IDLE
    return caught.value


@pytest.mark.parametrize("status", [301, 302])
async def test_a_user_signs_in_where_the_registrar_sends_us(status: int) -> None:
    async with peers(2) as (first, second):
        first.on["REGISTER"] = to(uri(second), status=status)
        async with first.chatting() as chat:
            assert await chat.search_rooms()
            await first.connection.lost.wait()  # nothing is left of the first
        assert [len(one.connections) for one in (first, second)] == [1, 1]
        ids = {one.call_id for one in second.requests("REGISTER")}
        assert len(ids) == 1


async def test_who_was_asked_for_a_proof_first_is_sent_on_too() -> None:
    async with peers(2) as (first, second):
        asked = iter([True, True])

        def challenge_then_send_away(connection: PeerConnection, event: RequestReceived) -> None:
            if next(asked, False):
                connection.register(event)
            else:
                to(uri(second))(connection, event)

        first.on["REGISTER"] = challenge_then_send_away
        async with first.signed_in() as alice:
            assert (await alice.provisioning(refresh=True)).chat.enabled
        assert len(first.requests("REGISTER")) == 3


async def test_the_most_wanted_server_is_tried_first_and_a_dead_one_passed_over() -> None:
    async with peers(3) as (first, second, third):
        dead = f"<sip:{HERE}:{free_port()};transport=tcp>;q=0.9"
        first.on["REGISTER"] = to(
            f"{uri(third)};q=0.1", f"{uri(second)};q=0.5", "<mailto:alice@example.com>", dead
        )
        async with first.signed_in():
            pass
        assert (len(second.connections), len(third.connections)) == (1, 0)


async def test_several_turns_are_followed() -> None:
    async with peers(4) as way:
        for here, there in pairwise(way):
            here.on["REGISTER"] = to(uri(there))
        async with way[0].signed_in():
            assert way[-1].requests("SUBSCRIBE")


@pytest.mark.parametrize("most", [0, 1, 3])
async def test_no_more_turns_are_followed_than_wanted(most: int) -> None:
    async with peers(5) as way:
        for here, there in zip(way, [*way[1:], way[0]], strict=True):
            here.on["REGISTER"] = to(uri(there))
        error = await refused(way[0], most)
        assert (error.status, error.moved_to) == (301, (uri(way[most + 1]).strip("<>"),))
        assert f"{most} are the most" in str(error)
        assert [len(one.connections) for one in way] == [1] * (most + 1) + [0] * (4 - most)


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_a_circle_ends(turns: int) -> None:
    async with peers(turns) as way:
        for here, there in zip(way, [*way[1:], way[0]], strict=True):
            here.on["REGISTER"] = to(uri(there))
        assert "no server there is new" in str(await refused(way[0]))
        assert [len(one.connections) for one in way] == [1] * turns
        way[0].on.clear()
        async with way[0].signed_in():  # another sign-in begins from the beginning
            pass


@pytest.mark.parametrize(
    "contacts",
    [(), ("<mailto:alice@example.com>",), ("<sip:10.0.0.1;transport=udp>",), ("<sips:10.0.0.1>",)],
)
async def test_nowhere_to_go_is_a_refusal(contacts: tuple[str, ...]) -> None:
    async with peers(1) as (only,):
        only.on["REGISTER"] = to(*contacts)
        error = await refused(only)
        assert error.status == 301
        assert len(error.moved_to) == len(contacts)


async def test_a_server_that_is_down_is_told_as_such() -> None:
    async with peers(1) as (only,):
        only.on["REGISTER"] = to(f"<sip:{HERE}:{free_port()}>")
        async with only.platform() as platform:
            with pytest.raises(ConnectionFailure):
                await endpoint(platform, only.address).establish()


async def test_who_is_sent_away_later_ends_at_once_and_says_where_to() -> None:
    async with peers(2) as (first, second):
        first.expires = 1
        async with first.signed_in() as alice, asyncio.timeout(10):
            changes = alice.state_changes()
            first.on["REGISTER"] = to(uri(second))
            seen = [await anext(changes) for _ in range(2)]
            assert [one.reason for one in seen] == [EndpointReason.REFRESH_FAILED] * 2
            assert "301" in seen[0].message


# --- with TLS ---


class Pool:
    """Servers with certificates, and a platform that knows their addresses."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._authority = Authority.create(folder)
        self._stack = stack
        self.first: Peer

    async def server(self, *names: str) -> Peer:
        return await self._stack.enter_async_context(peer_up(self._authority.server(*names)))

    async def establish(self) -> None:
        """Sign in at fe1.example.com, and out again."""
        names = Names({}, {host: [HERE] for host in HOSTS})
        platform = CollaborationPlatform.client("test", ca=self._authority.file, resolver=names)
        where = f"fe1.example.com:{self.first.address.rpartition(':')[2]}"
        async with platform, endpoint(platform, where):
            pass


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[Pool]:
    async with AsyncExitStack() as stack:
        made = Pool(tmp_path, stack)
        made.first = await made.server("fe1.example.com")
        yield made


@pytest.mark.parametrize(
    ("host", "certificate"),
    [
        ("fe2.example.com", "fe2.example.com"),
        ("example.com", "example.com"),
        ("fe2.elsewhere.example", "example.com"),
        ("fe2.elsewhere.example", "fe1.example.com"),
        (HERE, "fe1.example.com"),
    ],
)
@pytest.mark.parametrize("scheme", ["sip", "sips"])
async def test_a_server_with_a_name_that_was_good_before_is_believed(
    pool: Pool, host: str, certificate: str, scheme: str
) -> None:
    second = await pool.server(certificate)
    contact = uri(second, host, "tls").replace("sip:", f"{scheme}:")
    pool.first.on["REGISTER"] = to(contact)
    await pool.establish()
    assert second.requests("SUBSCRIBE")


@pytest.mark.parametrize(
    ("host", "certificate"),
    [
        ("fe2.example.com", "fe1.example.com"),
        ("fe2.elsewhere.example", "fe2.elsewhere.example"),
        (HERE, HERE),
    ],
)
async def test_a_server_that_only_the_registrar_vouches_for_learns_nothing(
    pool: Pool, host: str, certificate: str
) -> None:
    second = await pool.server(certificate)
    pool.first.on["REGISTER"] = to(uri(second, host, "tls"))
    with pytest.raises(TlsFailure) as caught:
        await pool.establish()
    assert caught.value.reason is TlsFailureReason.WRONG_NAME
    assert not second.seen


async def test_nobody_is_sent_from_tls_to_tcp(pool: Pool) -> None:
    async with peer_up() as open_to_all:
        pool.first.on["REGISTER"] = to(uri(open_to_all, "fe2.example.com", "tcp"))
        with pytest.raises(RegisterError, match="as safe as this one"):
            await pool.establish()
        assert not open_to_all.connections
