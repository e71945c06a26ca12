"""Asking what was said: limits, order, and the walls around rooms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from perchat.chat.refusal import Refusal
from perchat.chat.settings import ChatSettings
from perchat.cluster.wakeup import LocalWakeup
from perchat.errors import ErrorCode, StorageError
from perchat.model.chatroom import Privacy, Role
from perchat.model.history import HistoryQuery, HistoryResult, Match
from perchat.model.journal import (
    CategoryChanged,
    Fact,
    MessagePosted,
    RolesGranted,
    RolesRevoked,
    RoomChanged,
    UserChanged,
)
from perchat.model.uri import RoomUri, SipUri
from perchat.store.memory import MemoryStore
from tests.chat.conftest import SETTINGS, Node, running
from tests.store.samples import (
    ADA,
    BOB,
    DOMAIN,
    EVE,
    LAB,
    OPS,
    SETTLED,
    category,
    posted,
    room,
    user,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from perchat.model.message import Message

NOWHERE = RoomUri.of(DOMAIN, "nowhere")


def code(answer: object) -> ErrorCode | None:
    return answer.code if isinstance(answer, Refusal) else None


def results(answer: Refusal | list[HistoryResult]) -> list[HistoryResult]:
    assert isinstance(answer, list)
    return answer


def texts(result: HistoryResult) -> list[str]:
    return [message.text for message in result.messages]


async def test_rooms_answer_in_the_order_asked_and_what_one_may_not_read_is_left_out(
    node: Node,
) -> None:
    await node.become(posted("disk full"), posted("full moon", LAB))
    ask = node.service.query
    both = results(await ask(ADA, [LAB, OPS, LAB, NOWHERE], HistoryQuery("full")))
    assert [(r.room_uri, r.room_name, texts(r), r.total) for r in both] == [
        (LAB, "Lab", ["full moon"], 1),
        (OPS, "Ops", ["disk full"], 1),
    ]
    assert [r.room_uri for r in results(await ask(BOB, [LAB, OPS], HistoryQuery("full")))] == [OPS]


async def test_reading_needs_no_join_but_the_right_to(node: Node) -> None:
    await node.become(posted("x"))
    refused = {
        OPS: ErrorCode.ERROR_PERMISSION,
        LAB: ErrorCode.NO_SUCH_NODE,
        NOWHERE: ErrorCode.NO_SUCH_NODE,
    }
    for where, why in refused.items():
        assert code(await node.service.query(EVE, [where], HistoryQuery())) is why
    await node.become(room(privacy=Privacy.OPEN))
    (result,) = results(await node.service.query(EVE, [LAB, OPS], HistoryQuery()))
    assert texts(result) == ["x"]
    await node.become(room(privacy=Privacy.OPEN, disabled=True))
    answer = await node.service.query(EVE, [OPS], HistoryQuery())
    assert code(answer) is ErrorCode.NODE_DISABLED


async def test_a_category_that_keeps_no_history_answers_with_nothing(node: Node) -> None:
    await node.become(posted("x"), category(keeps_history=False))
    answer = await node.service.query(ADA, [OPS], HistoryQuery())
    assert answer == [HistoryResult(OPS, "Ops")]


async def test_the_server_has_the_last_word_on_how_many(node: Node) -> None:
    await node.become(*[posted(f"x{n}") for n in range(9)])
    for limit, found in ((None, 5), (99, 5), (2, 2)):
        query = HistoryQuery(limit=limit)
        (result,) = results(await node.service.query(ADA, [OPS], query))
        assert (len(result.messages), result.total, result.truncated) == (found, 9, True)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (HistoryQuery(limit=2), ["0", "1"]),
        (HistoryQuery(limit=2, newest_first=True), ["1", "0"]),
        (HistoryQuery(limit=2, search_newest_first=True), ["2", "3"]),
        (HistoryQuery(limit=2, search_newest_first=True, newest_first=True), ["3", "2"]),
        (HistoryQuery(after_id=1), ["1", "2", "3"]),
        (HistoryQuery(after_id=3, search_newest_first=True), ["0", "1"]),
        (HistoryQuery("1 3", match=Match.ANY), ["1", "3"]),
        (HistoryQuery("1 3", match=Match.ALL), []),
        (HistoryQuery(authors=(BOB,)), ["3"]),
        (HistoryQuery(until=datetime(2000, 1, 1, tzinfo=UTC)), []),
    ],
)
async def test_what_is_asked_is_answered(
    node: Node, query: HistoryQuery, expected: list[str]
) -> None:
    await node.become(*[posted(str(n), author=ADA if n < 3 else BOB) for n in range(4)])
    (result,) = results(await node.service.query(ADA, [OPS], query))
    assert texts(result) == expected


async def test_questions_that_are_too_long_are_refused(node: Node) -> None:
    many = " ".join(f"w{n}" for n in range(10_000))
    rooms = [RoomUri.of(DOMAIN, f"r{n}") for n in range(201)]
    authors = tuple(f"sip:u{n}@{DOMAIN}" for n in range(101))
    for where, query in (
        ([OPS], HistoryQuery(many)),
        ([OPS], HistoryQuery("字" * 129)),
        (rooms, HistoryQuery()),
        ([OPS], HistoryQuery(authors=authors)),
    ):
        assert code(await node.service.query(ADA, where, query)) is ErrorCode.LIMIT_EXCEEDED
    assert code(await node.service.query(ADA, [], HistoryQuery())) is ErrorCode.INVALID_ARGUMENT


async def test_a_store_in_trouble_refuses(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise StorageError("broken")

    monkeypatch.setattr(node.store, "search", fail)
    answer = await node.service.query(ADA, [OPS], HistoryQuery())
    assert code(answer) is ErrorCode.DATABASE_CONNECTION


# how much fits an answer

SMALL = ChatSettings(domain=DOMAIN, node="one", query_bytes=3_000)


async def small(*facts: Fact) -> Node:
    store = MemoryStore()
    await store.append(*SETTLED, *facts)
    return Node(store, LocalWakeup(), SMALL)


async def test_of_one_room_there_is_always_something() -> None:
    async with running(await small(posted("x" * 5_000), posted("y"))) as node:
        (result,) = results(await node.service.query(ADA, [OPS], HistoryQuery()))
        assert (len(result.messages), result.total, result.truncated) == (1, 2, True)


async def test_what_does_not_fit_is_cut_at_the_far_end_of_the_search() -> None:
    async with running(await small(*[posted(f"{n:100}") for n in range(9)])) as node:
        query = HistoryQuery(search_newest_first=True)
        (result,) = results(await node.service.query(ADA, [OPS], query))
        assert [message.id for message in result.messages] == [6, 7, 8, 9]
        assert result.truncated


async def test_rooms_share_an_answer_and_leave_to_others_what_they_do_not_need() -> None:
    said = [posted("x" * 100) for _ in range(9)] + [posted("y", LAB)]
    async with running(await small(*said)) as node:
        ops, lab = results(await node.service.query(ADA, [OPS, LAB], HistoryQuery()))
        assert (len(ops.messages), ops.total, ops.truncated) == (4, 9, True)
        assert (len(lab.messages), lab.total, lab.truncated) == (1, 1, False)


# the walls

_rooms = st.sampled_from([(OPS, "Ops"), (LAB, "Lab")])
_users = st.sampled_from([ADA, BOB, EVE])
_changes: SearchStrategy[Fact] = st.one_of(
    st.builds(lambda place: posted("secret words", place[0]), _rooms),
    st.builds(
        lambda place, privacy, disabled: room(*place, privacy=privacy, disabled=disabled),
        _rooms,
        st.sampled_from(Privacy),
        st.sampled_from([False, False, True]),
    ),
    st.builds(
        lambda kind, place, role, who: kind(place[0], role, (str(who),)),
        st.sampled_from([RolesGranted, RolesRevoked]),
        _rooms,
        st.sampled_from([Role.MEMBER, Role.MANAGER]),
        _users,
    ),
    st.builds(
        lambda kept, denied: category(
            keeps_history=kept, denied=frozenset([str(denied)] if denied else [])
        ),
        st.sampled_from([True, True, False]),
        st.none() | _users,
    ),
    st.builds(lambda uri, on: user(uri, chat_enabled=on), _users, st.booleans()),
)


class Walls:
    """The rules, once more and shorter."""

    def __init__(self) -> None:
        self.members: set[tuple[str, str]] = set()
        self.rooms: dict[RoomUri, RoomChanged] = {}
        self.able: dict[SipUri, bool] = {}
        self.category = category().category
        self.said: dict[RoomUri, int] = {}

    def take(self, fact: Fact) -> None:
        match fact:
            case MessagePosted(message):
                self.said[message.room_uri] = self.said.get(message.room_uri, 0) + 1
            case RoomChanged(changed):
                self.rooms[changed.uri] = fact
            case RolesGranted(where, Role.MEMBER, (who,)):
                self.members.add((where, who))
            case RolesRevoked(where, Role.MEMBER, (who,)):
                self.members.discard((where, who))
            case CategoryChanged(changed):
                self.category = changed
            case UserChanged(changed):
                self.able[changed.uri] = changed.chat_enabled
            case _:
                pass

    def readable(self, who: SipUri, where: RoomUri) -> bool:
        place = self.rooms[where].room
        admitted = place.privacy is Privacy.OPEN or (where, who) in self.members
        return (
            self.able[who] and who not in self.category.denied and not place.disabled and admitted
        )

    def count(self, who: SipUri, where: RoomUri) -> int:
        shown = self.readable(who, where) and self.category.keeps_history
        return self.said.get(where, 0) if shown else 0


@examples(max_examples=60, deadline=None)
@given(changes=st.lists(_changes, max_size=25))
async def test_nothing_is_found_or_counted_behind_a_wall(changes: list[Fact]) -> None:
    walls, store = Walls(), MemoryStore()
    granted = [
        RolesGranted(fact.room, fact.role, (one,))
        for fact in SETTLED
        if isinstance(fact, RolesGranted)
        for one in fact.principals
    ]
    for fact in (*SETTLED, *granted, *changes):
        walls.take(fact)
    await store.append(*SETTLED)
    for fact in changes:
        await store.append(fact)
    async with running(Node(store, LocalWakeup(), SETTINGS)) as node:
        for who in (ADA, BOB, EVE):
            answer = await node.service.query(who, [OPS, LAB], HistoryQuery("secret"))
            found = {r.room_uri: r for r in answer} if isinstance(answer, list) else {}
            assert set(found) == {where for where in (OPS, LAB) if walls.readable(who, where)}
            for where, result in found.items():
                assert result.total == walls.count(who, where)
                assert len(result.messages) == min(result.total, SETTINGS.history_limit)
                assert all(_of(where, message) for message in result.messages)


def _of(where: RoomUri, message: Message) -> bool:
    return message.room_uri == where
