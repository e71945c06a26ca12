"""``perchat serve`` as a service manager sees it."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.cli.commandline import CommandLine, ended, serving
from tests.server.harness import PASSWORD

if TYPE_CHECKING:
    import subprocess

Served: TypeAlias = "tuple[CommandLine, subprocess.Popen[str]]"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0(served: Served, number: signal.Signals) -> None:
    cli, server = served
    assert cli.as_user("alice", "post", "General", "kept").status == 0
    server.send_signal(number)
    done = ended(server)
    assert (done.status, done.out) == (0, "")
    assert "sip:alice@example.com signed in" in done.err
    assert PASSWORD not in done.err
    assert "Traceback" not in done.err
    with serving(cli.config) as (again, _):
        assert "kept" in again.as_user("bob", "history", "General").out


def test_what_was_posted_outlives_a_killed_server(served: Served) -> None:
    cli, server = served
    assert cli.as_user("alice", "post", "General", "safe").status == 0
    server.kill()
    assert ended(server).status == -signal.SIGKILL
    with serving(cli.config) as (again, _):
        assert "safe" in again.as_user("bob", "history", "General").out


def test_one_line_tells_that_it_is_ready(cli: CommandLine) -> None:
    config = cli.file
    config.write_text(
        config.read_text()
        .replace('tcp = "127.0.0.1:5060"', 'tcp = ""')
        .replace(":5061", ":0")
        .replace(":5443", ":0")
    )
    server = cli.start("serve")
    assert server.stdout is not None
    ready = json.loads(server.stdout.readline())
    server.terminate()
    assert ended(server).status == 0
    assert ready.pop("sip_tls").startswith("127.0.0.1:")
    assert ready.pop("https").startswith("127.0.0.1:")
    assert ready == {"event": "ready"}


def test_a_second_server_in_its_place_says_what_to_do(served: Served) -> None:
    cli, server = served
    port = cli.tls.rpartition(":")[2]
    ended(cli.start("serve", "--tls-port", port, "--tcp-port", "0")).refused(
        8, f"node node-1, process {server.pid}", "nothing was changed"
    )
    assert cli.as_user("alice", "rooms").lines


def test_a_port_for_files_that_is_taken_is_named(cli: CommandLine) -> None:
    cli.file.write_text(cli.file.read_text().replace("[listen]", "[listen]\npatience = 0"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ("--tls-port", "0", "--tcp-port", "0", "--https-port", str(port))
        ended(cli.start("serve", *words)).refused(4, f"127.0.0.1:{port}", "--https-port")


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("perchat.toml", "perchat init"),
        ("perchat.db", "perchat init"),
        ("secret.key", "secret.key"),
        ("pki/server.pem", "pki/server.pem"),
    ],
)
def test_a_missing_file_is_named(cli: CommandLine, file: str, why: str) -> None:
    (cli.config.folder / file).unlink()
    cli("serve").refused(3, why)


def test_a_database_of_the_future_is_left_alone(cli: CommandLine) -> None:
    database = sqlite3.connect(cli.config.folder / "perchat.db")
    with database:
        database.execute("UPDATE about SET value = 99 WHERE name IN ('version', 'compatible')")
    database.close()
    cli("serve").refused(7, "newer")


def test_a_wrong_key_is_no_wrong_password(cli: CommandLine) -> None:
    """The user is told to come back; the operator which file is wrong."""
    (cli.config.folder / "secret.key").write_text("ab" * 32 + "\n")
    with serving(cli.config) as (up, server):
        up.as_user("alice", "rooms").refused(5, "503")
        server.terminate()
        log = ended(server).err
    assert "secret.key" in log
    assert "Traceback" not in log


def test_settings_that_cannot_be_are_refused_before_anything_starts(cli: CommandLine) -> None:
    with cli.file.open("a") as settings:
        settings.write("\n[limits]\nconnections = 0\n")
    cli("serve").refused(3, "limits.connections")
