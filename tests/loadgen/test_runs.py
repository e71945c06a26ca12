"""Each profile, small, against a real server; and what goes wrong on the way is found."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perchat.loadgen.frames import Frames
from tests.cli.commandline import PROGRAM, CommandLine, Outcome
from tests.server.harness import make_sample
from tests.server.process import process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from perchat.server.config import ServerConfig

PASSWORD = "load of the test"
SMALL = ("--sessions", "8", "--rate", "20", "--seconds", "1")


def started(*words: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, "loadgen", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PERCHAT_PASSWORD": PASSWORD, **env},
    )


def ended(load: subprocess.Popen[str]) -> Outcome:
    try:
        out, err = load.communicate(timeout=50)
    except subprocess.TimeoutExpired:
        load.kill()
        load.communicate()
        raise
    return Outcome(load.returncode, out, err)


def ran(*words: str, **env: str) -> Outcome:
    return ended(started(*words, **env))


def figures(file: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return told


# profiles


@pytest.mark.parametrize(
    ("words", "sessions"),
    [
        (("room", *SMALL, "--workers", "2"), 8),
        (("room", *SMALL, "--unsigned"), 8),
        (("room", *SMALL, "--tls", "--closed", "4"), 8),
        (("model", "--factor", "0.0002", "--times", "1000", "--seconds", "3"), 16),
        (("morning", "--users", "8", "--joins", "3", "--room-size", "4"), 8),
        (("loss", "--sessions", "8", "--rate", "20", "--seconds", "3", "--workers", "2"), 8),
    ],
)
def test_all_is_heard_once_and_in_order(
    words: tuple[str, ...], sessions: int, tmp_path: Path
) -> None:
    json_file, html_file = tmp_path / "run.json", tmp_path / "run.html"
    done = ran(*words, "--serve", "--json", str(json_file), "--html", str(html_file))
    assert (done.status, "Traceback" in done.err) == (0, False), done.out + done.err
    told = figures(json_file)
    assert (told["present"], told["problems"]) == (sessions, [])
    assert told["posts"] == told["stored"] > 0
    assert told["heard"] == told["expected"] > told["posts"]
    assert told["cost"]["us_per_delivery"] > 0
    assert told["cost"]["memory"] > 10
    assert told["latencies"]["p50"] > 0
    assert (words[0] == "loss") == bool(told["lost_sessions"])
    assert f"{told['heard']} of {told['expected']}" in done.out
    assert f"{told['heard']} of {told['expected']}" in html_file.read_text("utf-8")


def test_ended_early_it_tells_what_was_measured(tmp_path: Path) -> None:
    json_file = tmp_path / "run.json"
    words = ("room", "--serve", "--sessions", "4", "--seconds", "600", "--json", str(json_file))
    load = started(*words)
    assert load.stderr is not None
    for line in load.stderr:
        if re.search(r"posting: .* [1-9]\d* deliveries", line):
            break
    load.send_signal(signal.SIGINT)
    done = ended(load)
    assert done.status == 0, done.err
    told = figures(json_file)
    assert told["stopped"]
    assert told["seconds"] < 60
    assert told["heard"] == told["expected"] > 0


def test_killed_it_leaves_nobody_behind(tmp_path: Path) -> None:
    words = ("room", "--serve", "--sessions", "4", "--seconds", "600", "--workers", "2")
    load = started(*words, TMPDIR=str(tmp_path))  # a folder is all that is left
    assert load.stderr is not None
    for line in load.stderr:
        if line.startswith("posting"):
            break
    helpers = Path(f"/proc/{load.pid}/task/{load.pid}/children").read_text().split()
    assert len(helpers) == 3  # two workers and the server
    load.kill()
    load.communicate()
    end = time.monotonic() + 30
    while any(map(runs, helpers)):
        assert time.monotonic() < end
        time.sleep(0.05)


def runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# a server of one's own


@contextlib.asynccontextmanager
async def prepared(folder: Path) -> AsyncIterator[tuple[ServerConfig, tuple[str, int]]]:
    """A server whose database was prepared while it ran."""
    config = await make_sample(folder / "server")
    async with process(config) as server:
        for _ in range(2):  # the second time there is nothing to add
            added = await asyncio.to_thread(prepare, config)
        assert "added 0 users, 0 rooms and 0 memberships" in added.out
        yield config, server.sample.tcp


def prepare(config: ServerConfig) -> Outcome:
    line = CommandLine(config)
    return line("loadgen", "prepare", "room", "--sessions", "8", "--password-stdin", stdin=PASSWORD)


async def load(config: ServerConfig, port: int, *words: str) -> Outcome:
    where = ("--config", str(config.folder / "perchat.toml"), "--server", f"127.0.0.1:{port}")
    return await asyncio.to_thread(ran, "room", *SMALL, *where, *words)


async def test_a_server_that_runs_is_loaded_and_looked_at(tmp_path: Path) -> None:
    async with prepared(tmp_path) as (config, (_, port)):
        done = await load(config, port, "--pid", str(os.getpid()))
    assert done.status == 0, done.out + done.err
    assert "KiB came with each session" in done.out


# what goes wrong


class Wire:
    """Between a load generator and a server: changes what the server says."""

    def __init__(self, port: int, change: Callable[[bytes], bytes]) -> None:
        self._port = port
        self._change = change
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        async with asyncio.TaskGroup() as group:
            group.create_task(pump(reader, far_writer, lambda data: data))
            group.create_task(pump(far_reader, writer, framed(self._change)))


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], bytes]
) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(change(data))
            await writer.drain()
    writer.close()


def framed(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    frames = Frames()
    return lambda data: b"".join(
        change(head + b"\r\n\r\n" + body) for head, body in frames.feed(data)
    )


class Once:
    """Does something to one delivery of the run, and nothing to the others."""

    def __init__(self, change: Callable[[bytes, list[bytes]], bytes]) -> None:
        self._change = change
        self._held: list[bytes] = []
        self._seen = 0

    def __call__(self, message: bytes) -> bytes:
        if b"perchat-load" not in message or not message.startswith(b"INFO "):
            return message
        self._seen += 1
        if self._seen == 20:
            return self._change(message, self._held)
        if self._held and message.split(b"Call-ID:")[1][:20] in self._held[0]:
            return message + self._held.pop()
        return message


def hold(message: bytes, held: list[bytes]) -> bytes:
    held.append(message)
    return b""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda _message, _held: b"", "1 lost"),
        (lambda message, _held: message * 2, "1 duplicated"),
        (hold, "1 misordered"),
    ],
    ids=["dropped", "doubled", "overtaken"],
)
async def test_a_line_that_is_not_honest_is_found_out(
    change: Callable[[bytes, list[bytes]], bytes], complaint: str, tmp_path: Path
) -> None:
    async with prepared(tmp_path) as (config, (_, port)), Wire(port, Once(change)) as near:
        done = await load(config, near, "--patience", "3")
    assert done.status == 1, done.out + done.err
    assert done.err.splitlines()[-1] == f"perchat: {complaint}"
    assert "deliveries" in done.out


async def test_a_wrong_password_is_told_as_what_it_is(tmp_path: Path) -> None:
    async with prepared(tmp_path) as (config, (_, port)):
        where = ("--config", str(config.folder / "perchat.toml"), "--server", f"127.0.0.1:{port}")
        done = await asyncio.to_thread(ran, "room", *SMALL, *where, PERCHAT_PASSWORD="other")
    assert done.status == 1
    assert "8 sessions did not come" in done.err
    assert "8 x sign-in failed" in done.out


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (("room", "--server", "192.0.2.1:5060", "--domain", "d.example"), 3, "--remote 192.0.2.1"),
        (("room", "--server", "127.0.0.1:5060"), 3, "--domain"),
        (("room",), 3, "--serve"),
        (("room", "--unsigned", "--server", "127.0.0.1:5060"), 2, "--serve"),
        (("room", "--sessions", "100000", "--rate", "1", "--serve"), 3, "--workers"),
        (
            ("room", "--server", "127.0.0.1:1", "--domain", "d.example", "--pid", "99999999"),
            2,
            "--pid",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    words: tuple[str, ...], status: int, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    begun = time.monotonic()
    done = ran(*words)
    assert (done.status, done.out) == (status, "")
    assert why in done.err
    assert time.monotonic() - begun < 20
