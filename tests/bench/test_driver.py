"""The driver, built as a measurement builds it, against a real server."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from bench.peers.ours import DOMAIN, make_server
from bench.peers.rig import RigMissing, find_rig, prepare
from perchat.server.config import load_config
from tests.peers.conftest import required
from tests.server.process import process
from tools.peers import LOAD

if TYPE_CHECKING:
    from pathlib import Path

MEMBERS, POSTS, PAGE = 4, 100, 50


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the driver with our protocol in it."""
    required(LOAD)
    folder = tmp_path_factory.mktemp("rig")
    try:
        prepare(find_rig(), folder / "copy")
    except RigMissing as error:
        pytest.skip(str(error))
    command = ["make", "-s", "-C", str(folder / "copy/driver"), f"BIN={folder}"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "fanload"


async def drive(driver: Path, protocol: str, port: int, room: str) -> dict[str, dict[str, Any]]:
    """Return what the driver told, by phase."""
    child = await asyncio.create_subprocess_exec(
        *(str(driver), "-P", protocol, "-p", str(port), "-n", str(MEMBERS), "-s", "2"),
        *("-d", DOMAIN, "-r", room, f"posts,{POSTS}", "hist,3"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(40):
        told, complaints = await child.communicate()
    assert child.returncode == 0, complaints.decode()
    return {line["phase"]: line for line in map(json.loads, told.splitlines())}


@pytest.mark.peer
@pytest.mark.parametrize("protocol", ["xccos", "xccos-ntlm"])
async def test_the_driver_is_a_client_to_whom_nothing_is_lost(
    driver: Path, tmp_path: Path, protocol: str
) -> None:
    trust = protocol == "xccos"
    room = await make_server(tmp_path / "server", trust=trust, users=MEMBERS)
    config = load_config(tmp_path / "server/perchat.toml")
    async with process(config) as server:
        told = await drive(driver, protocol, server.sample.tcp[1], room)
        log = server.log
    assert told["posts"]["lost"] == 0
    assert told["posts"]["deliveries"] == MEMBERS * POSTS
    assert told["history-last"]["items_per_query"] == PAGE
    assert told["history-mid"]["items_per_query"] == PAGE
    assert "not admitted" not in log  # each signature of the driver's was a good one
    assert log.count("taken at their word") == MEMBERS * trust
