"""A Unix socket is one user's, whatever its path, and takes nobody else's place."""

from __future__ import annotations

import asyncio
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError, ConnectionFailure
from perchat.net.localsocket import connect_locally, listen_locally

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["s", "s" * 90, "folder" * 30 + "/s"], ids=["short", "long", "deep"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / str(request.param)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


async def test_who_connects_is_heard(path: Path) -> None:
    loop = asyncio.get_running_loop()
    with listen_locally(path) as listening, connect_locally(path) as client:
        accepted, _ = await loop.sock_accept(listening)
        with accepted:
            await loop.sock_sendall(client, b"hello")
            assert await loop.sock_recv(accepted, 5) == b"hello"


def test_nobody_else_may_open_it(path: Path) -> None:
    with listen_locally(path):
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600


def test_one_that_is_in_use_is_left_alone(path: Path) -> None:
    with listen_locally(path) as listening:
        with pytest.raises(ConnectionFailure, match="another process does"):
            listen_locally(path)
        connect_locally(path).close()
        assert listening.fileno() >= 0


def test_one_that_was_left_behind_gives_way(path: Path) -> None:
    listen_locally(path).close()
    assert path.exists()
    with pytest.raises(ConnectionRefusedError):
        connect_locally(path)
    with listen_locally(path):
        connect_locally(path).close()


def test_a_file_of_that_name_stays(tmp_path: Path) -> None:
    file = tmp_path / "s"
    file.write_text("mine")
    with pytest.raises(ConfigurationError, match="there is a file of that name"):
        listen_locally(file)
    assert file.read_text() == "mine"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        listen_locally(tmp_path / "nowhere" / "s")
    with pytest.raises(FileNotFoundError):
        connect_locally(tmp_path / "nowhere" / "s")


def test_nothing_stays_open_where_it_fails(tmp_path: Path) -> None:
    before = socket.socket()
    number = before.fileno()
    before.close()
    with pytest.raises(ConfigurationError):
        listen_locally(tmp_path / "nowhere" / "s")
    with socket.socket() as after:
        assert after.fileno() == number
