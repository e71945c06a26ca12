"""Rooms: joined, posted to, listened to, left, and lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from perchat.client.events import (
    AttendanceChanged,
    EventsLost,
    MessageReceived,
    PrivilegeChanged,
    SessionReason,
    SessionStateChanged,
)
from perchat.client.session import ChatRoomSession
from perchat.client.states import SessionState
from perchat.client.streams import Overflow
from perchat.errors import (
    ChatServerConnectionError,
    CommandFailed,
    ErrorCode,
    InvalidArgument,
    LimitExceeded,
    NotJoined,
    OperationFailure,
    OperationTimeout,
    PermissionDenied,
    RoomDisabled,
    RoomNotFound,
    ServerFault,
    SessionStateError,
    StateError,
)
from perchat.model.chatroom import Behavior
from perchat.model.invitation import Invitation
from perchat.model.message import Message
from perchat.model.participant import Participant
from perchat.model.uri import RoomUri
from perchat.xccos.blocks import (
    Arrival,
    Arrivals,
    Departure,
    Departures,
    History,
    Joined,
    JoinedRoom,
    RecentQuery,
    RoomUris,
)
from perchat.xccos.masks import MANAGER, MEMBER, PRESENTER
from perchat.xccos.primitives import Chat, Command, Notice, Reply
from tests.client.peer import ALICE, BOB, LOBBY, SHORT, room, roster

if TYPE_CHECKING:
    from perchat.client.chat import PersistentChatEndpoint
    from perchat.sip.events import RequestReceived
    from tests.client.peer import Peer, PeerConnection

S = SessionState
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def line(text: str, number: int = 1, author: Any = BOB, where: RoomUri = LOBBY) -> Chat:
    return Chat(room=where, author=author, text=text, at=AT, id=number, author_name="Bob")


def came(mask: int = MEMBER) -> Notice:
    bob = Participant(BOB, "Bob", is_manager=mask == MANAGER)
    return Notice("join", Arrivals((Arrival(bob, ((LOBBY, mask),)),)))


def went(*users: Any) -> Notice:
    return Notice("part", Departures((Departure(LOBBY, users),)))


# --- joining ---


@pytest.mark.parametrize(
    "target",
    [LOBBY, str(LOBBY), "Lobby", "lobby", " LOBBY ", room(), Invitation(1, AT, room())],
    ids=["uri", "text", "name", "other case", "blanks", "snapshot", "invitation"],
)
async def test_a_room_is_joined_by_whatever_names_it(peer: Peer, target: Any) -> None:
    async with peer.chatting() as chat:
        session = await chat.join(target)
        assert (session.state, session.uri, session.name) == (S.ESTABLISHED, LOBBY, "Lobby")
        assert [one.uri for one in session.participants] == [ALICE]
        assert session.can_post
        assert not session.can_manage
        assert chat.session("LOBBY") is chat.session(LOBBY) is session
        assert dict(chat.sessions) == {LOBBY: session}


@pytest.mark.parametrize("target", ["", "  ", "ma-cat://example.com/x", "https://example.com/x"])
async def test_what_cannot_name_a_room_is_refused_at_once(peer: Peer, target: str) -> None:
    async with peer.chatting() as chat:
        with pytest.raises(ValueError):
            chat.join(target)
        with pytest.raises(TypeError):
            chat.join(None)  # type: ignore[arg-type]
        with pytest.raises(ValueError):
            await ChatRoomSession(chat).join(target)


async def test_a_name_that_no_room_has_is_not_found(peer: Peer) -> None:
    async with peer.chatting() as chat:
        with pytest.raises(RoomNotFound, match="Lobb"):
            await chat.join("Lobb")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.ERROR_PERMISSION, PermissionDenied),
        (ErrorCode.NO_SUCH_NODE, RoomNotFound),
        (ErrorCode.NODE_DISABLED, RoomDisabled),
    ],
)
async def test_a_refused_join_leaves_the_session_idle_to_try_again(
    peer: Peer, code: ErrorCode, kind: type[CommandFailed]
) -> None:
    peer.replies["join"] = lambda _: code
    async with peer.chatting() as chat:
        session = ChatRoomSession(chat)
        events = session.events()
        with pytest.raises(kind):
            await session.join(LOBBY)
        assert await _next_states(events, 2) == [S.ESTABLISHING, S.IDLE]
        del peer.replies["join"]
        await session.join(LOBBY)
        assert await _next_states(events, 2) == [S.ESTABLISHING, S.ESTABLISHED]


async def test_a_join_that_lets_us_into_another_room_is_none(peer: Peer) -> None:
    peer.replies["join"] = lambda _: Joined(failed=(LOBBY,))
    async with peer.chatting() as chat:
        with pytest.raises(ServerFault, match="did not let us into"):
            await chat.join(LOBBY)
        assert not chat.sessions


async def test_a_room_is_joined_once_per_endpoint(peer: Peer) -> None:
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        with pytest.raises(SessionStateError) as caught:
            await session.join(LOBBY)
        assert (caught.value.expected, caught.value.actual) == ("idle", "established")
        with pytest.raises(StateError, match="joined already"):
            await chat.join(LOBBY)
        assert session.state is S.ESTABLISHED
        assert peer.commands().count("join") == 1


@pytest.mark.requirement("R64")
async def test_what_comes_with_the_join_is_seen(peer: Peer) -> None:
    def join(connection: PeerConnection, event: RequestReceived) -> None:
        connection.info(event)
        if b"cmd:join" in event.request.body:
            connection.say(line("first"))
            connection.say(came())
            connection.say(line("second", 2))

    peer.on["INFO"] = join
    async with peer.chatting() as chat:
        session = ChatRoomSession(chat)
        messages, events = session.messages(), session.events()
        await session.join(LOBBY)
        assert [(await anext(messages)).text for _ in range(2)] == ["first", "second"]
        kinds = [type(await anext(events)) for _ in range(5)]
        assert kinds == [
            SessionStateChanged,
            SessionStateChanged,
            MessageReceived,
            AttendanceChanged,
            MessageReceived,
        ]
        assert [one.uri for one in session.participants] == [ALICE, BOB]


async def test_a_cancelled_join_is_taken_back(peer: Peer) -> None:
    asked, parted = asyncio.Event(), asyncio.Event()

    def part(_: Any) -> RoomUris:
        parted.set()
        return RoomUris((LOBBY,))

    peer.replies["join"] = lambda _: asked.set()
    peer.replies["part"] = part
    async with peer.chatting() as chat:
        session = ChatRoomSession(chat)
        joining = asyncio.get_running_loop().create_task(session.join(LOBBY))
        await asked.wait()
        joining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await joining
        await parted.wait()
        assert session.state is S.IDLE
        del peer.replies["join"]
        await session.join(LOBBY)


async def test_a_join_without_reply_times_out_and_is_taken_back(peer: Peer) -> None:
    parted = asyncio.Event()

    def part(_: Any) -> RoomUris:
        parted.set()
        return RoomUris((LOBBY,))

    peer.replies["join"] = lambda _: None
    peer.replies["part"] = part
    async with peer.chatting(replace(SHORT, request=0.05)) as chat:
        with pytest.raises(OperationTimeout):
            await chat.join(LOBBY)
        await parted.wait()


# --- leaving ---


async def test_a_left_session_joins_again(peer: Peer) -> None:
    async with peer.chatting() as chat:
        session = ChatRoomSession(chat)
        for _ in range(2):
            await session.join(LOBBY)
            await session.post("hello")
            await session.leave()
            assert (session.state, session.uri, session.participants) == (S.IDLE, None, ())
            assert not session.can_post
        assert not chat.sessions
    assert peer.commands()[2:] == ["join", "grpchat", "part"] * 2


async def test_streams_end_when_the_room_is_left(peer: Peer) -> None:
    async with peer.chatting() as chat:
        async with chat.join(LOBBY) as session:
            events, messages = session.events(), session.messages()
        told = [event async for event in events]
        assert told == [
            SessionStateChanged(S.TERMINATING, SessionReason.LEFT),
            SessionStateChanged(S.IDLE, SessionReason.LEFT),
        ]
        assert [message async for message in messages] == []


@pytest.mark.parametrize("answer", [ErrorCode.USER_NOT_JOINED, ErrorCode.ERROR_PERMISSION])
async def test_we_are_out_whatever_the_service_says(peer: Peer, answer: ErrorCode) -> None:
    peer.replies["part"] = lambda _: answer
    async with peer.chatting() as chat:
        async with chat.join(LOBBY) as session:
            pass
        assert session.state is S.IDLE
        await session.close()


@pytest.mark.parametrize("operation", ["leave", "post", "recent"])
async def test_outside_a_room_nothing_can_be_done(peer: Peer, operation: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"leave": (), "post": ("hello",), "recent": (5,)}
    async with peer.chatting() as chat:
        session = ChatRoomSession(chat)
        with pytest.raises(SessionStateError, match="idle, not established"):
            await getattr(session, operation)(*arguments[operation])
    with pytest.raises(ChatServerConnectionError):
        await getattr(session, operation)(*arguments[operation])
    assert "part" not in peer.commands()


# --- posting ---


async def test_a_post_returns_its_message(peer: Peer) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        result = await session.post("one\r\ntwo <&>", alert=True, rtf="{\\rtf1 one}")
        assert result.message is not None
        assert (result.message.text, result.message.is_alert) == ("one\ntwo <&>", True)
        assert (result.message.author, result.message.room_name) == (ALICE, "Lobby")
        assert result.message.rtf == "{\\rtf1 one}"


async def test_a_service_that_does_not_echo_is_waited_for_once(peer: Peer) -> None:
    peer.echo = False
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        assert (await session.post("one")).message is None
        assert not session._echoes.come
        assert (await session.post("two")).message is None
        peer.connection.say(line("from another device", 3, ALICE))
        await chat.search_rooms()
        assert session._echoes.come


@pytest.mark.parametrize("text", ["", " ", "\r\n\t"])
async def test_an_empty_message_is_refused_at_once(peer: Peer, text: str) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        with pytest.raises(ValueError, match="empty"):
            await session.post(text)
        with pytest.raises(TypeError):
            await session.post(b"hello")  # type: ignore[arg-type]
    assert "grpchat" not in peer.commands()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidArgument),
        (403, PermissionDenied),
        (404, RoomNotFound),
        (410, RoomDisabled),
        (412, NotJoined),
        (413, LimitExceeded),
        (500, ServerFault),
        (503, ServerFault),
    ],
)
async def test_the_final_status_is_the_receipt(
    peer: Peer, status: int, kind: type[CommandFailed]
) -> None:
    peer.post_status = status
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        with pytest.raises(kind, match=str(status)) as caught:
            await session.post("hello")
        assert caught.value.request == "grpchat"
        assert session.state is S.ESTABLISHED


async def test_a_refusing_reply_is_understood_too(peer: Peer) -> None:
    def refuse(connection: PeerConnection, event: RequestReceived) -> None:
        if b"<grpchat" not in event.request.body:
            connection.info(event)
            return
        connection.accept(event)
        envid = event.request.body.split(b'envid="')[1].split(b'"')[0].decode()
        post = line("refused")
        data = RoomUris((LOBBY,))
        connection.say(Reply.refusing(post, envid, ErrorCode.ERROR_PERMISSION, data=data))

    peer.on["INFO"] = refuse
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        with pytest.raises(PermissionDenied):
            await session.post("hello")


async def test_a_post_without_receipt_is_not_called_posted(peer: Peer) -> None:
    async with peer.chatting(replace(SHORT, request=0.05)) as chat:
        session = await chat.join(LOBBY)
        peer.on["INFO"] = lambda _, __: None
        with pytest.raises(OperationTimeout):
            await session.post("hello")
        peer.on["INFO"] = lambda c, _: c.cut()
        with pytest.raises((ChatServerConnectionError, ConnectionError)):
            await session.post("hello")


# --- reading back ---


async def test_recent_messages_are_read_back(peer: Peer) -> None:
    messages = tuple(line(str(n), n).message() for n in range(1, 4))

    def history(command: Command) -> History:
        assert isinstance(command.data, RecentQuery)
        return History(LOBBY, "Lobby", messages[-command.data.count :])

    peer.replies["bccontext"] = history
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        found = await session.recent(2)
        assert [(one.id, one.text) for one in found] == [(2, "2"), (3, "3")]
        with pytest.raises(ValueError, match="at least one"):
            await session.recent(0)


# --- what is told ---


async def test_people_come_go_and_rise(peer: Peer) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        events = session.events()
        for notice in (came(), came(), came(MANAGER), went(BOB), went(BOB)):
            peer.connection.say(notice)
        await chat.search_rooms()
        peer.connection.say(line("done"))
        told = [await anext(events) for _ in range(4)]
        assert [type(one) for one in told[:2]] == [AttendanceChanged, PrivilegeChanged]
        assert [one.active for one in told if isinstance(one, AttendanceChanged)] == [True, False]
        assert isinstance(told[3], MessageReceived)


async def test_our_own_rights_follow(peer: Peer) -> None:
    auditorium = replace(room(), behavior=Behavior.AUDITORIUM)
    peer.replies["join"] = lambda _: Joined((JoinedRoom(auditorium, roster(ALICE)),))
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        assert (session.is_auditorium, session.can_post, session.can_manage) == (True, False, False)
        mask = MANAGER | PRESENTER
        alice = Participant(ALICE, "alice", is_manager=True, is_presenter=True)
        peer.connection.say(Notice("join", Arrivals((Arrival(alice, ((LOBBY, mask),)),))))
        await chat.search_rooms()
        assert (session.is_auditorium, session.can_post, session.can_manage) == (True, True, True)


async def test_being_put_out_is_final(peer: Peer) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        events = session.events()
        peer.connection.say(went(BOB, ALICE))
        assert [event async for event in events] == [
            SessionStateChanged(S.TERMINATING, SessionReason.KICKED),
            SessionStateChanged(S.TERMINATED, SessionReason.KICKED),
        ]
        with pytest.raises(SessionStateError, match="terminated"):
            await session.post("hello")
        assert not chat.sessions
        assert (await chat.join(LOBBY)).is_joined


async def test_losing_the_connection_ends_the_session(peer: Peer) -> None:
    async with peer.chatting() as chat:
        session = await chat.join(LOBBY)
        idle = ChatRoomSession(chat)
        events, others = session.events(), idle.events()
        peer.connection.cut()
        last = [event async for event in events][-1]
        assert last == SessionStateChanged(S.TERMINATED, SessionReason.DISCONNECTED)
        assert [event async for event in others][-1] == last


async def test_other_rooms_do_not_interfere(peer: Peer) -> None:
    other = RoomUri("ma-chan://example.com/other")
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        messages = session.messages()
        peer.connection.say(line("elsewhere", where=other))
        peer.connection.say(line("here"))
        assert (await anext(messages)).text == "here"


async def test_our_own_messages_can_be_left_out(peer: Peer) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        messages = session.messages(include_own=False)
        await session.post("mine")
        peer.connection.say(line("bob's"))
        assert (await anext(messages)).text == "bob's"


# --- readers ---


@pytest.mark.requirement("R62")
async def test_a_slow_reader_is_told_what_it_missed(peer: Peer) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        slow, strict = session.events(limit=2), session.messages(limit=2, overflow=Overflow.RAISE)
        quick = session.messages()
        for number in range(1, 6):
            peer.connection.say(line(str(number), number))
        assert [(await anext(quick)).text for _ in range(5)] == ["1", "2", "3", "4", "5"]
        assert await anext(slow) == EventsLost(3)
        event = await anext(slow)
        assert isinstance(event, MessageReceived)
        assert event.message.text == "4"
        assert [(await anext(strict)).text for _ in range(2)] == ["1", "2"]
        with pytest.raises(OperationFailure, match="too slow"):
            await anext(strict)
        assert [message async for message in strict] == []


@pytest.mark.requirement("R63", "R62")
async def test_an_abandoned_reader_harms_nobody(peer: Peer) -> None:
    async with peer.chatting() as chat, chat.join(LOBBY) as session:
        kept: list[Message] = []

        async def read() -> None:
            kept.extend([message async for message in session.messages()])

        reading = asyncio.get_running_loop().create_task(read())
        await asyncio.sleep(0)
        session.messages()
        assert len(session._events._readers) == 1
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        peer.connection.say(line("hello"))
        assert (await session.post("hi")).message


async def _next_states(events: Any, count: int) -> list[SessionState]:
    return [(await anext(events)).state for _ in range(count)]


async def test_a_chat_endpoint_forgets_sessions_nobody_holds(peer: Peer) -> None:
    async with peer.chatting() as chat:
        for _ in range(3):
            ChatRoomSession(chat)
        assert _known(chat) == 0


def _known(chat: PersistentChatEndpoint) -> int:
    return len(chat._routes)
