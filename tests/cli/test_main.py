"""The words of the command line: each explained, none slow to explain."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from perchat.cli.main import perchat
from tests.cli.commandline import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, (*words, name))


def found(words: tuple[str, ...]) -> click.Command:
    command: click.Command = perchat
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return command


def test_the_words_are_those_that_were_promised() -> None:
    assert {" ".join(words) for words in commands(perchat)} >= {
        *("", "init", "serve", "demo", "rooms", "post", "tail", "history"),
        *("user", "user add", "user set", "user list", "category", "category add"),
        *("category list", "room", "room add", "room list", "room show"),
        *("room member", "room member add"),
    }


@pytest.mark.parametrize("words", list(commands(perchat)), ids=" ".join)
def test_every_command_and_option_is_explained(words: tuple[str, ...], cli: CommandLine) -> None:
    command = found(words)
    assert command.help
    assert all(o.help for o in command.params if isinstance(o, click.Option))
    done = cli(*words, "--help")
    assert done.out.startswith(" ".join(["Usage: perchat", *words]))
    assert done == cli(*words, "-h")
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("words", ["", "user", "room", "room member", "category"])
def test_too_few_words_get_the_help(cli: CommandLine, words: str) -> None:
    done = cli(*words.split())
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("Usage: perchat")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("fly", "No such command 'fly'; see perchat --help"),
        ("room fly", "No such command 'fly'; see perchat room --help"),
        ("init x", "'--domain'; see perchat init --help"),
        ("room add x", "'--category'"),
        ("room member add x", "P..."),
        ("rooms", "'--as'"),
        ("rooms --as alice --fly", "'--fly'"),
        ("post General --as alice", "'TEXT'"),
        ("history General --as alice --last 0", "'--last'"),
        ("history General --as alice --last many", "'--last'"),
        ("serve --tls-port 65536", "'--tls-port'"),
        ("serve --log-level loud", "'--log-level'"),
        ("user set alice", "nothing to change"),
    ],
)
def test_words_that_are_not_understood_are_told_in_one_line(
    cli: CommandLine, words: str, why: str
) -> None:
    cli(*words.split()).refused(2, why)


def test_the_version_is_told(cli: CommandLine) -> None:
    assert cli("--version").lines[0].startswith("perchat, version ")


def test_help_loads_neither_server_nor_client_nor_a_loop() -> None:
    """What would make ``--help`` slow."""
    program = "import sys\nfrom perchat.cli.main import perchat\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "perchat.cli.admin" in loaded
    heavy = {"asyncio", "ssl", "sqlite3", "msgspec", "lxml", "cryptography", "perchat.model.uri"}
    assert not loaded & heavy
