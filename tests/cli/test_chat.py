"""The commands of a user against a server in a process of its own, over TLS."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.commandline import PATIENCE, CommandLine, ended
from tests.server.harness import PASSWORD

if TYPE_CHECKING:
    import subprocess


def there(cli: CommandLine, room: str) -> int:
    """Return how many are in a room."""
    (found,) = (
        one for one in cli.as_user("alice", "rooms", "--json").objects if one["name"] == room
    )
    return int(found["participants"])


def tailing(
    cli: CommandLine, name: str, room: str = "General", *words: str
) -> subprocess.Popen[str]:
    """Start ``perchat tail`` and wait until it is in the room."""
    process, deadline = cli.start_as(name, "tail", room, *words), time.monotonic() + PATIENCE
    while not there(cli, room):
        assert process.poll() is None
        assert time.monotonic() < deadline
    return process


def test_rooms_are_those_that_the_user_can_see(up: CommandLine) -> None:
    seen = {one["name"]: one for one in up.as_user("bob", "rooms", "--json").objects}
    assert seen["General"]["description"] == "all staff"
    assert seen["General"]["uri"].startswith("ma-chan://example.com/")
    line = up.as_user("alice@example.com", "rooms").lines[0]
    assert line.startswith("General\t0\tall staff\tma-chan://")


def newest(cli: CommandLine, room: str = "General") -> str:
    return str(cli.as_user("bob", "history", room, "--last", "1", "--json").objects[-1]["text"])


@pytest.mark.parametrize("text", ["Hello", "漢字 é 😀", "two\n  lines", " . "])
def test_what_is_posted_is_in_the_history(up: CommandLine, text: str) -> None:
    done = up.as_user("alice", "post", "General", text)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert newest(up) == text


def test_a_text_that_looks_like_an_option_comes_after_two_dashes(up: CommandLine) -> None:
    words = ("post", "--as", "alice", "--server", up.tls, "--", "General", "--alert")
    assert up(*words, PERCHAT_PASSWORD=PASSWORD).status == 0
    assert newest(up) == "--alert"


def test_a_dash_stands_for_standard_input(up: CommandLine) -> None:
    assert up.as_user("alice", "post", "General", "-", stdin="one\ntwo\n").status == 0
    assert newest(up) == "one\ntwo"


def test_standard_input_can_hold_the_password_and_then_the_text(up: CommandLine) -> None:
    words = ("post", "General", "-", "--password-stdin")
    assert (
        up.as_user("alice", *words, stdin=f"{PASSWORD}\nafter it", PERCHAT_PASSWORD="").status == 0
    )
    assert newest(up) == "after it"


def test_history_is_oldest_first_and_as_long_as_asked(up: CommandLine) -> None:
    for text in ("first", "second"):
        assert up.as_user("alice", "post", "General", text, "--alert").status == 0
    lines = up.as_user("carol", "history", "General", "--last", "2").lines
    assert [line.partition(" Alice: ")[2] for line in lines] == ["! first", "! second"]


def test_plain_tcp_is_there_when_asked_for(up: CommandLine) -> None:
    words = ("rooms", "--as", "alice", "--tcp", "--server", up.tcp)
    assert up(*words, PERCHAT_PASSWORD=PASSWORD).lines


@pytest.mark.parametrize(
    ("user", "words", "status", "why"),
    [
        ("alice", ["post", "General", ""], 3, "empty"),
        ("alice", ["post", "General", " \n"], 3, "empty"),
        ("alice", ["post", "General", "\udcff"], 3, "UTF-8"),
        ("alice", ["post", "General", "x" * 9000], 6, "shorter"),
        ("alice", ["post", "Nowhere", "x"], 6, "Nowhere"),
        ("alice", ["post", " ", "x"], 2, "empty"),
        ("alice", ["post", "ma-chan://x", "x"], 2, "ma-chan://x"),
        ("bob", ["post", "Private", "x"], 6, "ask a manager"),
        ("bob", ["history", "Private"], 6, "ask a manager"),
        ("bob", ["tail", "Private"], 6, "ask a manager"),
        ("dave", ["rooms"], 5, "perchat user set NAME --chat"),
        ("nobody", ["rooms"], 5, "check user and password"),
        ("a b", ["rooms"], 3, "sip:user@domain"),
        ("", ["rooms"], 3, "sip:user@domain"),
    ],
)
def test_what_is_refused_is_told(
    up: CommandLine, user: str, words: list[str], status: int, why: str
) -> None:
    up.as_user(user, *words).refused(status, why)


def test_a_wrong_password_is_told_and_not_shown(up: CommandLine) -> None:
    done = up.as_user("alice", "rooms", PERCHAT_PASSWORD="Wrong-Pass")
    done.refused(5, "check user and password")
    assert "Wrong-Pass" not in done.err


@pytest.mark.parametrize(
    ("server", "status", "why"),
    [
        ("127.0.0.1:1", 4, "--server"),
        ("nowhere.invalid:5061", 4, "nowhere.invalid"),
        ("a b", 3, "a b"),
        ("127.0.0.1:", 3, "127.0.0.1:"),
        ("127.0.0.1:0", 3, "port 0"),
        ("127.0.0.1:65536", 3, "65536"),
    ],
)
def test_a_server_that_is_not_there_is_named(
    up: CommandLine, server: str, status: int, why: str
) -> None:
    words = ("rooms", "--as", "alice", "--server", server)
    up(*words, PERCHAT_PASSWORD=PASSWORD).refused(status, why)


def test_a_server_that_is_not_trusted_is_not_talked_to(up: CommandLine, tmp_path: Path) -> None:
    assert up("init", str(tmp_path / "other"), "--domain", "example.com").status == 0
    up.as_user("alice", "rooms", "--ca", str(tmp_path / "other/pki/ca.pem")).refused(4, "untrusted")
    up.as_user("alice", "rooms", "--ca", str(tmp_path / "none.pem")).refused(3, "none.pem")
    up.as_user("alice", "rooms", "--ca", str(up.file)).refused(3, "perchat.toml")


def test_tail_prints_each_message_when_it_is_said(up: CommandLine) -> None:
    tail = tailing(up, "bob")
    assert tail.stdout is not None
    for text in ("one", "two"):
        assert up.as_user("alice", "post", "General", text).status == 0
        assert tail.stdout.readline().endswith(f" Alice: {text}\n")
    tail.send_signal(signal.SIGINT)
    done = ended(tail)
    assert (done.status, done.out, done.err.strip()) == (130, "", "")
    assert there(up, "General") == 0


def test_tail_speaks_json_too(up: CommandLine) -> None:
    tail = tailing(up, "bob", "General", "--json")
    assert up.as_user("alice", "post", "General", "漢字").status == 0
    assert tail.stdout is not None
    assert json.loads(tail.stdout.readline())["text"] == "漢字"
    tail.send_signal(signal.SIGINT)
    assert ended(tail).status == 130


def test_nobody_who_lists_processes_sees_a_password(up: CommandLine) -> None:
    tail = tailing(up, "bob")
    shown = Path(f"/proc/{tail.pid}/cmdline").read_bytes()
    tail.send_signal(signal.SIGINT)
    assert ended(tail).status == 130
    assert b"tail" in shown
    assert PASSWORD.encode() not in shown


def test_a_verbose_client_does_not_tell_the_password(up: CommandLine) -> None:
    words = ("--verbose", "rooms", "--as", "alice", "--server", up.tls)
    done = up(*words, PERCHAT_PASSWORD=PASSWORD)
    assert done.status == 0
    assert "perchat" in done.err
    assert PASSWORD not in done.err


def test_tail_ends_with_the_server_and_says_so(
    served: tuple[CommandLine, subprocess.Popen[str]],
) -> None:
    cli, server = served
    one = tailing(cli, "bob")
    server.kill()
    ended(one).refused(4, "connection was lost")
