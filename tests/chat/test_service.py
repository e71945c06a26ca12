"""Rooms, messages and history as a session meets them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from perchat.chat.finding import RoomFilter
from perchat.chat.history import _fitting
from perchat.chat.refusal import Refusal
from perchat.chat.state import ChatState, RoomState, UserArrived, UserDeparted
from perchat.cluster.wakeup import LocalWakeup
from perchat.errors import ErrorCode, StorageError
from perchat.model.chatroom import Behavior, Permission, Privacy, Role
from perchat.model.journal import (
    Fact,
    JournalEntry,
    MessagePosted,
    NodeStarted,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
    RoomRemoved,
)
from perchat.model.message import Message
from perchat.model.participant import Participant
from perchat.model.uri import RoomUri, SipUri
from perchat.store.base import Told
from perchat.store.memory import MemoryStore
from tests.chat.conftest import SETTINGS, Node, post, running
from tests.store.samples import ADA, BOB, EVE, LAB, OPS, SETTLED, category, posted, room, user

NOWHERE = RoomUri("ma-chan://contoso.example/nowhere")
STRANGER = SipUri("sip:stranger@contoso.example")

RTF = r"{\rtf1 x}"


def code(answer: object) -> ErrorCode | None:
    return answer.code if isinstance(answer, Refusal) else None


def message(answer: object) -> Message:
    assert isinstance(answer, JournalEntry)
    assert isinstance(answer.fact, MessagePosted)
    return answer.fact.message


# joining


async def test_who_joins_is_a_participant_when_join_returns(node: Node) -> None:
    entry = await node.service.join(ADA, "s1", OPS)
    assert isinstance(entry, JournalEntry)
    assert node.service.participants(OPS) == [Participant(ADA, "Ada", "guid-ada")]
    assert node.service.audience(OPS) == {"s1": ADA}
    assert node.service.joined(ADA, "s1") == (OPS,)
    assert node.told == [UserArrived(OPS, ADA, "s1")]


async def test_joining_again_changes_nothing(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    before = await node.store.position()
    assert await node.service.join(ADA, "s1", OPS) is None
    assert await node.store.position() == before


@pytest.mark.parametrize(
    ("who", "where", "why"),
    [
        (ADA, NOWHERE, ErrorCode.NO_SUCH_NODE),
        (BOB, LAB, ErrorCode.NO_SUCH_NODE),
        (STRANGER, OPS, ErrorCode.NO_SUCH_NODE),
        (EVE, OPS, ErrorCode.ERROR_PERMISSION),
    ],
)
async def test_joins_are_refused_with_the_reason(
    node: Node, who: SipUri, where: RoomUri, why: ErrorCode
) -> None:
    assert code(await node.service.join(who, "s", where)) is why
    assert code(await node.service.recent(who, where, 1)) is why


async def test_a_disabled_room_is_neither_joined_nor_read_nor_found(node: Node) -> None:
    await node.become(room(disabled=True))
    assert code(await node.service.join(ADA, "s", OPS)) is ErrorCode.NODE_DISABLED
    assert code(await node.service.recent(ADA, OPS, 1)) is ErrorCode.NODE_DISABLED
    assert [found.uri for found in await node.service.find_rooms(ADA, RoomFilter())] == [LAB]


async def test_an_open_room_needs_no_membership(node: Node) -> None:
    await node.become(room(privacy=Privacy.OPEN))
    assert isinstance(await node.service.join(EVE, "s", OPS), JournalEntry)
    assert message(await post(node.service, EVE, "s", OPS, "hello")).author == EVE


async def test_several_rooms_are_joined_at_once_and_answered_one_by_one(node: Node) -> None:
    await node.service.join(ADA, "s1", LAB)
    before = await node.store.position()
    answers = await node.service.join_all(ADA, "s1", (NOWHERE, OPS, LAB))
    assert list(answers) == [NOWHERE, OPS, LAB]
    assert code(answers[NOWHERE]) is ErrorCode.NO_SUCH_NODE
    assert answers[LAB] is None
    entry = answers[OPS]
    assert isinstance(entry, JournalEntry)
    assert entry.position == before + 1
    assert set(node.service.joined(ADA, "s1")) == {OPS, LAB}


async def test_rooms_joined_together_follow_each_other_in_the_journal(node: Node) -> None:
    before = await node.store.position()
    answers = await node.service.join_all(ADA, "s1", (OPS, LAB))
    places = [one.position for one in answers.values() if isinstance(one, JournalEntry)]
    assert places == [before + 1, before + 2]
    assert node.told == [UserArrived(OPS, ADA, "s1"), UserArrived(LAB, ADA, "s1")]


async def test_a_room_that_is_gone_by_then_keeps_nobody_out_of_the_others(node: Node) -> None:
    await node.store.append(RoomRemoved(LAB))  # the node has yet to read of it
    answers = await node.service.join_all(ADA, "s1", (LAB, OPS))
    assert code(answers[LAB]) is ErrorCode.NO_SUCH_NODE
    assert isinstance(answers[OPS], JournalEntry)
    assert node.service.joined(ADA, "s1") == (OPS,)


# leaving


async def test_parting_is_idempotent_but_not_blind(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    assert isinstance(await node.service.part(ADA, "s1", OPS), JournalEntry)
    assert node.service.participants(OPS) == []
    assert await node.service.part(ADA, "s1", OPS) is None
    assert code(await node.service.part(BOB, "s1", LAB)) is ErrorCode.NO_SUCH_NODE


async def test_a_session_that_ends_leaves_every_room(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    await node.service.join(ADA, "s1", LAB)
    await node.service.join(ADA, "s2", LAB)
    assert await node.service.part_all([(ADA, "s1")]) is None
    assert node.service.joined(ADA, "s1") == ()
    assert node.service.participants(OPS) == []
    assert [p.uri for p in node.service.participants(LAB)] == [ADA]


async def test_a_session_that_ends_while_joining_leaves_no_ghost(node: Node) -> None:
    async with asyncio.TaskGroup() as tasks:
        joining = tasks.create_task(node.service.join(ADA, "s1", OPS))
        await asyncio.sleep(0)
        joining.cancel()
        await node.service.part_all([(ADA, "s1")])
    await node.settle()
    assert node.service.participants(OPS) == []


async def test_rooms_carried_over_to_a_new_session_show_no_departure(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    await node.service.join(ADA, "s1", LAB)
    node.told.clear()
    assert await node.service.transfer(ADA, "s1", "s2") is None
    assert node.told == []
    assert set(node.service.joined(ADA, "s2")) == {OPS, LAB}
    assert node.service.joined(ADA, "s1") == ()
    assert await node.service.transfer(ADA, "s1", "s3") is None


# having to leave


@pytest.mark.parametrize(
    "fact",
    [
        RolesRevoked(OPS, Role.MEMBER, (ADA,)),
        room(disabled=True),
        category(denied=frozenset([str(ADA)])),
        user(ADA, enabled=False),
        user(ADA, chat_enabled=False),
    ],
)
async def test_who_loses_the_right_to_be_there_is_expelled(node: Node, fact: Fact) -> None:
    await node.service.join(ADA, "s1", OPS)
    await node.service.join(ADA, "s2", OPS)
    await node.become(fact)
    await node.until(lambda: not node.service.participants(OPS))
    assert {p.session for p in node.expelled if isinstance(p, ParticipantParted)} == {"s1", "s2"}
    assert node.told[-1] == UserDeparted(OPS, ADA)


async def test_a_change_that_takes_nothing_away_expels_nobody(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    await node.become(room(name="Operations"), category(description="x"), user(ADA))
    await node.become(RolesRevoked(OPS, Role.MEMBER, (BOB,)))
    assert node.expelled == []
    assert node.service.audience(OPS) == {"s1": ADA}


async def test_a_join_that_lost_a_race_against_a_revocation_is_undone(node: Node) -> None:
    await node.become(
        RolesRevoked(OPS, Role.MEMBER, (ADA,)), ParticipantJoined(OPS, ADA, "late", "one")
    )
    await node.until(lambda: not node.service.participants(OPS))
    assert node.expelled == [ParticipantParted(OPS, ADA, "late", "one")]


async def test_rights_are_found_anew_when_they_may_have_changed_not_when_others_come_and_go(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[SipUri] = []
    permission = ChatState.permission

    def find(state: ChatState, who: SipUri, place: RoomState) -> Permission:
        found.append(who)
        return permission(state, who, place)

    monkeypatch.setattr(ChatState, "permission", find)
    await node.service.join(ADA, "s1", OPS)
    await node.service.join(BOB, "s2", OPS)
    await node.service.part(BOB, "s2", OPS)
    await post(node.service, ADA, "s1", OPS, "hello")
    assert found.count(ADA) == 1
    await node.become(RolesRevoked(OPS, Role.MEMBER, (ADA,)))
    assert node.service.permission(ADA, OPS) is Permission.VIEW
    assert found.count(ADA) == 2


# posting


async def test_a_post_gets_its_id_and_the_authors_name(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    posted = message(await post(node.service, ADA, "s1", OPS, "a\r\nb\rc", alert=True, rtf=RTF))
    assert (posted.id, posted.author, posted.author_name) == (1, ADA, "Ada")
    assert (posted.text, posted.rtf, posted.is_alert) == ("a\nb\nc", RTF, True)
    assert await node.service.recent(BOB, OPS, 10) == [posted]


async def test_only_the_session_that_joined_may_post(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    assert code(await post(node.service, ADA, "s2", OPS, "x")) is ErrorCode.USER_NOT_JOINED
    assert code(await post(node.service, BOB, "s1", OPS, "x")) is ErrorCode.USER_NOT_JOINED
    assert code(await post(node.service, BOB, "s1", LAB, "x")) is ErrorCode.NO_SUCH_NODE


@pytest.mark.parametrize("text", ["", " \n\t", "\r\n"])
async def test_a_message_needs_text(node: Node, text: str) -> None:
    await node.service.join(ADA, "s1", OPS)
    assert code(await post(node.service, ADA, "s1", OPS, text)) is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("x" * 20, True),
        ("x" * 21, False),
        ("ü" * 10, True),
        ("ü" * 11, False),
        ("[STORY]" + "x" * 53, True),
        ("[STORY]" + "x" * 54, False),
    ],
)
async def test_the_limit_counts_bytes_and_stories_have_their_own(
    node: Node, text: str, fits: bool
) -> None:
    await node.service.join(ADA, "s1", OPS)
    answer = await post(node.service, ADA, "s1", OPS, text)
    assert code(answer) is (None if fits else ErrorCode.LIMIT_EXCEEDED)


async def test_the_rich_twin_is_limited_too(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    answer = await post(node.service, ADA, "s1", OPS, "x", rtf="r" * 61)
    assert code(answer) is ErrorCode.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("text", "rtf", "why"),
    [
        ("a\x00b", None, "U+0000, its character 2"),
        ("plain", "{\\rtf1 \x07}", "the RTF of a message cannot have U+0007"),
        ("plain", "nope", "begins with"),
        ("plain", r"{\rtf1 x", "not closed"),
    ],
)
async def test_what_no_message_can_carry_is_refused_and_not_dropped(
    node: Node, text: str, rtf: str | None, why: str
) -> None:
    await node.service.join(ADA, "s1", OPS)
    answer = await post(node.service, ADA, "s1", OPS, text, rtf=rtf)
    assert code(answer) is ErrorCode.INVALID_ARGUMENT
    assert why in str(answer)
    assert await node.service.recent(ADA, OPS, 10) == []


async def test_in_an_auditorium_only_presenters_are_heard(node: Node) -> None:
    await node.become(
        room(behavior=Behavior.AUDITORIUM),
        RolesGranted(OPS, Role.PRESENTER, (BOB,)),
        RolesGranted(OPS, Role.MANAGER, (ADA,)),
    )
    await node.service.join(ADA, "a", OPS)
    await node.service.join(BOB, "b", OPS)
    assert code(await post(node.service, ADA, "a", OPS, "x")) is ErrorCode.ERROR_PERMISSION
    assert message(await post(node.service, BOB, "b", OPS, "x")).author == BOB
    roles = {p.uri: (p.is_manager, p.is_presenter) for p in node.service.participants(OPS)}
    assert roles == {ADA: (True, False), BOB: (False, True)}


async def test_where_no_history_is_kept_messages_are_told_but_not_stored(node: Node) -> None:
    await node.become(category(keeps_history=False))
    await node.service.join(ADA, "s1", OPS)
    entry = await post(node.service, ADA, "s1", OPS, "psst")
    assert isinstance(entry, JournalEntry)
    assert isinstance(entry.fact, MessagePosted)
    assert (entry.fact.kept, entry.fact.message.id) == (False, 1)
    assert await node.service.recent(ADA, OPS, 5) == []
    await node.become(category(keeps_history=True))
    assert await node.service.recent(ADA, OPS, 5) == []


async def test_history_is_asked_for_within_the_limit(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    for n in range(9):
        await post(node.service, ADA, "s1", OPS, str(n))
    found = await node.service.recent(ADA, OPS, 1000)
    assert isinstance(found, list)
    assert [m.text for m in found] == ["4", "5", "6", "7", "8"]
    assert code(await node.service.recent(ADA, OPS, 0)) is ErrorCode.INVALID_ARGUMENT


class FullStore(MemoryStore):
    """Takes nothing but what it needs to start."""

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        if any(isinstance(fact, ParticipantJoined) and fact.user == ADA for fact in facts):
            raise StorageError("the disk is full")
        return await super().append(*facts)

    def append_then(self, told: Told, *facts: Fact) -> None:
        asyncio.get_running_loop().call_soon(told, StorageError("the disk is full"))

    async def history(
        self, room: RoomUri, *, last: int, before: int | None = None, after: int | None = None
    ) -> list[Message]:
        raise StorageError("the disk is gone")


async def test_a_store_in_trouble_is_a_refusal_that_tells_no_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FullStore()
    await store.append(*SETTLED)
    async with running(Node(store, LocalWakeup())) as node:
        await node.become(ParticipantJoined(OPS, BOB, "b", "elsewhere"))
        answers = [
            await node.service.join(ADA, "s", OPS),
            await node.service.recent(ADA, OPS, 1),
            await post(node.service, BOB, "b", OPS, "hello"),
        ]
    assert [code(answer) for answer in answers] == [ErrorCode.DATABASE_CONNECTION] * 3
    assert all("disk" not in answer.text for answer in answers if isinstance(answer, Refusal))
    assert "the disk is full" in caplog.text
    assert "the disk is gone" in caplog.text


# finding


async def test_search_finds_any_word_anywhere_in_the_name(node: Node) -> None:
    await node.become(room(NOWHERE, "Straße und Ampel", description="Traffic"))
    names = [found.name for found in await node.service.find_rooms(ADA, RoomFilter())]
    assert names == ["Lab", "Ops", "Straße und Ampel"]
    for criteria in ("STRASSE", "xyz amp", "  und"):
        assert [
            found.uri for found in await node.service.find_rooms(ADA, RoomFilter(criteria))
        ] == [NOWHERE]
    assert await node.service.find_rooms(ADA, RoomFilter("traffic")) == []
    assert [
        f.uri for f in await node.service.find_rooms(ADA, RoomFilter("traffic", descriptions=True))
    ] == [NOWHERE]
    assert [f.name for f in await node.service.find_rooms(ADA, RoomFilter(), limit=2)] == [
        "Lab",
        "Ops",
    ]
    assert len(await node.service.find_rooms(ADA, RoomFilter(), limit=-1)) == 3


async def test_secret_rooms_are_found_by_members_and_managers_only(node: Node) -> None:
    assert [found.uri for found in await node.service.find_rooms(BOB, RoomFilter("lab"))] == []
    await node.become(RolesGranted(LAB, Role.MANAGER, (BOB,)))
    assert [found.uri for found in await node.service.find_rooms(BOB, RoomFilter("lab"))] == [LAB]
    assert await node.service.find_rooms(STRANGER, RoomFilter()) == []


async def test_associations_are_the_rooms_of_a_role(node: Node) -> None:
    await node.become(RolesGranted(OPS, Role.MANAGER, ("domain:contoso.example",)))
    assert [f.uri for f in await node.service.find_rooms(ADA, RoomFilter(own=Role.MEMBER))] == [
        LAB,
        OPS,
    ]
    assert [f.uri for f in await node.service.find_rooms(EVE, RoomFilter(own=Role.MANAGER))] == [
        OPS
    ]


async def test_a_snapshot_counts_users_and_carries_what_the_category_decides(node: Node) -> None:
    await node.become(category(invitations=True, file_posts=True, keeps_history=False))
    await node.service.join(ADA, "s1", OPS)
    await node.service.join(ADA, "s2", OPS)
    seen = node.service.snapshot(BOB, OPS)
    assert not isinstance(seen, Refusal)
    assert (seen.participants, seen.invites, seen.can_post_files) == (1, True, True)
    assert not seen.keeps_history
    assert code(node.service.snapshot(BOB, LAB)) is ErrorCode.NO_SUCH_NODE


async def test_permissions_are_told_per_user(node: Node) -> None:
    assert node.service.permission(EVE, OPS) is Permission.VIEW
    assert Permission.POST in node.service.permission(ADA, OPS)
    assert node.service.permission(ADA, NOWHERE) is Permission.NONE


async def test_the_server_tells_its_limits_and_identity(node: Node) -> None:
    info = node.service.server_info(0.0)
    assert (info.message_size_limit, info.display_name) == (20, "contoso.example")
    assert info.time == datetime.fromtimestamp(0, UTC)
    assert info.root_category.guid == info.database_version


# several nodes


async def test_nodes_on_one_store_see_each_others_participants_until_one_stops() -> None:
    store, wakeup = MemoryStore(), LocalWakeup()
    await store.append(*SETTLED)
    async with (
        running(Node(store, wakeup)) as one,
        running(Node(store, wakeup, replace(SETTINGS, node="two"))) as two,
    ):
        await one.service.join(ADA, "s1", OPS)
        await two.service.join(BOB, "s2", OPS)
        await one.settle()
        assert [p.uri for p in one.service.participants(OPS)] == [ADA, BOB]
        assert one.service.audience(OPS) == {"s1": ADA}
        await two.service.stop()
        await one.settle()
        assert one.told[-1] == UserDeparted(OPS, BOB)


async def test_a_node_that_starts_again_says_that_its_sessions_are_gone() -> None:
    store = MemoryStore()
    await store.append(*SETTLED, ParticipantJoined(OPS, ADA, "before the crash", "one"))
    async with running(Node(store, LocalWakeup())) as node:
        assert node.service.participants(OPS) == []
    assert (await store.read(len(SETTLED) + 1))[0].fact == NodeStarted("one")


async def test_a_post_that_is_sent_again_is_answered_and_not_repeated(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    once = await post(node.service, ADA, "s1", OPS, "hello", client_id="c1")
    position = await node.store.position()
    await node.service.part(ADA, "s1", OPS)
    await node.service.join(ADA, "s2", OPS)
    assert await post(node.service, ADA, "s2", OPS, "hello", client_id="c1") == once
    assert await node.store.position() == position + 2  # the part and the join
    assert await node.service.recent(ADA, OPS, 5) == [message(once)]


@pytest.mark.parametrize(("length", "fits"), [(64, True), (65, False)])
async def test_the_id_of_a_post_has_a_limit(node: Node, length: int, fits: bool) -> None:
    await node.service.join(ADA, "s1", OPS)
    answer = await post(node.service, ADA, "s1", OPS, "x", client_id="c" * length)
    assert code(answer) is (None if fits else ErrorCode.INVALID_ARGUMENT)


async def test_history_is_read_onwards_page_by_page(node: Node) -> None:
    await node.service.join(ADA, "s1", OPS)
    for n in range(1, 10):
        await post(node.service, ADA, "s1", OPS, str(n))
    after, pages = 0, []
    while True:
        answer = await node.service.after(BOB, OPS, after, 1000)
        assert isinstance(answer, tuple)
        found, more = answer
        pages.append([m.id for m in found])
        after = found[-1].id
        if not more:
            break
    assert pages == [[1, 2, 3, 4, 5], [6, 7, 8, 9]]
    assert await node.service.after(BOB, OPS, 9, 5) == ([], False)
    assert code(await node.service.after(BOB, OPS, 0, 0)) is ErrorCode.INVALID_ARGUMENT
    assert code(await node.service.after(BOB, OPS, -1, 5)) is ErrorCode.INVALID_ARGUMENT
    assert code(await node.service.after(BOB, LAB, 0, 5)) is ErrorCode.NO_SUCH_NODE


def test_an_answer_ends_where_a_client_could_read_no_more() -> None:
    def long(number: int, text: str) -> Message:
        return replace(posted(text).message, id=number)

    messages = [long(1, "&" * 100), long(2, "x" * 100), long(3, "x" * 500)]
    assert [m.id for m in _fitting(messages, 2000)] == [1, 2]
    assert [m.id for m in _fitting(messages, 3000)] == [1, 2, 3]
    assert [m.id for m in _fitting(messages, 1)] == [1]
