"""Passwords: from standard input, the environment or a terminal; never shown."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.commandline import PROGRAM, CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "Very-Secret-1"


class Terminal:
    """A command with a person at the keyboard."""

    def __init__(self, process: subprocess.Popen[bytes], keyboard: int) -> None:
        self.process = process
        self._keyboard = keyboard
        self.shown = b""

    def asked(self, question: str) -> None:
        assert self.process.stderr is not None
        while not self.shown.endswith(question.encode()):
            chunk = os.read(self.process.stderr.fileno(), 1)
            assert chunk, self.shown
            self.shown += chunk

    def types(self, text: str) -> None:
        os.write(self._keyboard, f"{text}\n".encode())

    def ended(self) -> int:
        out, err = self.process.communicate(timeout=20)
        self.shown += out + err
        os.set_blocking(self._keyboard, False)
        with contextlib.suppress(BlockingIOError, OSError):
            self.shown += os.read(self._keyboard, 4096)  # what the terminal echoed
        return self.process.returncode


@contextlib.contextmanager
def terminal(cli: CommandLine, *words: str) -> Iterator[Terminal]:
    keyboard, line = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *words, "--config", str(cli.file)],
        stdin=line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Terminal(process, keyboard)
    finally:
        process.kill()
        process.communicate()
        os.close(line)
        os.close(keyboard)


def test_a_new_password_is_asked_for_twice_and_not_echoed(cli: CommandLine) -> None:
    with terminal(cli, "user", "add", "erin") as seen:
        seen.asked("Password: ")
        seen.types(SECRET)
        seen.asked("Repeat for confirmation: ")
        seen.types(SECRET)
        assert seen.ended() == 0
    assert SECRET.encode() not in seen.shown
    assert b"added sip:erin@example.com" in seen.shown


def test_ctrl_c_ends_the_question_at_once(cli: CommandLine) -> None:
    with terminal(cli, "user", "add", "erin") as seen:
        seen.asked("Password: ")
        seen.process.send_signal(signal.SIGINT)
        assert seen.ended() == 130
    assert b"Traceback" not in seen.shown
    assert "erin" not in cli("user", "list").out


def test_nobody_thinks_of_a_password_for_a_name_that_cannot_be(cli: CommandLine) -> None:
    with terminal(cli, "user", "add", "alice") as seen:
        assert seen.ended() == 3
    assert b"exists already" in seen.shown
    assert b"Password" not in seen.shown


@pytest.mark.parametrize("typed", ["", "\n", "\r\n", "\nsecret"])
def test_no_password_is_no_password(cli: CommandLine, typed: str) -> None:
    cli("user", "add", "erin", "--password-stdin", stdin=typed).refused(3, "no password")


@pytest.mark.parametrize("words", [("user", "add", "erin"), ("user", "set", "bob", "--password")])
def test_without_a_terminal_the_way_is_named(cli: CommandLine, words: tuple[str, ...]) -> None:
    cli(*words).refused(3, "--password-stdin")


def test_a_client_without_a_terminal_is_told_both_ways(cli: CommandLine) -> None:
    done = cli("rooms", "--as", "alice", "--server", "127.0.0.1:9", PERCHAT_PASSWORD="")
    done.refused(3, "--password-stdin", "PERCHAT_PASSWORD")


def test_bytes_that_nobody_can_type_are_no_password(cli: CommandLine) -> None:
    process = subprocess.run(
        [PROGRAM, "user", "add", "erin", "--password-stdin", "--config", str(cli.file)],
        input=b"\xff\xfe\n",
        capture_output=True,
        check=False,
    )
    assert process.returncode == 3
    assert b"not UTF-8" in process.stderr
