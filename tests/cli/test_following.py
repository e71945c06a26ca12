"""What an administrator changes is true when the command returns, also on a running server."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from tests.cli.commandline import CommandLine

ROUNDS = range(5)


def test_a_room_is_there_as_soon_as_it_was_added(up: CommandLine) -> None:
    for number in ROUNDS:
        up("room", "add", f"New {number}", "--category", "Company", "--member", "alice")
        assert up.as_user("alice", "post", f"New {number}", "at once").status == 0


def test_a_user_signs_in_as_soon_as_added_and_not_any_more_when_removed(up: CommandLine) -> None:
    for number in ROUNDS:
        name = f"new{number}"
        up("user", "add", name, "--password-stdin", stdin="correct horse\n")
        assert up.as_user(name, "rooms").status == 0
        up("user", "rm", name)
        assert up.as_user(name, "rooms").status == 5


def test_a_member_enters_as_soon_as_granted(up: CommandLine) -> None:
    up("room", "add", "Guarded", "--category", "Company", "--member", "alice")
    for _ in ROUNDS:
        up("room", "member", "add", "Guarded", "bob")
        assert up.as_user("bob", "post", "Guarded", "here").status == 0
        up("room", "member", "rm", "Guarded", "bob")
        assert up.as_user("bob", "post", "Guarded", "still?").status == 6


def test_a_stopped_server_is_not_waited_for(cli: CommandLine) -> None:
    done = cli("room", "add", "Quiet", "--category", "Company")
    assert (done.status, done.err) == (0, "")


def test_a_server_that_does_not_follow_is_told_and_waited_for_no_longer_than_set(
    served: tuple[CommandLine, subprocess.Popen[str]],
) -> None:
    cli, server = served
    with cli.file.open("a") as settings:
        settings.write("\n[administration]\nfollow_seconds = 0.2\n")
    server.send_signal(signal.SIGSTOP)
    try:
        done = cli("room", "add", "Slow", "--category", "Company", "--member", "alice")
    finally:
        server.send_signal(signal.SIGCONT)
    assert done.status == 0
    assert done.out.startswith("added ma-chan://")
    assert f"node node-1, process {server.pid}" in done.err
    assert "has not followed yet" in done.err
    assert cli.as_user("alice", "post", "Slow", "there now").status == 0


@pytest.mark.parametrize("seconds", ["-1", '"soon"', "4000"])
def test_a_bound_that_is_none_is_refused(cli: CommandLine, seconds: str) -> None:
    with cli.file.open("a") as settings:
        settings.write(f"\n[administration]\nfollow_seconds = {seconds}\n")
    cli("user", "list").refused(3, "administration.follow_seconds")
