"""Many users and members at once: all that a file says, or nothing of it, or what is left."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from perchat.errors import StorageError
from perchat.model.journal import UserChanged
from perchat.server import bulk
from perchat.server.admin import Admin
from perchat.server.storage import open_store
from tests.cli.commandline import PROGRAM

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.commandline import CommandLine

SECRET = "pass-word-of-theirs"


def rows(path: Path, *lines: str) -> str:
    file = path / "rows.csv"
    file.write_text("\n".join((*lines, "")))
    file.chmod(0o600)
    return str(file)


def people(count: int, start: int = 0) -> list[str]:
    return [f"user{number},User {number},{SECRET}{number}" for number in range(start, count)]


def position(cli: CommandLine) -> int:
    async def asked() -> int:
        async with open_store(cli.config) as store:
            return await store.position()

    return asyncio.run(asked())


def test_users_of_a_file_are_there_and_sign_in(up: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name,display_name,password", "ivy,Ivy 漢字,one two", "jack,,three")
    done = up("user", "add", "--file", file)
    assert (done.lines, done.err) == (["added 2 users"], "")
    listed = up("user", "list").lines
    assert "sip:ivy@example.com\tIvy 漢字" in listed
    assert "sip:jack@example.com\tjack" in listed
    assert up.as_user("ivy", "rooms", PERCHAT_PASSWORD="one two").status == 0
    up.as_user("jack", "rooms", PERCHAT_PASSWORD="four").refused(5)


def test_running_a_file_again_changes_nothing(cli: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name,display_name,password", *people(5))
    cli("user", "add", "--file", file)
    before = position(cli)
    again = cli("user", "add", "--file", file)
    assert again.lines == ["added 0 users; 5 were there already"]
    assert position(cli) == before


def test_json_lines_from_standard_input(cli: CommandLine) -> None:
    text = '{"name": "ivy", "password": "x"}\n{"name": "jack", "password": "y"}\n'
    assert cli("user", "add", "--file", "-", stdin=text).lines == ["added 2 users"]


def test_users_without_a_column_of_passwords_have_none(cli: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name", "ivy")
    assert cli("user", "add", "--file", file).lines == ["added 1 users"]


def test_service_accounts_of_a_file_have_no_password(cli: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name,password", "bot,x")
    cli("user", "add", "--service", "--file", file).refused(3, f"{file}:1: the header")
    file = rows(tmp_path, "name", "bot")
    assert cli("user", "add", "--service", "--file", file).lines == ["added 1 users"]
    cli("user", "set", "bot", "--password-stdin", stdin="x\n").refused(3)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a b,Some Body,x", "cannot be a user"),
        ("ivy@elsewhere.example,Ivy,x", "not of this server's domain"),
        ("ivy,Bell\x07,x", "control characters"),
        ("ivy,Ivy,", "no password"),
        ("USER1,Again,x", "in the file twice"),
    ],
)
def test_one_row_that_is_wrong_leaves_all_undone(
    cli: CommandLine, tmp_path: Path, line: str, why: str
) -> None:
    before = position(cli)
    file = rows(tmp_path, "name,display_name,password", *people(3), line)
    done = cli("user", "add", "--file", file)
    done.refused(3, f"{file}:5: ", why, "nothing was changed")
    assert SECRET not in done.err
    assert position(cli) == before


def test_who_can_read_passwords_is_said(cli: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name,password", "ivy,x")
    (tmp_path / "rows.csv").chmod(0o644)
    done = cli("user", "add", "--file", file)
    assert done.status == 0
    assert f"others may read the passwords in {file}" in done.err


def test_a_failure_half_way_says_what_is_done_and_the_next_run_goes_on(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    file = rows(tmp_path, "name,display_name,password", *people(5))
    add, times = Admin.add_accounts, 0

    async def failing(admin: Admin, accounts: list[object]) -> object:
        nonlocal times
        times += 1
        if times == 2:
            raise StorageError("the disk is full; free some space")
        return await add(admin, accounts)  # type: ignore[arg-type]  # accounts all the same

    with monkeypatch.context() as patch:
        patch.setattr(Admin, "add_accounts", failing)
        done = cli("user", "add", "--file", file)
    assert (done.status, done.out) == (7, "")
    assert "2 of 5 users are done, the rest is not; run it again to go on" in done.err
    assert "the disk is full" in done.err
    assert cli("user", "add", "--file", file).lines == ["added 3 users; 2 were there already"]


def test_a_transaction_takes_a_thousand(cli: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name", *(f"user{number}" for number in range(2500)))
    assert cli("user", "add", "--file", file).lines == ["added 2500 users"]

    async def moments() -> list[float]:
        async with open_store(cli.config) as store:
            entries = await store.read(position_before, 5000)
            return [entry.at for entry in entries if isinstance(entry.fact, UserChanged)]

    position_before = position(cli) - 2503  # each transaction has a line of the audit, too
    at = asyncio.run(moments())
    assert [at.count(moment) for moment in dict.fromkeys(at)] == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("group", "member", "add", "Crew"), "members"),
        (("room", "member", "add", "General"), "members"),
        (("room", "manager", "add", "General"), "managers"),
    ],
)
def test_members_of_a_file(
    cli: CommandLine, tmp_path: Path, words: tuple[str, ...], what: str
) -> None:
    cli("group", "add", "Crew")
    cli("group", "add", "Team")
    file = rows(
        tmp_path, "name", "dave", "sip:dave@example.com", "group:Team", "domain:example.com"
    )
    added = cli(*words, "--file", file).lines
    assert added == [f"added 3 {what}; 1 were there already"]
    again = cli(*words, "--file", file).lines
    assert again == [f"added 0 {what}; 4 were there already"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nobody", "no such user or group: sip:nobody@example.com"),
        ("group:Nobody", "no such user or group: group:Nobody"),
        ("a b", "'a b' cannot be a user"),
        (
            "domain:elsewhere.example",
            "the category Company does not allow domain:elsewhere.example",
        ),
    ],
)
def test_members_that_cannot_be_are_named_by_line_and_nobody_is_added(
    cli: CommandLine, tmp_path: Path, line: str, why: str
) -> None:
    before = position(cli)
    file = rows(tmp_path, "name", "dave", line)
    cli("room", "member", "add", "General", "--file", file).refused(3, f"{file}:3: {why}")
    assert position(cli) == before


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add"),
        ("user", "add", "ivy", "--file", "-"),
        ("user", "add", "--file", "-", "--display-name", "Ivy"),
        ("user", "add", "--file", "-", "--password-stdin"),
        ("group", "member", "add", "Crew"),
        ("group", "member", "add", "Crew", "alice", "--file", "-"),
        ("room", "member", "add", "General"),
    ],
)
def test_a_name_or_a_file_and_not_both(cli: CommandLine, words: tuple[str, ...]) -> None:
    cli(*words).refused(2, "--file")


def test_an_unknown_room_or_group_comes_first(cli: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name", "dave")
    cli("room", "member", "add", "Nowhere", "--file", file).refused(6, "Nowhere")
    cli("group", "member", "add", "Nobody", "--file", file).refused(6, "Nobody")


def test_a_bar_is_shown_on_a_terminal_only(cli: CommandLine, tmp_path: Path) -> None:
    file = rows(tmp_path, "name", *(f"user{number}" for number in range(20)))
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [PROGRAM, "user", "add", "--file", file],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "PERCHAT_CONFIG": str(cli.file), "TERM": "xterm"},
        timeout=60,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.stdout == b"added 20 users\n"
    assert "adding users" in shown
    assert "100%" in shown
