"""E3: a list of questions and answers is made of a room's whole history, by an application."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import perchat
from perchat.model.chatroom import Behavior
from perchat.model.journal import MessagePosted
from perchat.model.message import Message
from perchat.model.uri import SipUri
from perchat.server.admin import administration
from perchat.server.applicationadmin import application_administration, issue_for, write_settings
from perchat.server.storage import open_store
from tests.client.test_examples import run
from tests.scenarios.world import ALICE, BOB, install_world
from tests.server.harness import free_port
from tests.server.process import process
from tests.server.trusting import own_loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perchat.client.opening import Opening
    from perchat.model.uri import RoomUri
    from perchat.server.config import ServerConfig
    from tests.server.harness import Sample

BOT = "sip:faqbot@example.com"
FQDN = "faq.example.com"
MESSAGES = 10_000
NEW = 1_000  # of them were said after the list was last made
HELD = 300  # messages in memory at most: a page of 100, and what its reading takes

pytestmark = pytest.mark.scenario("E3")


@dataclass(frozen=True, slots=True)
class Support:
    """A server whose room Support is full, and an application that may read there."""

    sample: Sample
    settings: Path
    listen: str
    stopped_at: datetime

    def connect(self) -> Opening[perchat.PersistentChatEndpoint]:
        return perchat.connect_application(
            perchat.TrustedApplication.from_file(self.settings),
            BOT,
            proxy=self.sample.tls,
            listen=[self.listen],
            ca=self.sample.ca,
        )


def said(room: RoomUri, number: int) -> MessagePosted:
    """Alice asks, and bob answers."""
    asks = number % 2 == 0
    text = f"How does part {number} work?" if asks else f"Part {number - 1} works by itself."
    author = SipUri(ALICE if asks else BOB)
    return MessagePosted(Message(0, datetime.fromtimestamp(0, UTC), author, room, text))


async def filled(config: ServerConfig) -> datetime:
    """Have everything said in the room that is to be there; return when the list was made."""
    async with administration(config) as admin:
        room = await admin.add_room(
            "Support",
            "Projects",
            behavior=Behavior.AUDITORIUM,
            members=["alice", "bob", "faqbot"],
            presenters=["alice", "bob"],
        )
    async with open_store(config) as store:
        await store.append(*(said(room.uri, number) for number in range(MESSAGES - NEW)))
        stopped_at = datetime.now(UTC)
        await store.append(*(said(room.uri, number) for number in range(NEW)))
    return stopped_at


@pytest.fixture
async def support(tmp_path: Path) -> AsyncIterator[Support]:
    config = await install_world(tmp_path / "server", ("faqbot",))
    stopped_at = await filled(config)
    async with application_administration(config) as register:
        added = await register.add("Faq", fqdn=FQDN, port=free_port(), act_as=[BOT])
    settings = write_settings(added, issue_for(config, FQDN, tmp_path / "issued"))
    async with process(config) as server:
        yield Support(server.sample, settings, own_loopback(), stopped_at)


async def test_all_of_a_room_is_read_oldest_first_in_little_memory(support: Support) -> None:
    async with support.connect() as chat:
        (first,) = await chat.query_history("Support")
        assert 0 < len(first.messages) <= 500  # as many as the server returns at once
        assert (first.truncated, first.total) == (True, MESSAGES)
        del first
        read = most = 0
        async for message in chat.iter_history("Support"):
            read += 1
            assert message.id == read
            if read % 1000 == 1:
                most = max(most, sum(isinstance(one, Message) for one in gc.get_objects()))
        assert read == MESSAGES
        assert most <= HELD
        assert chat.sessions == {}


async def test_the_list_goes_on_from_where_it_stopped(support: Support) -> None:
    async with support.connect() as chat:
        news = perchat.HistoryQuery(since=support.stopped_at)
        ids = [message.id async for message in chat.iter_history("Support", news)]
        assert ids == list(range(MESSAGES - NEW + 1, MESSAGES + 1))
        old = perchat.HistoryQuery(until=support.stopped_at, limit=1, search_newest_first=True)
        (last,) = [message async for message in chat.iter_history("Support", old)]
        assert last.id == MESSAGES - NEW


async def test_the_application_may_read_and_not_write(support: Support) -> None:
    async with support.connect() as chat, chat.join("Support") as room:
        assert not room.can_post
        with pytest.raises(perchat.PermissionDenied):
            await room.post("me too")
        assert [message.id for message in await room.recent(1)] == [MESSAGES]


async def test_the_program_makes_the_list(support: Support) -> None:
    words = ("faq.py", str(support.settings), BOT, "Support", "--listen", support.listen)
    there = ("--proxy", "{}:{}".format(*support.sample.tls), "--ca", str(support.sample.ca))
    lines = (await run(*words, *there)).splitlines()
    assert lines[:2] == [
        "Q: How does part 0 work?",
        "A: Part 0 works by itself. (sip:bob@example.com)",
    ]
    assert len(lines) == MESSAGES + 1
    counted, _, since = lines[-1].partition("; go on with --since ")
    assert counted == f"{MESSAGES} messages, {MESSAGES // 2} answers"
    again = await run(*words, *there, "--since", support.stopped_at.isoformat())
    assert again.splitlines()[-1] == (
        f"{NEW} messages, {NEW // 2} answers; go on with --since {since}"
    )
