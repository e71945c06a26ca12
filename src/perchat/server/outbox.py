"""
What waits to be sent to one session.

Fan-out puts and goes on, it never waits for a socket. The queue and the number of
unanswered messages are both bounded: a client that does not keep up loses its
session, with a reason, and catches up from history when it comes back.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Outbox"]


class Outbox:
    """A bounded queue in front of one dialog."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        overflow: Callable[[], None],
        *,
        limit: int,
        window: int,
    ) -> None:
        """Take ``send``, which writes a body, and ``overflow``, called when ``limit`` is broken."""
        self._send = send
        self._overflow = overflow
        self._limit = limit
        self._window = window
        self._waiting: deque[bytes] = deque()
        self._gathered: list[bytes] = []
        self._unanswered = 0
        self._holds = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting) + len(self._gathered)

    def put(self, body: bytes) -> None:
        """Send now if the window allows it, else keep it in order."""
        if self._gathered:
            for one in self.gathered():
                self._put(one)
        self._put(body)

    def gather(self, body: bytes) -> int:
        """Keep it until `gathered` is asked for, or something is put; return how much is kept."""
        if not self._closed:
            self._gathered.append(body)
        return len(self._gathered)

    def gathered(self) -> list[bytes]:
        """Return what was gathered, for the caller to send, and forget it."""
        gathered, self._gathered = self._gathered, []
        return gathered

    def _put(self, body: bytes) -> None:
        if self._closed:
            return
        if self._holds or self._unanswered >= self._window or self._waiting:
            self._queue(body)
        else:
            self._unanswered += 1
            self._send(body)

    def admits(self, count: int) -> bool:
        """Count so many as sent, for the caller to send, if all of them may go out now."""
        unanswered = self._unanswered + count
        if self._waiting or self._gathered or self._holds or self._closed:
            return False
        if unanswered > self._window:
            return False
        self._unanswered = unanswered
        return True

    def put_first(self, body: bytes) -> None:
        """Put ahead of all that waits; for an answer that has to precede what it let in."""
        if not self._closed:
            self._waiting.appendleft(body)
            self._drain()

    def answered(self, count: int = 1) -> None:
        """Make room in the window: the peer answered so many messages, or never will."""
        self._unanswered = max(0, self._unanswered - count)
        self._drain()

    def hold(self) -> None:
        """Keep everything back until as many releases have come."""
        self._holds += 1

    def release(self) -> None:
        """Undo one hold."""
        self._holds -= 1
        self._drain()

    def close(self) -> None:
        """Forget what waits; nothing is sent any more."""
        self._closed = True
        self._waiting.clear()
        self._gathered.clear()

    def _queue(self, body: bytes) -> None:
        if len(self._waiting) >= self._limit:
            self.close()
            self._overflow()
        else:
            self._waiting.append(body)

    def _drain(self) -> None:
        while self._waiting and not self._holds and self._unanswered < self._window:
            self._unanswered += 1
            self._send(self._waiting.popleft())
