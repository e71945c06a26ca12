"""
Finding our own posts among what the service sends back.

Nothing on the wire ties a message to its post. Author and text have to do, in the
order in which they were posted.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.model.message import Message

__all__ = ["Echoes"]


class Echoes:
    """
    The posts of one session that wait for their message.

    Attributes:
        come: Whether this service sends our own messages back, as far as we know.

    """

    def __init__(self) -> None:
        self.come = True
        self._waiting: list[tuple[str, asyncio.Future[Message]]] = []

    @contextmanager
    def expect(self, text: str) -> Iterator[asyncio.Future[Message]]:
        """Wait, within the block, for the message with that text."""
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        entry = (_folded(text), future)
        self._waiting.append(entry)
        try:
            yield future
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
            future.cancel()

    def arrived(self, message: Message) -> None:
        """Give a message of ours to the first post that has its text."""
        self.come = True
        text = _folded(message.text)
        for entry in self._waiting:
            if entry[0] == text:
                self._waiting.remove(entry)
                if not entry[1].done():
                    entry[1].set_result(message)
                return


def _folded(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
