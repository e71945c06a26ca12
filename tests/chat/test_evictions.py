"""Who has to leave, and what large rooms tell; N8 of the negative set."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from perchat.chat.refusal import Refusal
from perchat.chat.state import RosterDue, UserArrived, UserDeparted, UserKicked
from perchat.cluster.wakeup import LocalWakeup
from perchat.errors import ErrorCode
from perchat.model.chatroom import Privacy, Role
from perchat.model.journal import ParticipantParted, RolesGranted, RolesRevoked
from perchat.model.uri import SipUri
from perchat.store.memory import MemoryStore
from tests.chat.conftest import SETTINGS, Node, running
from tests.store.samples import ADA, BOB, DOMAIN, OPS, SETTLED, category, room, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perchat.model.journal import Fact


@pytest.fixture
async def crowded() -> AsyncIterator[tuple[Node, list[SipUri]]]:
    """Seventy-six users who may be in Ops."""
    crowd = [SipUri(f"sip:u{n}@{DOMAIN}") for n in range(76)]
    store = MemoryStore()
    await store.append(*SETTLED, *(user(uri) for uri in crowd), room(privacy=Privacy.OPEN))
    async with running(Node(store, LocalWakeup())) as node:
        yield node, crowd


async def test_n8_large_rooms_are_quiet_until_they_are_calm(
    crowded: tuple[Node, list[SipUri]],
) -> None:
    (node, crowd), chat = crowded, crowded[0].service
    for one in crowd[:75]:
        await chat.join(one, f"s-{one}", OPS)
    assert sum(isinstance(told, UserArrived) for told in node.told) == 75
    refusal = chat.hidden_participants(crowd[0], f"s-{crowd[0]}", OPS)
    assert isinstance(refusal, Refusal)
    assert refusal.code is ErrorCode.CANNOT_GET_PARTICIPANT_LIST
    node.told.clear()
    await chat.join(crowd[75], "s-last", OPS)
    assert node.told == []
    hidden = chat.hidden_participants(crowd[75], "s-last", OPS)
    assert not isinstance(hidden, Refusal)
    assert len(hidden) == 76
    outside = chat.hidden_participants(ADA, "s-ada", OPS)
    assert isinstance(outside, Refusal)
    assert outside.code is ErrorCode.USER_NOT_JOINED
    for one in crowd[:16]:
        await chat.part(one, f"s-{one}", OPS)
    assert node.told == []
    await chat.part(crowd[16], f"s-{crowd[16]}", OPS)
    assert node.told == [RosterDue(OPS, tuple(crowd[:17]))]
    assert not chat.is_large(OPS)
    await chat.part(crowd[17], f"s-{crowd[17]}", OPS)
    assert node.told[-1] == UserDeparted(OPS, crowd[17])


async def test_who_left_and_came_back_unseen_is_not_taken_off_the_lists(
    crowded: tuple[Node, list[SipUri]],
) -> None:
    (node, crowd), chat = crowded, crowded[0].service
    for one in crowd:
        await chat.join(one, f"s-{one}", OPS)
    await chat.part(crowd[0], f"s-{crowd[0]}", OPS)
    await chat.join(crowd[0], "s-again", OPS)
    for one in crowd[1:18]:
        await chat.part(one, f"s-{one}", OPS)
    assert node.told[-1] == RosterDue(OPS, tuple(crowd[1:18]))


@pytest.mark.parametrize(
    "facts",
    [
        (RolesRevoked(OPS, Role.MEMBER, (BOB,)),),
        (category(denied=frozenset([str(BOB)])),),
        (category(allowed=frozenset([str(ADA)])),),
        (user(BOB, enabled=False),),
        (user(BOB, chat_enabled=False),),
    ],
)
async def test_who_loses_the_right_to_be_there_is_kicked_once(
    node: Node, facts: tuple[Fact, ...]
) -> None:
    for one in (ADA, BOB):
        await node.service.join(one, f"s-{one}", OPS)
    node.told.clear()
    await node.become(*facts, *facts)
    await node.until(lambda: BOB not in node.service.state.rooms[OPS].present)
    assert node.told.count(UserKicked(OPS, BOB)) == 1
    assert set(node.expelled) == {ParticipantParted(OPS, BOB, f"s-{BOB}", "one")}
    assert ADA in node.service.state.rooms[OPS].present


async def test_who_comes_back_can_be_kicked_again(node: Node) -> None:
    for n in count(1):
        await node.service.join(BOB, f"s{n}", OPS)
        await node.become(RolesRevoked(OPS, Role.MEMBER, (BOB,)))
        await node.until(lambda: BOB not in node.service.state.rooms[OPS].present)
        assert node.told.count(UserKicked(OPS, BOB)) == n
        if n == 2:
            return
        await node.become(RolesGranted(OPS, Role.MEMBER, (BOB,)))


async def test_another_nodes_sessions_are_its_own_to_expel() -> None:
    store, wakeup = MemoryStore(), LocalWakeup()
    await store.append(*SETTLED)
    two = replace(SETTINGS, node="two")
    async with (
        running(Node(store, wakeup)) as first,
        running(Node(store, wakeup, two)) as second,
    ):
        await second.service.join(BOB, "s", OPS)
        await first.settle()
        await first.become(RolesRevoked(OPS, Role.MEMBER, (BOB,)))
        await first.until(lambda: BOB not in first.service.state.rooms[OPS].present)
        assert first.expelled == []
        assert UserKicked(OPS, BOB) in first.told
