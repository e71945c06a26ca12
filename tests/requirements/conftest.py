"""Fixtures of the requirements' tests: a scripted peer, and the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.peer import peer_up
from tests.client.server import install_sample, live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.client.peer import Peer
    from tests.client.server import LiveServer


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """A scripted server."""
    async with peer_up() as up:
        yield up


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveServer]:
    """The real server with users and rooms."""
    async with live(await install_sample(tmp_path / "server")) as up:
        yield up
