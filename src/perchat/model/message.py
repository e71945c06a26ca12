"""What people say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perchat.model.plaintext import check_characters
from perchat.model.richtext import parse_parts, story_title
from perchat.model.rtf import check_rtf, parse_rtf

if TYPE_CHECKING:
    from datetime import datetime

    from perchat.model.parts import MessagePart
    from perchat.model.uri import RoomUri, SipUri

__all__ = ["CLIENT_ID_LIMIT", "Message", "ModeratedMessage", "check_content"]

CLIENT_ID_LIMIT = 64
"""Characters an author may call a post by."""


@dataclass(frozen=True, slots=True)
class Message:
    """
    A message as the service stored it.

    Attributes:
        id: Counts up by one within its room, from 1; 0 when the server did not say.
        timestamp: When the server received it, aware, UTC.
        author: Who posted it, as the server authenticated it.
        author_name: The author's display name, if the server gave one.
        text: Plain text; lines end with a single LF.
        rtf: The same as RTF, if it was posted so.
        is_alert: Whether it was posted as important.
        client_id: What its author's program called it, so that a post sent twice is kept
            once; empty where it did not.

    """

    id: int
    timestamp: datetime
    author: SipUri
    room_uri: RoomUri
    text: str
    author_name: str = ""
    room_name: str = ""
    rtf: str | None = None
    is_alert: bool = False
    client_id: str = ""

    @property
    def key(self) -> tuple[RoomUri, int]:
        """The message's identity."""
        return (self.room_uri, self.id)

    @property
    def parts(self) -> tuple[MessagePart, ...]:
        """The text taken apart: words, links, emoticons, the title of a story."""
        return parse_parts(self.text)

    @property
    def rtf_parts(self) -> tuple[MessagePart, ...]:
        """The RTF taken apart the same way, without how it looks; () where there is none."""
        return parse_rtf(self.rtf) if self.rtf else ()

    @property
    def title(self) -> str | None:
        """The title of a story; None for any other message."""
        return story_title(self.text)

    @property
    def is_story(self) -> bool:
        """Whether it has a title, and more room than other messages."""
        return self.title is not None


@dataclass(frozen=True, slots=True)
class ModeratedMessage:
    """
    What an administrator did to a message.

    Attributes:
        original: As its author posted it.
        at: When it was done, the last time; aware, UTC.
        text: What stands there instead; None where nothing does.

    """

    original: Message
    at: datetime
    text: str | None


def check_content(text: str, rtf: str | None) -> None:
    """
    Refuse what a message cannot say; the SDK asks before it posts, the service whatever comes.

    Raises:
        ValueError: Characters that no message can carry, or ``rtf`` that is no RTF.

    """
    check_characters(text)
    if rtf is not None:
        check_characters(rtf, "the RTF of a message")
        check_rtf(rtf)
