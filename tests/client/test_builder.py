"""Messages put together."""

from __future__ import annotations

import pytest

from perchat.client.builder import MessageBuilder, composed
from perchat.model.parts import Emoticon, EmoticonPart, LinkPart, RoomLinkPart, TextPart
from perchat.model.richtext import parse_parts
from tests.client.peer import LOBBY, room

PLAN = "https://example.com/plan?a=1&b=2"


def built() -> MessageBuilder:
    return (
        MessageBuilder()
        .emoticon(Emoticon.WINK)
        .text(" see ")
        .link("the <plan>", PLAN)
        .text(" in ")
        .room_link(room())
    )


def test_what_is_built_is_read_back_part_by_part() -> None:
    message = built()
    assert message.parts == (
        EmoticonPart(Emoticon.WINK),
        TextPart(" see "),
        LinkPart(PLAN, "the <plan>"),
        TextPart(" in "),
        RoomLinkPart(LOBBY, "Lobby"),
    )
    assert parse_parts(message.raw) == message.parts
    assert str(message) == message.raw
    assert repr(message) == "<message of 5 parts>"


@pytest.mark.parametrize("named", [LOBBY, str(LOBBY), room()])
def test_a_room_is_linked_by_whatever_carries_its_uri(named: str) -> None:
    (part,) = MessageBuilder().room_link(named, "here").parts
    assert part == RoomLinkPart(LOBBY, "here")


@pytest.mark.parametrize("named", ["Lobby", "", "ma-cat://example.com/x"])
def test_a_room_is_not_linked_by_name(named: str) -> None:
    with pytest.raises(ValueError):
        MessageBuilder().room_link(named)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "plan", "https://", 'https://a"b'])
def test_a_link_that_does_more_than_show_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a link"):
        MessageBuilder().link("x", url)


def test_a_face_stands_apart_from_letters() -> None:
    message = MessageBuilder().text("well").emoticon(Emoticon.SMILE).text("then")
    assert message.raw == "well :) then"


def test_text_is_posted_as_it_is() -> None:
    assert composed("a < b") == "a < b"
    assert composed(built()) == built().raw


def test_a_story_begins_with_its_title() -> None:
    assert composed("All steps.", " Release 1.2 ") == "[STORY]Release 1.2\nAll steps."
    assert composed(built(), "Plan").startswith("[STORY]Plan\n;) see ")


@pytest.mark.parametrize(("text", "title"), [("x", ""), ("x", "a\nb"), (" ", "a"), ("", "a")])
def test_a_story_has_one_line_of_title_and_a_text(text: str, title: str) -> None:
    with pytest.raises(ValueError):
        composed(text, title)
