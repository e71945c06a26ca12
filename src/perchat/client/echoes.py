"""
Finding our own posts among what the service sends back.

A Perchat server repeats the id that a post was sent with. From others nothing on the
wire ties a message to its post: author and text have to do, in the order in which they
were posted.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from perchat.model.message import CLIENT_ID_LIMIT, check_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.model.message import Message

__all__ = ["Echoes", "check_post", "new_client_id"]


class Echoes:
    """
    The posts of one session that wait for their message.

    Attributes:
        come: Whether this service sends our own messages back, as far as we know.

    """

    def __init__(self) -> None:
        self.come = True
        self._waiting: list[tuple[str, str, asyncio.Future[Message]]] = []

    @contextmanager
    def expect(self, text: str, client_id: str) -> Iterator[asyncio.Future[Message]]:
        """Wait, within the block, for the message that was posted so."""
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        entry = (client_id, _folded(text), future)
        self._waiting.append(entry)
        try:
            yield future
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)
            future.cancel()

    def arrived(self, message: Message) -> None:
        """Give a message of ours to its post: the first one of its id, or of its text."""
        self.come = True
        text = _folded(message.text)
        for entry in self._waiting:
            client_id, posted, future = entry
            if message.client_id == client_id if message.client_id else posted == text:
                self._waiting.remove(entry)
                if not future.done():
                    future.set_result(message)
                return


def _folded(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def new_client_id() -> str:
    """Return an id for a post that no other post has."""
    return secrets.token_hex(16)


def check_post(text: str, client_id: str | None, rtf: str | None = None) -> None:
    """Refuse, by TypeError or ValueError, what cannot be posted."""
    if not isinstance(text, str):
        raise TypeError(f"a message is text, not {type(text).__name__}")
    if not text.strip():
        raise ValueError("a message is not empty")
    check_content(text, rtf)
    if client_id is not None and not 0 < len(client_id) <= CLIENT_ID_LIMIT:
        raise ValueError(f"the id of a post has 1 to {CLIENT_ID_LIMIT} characters")
