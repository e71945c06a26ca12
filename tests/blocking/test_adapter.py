"""Scripts on the blocking face, in threads of their own, against the real server."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, assert_type

import pytest

import perchat.blocking as perchat
from perchat.blocking.loop import LoopThread
from tests.client.server import credential

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.client.server import LiveServer


def connect(server: LiveServer, name: str, password: str = "") -> perchat.PersistentChatEndpoint:
    return perchat.connect_user(
        f"{name}@example.com",
        server=server.tls,
        ca=server.ca,
        credential=perchat.PasswordCredential(name, password or credential(name).password),
    )


def together(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def script(work: Callable[[], None]) -> None:
    """Run what blocks while the server runs here; nothing is left of it."""
    await asyncio.to_thread(work)
    async with asyncio.timeout(10):
        while any(thread.name == "perchat.blocking" for thread in threading.enumerate()):
            gc.collect()  # the thread that did the work may hold on to it for a moment
            await asyncio.sleep(0.01)


@pytest.mark.requirement("R69")
async def test_a_script_connects_joins_posts_and_reads(server: LiveServer) -> None:
    def work() -> None:
        with connect(server, "alice") as chat, chat.join("Lobby") as room:
            assert_type(chat, perchat.PersistentChatEndpoint)
            assert_type(room, perchat.ChatRoomSession)
            messages = room.messages()
            assert_type(messages, perchat.EventStream[perchat.Message])
            result = room.post("Good morning")
            assert result.message is not None
            assert next(messages).text == "Good morning"
            assert [message.text for message in room.recent()] == ["Good morning"]
            assert chat.session("lobby") == room
            assert dict(chat.sessions) == {room.uri: room}
            assert chat.state.value == "established"
            assert chat.server.message_size_limit == 8192
        assert chat.state.value == "terminated"
        assert list(messages) == []

    await script(work)


@pytest.mark.requirement("R69")
async def test_the_two_steps_spelt_out_without_await(server: LiveServer) -> None:
    def work() -> None:
        platform = perchat.CollaborationPlatform.client("script", ca=server.ca)
        user = perchat.UserEndpoint(
            platform, "sip:alice@example.com", server=server.tls, credential=credential("alice")
        )
        with platform, user:
            assert user.platform == platform
            assert isinstance(user, perchat.LocalEndpoint)
            address = user.provisioning().chat.require_uri()
            chat = perchat.PersistentChatEndpoint(address, user)
            changes = chat.state_changes()
            with chat:
                session = perchat.ChatRoomSession(chat)
                session.join("Lobby")
                session.leave()
            user.credential = credential("alice")
        assert [change.state.value for change in changes] == [
            "establishing",
            "established",
            "terminating",
            "terminated",
        ]

    await script(work)


async def test_what_is_opened_without_with_is_closed_by_hand(server: LiveServer) -> None:
    def work() -> None:
        chat = connect(server, "alice")
        room = chat.join("Lobby")
        room.post("by hand")
        room.leave()
        for _ in range(2):
            chat.terminate()

    await script(work)


async def test_errors_are_the_same_ones(server: LiveServer) -> None:
    def work() -> None:
        with pytest.raises(perchat.AuthenticationError) as told:
            connect(server, "alice", "wrong")
        assert told.value.reason is perchat.AuthenticationReason.INVALID_CREDENTIALS
        with pytest.raises(ValueError, match="sip:"):
            perchat.connect_user("no address", credential=credential("alice"))
        with connect(server, "alice") as chat, pytest.raises(perchat.RoomNotFound):
            chat.join("No such room")
        with pytest.raises(AttributeError):
            chat.nonsense()  # type: ignore[attr-defined]
        with pytest.raises(TypeError):
            iter(chat)  # type: ignore[call-overload]

    await script(work)


@pytest.mark.requirement("R68", "R69")
async def test_time_limits_strike_once_and_let_clean_up(server: LiveServer) -> None:
    def work() -> None:
        with connect(server, "alice") as chat:
            with (
                pytest.raises(perchat.OperationTimeout),
                perchat.timeout(60),
                perchat.timeout(0.1),
                chat.join("Lobby") as room,
            ):
                next(room.messages())
            assert room.state is perchat.SessionState.IDLE  # it was left in good order
            assert not chat.sessions
            with chat.join("Lobby") as room, perchat.timeout(60):
                messages = room.messages()
                room.post("still there")
                assert next(messages).text == "still there"

    await script(work)


@pytest.mark.requirement("R69")
async def test_threads_share_what_they_like(server: LiveServer) -> None:
    def talk(room: perchat.ChatRoomSession, name: int) -> None:
        for number in range(5):
            room.post(f"{name}.{number}")

    def work() -> None:
        with connect(server, "alice") as chat, chat.join("Lobby") as room:
            messages = room.messages()
            together([partial(talk, room, name) for name in range(4)])
            heard = [next(messages).text for _ in range(20)]
        assert sorted(heard) == [f"{name}.{number}" for name in range(4) for number in range(5)]
        for name in "0123":
            assert [text for text in heard if text[0] == name] == sorted(
                text for text in heard if text[0] == name
            )

    await script(work)


@pytest.mark.requirement("R69")
async def test_a_stream_is_read_by_one_thread_at_a_time(server: LiveServer) -> None:
    ends: list[str] = []

    def read(messages: perchat.EventStream[perchat.Message]) -> None:
        try:
            with perchat.timeout(0.3):
                next(messages)
        except (RuntimeError, perchat.OperationTimeout) as error:
            ends.append(type(error).__name__)

    def work() -> None:
        with connect(server, "alice") as chat, chat.join("Lobby") as room:
            together([partial(read, room.messages())] * 2)

    await script(work)
    assert sorted(ends) == ["OperationTimeout", "RuntimeError"]


async def test_parts_of_different_platforms_do_not_mix() -> None:
    def work() -> None:
        one, other = (perchat.CollaborationPlatform.client(name) for name in ("one", "other"))
        user = perchat.UserEndpoint(
            one, "sip:a@example.com", server="localhost", credential=credential("a")
        )
        assert one != other
        with pytest.raises(ValueError, match="different platforms"):
            other.replace_certificate(user)  # type: ignore[arg-type]
        for platform in (one, other):
            platform.stop()

    await script(work)


async def test_the_loops_own_thread_may_not_wait_for_itself() -> None:
    def work() -> None:
        loop = LoopThread()
        with pytest.raises(RuntimeError, match="wait for itself"):
            loop.run(lambda: loop.run(int))

    await script(work)


INTERRUPTED = """
import sys
import perchat.blocking as perchat

credential = perchat.PasswordCredential("alice", "alice-Pass-1")
try:
    with perchat.connect_user("alice@example.com", server=sys.argv[1], ca=sys.argv[2],
                              credential=credential) as chat:
        with chat.join("Lobby") as room:
            print("waiting", flush=True)
            for message in room.messages():
                print(message)
except KeyboardInterrupt:
    print("left", room.state.value, chat.state.value)
"""


@pytest.mark.requirement("R69")
async def test_ctrl_c_ends_the_wait_and_everything_is_closed_in_order(server: LiveServer) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", INTERRUPTED, server.tls, str(server.ca)),
        env=os.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"waiting\n"
    process.send_signal(signal.SIGINT)
    out, errors = await process.communicate()
    assert (out.decode(), errors.decode()) == ("left terminated terminated\n", "")


async def test_a_connection_nobody_waits_for_any_more_is_closed(server: LiveServer) -> None:
    def work() -> None:
        with pytest.raises(perchat.OperationTimeout), perchat.timeout(0.001):
            connect(server, "alice")

    await script(work)
