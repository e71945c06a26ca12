"""However a command ends: one line, a documented status, nothing that steers a terminal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import perchat
from perchat.cli.common import EXIT_CODES, Program, exit_code, plain, run
from tests.cli.commandline import PROGRAM, CommandLine, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable


def ending(action: Callable[[], object]) -> Outcome:
    """Return how a program ends whose only command does ``action``."""

    @click.group(cls=Program)
    def program() -> None: ...

    @program.command()
    @run
    async def act() -> None:
        action()

    done = CliRunner().invoke(program, ["act"], prog_name="perchat")
    return Outcome(done.exit_code, done.stdout, done.stderr)


def raising(error: BaseException) -> Callable[[], object]:
    def action() -> object:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (perchat.ConfigurationError("no key"), 3, "no key"),
        (perchat.StorageError("disk full"), 7, "disk full"),
        (perchat.ConnectionFailure("gone"), 4, "gone; see that the server runs"),
        (perchat.OperationTimeout("no answer"), 4, "no answer; see that the server runs"),
        (perchat.PersistentChatDisabled("policy"), 5, "policy; an administrator can"),
        (perchat.RegisterError("refused", status=403), 5, "refused"),
        (perchat.CommandFailed.of(perchat.ErrorCode.ERROR_PERMISSION, "no"), 6, "no; ask"),
        (perchat.ChatServerConnectionError("ended"), 4, "ended"),
        (perchat.PerchatError(), 1, "PerchatError"),
        (perchat.StorageError("two\nlines\x1b[2J"), 7, "two lines\\x1b[2J\n"),
        (FileNotFoundError(2, "No such file", "x.pem"), 1, "x.pem: No such file"),
        (OSError(28, "No space left on device"), 1, "output: No space left"),
        (click.FileError("x", "unreadable"), 1, "Could not open file 'x': unreadable"),
        (ZeroDivisionError("0"), 1, "ZeroDivisionError('0'): this should not have happened"),
        (ExceptionGroup("", [ExceptionGroup("", [perchat.StorageError("full")])]), 7, "full"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_becomes_one_line_and_a_status(error: Exception, status: int, line: str) -> None:
    ending(raising(error)).refused(status, f"perchat: {line}")


def test_an_interruption_needs_no_words() -> None:
    done = ending(raising(KeyboardInterrupt()))
    assert (done.status, done.err.strip()) == (130, "")


def test_what_reads_the_output_may_go_away(cli: CommandLine) -> None:
    process = cli.start("user", "list")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert (process.communicate(timeout=20)[1], process.returncode) == ("", 1)


def test_a_full_disk_is_told(cli: CommandLine) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [PROGRAM, "user", "list", "--config", str(cli.file)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            encoding="utf-8",
            env=os.environ,
        )
    assert (done.returncode, done.stderr) == (1, "perchat: output: No space left on device\n")


def test_a_bug_shows_its_place_when_asked(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perchat.cli.admin.load", lambda _: 1 / 0)
    quiet, loud = cli("user", "list"), cli("--verbose", "user", "list")
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err


def test_the_first_kind_that_fits_decides() -> None:
    for kind, code, meaning in EXIT_CODES:
        assert meaning
        assert code in range(1, 11)
        assert kind is not BaseException
    wrong = perchat.AuthenticationError(
        "no", reason=perchat.AuthenticationReason.INVALID_CREDENTIALS
    )
    assert exit_code(wrong) == 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("漢字 é 😀", "漢字 é 😀"),
        ("a\tb", "a\tb"),
        ("\x1b]0;gotcha\x07", "\\x1b]0;gotcha\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_steers_a_terminal_is_made_visible(text: str, shown: str) -> None:
    assert plain(text) == shown
