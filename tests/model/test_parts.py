"""What messages are made of."""

from __future__ import annotations

import pytest

from perchat.model.parts import (
    Emoticon,
    EmoticonPart,
    FilePart,
    LinkPart,
    StoryTitlePart,
    TextPart,
    raw_text,
)
from perchat.model.uri import RoomUri

ROOM = RoomUri("ma-chan://contoso.com/aaaaaaaa-0000-4000-8000-000000000001")
FILE = "ma-filelink://contoso.com/aaaaaaaa-0000-4000-8000-000000000001/7b.txt"


def test_an_emoticon_is_set_off_from_letters_alone() -> None:
    smile, laugh = EmoticonPart(Emoticon.SMILE), EmoticonPart(Emoticon.LAUGHING)
    assert raw_text([TextPart("hi"), smile, TextPart(", you")]) == "hi :), you"
    assert raw_text([laugh, smile, TextPart("x")]) == ":-D :) x"


def test_emoticons_have_the_numbers_and_codes_of_the_original() -> None:
    assert [(emoticon.value, emoticon.code) for emoticon in Emoticon] == [
        (0, ":)"),
        (1, ":("),
        (2, "8-)"),
        (3, ":-D"),
        (4, ":-O"),
        (5, ":-/"),
        (6, ":'("),
        (7, ":-P"),
        (8, ";)"),
        (9, ">:O"),
        (10, ":-*"),
    ]


@pytest.mark.parametrize(
    ("size", "words", "about"),
    [
        (0, "0 bytes", 0),
        (1, "1 byte", 1),
        (100, "100 bytes", 100),
        (10_300, "10 kilobytes", 10_240),
        (20_480_000, "19 megabytes", 19 << 20),
        (1 << 40, "1024 gigabytes", 1 << 40),
    ],
)
def test_sizes_are_told_in_words(size: int, words: str, about: int) -> None:
    part = FilePart.of("x", FILE, size)
    assert (part.size_text, part.size) == (words, about)


def test_a_size_may_be_unknown() -> None:
    assert FilePart("x", FILE).size is None
    assert FilePart("x", FILE, "quite large").size is None


@pytest.mark.parametrize(
    "url", ["javascript:x", "x", "https://", "https:///x", 'https://x/"', "a b"]
)
def test_links_that_are_not_safe_are_not_made(url: str) -> None:
    with pytest.raises(ValueError, match="not a link"):
        LinkPart(url)


@pytest.mark.parametrize("title", ["", " ", "two\nlines", "x[/STORY]"])
def test_a_title_is_one_line(title: str) -> None:
    with pytest.raises(ValueError, match="not the title"):
        StoryTitlePart(title)
