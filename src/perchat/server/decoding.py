"""
Documents of many elements: decoded beside the loop, one at a time, within a session's budget.

A post has a handful of elements, a list of members thousands. Decoded in the loop, one of
fifty thousand would have everybody wait for a tenth of a second.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from perchat.net.quota import Bucket
from perchat.net.ratelog import RateLimitedLog
from perchat.xccos.decoder import decode

if TYPE_CHECKING:
    from perchat.server.threads import Threads
    from perchat.xccos.primitives import Envelope

__all__ = ["Decoding", "ElementBudget", "is_large", "tags_to_pay_for"]

_log = logging.getLogger(__name__)
_SMALL = 2_048  # bytes of a body in which nothing is counted: nearly every post
_FEW = 100  # tags that cost nothing
_MANY = 500  # tags that are not decoded in the loop; so many take about a millisecond
_BURST = 2.0  # seconds of the rate that may be used at once
_LONGEST = 5.0  # seconds not read from at a time; what is owed then is owed still


def tags_to_pay_for(body: bytes) -> int:
    """Return how many tags a body has, if they are so many that they count."""
    if len(body) <= _SMALL:
        return 0
    tags = body.count(b"<")
    return tags if tags > _FEW else 0


class Decoding:
    """
    What all sessions share for large documents.

    Attributes:
        pauses: How often a session's connection was not read from for a while.

    """

    def __init__(self, threads: Threads, rate: float) -> None:
        """Take a single thread, so that half of the interpreter is left for the loop."""
        self.pauses = 0
        self.rate = rate
        self.log = RateLimitedLog()
        self._threads = threads

    async def decode(self, body: bytes) -> Envelope:
        """
        Read an envelope as `perchat.xccos.decoder.decode` does.

        Raises:
            RemoteProtocolError: It is no envelope.

        """
        return await self._threads.run(partial(decode, body))


class ElementBudget:
    """What one session may spend on large documents."""

    __slots__ = ("_bucket", "_decoding")

    def __init__(self, decoding: Decoding) -> None:
        self._decoding = decoding
        self._bucket: Bucket | None = None  # few ever need one

    def spend(self, tags: int, session: str, user: str) -> float:
        """Pay for so many tags; return for how many seconds nothing more is to be read."""
        now, rate = asyncio.get_running_loop().time(), self._decoding.rate
        if self._bucket is None:
            self._bucket = Bucket(rate)
        self._bucket.charge(tags, now)
        wait = min(self._bucket.wait(_BURST * rate, now), _LONGEST)
        if wait:
            self._decoding.pauses += 1
            self._decoding.log.write(
                _log,
                logging.WARNING,
                "elements",
                "session %s of %s sends more XML elements than it may: not read for %.2f s",
                session,
                user,
                wait,
            )
        return wait


def is_large(tags: int) -> bool:
    """Whether a body is to be decoded beside the loop."""
    return tags > _MANY
