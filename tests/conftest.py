"""What all tests share: how Hypothesis searches, and a surrounding that is the same everywhere."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A busy machine is no failure. CI repeats itself; people's machines look further each time.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", settings.get_profile("local"), derandomize=True, print_blob=True, database=None
)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# What a person has set for daily use must not decide what a test sees.
for _name in ("PERCHAT_CONFIG", "PERCHAT_PASSWORD"):
    os.environ.pop(_name, None)


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """A command that sets up logging in this process does so for its own test only."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
