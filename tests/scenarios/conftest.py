"""The world of the scenarios, fresh for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenarios.world import install_world, world_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.scenarios.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Return the domain of the scenarios and its running server."""
    async with world_in(await install_world(tmp_path / "server")) as up:
        yield up
