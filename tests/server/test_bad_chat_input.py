"""What people and programs get wrong in the chat itself: refused by name, others not disturbed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.errors import (
    CommandFailed,
    DataCollision,
    DuplicateRoomName,
    GroupCycle,
    HierarchyViolation,
    InvalidArgument,
    LimitExceeded,
    NotSupported,
    RoomNotFound,
)
from perchat.markup import Element
from perchat.model.chatroom import Role
from perchat.model.history import HistoryQuery
from perchat.model.name import name_key
from perchat.model.roomdetails import RoomDetails, RoomSettings, RoomUpdate
from perchat.xccos.blocks import Histories, RoomQuery, Rooms, Unknown
from tests.server.harness import make_sample, running
from tests.server.talking import bystanders, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.session import ChatRoomSession
    from perchat.model.chatroom import RoomSnapshot
    from tests.server.harness import Sample
    from tests.server.talking import Bystanders

ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))
BODY_LIMIT = 1_048_576


@pytest.fixture
async def sample(tmp_path: Path) -> AsyncIterator[Sample]:
    config = await make_sample(tmp_path / "server")
    async with running(config) as server:
        async with server.admin() as admin:
            await admin.set_category(
                "Company", add={"creators": ("alice", "carol")}, remove={"allowed": ()}
            )
        yield server


@pytest.fixture
async def others(sample: Sample) -> AsyncIterator[Bystanders]:
    """Alice and bob, who talk before and after."""
    async with bystanders(sample) as pair:
        yield pair


@pytest.fixture
async def carol(
    sample: Sample, others: Bystanders
) -> AsyncIterator[perchat.PersistentChatEndpoint]:
    """Whoever gets it wrong."""
    del others
    async with connect(sample, "carol") as chat:
        yield chat


async def listed(chat: perchat.PersistentChatEndpoint) -> list[RoomSnapshot]:
    return sorted(await chat.search_rooms(), key=lambda room: room.name)


async def joining(chat: perchat.PersistentChatEndpoint, name: str) -> ChatRoomSession:
    """Join once the running server has followed the administrator, within a second."""
    async with asyncio.timeout(5):
        while True:
            with suppress(perchat.CommandFailed):
                return await chat.join(name)


async def send_raw(chat: perchat.PersistentChatEndpoint, body: bytes) -> int:
    """Send a body of our choice in the chat dialog; return the status of the answer."""
    return (await chat._live_dialog._info(body)).status


# --- names ---

NO_NAMES = {
    "empty": "",
    "blanks": " \u2003 ",
    "of 257 characters": "n" * 257,
    "with a control character": "a\x7fb",
    "with a control character of ISO 6429": "a\x85b",
    "that turns the direction": "evil\u202etxt.exe",
    "that isolates a direction": "a\u2067b\u2069",
    "that cannot be seen": "\u200b\u2060\u00ad",
}
TAKEN = {
    "in other case": "gENERAL",
    "with a Cyrillic letter": "Gener\u0430l",
    "with a Greek letter": "Gener\u03b1l",
    "in full width": "\uff27\uff45\uff4e\uff45\uff52\uff41\uff4c",
    "with a joiner nobody sees": "Gen\u200deral",
    "of a category": "C\u043empany",
}


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
async def test_no_room_gets_a_name_that_is_none(
    carol: perchat.PersistentChatEndpoint, sample: Sample, name: str
) -> None:
    (company,) = await carol.rooms.creatable_categories()
    before = await listed(carol)
    with pytest.raises(ValueError, match=r"character|direction"):
        await carol.rooms.create(name, company)
    with pytest.raises(InvalidArgument):
        await carol.command("chancreate", RoomSettings(name, company.uri), RoomDetails)
    async with connect(sample, "alice") as alice:
        general = await alice.find("General")
        with pytest.raises(InvalidArgument):
            await alice.command("chanmodify", RoomUpdate(general, name=name), RoomDetails)
    assert await listed(carol) == before


@pytest.mark.parametrize("name", TAKEN.values(), ids=TAKEN)
async def test_no_room_gets_a_name_that_people_could_take_for_another(
    carol: perchat.PersistentChatEndpoint, name: str
) -> None:
    (company,) = await carol.rooms.creatable_categories()
    before = await listed(carol)
    with pytest.raises(DuplicateRoomName):
        await carol.rooms.create(name, company)
    mine = await carol.rooms.create("Mine", company)
    with pytest.raises(DuplicateRoomName):
        await carol.rooms.update(mine, name=name)
    assert [room.name for room in await listed(carol)] == sorted(
        [*(room.name for room in before), "Mine"]
    )


@pytest.mark.parametrize("letter", ["n", "\u6f22", "\U0001f600"])
async def test_a_name_of_256_characters_is_found_again(
    carol: perchat.PersistentChatEndpoint, letter: str
) -> None:
    (company,) = await carol.rooms.creatable_categories()
    made = await carol.rooms.create(letter * 256, company, description=letter * 256)
    assert await carol.find(letter * 256) == made.uri
    assert (made.name, made.description) == (letter * 256, letter * 256)


async def test_of_two_who_make_the_same_room_at_once_one_has_it(
    sample: Sample, carol: perchat.PersistentChatEndpoint
) -> None:
    async with connect(sample, "alice") as alice:
        (company,) = await carol.rooms.creatable_categories()
        names = ("Cellar", "C\u0435llar")
        assert name_key(names[0]) == name_key(names[1])
        made = await asyncio.gather(
            alice.rooms.create(names[0], company),
            carol.rooms.create(names[1], company),
            return_exceptions=True,
        )
        assert sorted(map(type, made), key=str) == sorted([RoomDetails, DuplicateRoomName], key=str)


# --- rooms that change under people ---


async def test_a_category_cannot_be_taken_from_under_a_live_room(
    sample: Sample, others: Bystanders
) -> None:
    async with sample.admin() as admin:
        with pytest.raises(HierarchyViolation, match="holds 2 rooms"):
            await admin.remove_category("Company")
        await others.still_talk()
        await admin.add_category("Refuge")
        for room in ("General", "Private"):
            await admin.move_room(room, "Refuge")
        await admin.remove_category("Company")
        with pytest.raises(RoomNotFound):
            await admin.add_room("Orphan", "Company")
    await others.still_talk()  # in the same sessions


async def test_a_room_and_the_end_of_its_category_at_once_leave_no_orphan(sample: Sample) -> None:
    async with sample.admin() as one, sample.admin() as other:
        for number in range(10):
            await one.add_category(f"Brief {number}")
            made, ended = await asyncio.gather(
                one.add_room(f"Room {number}", f"Brief {number}"),
                other.remove_category(f"Brief {number}"),
                return_exceptions=True,
            )
            assert isinstance(made, CommandFailed) is not isinstance(ended, CommandFailed)
        names = {category.name for category in await one.categories()}
        assert all(entry.category in names for entry in await one.rooms())


async def test_a_room_removed_under_its_people_closes_and_says_so(
    sample: Sample, others: Bystanders
) -> None:
    async with sample.admin() as admin:
        await admin.add_room("Brief", "Company", members=("alice", "carol"))
        async with connect(sample, "carol") as chat:
            async with asyncio.timeout(5):
                while "Brief" not in {room.name for room in await listed(chat)}:
                    pass
            room = await joining(chat, "Brief")
            events = room.events()
            await admin.remove_room("Brief")
            async with asyncio.timeout(5):
                while not isinstance(over := await anext(events), perchat.SessionStateChanged):
                    pass
            assert over.reason is perchat.SessionReason.KICKED
            with pytest.raises(perchat.PersistentChatError):
                await room.post("into the void")
            with pytest.raises(RoomNotFound):
                await chat.join("Brief")
            async with chat.join("General"):
                await others.still_talk()


async def test_of_two_managers_at_the_same_moment_one_is_told_to_look_again(
    sample: Sample, others: Bystanders
) -> None:
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        await alice.rooms.grant("General", Role.MANAGER, [BOB])
        general = await alice.find("General")
        for number in range(10):
            read = await alice.rooms.get(general)
            done = await asyncio.gather(
                alice.rooms.update(general, description=f"alice {number}", expected=read),
                bob.rooms.update(general, description=f"bob {number}", expected=read),
                return_exceptions=True,
            )
            (won,) = (one for one in done if isinstance(one, RoomDetails))
            (lost,) = (one for one in done if isinstance(one, BaseException))
            assert isinstance(lost, DataCollision)
            assert (await alice.rooms.get(general)).description == won.description
        await others.still_talk()


async def test_managers_who_staff_a_room_at_once_undo_nothing_of_each_other(
    sample: Sample, others: Bystanders
) -> None:
    async with sample.admin() as admin:
        for number in range(8):
            await admin.add_user(f"new{number}", "secret")
    async with connect(sample, "alice") as alice, connect(sample, "bob") as bob:
        await alice.rooms.grant("General", Role.MANAGER, [BOB])
        await asyncio.gather(
            *(
                chat.rooms.grant("General", Role.MEMBER, [f"sip:new{number}@example.com"])
                for number, chat in enumerate([alice, bob] * 4)
            )
        )
        held = {one.principal.uri for one in await alice.rooms.members("General")}
        assert held >= {f"sip:new{number}@example.com" for number in range(8)}
        await others.still_talk()


# --- the directory ---


async def test_a_group_that_would_hold_itself_is_left_as_it_was(
    sample: Sample, others: Bystanders
) -> None:
    async with sample.admin() as admin:
        await admin.add_group("Inner", ["carol"])
        await admin.add_group("Middle", ["group:Inner"])
        await admin.add_group("Outer", ["group:Middle"])
        await admin.grant("Private", Role.MEMBER, ["group:Outer"])
        for group, held in (("Inner", "Outer"), ("Inner", "Middle"), ("Outer", "Outer")):
            before = await admin.groups()
            with pytest.raises(GroupCycle, match=group):
                await admin.add_group_members(group, [f"group:{held}", "bob"])
            assert await admin.groups() == before
    async with connect(sample, "carol") as carol, await joining(carol, "Private"):
        await others.still_talk()
    async with connect(sample, "bob") as bob:
        with pytest.raises(perchat.PermissionDenied):
            await bob.join("Private")


async def test_of_two_who_close_a_circle_of_groups_at_once_one_is_refused(sample: Sample) -> None:
    async with sample.admin() as one, sample.admin() as other:
        for number in range(10):
            left, right = f"Left {number}", f"Right {number}"
            await one.add_group(left)
            await one.add_group(right)
            done = await asyncio.gather(
                one.add_group_members(left, [f"group:{right}"]),
                other.add_group_members(right, [f"group:{left}"]),
                return_exceptions=True,
            )
            assert sum(isinstance(result, GroupCycle) for result in done) == 1
            assert sum(isinstance(result, tuple) for result in done) == 1


@pytest.mark.parametrize("how", ["removed from the directory", "disabled"])
async def test_who_is_taken_out_of_the_directory_is_signed_out_with_the_reason(
    sample: Sample, others: Bystanders, how: str
) -> None:
    events = others.listener.events()
    platform = perchat.CollaborationPlatform.client("test", transport=perchat.Transport.TCP)
    host, port = sample.tcp
    credential = perchat.PasswordCredential("carol@example.com", "correct horse")
    endpoint = perchat.UserEndpoint(platform, CAROL, server=host, port=port, credential=credential)
    async with platform, endpoint, asyncio.timeout(10):
        states = endpoint.state_changes()
        chat = perchat.PersistentChatEndpoint("sip:perchat@example.com", endpoint)
        await chat.establish()
        room = await chat.join("General").__aenter__()
        await room.post("remember me")
        async with sample.admin() as admin:
            if how == "disabled":
                await admin.set_user("carol", enabled=False)
            else:
                await admin.remove_user("carol")
        over = await anext(states)
        assert over.reason is perchat.EndpointReason.DEREGISTERED
        assert how in over.message
        while (await anext(states)).state is not perchat.EndpointState.TERMINATED:
            pass
        with pytest.raises(perchat.PerchatError):
            await room.post("too late")
        seen: list[bool] = []
        while len(seen) < 2:
            event = await anext(events)
            if isinstance(event, perchat.AttendanceChanged) and event.participant.uri == CAROL:
                seen.append(event.active)
        assert seen == [True, False]
    await others.still_talk()
    kept = {message.text: message for message in await others.speaker.recent(9)}
    assert kept["remember me"].author == CAROL
    found = await others.speaker.query_history(HistoryQuery("remember"))
    assert [message.author_name for message in found.messages] == ["Carol"]
    with pytest.raises(perchat.FailureResponse):
        async with connect(sample, "carol"):
            pass


async def test_a_user_who_was_removed_and_made_again_is_somebody_else(
    sample: Sample, others: Bystanders
) -> None:
    async with sample.admin() as admin:
        await admin.remove_user("carol")
        await admin.add_user("carol", "correct horse")
    async with asyncio.timeout(5):
        while True:
            with suppress(perchat.FailureResponse, perchat.ChatServerConnectionError):
                async with connect(sample, "carol") as chat:
                    with pytest.raises(perchat.PermissionDenied):
                        await chat.join("General")
                    break
    await others.still_talk()


# --- questions ---


async def test_a_search_for_rooms_of_ten_thousand_words_is_refused(
    carol: perchat.PersistentChatEndpoint,
) -> None:
    many = " ".join(f"w{n}" for n in range(10_000))
    for extended in (False, True):
        with pytest.raises(LimitExceeded):
            await carol.command("chansrch", RoomQuery(many, extended=extended), Rooms)
    assert await carol.search_rooms("word " * 127 + "general")


async def test_a_question_of_ten_thousand_words_is_refused(
    carol: perchat.PersistentChatEndpoint,
) -> None:
    async with carol.join("General") as room:
        for text in (" ".join(f"w{n}" for n in range(10_000)), "\u6f22" * 10_000):
            with pytest.raises(LimitExceeded):
                await room.query_history(HistoryQuery(text))
        await room.post("still here")


async def test_a_range_of_time_that_runs_backwards_is_refused(
    carol: perchat.PersistentChatEndpoint,
) -> None:
    uri = await carol.find("General")
    times = (
        Element("from", {}, (), "2026-02-01T00:00:00Z"),
        Element("to", {}, (), "2026-01-01T00:00:00Z"),
    )
    question = Element("bcq", {}, (Element("date", {}, times),))
    data = Element("data", {}, (Element("chanib", {"uri": uri}), question))
    for name in ("bcbydate", "bcbymsg", "bcany"):
        with pytest.raises(InvalidArgument):
            await carol.command(name, Unknown(name, data), Histories)
    async with carol.join("General") as room:
        await room.post("still here")


# --- what is said ---

RUBBISH_RTF = {
    "noise": "\x00\x01{{{{\\\\\\",
    "never closed": "{" * 5_000,
    "never opened": "}" * 5_000,
    "no rtf": "<html><script>alert(1)</script></html>",
    "numbers": r"{\rtf1\u99999999999999999999 \bin99999999 x}",
}
OBJECTS = r"{\rtf1{\object\objemb{\*\objdata 0105000002}}}"
NOT_IN_XML = dict.fromkeys((0, 1), ".")
RUBBISH_TEXT = {
    "script": "<script>alert(1)</script><img src=x onerror=y>",
    "never closed": "<a href='" + "<" * 4_000,
    "javascript": '<a href="javascript:alert(1)">click</a>',
    "entities": "&lt;&amp;amp;&#0;&#xD800;&nosuch;]]>",
    "cdata": "<![CDATA[ ]]> <!-- --> <?php ?>",
    "story": "[STORY][STORY][/STORY]\n[/STORY]",
    "directions": "\u202eevil\u2066\u200f",
}


@pytest.mark.parametrize("rtf", RUBBISH_RTF.values(), ids=RUBBISH_RTF)
async def test_what_is_no_rtf_is_refused_here_and_by_the_server(
    carol: perchat.PersistentChatEndpoint,
    others: Bystanders,
    monkeypatch: pytest.MonkeyPatch,
    rtf: str,
) -> None:
    last = await others.listener.recent(1)
    async with carol.join("General") as room:
        with pytest.raises(ValueError, match="RTF"):
            await room.post("in plain words", rtf=rtf)
        monkeypatch.setattr("perchat.client.echoes.check_content", lambda *_: None)
        with pytest.raises(InvalidArgument):
            await room.post("in plain words", rtf=rtf.translate(NOT_IN_XML))
        assert await others.listener.recent(1) == last


async def test_objects_in_rtf_are_only_text(
    carol: perchat.PersistentChatEndpoint, others: Bystanders
) -> None:
    async with carol.join("General") as room:
        await room.post("in plain words", rtf=OBJECTS)
        (message,) = await others.listener.recent(1)
        assert (message.text, message.rtf, message.rtf_parts) == ("in plain words", OBJECTS, ())


@pytest.mark.parametrize("character", ["\x00", "\x07", "\ufffe"])
async def test_a_character_that_cannot_be_sent_is_refused_before_anything_is_sent(
    carol: perchat.PersistentChatEndpoint, character: str
) -> None:
    async with carol.join("General") as room:
        before = await room.recent(5)
        for post in (
            room.post(f"a{character}b"),
            room.post("text", title=f"ti{character}tle"),
            room.post("text", rtf=f"{{\\rtf1 {character}}}"),
        ):
            with pytest.raises(ValueError, match=f"U\\+{ord(character):04X}, its character"):
                await post
        assert await room.recent(5) == before


async def test_a_foreign_document_with_such_a_character_is_refused(
    carol: perchat.PersistentChatEndpoint, others: Bystanders
) -> None:
    uri = await carol.find("General")
    async with carol.join("General"):
        for bad in (b"&#7;", b"\x07", b"\xef\xbf\xbe"):
            line = (
                b'<grpchat id="grpchat" chanUri="%s" author="sip:carol@example.com">' % uri.encode()
            )
            body = b'<xccos ver="1" envid="7" xmlns="urn:parlano:xml:ns:xccos">' + line
            body += b"<chat>a" + bad + b"b</chat></grpchat></xccos>"
            assert await send_raw(carol, body) == 400


@pytest.mark.parametrize("text", RUBBISH_TEXT.values(), ids=RUBBISH_TEXT)
async def test_markup_in_a_text_is_only_text(
    carol: perchat.PersistentChatEndpoint, others: Bystanders, text: str
) -> None:
    async with carol.join("General") as room:
        await room.post(text)
        (message,) = await others.listener.recent(1)
        assert message.text == text
        links = [part for part in message.parts if isinstance(part, perchat.LinkPart)]
        assert links == []


async def test_a_text_of_the_limit_is_said_and_one_byte_more_is_not(
    carol: perchat.PersistentChatEndpoint, others: Bystanders
) -> None:
    limit = carol.server.message_size_limit
    async with carol.join("General") as room:
        await room.post("x" * limit)
        for too_long in ("x" * (limit + 1), "\u00e4" * (limit // 2) + "x" * 2):
            with pytest.raises(LimitExceeded):
                await room.post(too_long)
        (message,) = await others.listener.recent(1)
        assert message.text == "x" * limit


# --- documents ---


def document(size: int, room: str) -> bytes:
    """Return a post in a document of exactly that many bytes, most of them in a comment."""
    head = (
        f'<xccos ver="1" envid="1" xmlns="urn:parlano:xml:ns:xccos">'
        f'<grpchat id="grpchat" seqid="1" chanUri="{room}" author="{CAROL}"><chat>by a hair</chat>'
    ).encode()
    tail = b"</grpchat></xccos>"
    return head + b"<!--" + b"x" * (size - len(head) - len(tail) - 7) + b"-->" + tail


async def test_a_body_of_the_limit_is_taken(
    carol: perchat.PersistentChatEndpoint, others: Bystanders
) -> None:
    async with carol.join("General") as room:
        assert await send_raw(carol, document(BODY_LIMIT, await carol.find("General"))) == 200
        (message,) = await others.listener.recent(1)
        assert message.text == "by a hair"
        await room.post("still here")


async def test_a_body_of_one_byte_more_is_refused_and_nothing_of_it_is_said(
    sample: Sample, others: Bystanders, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(sample, "carol") as carol, carol.join("General") as room:
        await room.post("before")
        body = document(BODY_LIMIT + 1, await carol.find("General"))
        with suppress(perchat.PerchatError):  # it reads the answer, or that the line is cut
            assert await send_raw(carol, body) == 513
    await others.still_talk()
    async with connect(sample, "carol") as carol, carol.join("General") as room:
        await room.post("after")
        said = [message.text for message in await room.recent(9)]
    assert "by a hair" not in said
    assert {"before", "after"} <= set(said)
    assert "too large" in caplog.text


async def test_elements_nobody_knows_are_passed_over_and_the_rest_is_heard(
    carol: perchat.PersistentChatEndpoint, others: Bystanders
) -> None:
    async with carol.join("General"):
        uri = await carol.find("General")
        body = (
            '<xccos ver="9" envid="7" future="yes" xmlns="urn:parlano:xml:ns:xccos"'
            ' xmlns:z="urn:z">'
            "<frobnicate><deep><deeper/></deep></frobnicate>"
            '<z:cmd id="z:cmd:join"/>'
            f'<grpchat id="grpchat" seqid="1" chanUri="{uri}" author="{CAROL}" shade="7">'
            '<z:mood level="3">glad</z:mood><chat z:lang="en">heard</chat><aside/></grpchat>'
            "</xccos>"
        )
        assert await send_raw(carol, body.encode()) == 200
        (message,) = await others.listener.recent(1)
        assert (message.text, message.author) == ("heard", CAROL)


async def test_a_command_nobody_knows_is_answered_so_and_extra_data_of_others_is_not_minded(
    carol: perchat.PersistentChatEndpoint,
) -> None:
    for name in ("frobnicate", "chanmodify2", "x" * 60):
        with pytest.raises(NotSupported):
            await carol.command(name, Unknown(name, Element("data", {}, (Element("odd"),))), Rooms)
    query = Element(
        "qib", {"qtype": "BYNAME", "criteria": "gen", "mood": "glad"}, (Element("odd"),)
    )
    data = Element("data", {"future": "yes"}, (Element("prelude"), query, Element("coda")))
    found = await carol.command("chansrch", Unknown("chansrch", data), Rooms)
    assert [room.name for room in found.rooms] == ["General"]
