"""What administrators do with messages by the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.chat.moderation import REPLACEMENT
from perchat.model.uri import SipUri
from perchat.server.admin import administration
from perchat.server.storage import open_store
from tests.store.samples import ADA, posted

if TYPE_CHECKING:
    from perchat.server.config import ServerConfig
    from tests.cli.commandline import CommandLine

BOB = "sip:bob@example.com"
SAID = ("the codename is Otter", "otter?", "lunch")


@pytest.fixture
async def said(config: ServerConfig) -> None:
    """Three lines in General, the second of them bob's, the others of somebody who left."""
    async with administration(config) as admin:
        general = (await admin.room("General")).room.uri
    async with open_store(config) as store:
        for text in SAID:
            author = SipUri(BOB) if text == "otter?" else ADA
            await store.append(posted(text, general, author=author))


def texts(cli: CommandLine) -> list[object]:
    return [one["text"] for one in cli("message", "list", "General", "--json").objects]


@pytest.mark.usefixtures("said")
def test_messages_are_listed_with_their_numbers_before_anything_is_done(cli: CommandLine) -> None:
    listed = cli("message", "list", "General", "--words", "otter").lines
    assert [line.split("\t")[0] for line in listed] == ["1", "2"]
    assert listed[0].endswith("Ada: the codename is Otter")
    assert texts(cli) == list(SAID)


@pytest.mark.usefixtures("said")
def test_messages_are_replaced_by_number_words_or_author(cli: CommandLine) -> None:
    assert cli("message", "replace", "General", "3", "77").lines == ["replaced 1: 3"]
    by_words = ("--words", "codename otter", "--all", "--text", "Hush.")
    assert cli("message", "replace", "General", *by_words).lines == ["replaced 1: 1"]
    assert texts(cli) == ["Hush.", "otter?", REPLACEMENT]
    assert cli("message", "rm", "General", "--author", "bob").lines == ["removed 1: 2"]
    assert texts(cli) == ["Hush.", REPLACEMENT]
    nothing = cli("message", "rm", "General", "--words", "otter").lines
    assert nothing == ["nothing to do: no such messages"]


@pytest.mark.usefixtures("said")
def test_originals_are_kept_for_whoever_has_the_database(cli: CommandLine) -> None:
    cli("message", "replace", "General", "1", "--text", "Hush.")
    cli("message", "rm", "general", "2", "3")
    kept = cli("message", "originals", "General", "--json").objects
    assert [(one["id"], one["text"], one["now"]) for one in kept] == [
        (1, SAID[0], "Hush."),
        (2, SAID[1], None),
        (3, SAID[2], None),
    ]
    lines = [line.split("\t") for line in cli("message", "originals", "General").lines]
    assert [line[-1] for line in lines] == ["now: Hush.", "removed", "removed"]
    assert lines[1][2:4] == [BOB, "otter?"]


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("message rm General", 2, "name messages"),
        ("message replace General --text x", 2, "name messages"),
        ("message rm General 0", 2, "0"),
        ("message rm Nowhere 1", 6, "Nowhere"),
        ("message rm General --words a --all --phrase", 2, "two different"),
        ("message rm General --since 2026-02-01 --until 2026-01-01", 2, "before it begins"),
        ("message rm General --author a;b", 3, "'a;b'"),
        ("message replace General 1 --text", 2, "--text"),
        ("room purge General", 2, "--until"),
        ("room purge General --until yesterday", 2, "yesterday"),
        ("room purge Nowhere --until 2026-01-01", 6, "Nowhere"),
        (f"message replace General 1 --text {'x' * 8193}", 6, "8192"),
    ],
)
def test_what_cannot_be_meant_is_told(cli: CommandLine, words: str, status: int, why: str) -> None:
    cli(*words.split(" ")).refused(status, why)
    assert texts(cli) == list(SAID)


@pytest.mark.usefixtures("said")
def test_a_room_is_purged_until_a_day_and_nothing_is_kept(cli: CommandLine) -> None:
    cli("message", "rm", "General", "1")
    assert cli("room", "purge", "General", "--until", "2001-01-01").lines == [
        "purged 0 messages of General"
    ]
    assert cli("room", "purge", "General", "--until", "2999-01-01").lines == [
        "purged 2 messages of General"
    ]
    assert texts(cli) == []
    assert cli("message", "originals", "General", "--json").objects == []
