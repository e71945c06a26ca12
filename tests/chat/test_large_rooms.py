"""
A room of sixteen thousand costs its newcomers no more than a room of a hundred.

What the service does is counted in the interpreter's own steps, so that no clock is asked.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from perchat.chat.refusal import Refusal
from perchat.chat.state import ChatState, UserArrived, UserKicked
from perchat.cluster.wakeup import LocalWakeup
from perchat.model.chatroom import Behavior, Privacy, Role
from perchat.model.journal import (
    GroupChanged,
    GroupMembersAdded,
    ParticipantJoined,
    ParticipantParted,
    RolesGranted,
    RolesRevoked,
)
from perchat.model.principal import Group
from perchat.model.uri import SipUri
from perchat.store.base import Snapshot
from perchat.store.memory import MemoryStore
from tests.chat import conftest
from tests.chat.conftest import Node, running
from tests.store.samples import ADA, BOB, DOMAIN, EVE, OPS, SETTLED, TEAM, category, room, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from perchat.model.journal import Fact, JournalEntry

HUNDRED, SIXTEEN_THOUSAND = 100, 16_000


def crowd(size: int) -> list[SipUri]:
    return [SipUri(f"sip:u{n}@{DOMAIN}") for n in range(size)]


def present(*users: SipUri, node: str = "one") -> list[ParticipantJoined]:
    return [ParticipantJoined(OPS, one, f"s-{one}", node) for one in users]


class _Made(MemoryStore):
    """A store that begins with a crowd."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._crowd = crowd(size)
        self.appended: list[int] = []

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        self.appended.append(len(facts))
        return await super().append(*facts)

    async def open(self) -> None:
        many = self._crowd
        facts: list[Fact] = [
            *SETTLED,
            *(user(one) for one in many),
            RolesGranted(OPS, Role.MEMBER, (*many, EVE)),
            *present(*many, node="two"),
        ]
        await self.append(*facts)


class Steps:
    """Counts what the interpreter does."""

    def __init__(self) -> None:
        self.count = 0

    def trace(self, frame: Any, event: str, _argument: Any) -> Any:
        if "perchat/store/" in frame.f_code.co_filename:
            return None  # the one in memory copies what it changes
        frame.f_trace_opcodes = True
        self.count += event == "opcode"
        return self.trace


@contextmanager
def counted() -> Iterator[Steps]:
    steps, before = Steps(), sys.gettrace()
    sys.settrace(steps.trace)
    try:
        yield steps
    finally:
        sys.settrace(before)


async def join(node: Node) -> None:
    assert not isinstance(await node.service.join(BOB, "s-bob", OPS), Refusal)


async def post(node: Node) -> None:
    assert not isinstance(await conftest.post(node.service, ADA, "s-ada", OPS, "hello"), Refusal)


async def part(node: Node) -> None:
    assert not isinstance(await node.service.part(ADA, "s-ada", OPS), Refusal)


async def kick(node: Node) -> None:
    await node.become(RolesRevoked(OPS, Role.MEMBER, (ADA,)))
    await node.until(lambda: ADA not in node.service.state.rooms[OPS].present)


async def look(node: Node) -> None:
    assert node.service.participants(OPS, (ADA,))[0].name == "Ada"
    assert not isinstance(node.service.snapshot(ADA, OPS), Refusal)


@pytest.mark.parametrize("act", [join, post, part, kick, look])
async def test_what_one_does_in_a_large_room_is_the_same_work_however_large_it_is(
    act: Callable[[Node], Awaitable[None]],
) -> None:
    work = {}
    for size in (HUNDRED, SIXTEEN_THOUSAND):
        store = _Made(size)
        await store.open()
        async with running(Node(store, LocalWakeup())) as node:
            await node.service.join(ADA, "s-ada", OPS)
            node.told.clear()
            with counted() as steps:
                await act(node)
            work[size] = steps.count
            assert not any(isinstance(told, UserArrived) for told in node.told)
    assert 0 < work[SIXTEEN_THOUSAND] < 1.5 * work[HUNDRED]


@pytest.fixture
async def full() -> AsyncIterator[Node]:
    """Sixteen thousand in a room, through this node."""
    store = _Made(SIXTEEN_THOUSAND)
    await store.open()
    async with running(Node(store, LocalWakeup())) as node:
        many = crowd(SIXTEEN_THOUSAND)
        await node.become(*present(*many))
        node.told.clear()
        yield node


async def test_when_a_large_room_is_closed_everybody_leaves_some_at_a_time(full: Node) -> None:
    before, store = full.service.position, full.store
    assert isinstance(store, _Made)
    store.appended.clear()
    await full.become(room(disabled=True))
    await full.until(lambda: not full.service.state.rooms[OPS].here)
    kicked = [told for told in full.told if isinstance(told, UserKicked)]
    assert len(kicked) == SIXTEEN_THOUSAND
    entries = await full.store.read(before, 20_000)
    gone = [entry.fact for entry in entries if isinstance(entry.fact, ParticipantParted)]
    assert {(one.user, one.session) for one in gone} == {
        (one, f"s-{one}") for one in crowd(SIXTEEN_THOUSAND)
    }
    assert max(store.appended) <= 250


@pytest.mark.parametrize("privacy", Privacy)
@pytest.mark.parametrize("behavior", Behavior)
def test_what_many_may_do_is_what_each_of_them_may(privacy: Privacy, behavior: Behavior) -> None:
    state = ChatState("one")
    few = crowd(8)
    state.load(
        Snapshot(
            0,
            "d",
            users=tuple(user(one, enabled=n != 7).user for n, one in enumerate(few)),
            categories=(
                category(
                    allowed=frozenset([f"domain:{DOMAIN}"]), denied=frozenset([str(few[6])])
                ).category,
            ),
            rooms=(room(privacy=privacy, behavior=behavior).room,),
            groups=(Group(TEAM, "Team"),),
            memberships=(GroupMembersAdded(TEAM, (few[1], few[2])),),
            roles=(
                RolesGranted(OPS, Role.MEMBER, (str(TEAM), few[3], few[4], few[6])),
                RolesGranted(OPS, Role.MANAGER, (few[2], few[4], few[5])),
                RolesGranted(OPS, Role.PRESENTER, (few[1], few[5])),
            ),
        )
    )
    there = state.rooms[OPS]
    together = {one: may for may, some in state.permissions(set(few), there) for one in some}
    assert together == {one: state.permission(one, there) for one in few}
    privileges = state.privileges(set(few), there)
    for one in few:
        roles = state.roles(one, there)
        presents = behavior is Behavior.AUDITORIUM and Role.PRESENTER in roles
        assert privileges[one] == (Role.MANAGER in roles, presents)


async def test_a_group_that_comes_to_manage_is_told_in_one_notice(full: Node) -> None:
    await full.become(GroupChanged(Group(TEAM, "Team")), GroupMembersAdded(TEAM, tuple(crowd(300))))
    full.told.clear()
    await full.become(RolesGranted(OPS, Role.MANAGER, (str(TEAM),)))
    (told,) = full.told
    assert set(told.users) == set(crowd(300))  # type: ignore[union-attr]
