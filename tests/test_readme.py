"""The README's five minutes and its twelve lines, done as they stand there."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.peers.server import PERCHAT, Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.server import RunningServer

TEXT = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
(PROGRAM,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SET_UP, SERVE, TALK = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


def shell(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env={"PATH": f"{PERCHAT.parent}:/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where somebody did the set-up; only the ports are ours, since several tests may run."""
    folder = tmp_path_factory.mktemp("readme")
    shell(SET_UP, folder)
    settings = folder / "chat" / "perchat.toml"
    text = settings.read_text()
    assert "127.0.0.1:5061" in text
    for port in (":5061", ":5443"):
        text = text.replace(port, f":{free_port()}")
    settings.write_text(text.replace('tcp = "127.0.0.1:5060"', 'tcp = ""'))
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    """What the README's `perchat serve` starts."""
    assert SERVE.strip() == "perchat serve"
    running = Installation(folder / "chat", "example.com").serve_as()
    yield running
    assert running.stop() == 0


def test_a_message_is_posted_and_read_from_the_shell(folder: Path, server: RunningServer) -> None:
    assert "Good morning" in shell(TALK, folder)


def test_the_program_says_good_morning(folder: Path, server: RunningServer) -> None:
    address = 'server="127.0.0.1"'
    assert address in PROGRAM
    program = PROGRAM.replace(address, f"{address}, port={server.tls_port}")
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "sip:alice@example.com Good morning" in done.stdout
