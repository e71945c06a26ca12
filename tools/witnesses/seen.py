"""
Whether a test is looking: faults of the SDK are shown to tests and examples only.

The server of a test runs in the same process and shares the SDK's classes. If it got the fault
as well, one would cancel the other out.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

__all__ = ["ROOT", "by_test"]

ROOT = Path(__file__).parents[2]
_TESTS, _EXAMPLES = f"{ROOT}/tests/", f"{ROOT}/examples/"


@cache
def _is_test(file: str) -> bool:
    return file.startswith(_EXAMPLES) or (
        file.startswith(_TESTS) and Path(file).name.startswith("test_")
    )


def by_test(depth: int = 2) -> bool:
    """Tell whether a test called whoever asks, or one of the methods that dataclasses write."""
    frame = sys._getframe(depth)  # noqa: SLF001
    while frame.f_code.co_filename == "<string>" and frame.f_back is not None:
        frame = frame.f_back
    return _is_test(frame.f_code.co_filename)
