"""A chat that outlives its connections, through a line that does not."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat import (
    ClientTimers,
    EndpointOptions,
    LivingState,
    PasswordCredential,
    PerchatError,
    ReconnectPolicy,
    SessionReason,
    SessionState,
    SessionStateChanged,
)
from perchat.server.admin import administration
from tests.client.cutter import Cutter, Deed, Fault, Way, cutter_up
from tests.client.server import credential
from tests.server.harness import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.client.opening import Opening
    from tests.client.server import LiveServer

TIMERS = ClientTimers(
    connect=2.0, request=0.6, lookup=0.5, echo=0.5, goodbye=0.1, busy=(0.05, 0.1, 0.2)
)
POLICY = ReconnectPolicy(initial=0.01, maximum=0.1, patience=20.0, probe=0.3)


def living(
    cutter: Cutter,
    name: str = "alice",
    policy: ReconnectPolicy = POLICY,
    *,
    transport: perchat.Transport = perchat.Transport.TCP,
    server: LiveServer | None = None,
) -> Opening[perchat.LivingChat]:
    return perchat.connect_user(
        f"{name}@example.com",
        server=f"{cutter.address[0]}:{cutter.address[1]}",
        transport=transport,
        ca=server.ca if server else None,
        credential=credential(name),
        options=EndpointOptions(timers=TIMERS),
        reconnect=policy,
    )


def plain(cutter: Cutter, name: str = "alice") -> Opening[perchat.PersistentChatEndpoint]:
    return perchat.connect_user(
        f"{name}@example.com",
        server=f"{cutter.address[0]}:{cutter.address[1]}",
        transport=perchat.Transport.TCP,
        credential=credential(name),
        options=EndpointOptions(timers=TIMERS),
    )


async def converse(
    cutter: Cutter,
    name: str = "Lobby",
    *,
    transport: perchat.Transport = perchat.Transport.TCP,
    server: LiveServer | None = None,
) -> None:
    """Sign in, join, post twice and hear both, once each."""
    connecting = living(cutter, transport=transport, server=server)
    async with asyncio.timeout(30), connecting as chat, chat.join(name) as room:
        heard = room.messages(catch_up=True)
        texts = ["one", "two"]
        posted = [await room.post(text) for text in texts]
        messages = [await anext(heard) for _ in texts]
        assert [m.text for m in messages] == texts
        assert [p.message for p in posted if p.message] == [
            m for m, p in zip(messages, posted, strict=True) if p.message
        ]
        history = await room.history_after(messages[0].id)
        assert [m.text for m in history] == ["two"]


async def converse_plainly(cutter: Cutter) -> None:
    async with asyncio.timeout(30), plain(cutter) as chat, chat.join("Lobby") as room:
        heard = room.messages()
        for text in ("one", "two"):
            await room.post(text)
            assert (await anext(heard)).text == text


async def boundaries(server: LiveServer) -> dict[Way, list[int]]:
    """Where the segments of a sound conversation end."""
    async with cutter_up(server.tcp) as cutter:
        await converse(cutter)
        return cutter.lines[0].ends


def positions(ends: list[int]) -> list[int]:
    """Every end of a segment, and the middle of every segment."""
    middles = [(a + b) // 2 for a, b in itertools.pairwise(ends)]
    return sorted({*ends, *middles})


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", Way)
async def test_wherever_the_line_is_cut_the_conversation_goes_on(
    server: LiveServer, way: Way
) -> None:
    runs = 1
    for position in positions((await boundaries(server))[way]):
        async with cutter_up(server.tcp, Fault(Deed.CUT, way, position)) as cutter:
            await converse(cutter)
            runs += 1
    async with server.connect("alice") as chat, chat.join("Lobby") as room:
        assert len(await room.recent(500)) == 2 * runs


@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", Way)
async def test_wherever_the_line_is_cut_a_plain_chat_tells_so(server: LiveServer, way: Way) -> None:
    failures = 0
    for position in positions((await boundaries(server))[way]):
        async with cutter_up(server.tcp, Fault(Deed.CUT, way, position)) as cutter:
            try:
                await converse_plainly(cutter)
            except (PerchatError, StopAsyncIteration):
                failures += 1
    assert failures > 20


async def add_rooms(server: LiveServer, *names: str) -> None:
    async with administration(server.config) as admin:
        for name in names:
            await admin.add_room(name, "General", members=["alice", "bob"])
    async with asyncio.timeout(10), server.connect("alice") as chat:
        while not {found.name for found in await chat.search_rooms()}.issuperset(names):
            await asyncio.sleep(0.02)  # until the server has followed


@pytest.mark.timeout(180)
async def test_whatever_is_swallowed_the_conversation_goes_on(server: LiveServer) -> None:
    ends = await boundaries(server)
    faults = [Fault(Deed.SWALLOW, way, at) for way in Way for at in ends[way][:-1:3]]
    await add_rooms(server, *map(str, faults))

    async def one(fault: Fault) -> None:
        async with cutter_up(server.tcp, fault) as cutter:
            await converse(cutter, str(fault))

    async with asyncio.TaskGroup() as tasks:
        for fault in faults:
            tasks.create_task(one(fault))


@pytest.mark.parametrize("transport", perchat.Transport)
@pytest.mark.parametrize("way", Way)
async def test_whatever_comes_twice_the_conversation_goes_on_or_ends_with_a_reason(
    server: LiveServer, way: Way, transport: perchat.Transport
) -> None:
    upstream = server.tls if transport is perchat.Transport.TLS else server.tcp
    async with cutter_up(upstream) as cutter:
        await converse(cutter, transport=transport, server=server)
        ends = cutter.lines[0].ends[way]
    for position in ends[:-1:4]:
        async with cutter_up(upstream, Fault(Deed.DOUBLE, way, position)) as cutter:
            try:
                await converse(cutter, transport=transport, server=server)
            except PerchatError as error:
                # without TLS nobody vouches for bodies, and a damaged proof is a wrong one
                assert transport is perchat.Transport.TCP
                assert isinstance(error, perchat.AuthenticationError | perchat.CommandFailed)


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("deed", [Deed.HALVE, Deed.DELAY])
@pytest.mark.parametrize("size", [1, 7, 200])
async def test_how_bytes_are_cut_up_does_not_matter(
    server: LiveServer, way: Way, deed: Deed, size: int
) -> None:
    async with cutter_up(server.tcp, Fault(deed, way, size=size)) as cutter:
        await converse(cutter)
        assert len(cutter.lines) == 1


async def away(cutter: Cutter, chat: perchat.LivingChat) -> None:
    """Cut the line and keep the client from coming back."""
    cutter.refusing = True
    changes = chat.state_changes()
    cutter.cut()
    while (await anext(changes)).state is not LivingState.RECONNECTING:
        pass


async def back(cutter: Cutter, chat: perchat.LivingChat) -> None:
    changes = chat.state_changes()
    cutter.refusing = False
    if chat.state is LivingState.RECONNECTING:
        assert (await anext(changes)).state is LivingState.ESTABLISHED


async def heard(stream: AsyncIterator[perchat.Message], count: int) -> list[str]:
    async with asyncio.timeout(20):
        return [(await anext(stream)).text for _ in range(count)]


async def test_what_was_said_during_an_absence_comes_first_and_once(server: LiveServer) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter, "bob") as chat,
        chat.join("Lobby") as room,
        server.connect("alice") as alice,
        alice.join("Lobby") as speaker,
    ):
        stream, slow = room.messages(catch_up=True), room.messages(catch_up=True, limit=5)
        own = room.messages(catch_up=True, include_own=False)
        await speaker.post("before")
        assert await heard(stream, 1) == ["before"]
        await away(cutter, chat)
        texts = [str(number) for number in range(250)]
        for text in texts:
            await speaker.post(text)
        await back(cutter, chat)
        await room.post("mine")
        await speaker.post("after")
        assert await heard(stream, 252) == [*texts, "mine", "after"]
        assert await heard(slow, 253) == ["before", *texts, "mine", "after"]
        assert await heard(own, 252) == ["before", *texts, "after"]


async def test_a_slow_reader_loses_nothing(server: LiveServer) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter) as chat,
        chat.join("Lobby") as room,
    ):
        stream = room.messages(catch_up=True, limit=3)
        for number in range(20):
            await room.post(str(number))
        assert await heard(stream, 20) == [str(number) for number in range(20)]
        assert stream.lost == 0
        since = room.messages(since=17)
        assert await heard(since, 3) == ["17", "18", "19"]


async def test_states_are_told_in_order(server: LiveServer) -> None:
    async with cutter_up(server.tcp) as cutter:
        async with living(cutter) as chat, chat.join("Lobby") as room:
            changes, events = chat.state_changes(), room.events()
            assert (chat.state, room.state) == (LivingState.ESTABLISHED, SessionState.ESTABLISHED)
            await away(cutter, chat)
            assert room.state is SessionState.ESTABLISHING
            assert room.name == "Lobby"
            await back(cutter, chat)
        assert str(room.state) == str(SessionState.TERMINATED)
        assert [change.state async for change in changes] == [
            LivingState.RECONNECTING,
            LivingState.ESTABLISHED,
            LivingState.TERMINATING,
            LivingState.TERMINATED,
        ]
        assert [event async for event in events if isinstance(event, SessionStateChanged)] == [
            SessionStateChanged(SessionState.ESTABLISHING, SessionReason.DISCONNECTED),
            SessionStateChanged(SessionState.ESTABLISHED),
            SessionStateChanged(SessionState.TERMINATED, SessionReason.LEFT),
        ]
        with pytest.raises(perchat.SessionStateError):
            await room.post("too late")
        await room.close()
        await chat.terminate()


async def test_a_post_waits_for_the_connection(server: LiveServer) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter) as chat,
        chat.join("Lobby") as room,
        asyncio.TaskGroup() as tasks,
    ):
        await away(cutter, chat)
        waiting = tasks.create_task(room.post("patience"))
        search = tasks.create_task(chat.search_rooms("Lobby"))
        await asyncio.sleep(0)
        await back(cutter, chat)
        result = await waiting
        assert result.message is not None
        assert result.message.text == "patience"
        assert [found.name for found in await search] == ["Lobby"]


async def test_patience_ends(server: LiveServer) -> None:
    policy = ReconnectPolicy(initial=0.01, maximum=0.05, patience=0.2)
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter, policy=policy) as chat,
        chat.join("Lobby") as room,
    ):
        await away(cutter, chat)
        for waiting in (room.post("x"), room.recent(), chat.search_rooms("x")):
            with pytest.raises(perchat.OperationTimeout, match=r"within 0\.2 s"):
                await waiting


async def test_a_lost_receipt_makes_no_second_message(server: LiveServer) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter) as chat,
        chat.join("Lobby") as room,
        server.connect("bob") as bob,
        bob.join("Lobby") as witness,
    ):
        stream = witness.messages()
        posting = asyncio.get_running_loop().create_task(room.post("once"))
        await anext(stream)  # it is stored, and its receipt on the way
        cutter.cut()
        result = await posting
        assert result.message is not None
        assert result.message.text == "once"
        await room.post("twice")
        assert (await anext(stream)).text == "twice"


async def test_a_wrong_password_is_tried_once(server: LiveServer) -> None:
    async with cutter_up(server.tcp) as cutter:
        opening = perchat.connect_user(
            "alice@example.com",
            server=f"{cutter.address[0]}:{cutter.address[1]}",
            transport=perchat.Transport.TCP,
            credential=PasswordCredential("alice", "wrong"),
            reconnect=POLICY,
        )
        with pytest.raises(perchat.AuthenticationError) as caught:
            await opening
        assert caught.value.reason is perchat.AuthenticationReason.INVALID_CREDENTIALS
        assert len(cutter.lines) == 1


async def test_a_password_that_was_changed_ends_it(server: LiveServer) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter) as chat,
        chat.join("Lobby") as room,
    ):
        await away(cutter, chat)
        async with administration(server.config) as admin:
            await admin.set_user("alice", password="another-Pass-1")
        changes, events = chat.state_changes(), room.events()
        messages = room.messages(catch_up=True)
        cutter.refusing = False
        told = [change async for change in changes]
        assert [change.state for change in told] == [
            LivingState.TERMINATING,
            LivingState.TERMINATED,
        ]
        assert told[0].reason
        assert isinstance(chat.failure, perchat.AuthenticationError)
        assert [event async for event in events][-1:] == [
            SessionStateChanged(SessionState.TERMINATED, SessionReason.DISCONNECTED)
        ]
        assert [message async for message in messages] == []
        with pytest.raises(perchat.ChatServerConnectionError, match="the chat is over"):
            await room.post("too late")
        with pytest.raises(perchat.ChatServerConnectionError, match="the chat is over"):
            await chat.search_rooms()
        assert len(cutter.lines) == 2


async def test_attempts_are_used_up() -> None:
    policy = ReconnectPolicy(initial=0.01, maximum=0.02, attempts=3)
    cutter = Cutter(("127.0.0.1", free_port()))
    cutter.address = ("127.0.0.1", free_port())
    with pytest.raises(perchat.ConnectionFailure):
        await living(cutter, policy=policy)


@pytest.mark.parametrize("while_away", [True, False])
async def test_a_room_one_was_put_out_of_ends_alone(server: LiveServer, while_away: bool) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter, "bob") as chat,
        chat.join("Lobby") as lobby,
        chat.join("Annex") as annex,
    ):
        events = lobby.events()
        if while_away:
            await away(cutter, chat)
        async with administration(server.config) as admin:
            await admin._service.revoke("Lobby", perchat.Role.MEMBER, ["sip:bob@example.com"])
        if while_away:
            await back(cutter, chat)
        async with asyncio.timeout(10):
            told = [event async for event in events if isinstance(event, SessionStateChanged)]
        assert told[-1] == SessionStateChanged(SessionState.TERMINATED, SessionReason.KICKED)
        with pytest.raises(perchat.SessionStateError, match="kicked"):
            await lobby.post("still here?")
        await annex.post("here I am")
        assert dict(chat.sessions) == {annex.uri: annex}


async def test_invitations_of_an_absence_are_told_once(server: LiveServer) -> None:
    async with administration(server.config) as admin:
        await admin.add_category("Projects", invitations=True)
        await admin.add_room("Old", "Projects", members=["carol"])
    async with cutter_up(server.tcp) as cutter, living(cutter, "carol") as chat:
        while not await chat.stored_invitations():  # until the server has read of it
            await asyncio.sleep(0.02)
        live, all_ = chat.invitations(), chat.invitations(since=0)
        for name in ("First", "Second"):
            await away(cutter, chat)
            async with administration(server.config) as admin:
                await admin.add_room(name, "Projects", members=["carol"])
            await back(cutter, chat)
            async with asyncio.timeout(10):
                assert (await anext(live)).room.name == name
        async with asyncio.timeout(10):
            names = [(await anext(all_)).room.name for _ in range(3)]
    assert names == ["Old", "First", "Second"]
    assert [one async for one in live] == [one async for one in all_] == []


async def test_who_came_and_went_meanwhile_is_told(server: LiveServer) -> None:
    async with (
        cutter_up(server.tcp) as cutter,
        living(cutter) as chat,
        chat.join("Lobby") as room,
    ):
        async with server.connect("bob") as bob, bob.join("Lobby"):
            events = room.events()
            while len(room.participants) < 2:
                await anext(events)
            await away(cutter, chat)
        await back(cutter, chat)
        async with asyncio.timeout(5):
            async for event in events:
                if isinstance(event, perchat.AttendanceChanged) and not event.active:
                    assert event.participant.uri == "sip:bob@example.com"
                    break


async def test_what_was_left_while_away_is_not_joined_again(server: LiveServer) -> None:
    async with cutter_up(server.tcp) as cutter, living(cutter) as chat:
        lobby, annex = await chat.join("Lobby"), await chat.join("Annex")
        with pytest.raises(perchat.StateError, match="joined already"):
            await chat.join("lobby")
        assert chat.session("LOBBY") is lobby
        await away(cutter, chat)
        await lobby.leave()
        await back(cutter, chat)
        assert list(chat.sessions) == [annex.uri]
        again = await chat.join("Lobby")
        await again.post("back")
        with pytest.raises(perchat.RoomNotFound):
            await chat.join("Nowhere")


async def test_it_can_be_ended_while_it_is_away_and_more_than_once(server: LiveServer) -> None:
    async with cutter_up(server.tcp) as cutter:
        chat = await living(cutter)
        room = await chat.join("Lobby")
        await away(cutter, chat)
        waiting = asyncio.get_running_loop().create_task(room.post("never"))
        await asyncio.sleep(0)
        await asyncio.gather(chat.terminate(), chat.terminate())
        with pytest.raises(perchat.ChatServerConnectionError):
            await waiting
        assert (chat.state, room.state) == (LivingState.TERMINATED, SessionState.TERMINATED)
        with pytest.raises(perchat.StateError):
            await chat.establish()


async def test_an_attempt_that_is_given_up_leaves_nothing_behind() -> None:
    cutter = Cutter(("127.0.0.1", free_port()))
    cutter.address = ("127.0.0.1", free_port())
    before = asyncio.all_tasks()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await living(cutter)
    assert asyncio.all_tasks() == before


async def test_arguments_are_checked_at_once() -> None:
    with pytest.raises(ValueError, match="owner"):
        perchat.connect_user(
            "sip:alice@example.com;x=y",
            server="127.0.0.1",
            credential=credential("alice"),
            reconnect=POLICY,
        )


async def test_the_service_is_asked_for_a_sign_of_life(server: LiveServer) -> None:
    """A line that swallows everything is noticed although nobody says anything."""
    ends = (await boundaries(server))[Way.DOWN]
    fault = Fault(Deed.SWALLOW, Way.DOWN, ends[-1] - 200)
    async with (
        cutter_up(server.tcp, fault) as cutter,
        living(cutter) as chat,
        chat.join("Lobby"),
    ):
        async with asyncio.timeout(10):
            await cutter.opened(2)


@pytest.mark.parametrize("name", ["alice", "bob"])
async def test_an_endpoint_id_stays_the_same(server: LiveServer, name: str) -> None:
    async with cutter_up(server.tcp) as cutter, living(cutter, name) as chat:
        first = chat.endpoint
        await away(cutter, chat)
        await back(cutter, chat)
        assert isinstance(first, perchat.UserEndpoint)
        assert isinstance(chat.endpoint, perchat.UserEndpoint)
        assert chat.endpoint is not first
        assert chat.endpoint.endpoint_id == first.endpoint_id
