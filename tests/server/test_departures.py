"""Whole crowds that lose their connections: out of their rooms soon, and the store not flooded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from perchat.cluster.feed import Feed
from perchat.cluster.wakeup import LocalWakeup
from perchat.errors import StorageError
from perchat.model.chatroom import Role
from perchat.model.journal import ParticipantJoined, ParticipantParted, RolesGranted
from perchat.model.uri import SipUri
from perchat.server.backoff import Backoff
from perchat.server.departures import Departures
from perchat.server.fanout import Fanout
from perchat.server.outbox import Outbox
from perchat.server.services import EnvelopeIds
from perchat.server.tasks import Tasks
from perchat.store.sqlite import SqliteSettings, SqliteStore
from tests.chat.conftest import Node, running
from tests.store.samples import ADA, BOB, DOMAIN, LAB, OPS, SETTLED, user

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.model.journal import Fact, JournalEntry
    from perchat.server.session import ChatSession

CROWD = [(SipUri(f"sip:c{number}@{DOMAIN}"), f"s{number}") for number in range(1000)]
APPENDS_THAT_MAY_WAIT = 20


class Counting(SqliteStore):
    """A real store that keeps what each append held, and refuses for as long as it is told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, settings=SqliteSettings(append_limit=APPENDS_THAT_MAY_WAIT))
        self.appends: list[tuple[Fact, ...]] = []
        self.refusals = 0

    async def append(self, *facts: Fact) -> list[JournalEntry]:
        if self.refusals:
            self.refusals -= 1
            raise StorageError("the disk is full")
        self.appends.append(facts)
        return await super().append(*facts)


class Crowd:
    """A node with a thousand sessions in a room."""

    def __init__(self, store: Counting, node: Node, tasks: Tasks) -> None:
        self.store = store
        self.chat = node.service
        self.tasks = tasks
        self.departures = Departures(node.service, tasks)

    def end(self, *sessions: tuple[SipUri, str]) -> None:
        for one in sessions:
            self.departures.add(*one)

    def leaves(self) -> list[list[tuple[SipUri, str]]]:
        """Who left in each append that took somebody out of a room."""
        parted = ([f for f in a if isinstance(f, ParticipantParted)] for a in self.store.appends)
        return [[(fact.user, fact.session) for fact in facts] for facts in parted if facts]


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[Crowd]:
    store = Counting(tmp_path / "crowd.db")
    await store.open()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        may_join = RolesGranted(OPS, Role.MEMBER, tuple(uri for uri, _ in CROWD))
        await store.append(*SETTLED, *(user(uri) for uri, _ in CROWD), may_join)
        node = await stack.enter_async_context(running(Node(store, LocalWakeup())))
        await node.become(*(ParticipantJoined(OPS, *one, "one") for one in CROWD))
        tasks = Tasks(await stack.enter_async_context(asyncio.TaskGroup()))
        yield Crowd(store, node, tasks)


async def test_a_thousand_sessions_that_end_together_leave_in_a_few_appends(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    crowd.end(*CROWD)
    assert len(crowd.tasks) == 1
    await crowd.tasks.idle()
    assert crowd.chat.participants(OPS) == []
    assert len(crowd.leaves()) == 4
    assert [one for append in crowd.leaves() for one in append] == CROWD
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_ends_while_others_are_leaving_leaves_after_them(crowd: Crowd) -> None:
    first, *rest = CROWD
    crowd.end(first)
    while not crowd.leaves():
        await asyncio.sleep(0)
    crowd.end(*rest[:100])
    assert len(crowd.tasks) == 1
    await crowd.tasks.idle()
    assert crowd.leaves() == [[first], rest[:100]]
    assert len(crowd.chat.participants(OPS)) == len(CROWD) - 101


async def test_a_store_that_refuses_for_a_while_keeps_nobody_in_a_room(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    crowd.store.refusals = 1
    crowd.end(*CROWD)
    await crowd.tasks.idle()
    assert crowd.chat.participants(OPS) == []
    refused = [one for one in caplog.records if "not stored" in one.message]
    assert len(refused) == 1


async def test_who_is_back_in_a_session_of_their_own_stays(crowd: Crowd) -> None:
    crowd.end(*CROWD)
    one, _ = CROWD[0]
    await crowd.chat.join(one, "another", OPS)
    await crowd.tasks.idle()
    assert [there.uri for there in crowd.chat.participants(OPS)] == [one]


async def test_a_room_that_is_joined_while_its_session_leaves_is_left_too(crowd: Crowd) -> None:
    await crowd.chat.join(ADA, "a", OPS)
    crowd.end((ADA, "a"))
    while not crowd.leaves():
        await asyncio.sleep(0)
    await crowd.chat.join(ADA, "a", LAB)
    crowd.end((ADA, "a"))
    await crowd.tasks.idle()
    assert crowd.chat.joined(ADA, "a") == ()


async def test_a_join_that_is_carried_out_after_its_session_ended_leaves_no_ghost(
    crowd: Crowd,
) -> None:
    outbox = Outbox(lambda _: None, lambda: None, limit=1, window=1)
    ghost = SimpleNamespace(id="g", user=SimpleNamespace(uri=ADA), ended=True, outbox=outbox)
    feed = Feed(crowd.store, LocalWakeup())
    fanout = Fanout(crowd.chat, feed, EnvelopeIds(0), crowd.tasks, Backoff())
    arrival = await fanout.join(cast("ChatSession", ghost), (OPS,))
    assert arrival.rooms
    await crowd.tasks.idle()
    assert crowd.chat.joined(ADA, "g") == ()


async def test_a_session_that_was_in_no_room_costs_nothing(crowd: Crowd) -> None:
    crowd.end((BOB, "b"))
    assert len(crowd.tasks) == 0
