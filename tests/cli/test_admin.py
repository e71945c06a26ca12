"""The administrator's commands, with the server stopped and with it running."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perchat
from tests.server.harness import PASSWORD, running
from tests.server.talking import connect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commandline import CommandLine
    from tests.server.harness import Sample

LONG = "x" * 257


def test_init_tells_what_to_do_next_and_overwrites_nothing(
    cli: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "my server"
    made = cli("init", str(folder), "--domain", "Example.com", "--host", "10.0.0.1")
    assert made.lines == [
        f"made {folder}/perchat.toml for example.com",
        f"next: export PERCHAT_CONFIG='{folder}/perchat.toml'; perchat user add NAME",
    ]
    before = (folder / "secret.key").read_bytes()
    cli("init", str(folder), "--domain", "example.com").refused(3, "nothing was overwritten")
    assert (folder / "secret.key").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("--domain", ""),
        ("--domain", "a b"),
        ("--domain", "10.0.0.1"),
        ("--domain", "a.b", "--host", "a b"),
    ],
)
def test_init_refuses_names_that_are_none(
    cli: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    cli("init", str(tmp_path / "d"), *words).refused(3)
    assert not (tmp_path / "d").exists()


def test_users_are_added_changed_and_listed(cli: CommandLine) -> None:
    words = ("user", "add", "erin", "--display-name", "Erin 漢字 😀", "--password-stdin")
    assert cli(*words, stdin="secret\n").lines == ["added sip:erin@example.com"]
    assert cli("user", "set", "erin", "--disable", "--no-chat").status == 0
    line = "sip:erin@example.com\tErin 漢字 😀\tdisabled\tno chat"
    assert line in cli("user", "list").lines
    assert cli("user", "set", "erin", "--enable", "--chat", "--display-name", "E").status == 0
    assert cli("user", "list", "--json").objects[-1] == {
        "uri": "sip:erin@example.com",
        "name": "erin",
        "display_name": "E",
        "enabled": True,
        "chat_enabled": True,
        "service": False,
    }


@pytest.mark.requirement("R41")
def test_a_service_account_is_made_without_a_word_of_a_password(cli: CommandLine) -> None:
    assert cli("user", "add", "bot", "--service").lines == ["added sip:bot@example.com"]
    assert "sip:bot@example.com\tbot\tservice" in cli("user", "list").lines
    words = ("user", "set", "bot", "--password-stdin")
    cli(*words, stdin="Secret-1\n").refused(3, "service account", "--no-service")
    assert cli(*words, "--no-service", stdin="Secret-1\n").lines == ["changed sip:bot@example.com"]
    assert "sip:bot@example.com\tbot" in cli("user", "list").lines
    both = cli("user", "add", "other", "--service", "--password-stdin", stdin="Secret-1\n")
    both.refused(2, "no password")


def test_categories_are_added_and_listed(cli: CommandLine) -> None:
    added = cli("category", "add", "Büro", "--description", "oben")
    assert added.lines[0].endswith("(domain:example.com allowed)")
    first, second = cli("category", "list", "--json").objects
    assert (first["name"], first["description"]) == ("Büro", "oben")
    assert first["uri"] in added.out
    assert second["allowed"] == ["domain:example.com"]
    assert cli("category", "list").lines[1].startswith("Company\tdomain:example.com\t\tma-cat://")


def test_rooms_are_added_listed_and_shown(cli: CommandLine) -> None:
    words = ("room", "add", "Tea 漢字", "--category", "company", "--description", "at four")
    people = ("--member", "alice", "--member", "sip:bob@example.com", "--manager", "carol")
    added = cli(*words, *people)
    assert cli("room", "member", "add", "tea 漢字", "bob", "dave").lines == [
        "added sip:dave@example.com"
    ]
    assert cli("room", "member", "add", "tea 漢字", "dave").lines[0].startswith("nothing to do")
    (shown,) = cli("room", "show", "TEA 漢字", "--json").objects
    times = [shown.pop(field) for field in ("created_on", "updated_on")]
    assert times[0] == times[1]
    listed = next(one for one in cli("room", "list", "--json").objects if one["name"] == "Tea 漢字")
    assert {**shown, "created_on": times[0], "updated_on": times[1]} == listed
    assert shown == {
        "name": "Tea 漢字",
        "uri": added.out.split()[1],
        "category": "Company",
        "description": "at four",
        "privacy": "closed",
        "behavior": "normal",
        "disabled": False,
        "invitations": True,
        "add_in": "",
        "created_by": None,
        "updated_by": None,
        "presenters": [],
        "members": [f"sip:{name}@example.com" for name in ("alice", "bob", "dave")],
        "managers": ["sip:carol@example.com"],
    }
    assert f"Tea 漢字\tCompany\t3\tat four\t{shown['uri']}" in cli("room", "list").lines
    assert "managers     sip:carol@example.com" in cli("room", "show", shown["uri"]).lines


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("user add alice --password-stdin", 3, "perchat user set"),
        ("user add erin@other.example --password-stdin", 3, "other.example"),
        ("user add é --password-stdin", 3, "display name"),
        ("user add a;b --password-stdin", 3, "'a;b'"),
        (f"user add {LONG} --password-stdin", 3, "64"),
        (f"user add erin --display-name {LONG} --password-stdin", 3, "257"),
        ("user add erin --display-name \x07 --password-stdin", 3, "control characters"),
        ("user set nobody --disable", 6, "nobody"),
        ("user set nobody --password-stdin", 6, "nobody"),
        ("category add company", 6, "taken"),
        ("category add General", 6, "taken"),
        (f"category add {LONG}", 3, "257"),
        ("category add a\x07b", 3, "control characters"),
        ("room add general --category Company", 6, "taken"),
        ("room add Tea --category Nowhere", 6, "Nowhere"),
        ("room add Tea --category Company --member nobody", 6, "nobody"),
        ("room add Tea --category Company --manager a;b", 3, "'a;b'"),
        (f"room add {LONG} --category Company", 3, "257"),
        ("room member add Nowhere alice", 6, "Nowhere"),
        ("room member add General nobody", 6, "nobody"),
        ("room show Nowhere", 6, "Nowhere"),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    cli: CommandLine, words: str, status: int, why: str
) -> None:
    def everything() -> list[object]:
        lists = ("user", "category", "room")
        return [cli(kind, "list", "--json").objects for kind in lists]

    before = everything()
    cli(*words.split(" "), stdin="secret\n").refused(status, why)
    assert everything() == before


@pytest.mark.parametrize("kind", ["user", "category", "room"])
@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\udcff"])
def test_names_that_are_none_are_refused(cli: CommandLine, kind: str, name: str) -> None:
    more = {"user": ["--password-stdin"], "room": ["--category", "Company"]}.get(kind, [])
    cli(kind, "add", name, *more, stdin="secret\n").refused(3)


@pytest.mark.parametrize(
    ("file", "status", "why"),
    [("perchat.toml", 3, "perchat init"), ("perchat.db", 3, "perchat init"), ("secret.key", 3, "")],
)
def test_a_missing_file_is_named(cli: CommandLine, file: str, status: int, why: str) -> None:
    (cli.config.folder / file).unlink()
    cli("user", "list").refused(status, file, why)


def test_a_file_that_is_no_database_is_not_touched(cli: CommandLine) -> None:
    database = cli.config.folder / "perchat.db"
    database.write_text("my novel")
    cli("user", "list").refused(7, "perchat.db")
    assert database.read_text() == "my novel"


async def test_a_running_server_follows_within_a_second(cli: CommandLine) -> None:
    """A room added is seen, a member added can join, a user added can sign in."""

    async def done(*words: str, stdin: str = "") -> None:
        assert (await asyncio.to_thread(cli, *words, stdin=stdin)).status == 0

    async with running(cli.config) as sample, connect(sample, "bob") as chat:
        await done("room", "add", "Tea", "--category", "Company", "--member", "bob")
        async with asyncio.timeout(1):
            while "Tea" not in {room.name for room in await chat.search_rooms()}:
                pass
        await done("room", "member", "add", "Private", "bob")
        async with asyncio.timeout(1):
            await _once_allowed(chat, "Private")
        await done("user", "add", "erin", "--password-stdin", stdin=PASSWORD)
        async with asyncio.timeout(1):
            await _once_known(sample, "erin")


async def _once_allowed(chat: perchat.PersistentChatEndpoint, room: str) -> None:
    while True:
        try:
            async with chat.join(room):
                return
        except perchat.CommandFailed:
            pass


async def _once_known(sample: Sample, name: str) -> None:
    while True:
        try:
            async with connect(sample, name):
                return
        except perchat.FailureResponse:
            pass


def test_roles_are_granted_listed_and_revoked(cli: CommandLine) -> None:
    grant = ("user", "grant", "bob", "--role", "moderator")
    assert cli(*grant).lines == ["sip:bob@example.com is moderator everywhere"]
    assert cli(*grant, "--category", "company").lines == [
        "sip:bob@example.com is moderator in company"
    ]
    cli("user", "grant", "alice", "--role", "administrator")
    assert cli("user", "roles").lines == [
        "sip:alice@example.com\tadministrator\teverywhere",
        "sip:bob@example.com\tmoderator\tCompany",
    ]
    assert [one["categories"] for one in cli("user", "roles", "--json").objects] == [
        None,
        ["Company"],
    ]
    revoke = ("user", "revoke", "bob", "--role", "moderator")
    assert cli(*revoke).lines == ["sip:bob@example.com is moderator no more"]
    assert cli(*revoke).lines == ["sip:bob@example.com was no moderator"]
    assert len(cli("user", "roles").lines) == 1


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("user grant bob", 2, "--role"),
        ("user grant bob --role king", 2, "king"),
        ("user grant nobody --role moderator", 6, "nobody"),
        ("user grant bob --role moderator --category Nowhere", 6, "Nowhere"),
    ],
)
def test_a_role_that_cannot_be_is_refused(
    cli: CommandLine, words: str, status: int, why: str
) -> None:
    cli(*words.split()).refused(status, why)
    assert cli("user", "roles").lines == []


def test_the_audit_says_who_did_what_to_what(cli: CommandLine) -> None:
    cli("room", "member", "add", "Private", "bob")
    cli("user", "set", "bob", "--password-stdin", stdin="another secret\n")
    *_, room, changed, password = cli("audit", "--json").objects
    assert (room["operation"], password["operation"], changed["operation"]) == (
        "room member add",
        "user password",
        "user set",
    )
    assert str(room["by"]).startswith("local:")
    assert str(room["subject"]).startswith("ma-chan://example.com/")
    assert password["subject"] == "sip:bob@example.com"
    assert "another secret" not in "".join(cli("audit").lines)
    columns = cli("audit").lines[-1].split("\t")
    assert columns[2:4] == ["user password", "sip:bob@example.com"]
