"""Groups and add-ins as administrators handle them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.commandline import CommandLine

ALICE, BOB = "sip:alice@example.com", "sip:bob@example.com"


def members(cli: CommandLine, name: str) -> object:
    (shown,) = cli("group", "show", name, "--json").objects
    return shown["members"]


def test_groups_hold_users_groups_and_domains(cli: CommandLine) -> None:
    inner = cli("group", "add", "Inner", "--member", "alice").lines[0].split()[1]
    words = ("--member", "Inner", "--member", "bob", "--member", "domain:example.com")
    assert cli("group", "add", "Outer", *words).status == 0
    assert members(cli, "outer") == ["domain:example.com", inner, BOB]
    assert cli("group", "list").lines[0] == f"Inner\t1\t{inner}"


def test_members_come_and_go(cli: CommandLine) -> None:
    cli("group", "add", "Team", "--container")
    assert cli("group", "member", "add", "Team", "alice", "bob").lines == [f"added {ALICE}, {BOB}"]
    assert cli("group", "member", "add", "Team", "bob").lines[0].startswith("nothing to do")
    assert cli("group", "member", "rm", "Team", "bob").lines == [f"removed {BOB}"]
    assert cli("group", "member", "rm", "Team", "bob").lines[0].startswith("nothing to do")
    assert members(cli, "Team") == [ALICE]
    assert cli("group", "rm", "Team").status == 0
    cli("group", "show", "Team").refused(6, "Team")


def test_a_group_that_is_removed_leaves_no_role_behind(cli: CommandLine) -> None:
    cli("group", "add", "Team", "--member", "alice")
    cli("category", "add", "Desk", "--allow", "Team", "--allow", "bob")
    cli("room", "add", "Floor", "--category", "Desk", "--member", "Team", "--member", "bob")
    cli("group", "rm", "Team")
    (desk,) = cli("category", "show", "Desk", "--json").objects
    (floor,) = cli("room", "show", "Floor", "--json").objects
    assert (desk["allowed"], floor["members"]) == ([BOB], [BOB])


def test_a_user_that_is_removed_leaves_no_role_behind(cli: CommandLine) -> None:
    cli("group", "add", "Team", "--member", "alice", "--member", "bob")
    assert cli("user", "rm", "alice").lines == [f"removed {ALICE}"]
    assert members(cli, "Team") == [BOB]
    shown = cli("room", "list", "--json").objects
    assert not any(ALICE in [*one["members"], *one["managers"]] for one in shown)
    cli("user", "rm", "alice").refused(6, "alice")


def test_a_user_is_let_in_again(cli: CommandLine) -> None:
    assert cli("user", "unlock", "alice").lines == [f"unlocked {ALICE}"]
    assert cli("user", "unlock", "--all").lines == ["unlocked everybody"]
    cli("user", "unlock", "nobody").refused(6, "nobody")
    cli("user", "unlock").refused(2, "name a user, or give --all")
    cli("user", "unlock", "alice", "--all").refused(2)


def test_a_user_has_what_people_search_for(cli: CommandLine) -> None:
    words = ("--surname", "Liddell", "--email", "al@example.com", "--system")
    assert cli("user", "set", "alice", *words).status == 0
    cli("user", "set", "alice", "--email", "a\nb").refused(3, "email")


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("group add Team --member nobody", 6, "nobody"),
        ("group add Outer", 3, "exists already"),
        ("group add \u202ex", 3, "direction"),
        ("group add INNER", 3, "exists already"),
        (f"group add {'x' * 257}", 3, "257"),
        ("group add a\x85b", 3, "control characters"),
        ("group add Ring --member group:Ring", 6, "Ring"),
        ("group member add Inner Outer", 3, "Inner cannot hold Outer, which holds it"),
        ("group member add Outer Outer", 3, "Outer cannot hold Outer, which holds it"),
        ("group member add Inner alice Outer", 3, "which holds it"),
        ("user set alice --display-name evil\u202e", 3, "direction"),
        ("group member add Nowhere alice", 6, "Nowhere"),
        ("addin add Wiki ftp://wiki.example.com", 3, "http"),
        ("addin add Wiki https://", 3, "http"),
        (f"addin add Wiki https://{'x' * 255}", 3, "255"),
        (f"addin add {'x' * 51} https://wiki.example.com", 3, "51"),
        ("addin add OLD https://wiki.example.com", 6, "taken"),
        ("addin rm Nothing", 6, "Nothing"),
    ],
)
def test_what_cannot_be_done_is_told(cli: CommandLine, words: str, status: int, why: str) -> None:
    cli("group", "add", "Inner")
    cli("group", "add", "Outer", "--member", "Inner")
    cli("addin", "add", "Old", "https://old.example.com")
    before = cli("group", "list", "--json").out, cli("addin", "list").out
    cli(*words.split(" ")).refused(status, why)
    assert (cli("group", "list", "--json").out, cli("addin", "list").out) == before


def test_an_add_in_that_is_removed_leaves_its_rooms(cli: CommandLine) -> None:
    made = cli("addin", "add", "Wiki", "https://wiki.example.com/").lines[0].split()[1]
    cli("room", "add", "Tea", "--category", "Company", "--add-in", "Wiki")
    assert cli("addin", "rm", "wiki").lines == [f"removed {made}"]
    (tea,) = cli("room", "show", "Tea", "--json").objects
    assert tea["add_in"] == ""
    assert cli("addin", "list").out == ""
