"""What all tests share: how Hypothesis searches, and a surrounding that is the same everywhere."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# A busy machine is no failure. CI repeats itself; people's machines look further each time.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci", settings.get_profile("local"), derandomize=True, print_blob=True, database=None
)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# What a person has set for daily use must not decide what a test sees.
for _name in ("PERCHAT_CONFIG", "PERCHAT_PASSWORD"):
    os.environ.pop(_name, None)
