"""
What a program says about its own posts before they are sent.

A filter sees what is about to be posted and lets it pass, replaces it, or stops it, as
the room add-ins of the original's desktop client could.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from perchat.errors import PostCancelled

__all__ = ["Draft", "OutgoingFilter", "OutgoingFilters"]


@dataclass(frozen=True, slots=True)
class Draft:
    """
    What is about to be posted.

    Attributes:
        text: As ``post`` was given it, without the title.
        title: Of a story.
        alert: Whether it is important.
        rtf: The same as RTF; a filter that changes the text has to see to this, too.

    """

    text: str
    title: str | None = None
    alert: bool = False
    rtf: str | None = None


OutgoingFilter: TypeAlias = Callable[[Draft], Awaitable[Draft | None]]
"""Returns the draft to let it pass, another one to replace it, None to stop it."""


class OutgoingFilters:
    """The filters of one session, in the order in which they were added."""

    def __init__(self) -> None:
        self._filters: list[OutgoingFilter] = []

    def add(self, one: OutgoingFilter) -> Callable[[], None]:
        """Ask ``one`` about every post from now on; return what takes it off again."""
        self._filters.append(one)

        def take_off() -> None:
            if one in self._filters:
                self._filters.remove(one)

        return take_off

    async def passed(self, draft: Draft) -> Draft:
        """Return what is to be posted; PostCancelled when a filter stops it."""
        for one in tuple(self._filters):
            changed = await one(draft)
            if changed is None:
                raise PostCancelled("an outgoing filter stopped the post; nothing was sent")
            draft = changed
        return draft
