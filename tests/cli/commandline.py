"""The command line as tests use it: in this process for words, in one of its own for signals."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from perchat.cli.main import perchat
from tests.server.harness import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.server.config import ServerConfig

PROGRAM = str(Path(sys.executable).with_name("perchat"))
PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        assert self.status == 0, self.err
        return self.out.splitlines()

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def refused(self, status: int, *words: str) -> None:
        """Check that it ended with ``status``, and told in one line what is wrong."""
        assert (self.status, self.out) == (status, "")
        assert self.err.startswith("perchat: ")
        assert self.err.count("\n") == 1, self.err
        for word in words:
            assert word in self.err


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs commands for one server's settings."""

    config: ServerConfig
    tls: str = ""
    tcp: str = ""

    @property
    def file(self) -> Path:
        return self.config.folder / "perchat.toml"

    def __call__(self, *words: str, stdin: str | bytes = "", **env: str | None) -> Outcome:
        """Run a command in this process."""
        env = {"PERCHAT_CONFIG": str(self.file), **env}
        done = CliRunner().invoke(perchat, words, input=stdin, env=env, prog_name="perchat")
        return Outcome(done.exit_code, done.stdout, done.stderr)

    def as_user(self, name: str, *words: str, stdin: str = "", **env: str | None) -> Outcome:
        """Run a client's command on the server of this settings."""
        env = {"PERCHAT_PASSWORD": PASSWORD, **env}
        return self(*words, "--as", name, "--server", self.tls, stdin=stdin, **env)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(
            [PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PERCHAT_CONFIG": str(self.file), **env},
        )

    def start_as(self, name: str, *words: str) -> subprocess.Popen[str]:
        return self.start(*words, "--as", name, "--server", self.tls, PERCHAT_PASSWORD=PASSWORD)


def ended(process: subprocess.Popen[str]) -> Outcome:
    """Wait for the end of a process and return how it was."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Outcome(process.returncode, out, err)


@contextlib.contextmanager
def serving(config: ServerConfig) -> Iterator[tuple[CommandLine, subprocess.Popen[str]]]:
    """Run ``perchat serve`` on free ports; whoever ends it does so himself or has it killed."""
    process = CommandLine(config).start("serve", "--tls-port", "0", "--tcp-port", "0")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, ended(process).err
        ready = json.loads(line)
        yield CommandLine(config, ready["sip_tls"], ready["sip_tcp"]), process
    finally:
        process.kill()
        process.communicate()
