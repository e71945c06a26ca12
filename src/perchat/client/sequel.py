"""
What was said, put together of history and of what is heard: once, in order, without a gap.

Messages of a room are numbered without gaps. While all is well what is heard goes
straight through. Once something may have been missed, what is heard is held until
history has been read up to it. Nothing here waits: a reader takes, and when there is
nothing to take and ``is_behind``, fetches the next page of history.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.model.message import Message

__all__ = ["Sequel"]


class Sequel:
    """
    The messages of one room after one of them, for one reader.

    Attributes:
        last: The id that the next message follows; None before the first, where that is
            not known.
        is_behind: Whether history has to be read before anything else is ready.
        lost: Messages that had to go because no history can bring them back.
        losses: How often ``lose_track`` was called; a page of history asked for before the
            last time does not prove that nothing is missing.

    """

    def __init__(self, last: int | None, *, limit: int, kept: bool = True) -> None:
        """Begin after ``last``, holding at most ``limit``; ``kept`` says if there is history."""
        self.last = last
        self.is_behind = False
        self.lost = 0
        self.losses = 0
        self._limit = limit
        self._kept = kept
        self._ready: deque[Message] = deque()
        self._held: deque[Message] = deque()
        self._overflown = False
        self._missing: int | None = None  # the last one before a gap that history did not fill

    def __len__(self) -> int:
        return len(self._ready) + len(self._held)

    def take(self) -> Message | None:
        """Return the next message; None when there is none, or not yet."""
        return self._ready.popleft() if self._ready else None

    def hear(self, message: Message) -> None:
        """Take a message as it was said."""
        if len(self) >= self._limit and not self._make_room():
            return
        if self.is_behind:
            self._held.append(message)
        elif self._follows(message):
            self._pass_on(message)
        elif self._is_new(message):
            self.is_behind = True
            self._held.append(message)

    def lose_track(self) -> None:
        """Something may have been missed from here on."""
        self.losses += 1
        self.is_behind = self._kept and self.last is not None

    def read(self, page: Sequence[Message], *, more: bool, losses: int) -> None:
        """
        Take a page of history that follows ``last``.

        Args:
            page: Oldest first.
            more: Whether history goes on behind it.
            losses: As it was when the page was asked for.

        """
        for message in page:
            if self._is_new(message):
                self._pass_on(message)
        while self._held and not self._is_new(self._held[0]):
            self._held.popleft()
        if more or losses != self.losses:
            return
        if self._overflown:  # what was not held stands in history by now
            self._overflown = False
            return
        self._let_go()

    # --- inside ---

    def _follows(self, message: Message) -> bool:
        """Whether nothing can be missing before it; unnumbered ones are taken as they come."""
        if not message.id or self.last is None or not self._kept:
            return self._is_new(message)
        return message.id == self.last + 1

    def _is_new(self, message: Message) -> bool:
        return not message.id or self.last is None or message.id > self.last

    def _pass_on(self, message: Message) -> None:
        self._ready.append(message)
        self.last = message.id or self.last

    def _let_go(self) -> None:
        while self._held:
            message = self._held[0]
            if not self._is_new(message):
                self._held.popleft()
            elif self._follows(message) or self._missing == self.last:
                self._pass_on(self._held.popleft())
            else:
                self._missing = self.last  # asked once more: it may just have come
                return
        self.is_behind = False

    def _make_room(self) -> bool:
        """Whether one more may be held; what is not is read from history later."""
        if self._kept:
            self.is_behind = self._overflown = True
            return False
        self.lost += 1
        (self._ready or self._held).popleft()
        return True
