"""Fixtures of the blocking face's tests: the real server, in the test's own loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.client.server import install_sample, live

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.client.server import LiveServer


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveServer]:
    """The real server with users and rooms."""
    async with live(await install_sample(tmp_path / "server")) as up:
        yield up
