"""
Bytes nobody can guess, fetched from the system some hundred at a time.

Each signed message needs four of them ([MS-SIPAE] 3.3), and a system call costs as much
as half the signature.
"""

from __future__ import annotations

import secrets

__all__ = ["Randomness"]

_AT_ONCE = 1024


class Randomness:
    """The system's random bytes, each given out once; for one event loop and no forks of it."""

    __slots__ = ("_bytes", "_given")

    def __init__(self) -> None:
        self._bytes = b""
        self._given = 0

    def __call__(self, count: int) -> bytes:
        """Return so many bytes."""
        start, end = self._given, self._given + count
        if end > len(self._bytes):
            self._bytes = secrets.token_bytes(max(count, _AT_ONCE))
            start, end = 0, count
        self._given = end
        return self._bytes[start:end]
