"""Messages as readers see them."""

from __future__ import annotations

from datetime import UTC, datetime

from perchat.model.message import Message
from perchat.model.parts import LinkPart, StoryTitlePart, TextPart
from perchat.model.uri import RoomUri, SipUri

ROOM = RoomUri("ma-chan://contoso.com/1")


def message(text: str) -> Message:
    return Message(7, datetime(2026, 1, 1, tzinfo=UTC), SipUri("sip:a@b.c"), ROOM, text)


def test_a_story_has_a_title_and_other_messages_none() -> None:
    story = message("[STORY]Outage\nsee https://x.example")
    assert (story.title, story.is_story) == ("Outage", True)
    assert story.parts == (
        StoryTitlePart("Outage"),
        TextPart("see "),
        LinkPart("https://x.example"),
    )
    plain = message("hi")
    assert (plain.title, plain.is_story, plain.parts) == (None, False, (TextPart("hi"),))


def test_a_message_is_known_by_room_and_number() -> None:
    assert message("hi").key == (ROOM, 7)
