"""Messages put together: words, links, faces; and the text that is posted for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from perchat.client.targets import room_or_name
from perchat.model.chatroom import RoomSummary
from perchat.model.parts import (
    EmoticonPart,
    LinkPart,
    RoomLinkPart,
    StoryTitlePart,
    TextPart,
    raw_text,
)
from perchat.model.uri import RoomUri

if TYPE_CHECKING:
    from perchat.client.targets import RoomLike
    from perchat.model.parts import Emoticon, MessagePart

__all__ = ["MessageBuilder", "composed"]


class MessageBuilder:
    """
    A message about to be posted; every method adds to it and returns it.

    ::

        MessageBuilder().text("See ").link("the plan", "https://example.com/plan")
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        """Make an empty message."""
        self._parts: list[MessagePart] = []

    def text(self, text: str) -> Self:
        """Add words."""
        return self._with(TextPart(text))

    def link(self, text: str, url: str) -> Self:
        """
        Add a link to a page, an address or a file share.

        Args:
            text: What is shown; empty shows the URL.
            url: Absolute.

        Raises:
            ValueError: The URL is none, or of a scheme that does more than show something.

        """
        return self._with(LinkPart(url, text))

    def room_link(self, room: RoomLike, text: str = "") -> Self:
        """
        Add a link to a chat room.

        Args:
            room: Its URI, or anything that carries that; a name alone does not.
            text: What is shown; the room's name, or its URI, without it.

        Raises:
            ValueError: ``room`` is no room's URI.

        """
        uri = RoomUri(room_or_name(room))
        name = room.name if isinstance(room, RoomSummary) else ""
        return self._with(RoomLinkPart(uri, text or name))

    def emoticon(self, emoticon: Emoticon) -> Self:
        """Add a face; blanks keep it off the letters beside it."""
        return self._with(EmoticonPart(emoticon))

    @property
    def parts(self) -> tuple[MessagePart, ...]:
        """What was added so far."""
        return tuple(self._parts)

    @property
    def raw(self) -> str:
        """The text that is posted."""
        return raw_text(self._parts)

    def __str__(self) -> str:
        return self.raw

    def __repr__(self) -> str:
        return f"<message of {len(self._parts)} parts>"

    def _with(self, part: MessagePart) -> Self:
        self._parts.append(part)
        return self


def composed(text: str | MessageBuilder, title: str | None = None) -> str:
    """
    Return what is posted: the text, under its title if it is a story.

    Raises:
        ValueError: A title that is empty or has several lines, or a story without text.

    """
    body = text.raw if isinstance(text, MessageBuilder) else text
    if title is None:
        return body
    if not body.strip():
        raise ValueError("a story is more than its title")
    return StoryTitlePart(title.strip()).raw + body
