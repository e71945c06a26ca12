"""``perchat status`` says whether a server runs, and asks it how it does."""

from __future__ import annotations

import json
import signal
import stat
from typing import TYPE_CHECKING

import pytest

from perchat.server import status as asking
from tests.cli.commandline import serving
from tests.server.harness import free_port

if TYPE_CHECKING:
    import subprocess

    from tests.cli.commandline import CommandLine

SOCKET = "perchat.sock"


def settings(cli: CommandLine, *lines: str) -> None:
    with cli.file.open("a") as file:
        file.write("\n".join(("", "[health]", *lines, "")))


def test_as_init_makes_it_a_server_tells_how_it_does(
    served: tuple[CommandLine, subprocess.Popen[str]],
) -> None:
    cli, server = served
    (told,) = cli("status", "--json").objects
    assert (told["running"], told["node"], told["pid"]) == (True, "node-1", server.pid)
    assert (told["sessions"], told["journal_behind"]) == (0, 0)
    assert told["since"].startswith("20")
    lines = cli("status").lines
    assert lines[0].split() == ["running", "yes"]
    assert any(line.startswith("lag_max_ms") for line in lines)


def test_the_socket_is_for_the_servers_own_user_alone(
    served: tuple[CommandLine, subprocess.Popen[str]],
) -> None:
    mode = (served[0].config.folder / SOCKET).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert mode & 0o777 == 0o600


def test_no_server_is_a_status_of_its_own(cli: CommandLine) -> None:
    cli("status").refused(10, "no server runs as node node-1", "perchat serve")
    done = cli("status", "--json")
    assert (done.status, json.loads(done.out)) == (10, {"running": False, "node": "node-1"})


def test_a_killed_server_does_not_run_and_leaves_nothing_in_the_next_ones_way(
    served: tuple[CommandLine, subprocess.Popen[str]],
) -> None:
    cli, server = served
    server.kill()
    server.wait()
    assert (cli.config.folder / SOCKET).exists()
    cli("status").refused(10, "no server runs")
    with serving(cli.config) as (up, _):
        assert up("status").status == 0


def test_a_stopped_server_takes_its_socket_with_it(
    served: tuple[CommandLine, subprocess.Popen[str]],
) -> None:
    cli, server = served
    server.terminate()
    assert server.wait() == 0
    assert sorted(path.name for path in cli.config.folder.iterdir()) == [
        "files",
        "perchat.db",
        "perchat.db.node-1.node",
        "perchat.toml",
        "pki",
        "secret.key",
    ]


def test_a_server_that_hangs_runs_and_does_not_answer(
    served: tuple[CommandLine, subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_PATIENCE", 0.2)
    cli, server = served
    server.send_signal(signal.SIGSTOP)
    try:
        cli("status").refused(4, SOCKET, "0.2 s")
    finally:
        server.send_signal(signal.SIGCONT)


def test_a_loopback_address_serves_where_there_is_no_socket(cli: CommandLine) -> None:
    settings(cli, 'socket = ""', f'listen = "127.0.0.1:{free_port()}"')
    with serving(cli.config) as (up, _):
        assert up("status", "--json").objects[0]["sessions"] == 0
        assert not (cli.config.folder / SOCKET).exists()


def test_without_either_it_is_known_that_it_runs(cli: CommandLine) -> None:
    settings(cli, 'socket = ""')
    with serving(cli.config) as (up, server):
        done = up("status", "--json")
        assert done.objects[0]["pid"] == server.pid
        assert "health.socket is switched off" in done.err


def test_a_long_path_is_no_hindrance(cli: CommandLine) -> None:
    deep = cli.config.folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    settings(cli, f'socket = "{deep / SOCKET}"')
    with serving(cli.config) as (up, _):
        assert up("status").status == 0


@pytest.mark.parametrize("name", ["perchat.toml", "nowhere/perchat.sock"])
def test_a_socket_that_cannot_be_made_is_said_and_nothing_removed(
    cli: CommandLine, name: str
) -> None:
    settings(cli, f'socket = "{name}"')
    before = cli.file.read_bytes()
    cli("serve", "--tls-port", "0", "--tcp-port", "0").refused(3, name)
    assert cli.file.read_bytes() == before


def test_a_database_that_is_not_there_is_said(cli: CommandLine) -> None:
    (cli.config.folder / "perchat.db").unlink()
    cli("status").refused(3, "no database")
