"""What was said, found from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.commandline import CommandLine

SAID = (
    ("General", "alice", "the disk is full"),
    ("General", "bob", "Full moon"),
    ("Private", "alice", "a full disk\nof secrets"),
)


@pytest.fixture
def full(up: CommandLine) -> CommandLine:
    for room, who, text in SAID:
        assert up.as_user(who, "post", room, text).status == 0
    return up


def found(cli: CommandLine, who: str, *words: str) -> list[str]:
    done = cli.as_user(who, "search", *words, "--json")
    assert (done.status, done.err) == (0, "")
    return [str(one["text"]) for one in done.objects]


def test_what_was_said_is_found(full: CommandLine) -> None:
    disk, moon, secret = (text for _, _, text in SAID)
    assert found(full, "bob", "FULL") == [disk, moon]
    assert found(full, "alice", "full", "--room", "Private", "--room", "General") == [
        secret,
        disk,
        moon,
    ]
    assert found(full, "alice", "full disk", "--all", "--room", "General") == [disk]
    assert found(full, "alice", "full disk", "--phrase") == [secret]
    assert found(full, "bob", "Full", "--case") == [moon]
    assert found(full, "bob", "full", "--author", "alice") == [disk]
    assert found(full, "bob", "full", "--last", "1") == [moon]
    assert found(full, "bob", "full", "--until", "2020-01-01") == []
    assert found(full, "bob", "full", "--since", "2020-01-01T10:00Z") == [disk, moon]
    several = full.as_user("alice", "search", "disk").lines
    assert [line for line in several if line.endswith(":")] == ["General:", "Private:"]


@pytest.mark.parametrize(
    "words",
    [
        ("--all", "--phrase"),
        ("--since", "tomorrow"),
        ("--since", "2026-02-02", "--until", "2026-02-01"),
        ("--author", "no body"),
        ("--last", "0"),
    ],
)
def test_questions_that_make_no_sense_are_told(up: CommandLine, words: tuple[str, ...]) -> None:
    done = up.as_user("alice", "search", "x", *words)
    assert done.status == 2
    assert len(done.err.splitlines()) == 1


def test_a_room_that_one_may_not_read_is_refused(up: CommandLine) -> None:
    assert up.as_user("bob", "search", "x", "--room", "Private").status == 6
