"""Messages taken apart, and put together again."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.model.parts import (
    Emoticon,
    EmoticonPart,
    FilePart,
    LinkPart,
    MessagePart,
    RoomLinkPart,
    StoryTitlePart,
    TextPart,
    raw_text,
)
from perchat.model.richtext import flattened, parse_parts, story_title
from perchat.model.uri import RoomUri

ROOM = RoomUri("ma-chan://contoso.com/aaaaaaaa-0000-4000-8000-000000000001")
FILE = "ma-filelink://contoso.com/aaaaaaaa-0000-4000-8000-000000000001/7b.txt"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("two\nlines", [TextPart("two\nlines")]),
        (
            'see <a href="https://x.example/?a=1&amp;b=2">this &lt;page&gt;</a>!',
            [
                TextPart("see "),
                LinkPart("https://x.example/?a=1&b=2", "this <page>"),
                TextPart("!"),
            ],
        ),
        (
            "<A class='x' HREF=mailto:a@b target=new>write</A >",
            [LinkPart("mailto:a@b", "write")],
        ),
        (f'<a href="{ROOM}">Ops</a>', [RoomLinkPart(ROOM, "Ops")]),
        (f"join {ROOM}.", [TextPart("join "), RoomLinkPart(ROOM), TextPart(".")]),
        (
            f'<a href="{FILE}">Plan (v2).txt (10 kilobytes)</a>',
            [FilePart("Plan (v2).txt", FILE, "10 kilobytes")],
        ),
        (f"{FILE}, new", [FilePart("7b.txt", FILE), TextPart(", new")]),
        (
            "(https://x.example/a)",
            [TextPart("("), LinkPart("https://x.example/a"), TextPart(")")],
        ),
        (
            "well :-D ;) 8-)",
            [
                TextPart("well "),
                EmoticonPart(Emoticon.LAUGHING),
                TextPart(" "),
                EmoticonPart(Emoticon.WINK),
                TextPart(" "),
                EmoticonPart(Emoticon.COOL),
            ],
        ),
        (
            "[STORY]Outage\nAll is :( well",
            [
                StoryTitlePart("Outage"),
                TextPart("All is "),
                EmoticonPart(Emoticon.FROWN),
                TextPart(" well"),
            ],
        ),
        ("[STORY] Outage [/STORY]\nbody", [StoryTitlePart("Outage"), TextPart("body")]),
        ("[STORY]Outage[/STORY]body", [StoryTitlePart("Outage"), TextPart("body")]),
        ("[STORY]Outage", [StoryTitlePart("Outage")]),
    ],
)
def test_a_text_is_taken_apart(text: str, parts: list[MessagePart]) -> None:
    assert list(parse_parts(text)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "18-) and x:)y and (8-)z",
        "a < b > c",
        '<a name="x">no link</a>',
        '<a href="javascript:alert(1)">press</a>',
        '<a href="data:text/html,x">press</a>',
        '<a href="">nothing</a>',
        '<a href="ma-chan://nowhere">room</a>',
        '<b href="https:">x</b>',
        "https://",
        "[STORY]\nbody",
        "[story]title\nbody",
        " [STORY]title\nbody",
    ],
)
def test_what_only_looks_like_something_stays_words(text: str) -> None:
    assert {type(part) for part in parse_parts(text)} == {TextPart}
    assert raw_text(parse_parts(text)) == text


PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["[STORY]", "[/STORY]", "\n", "<a ", "href=", '"', ">", "</a>", "https://x", FILE, ROOM]
        + [emoticon.code for emoticon in Emoticon]
    ),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_the_raw_texts_are_the_text_again(text: str) -> None:
    assert "".join(part.raw for part in parse_parts(text)) == text


WORDS = st.text("abc &<\n", min_size=1, max_size=8).filter(lambda text: "<a" not in text)
NAMES = st.text("ab .&<>\"'", min_size=1, max_size=8)
LINKS = st.one_of(
    st.builds(LinkPart, st.just("https://x.example/?a&b='c'"), NAMES),
    st.builds(RoomLinkPart, st.just(ROOM), NAMES),
    st.builds(FilePart, NAMES, st.just(FILE), st.sampled_from(["", "1 byte", "10 kilobytes"])),
)
FACES = st.builds(EmoticonPart, st.sampled_from(Emoticon))


@given(
    st.one_of(st.none(), st.builds(StoryTitlePart, NAMES.map(str.strip).filter(bool))),
    st.lists(st.tuples(LINKS, st.builds(TextPart, WORDS)), max_size=4),
)
def test_links_that_are_written_are_read(
    title: StoryTitlePart | None, pairs: list[tuple[MessagePart, TextPart]]
) -> None:
    body = [part for pair in pairs for part in pair]
    parts = [title, *body] if title else body
    assert list(parse_parts(raw_text(parts))) == parts


@given(st.lists(st.one_of(FACES, st.builds(TextPart, st.text("ab ", max_size=3)))))
def test_emoticons_that_are_written_are_read(parts: list[MessagePart]) -> None:
    read = [part for part in parse_parts(raw_text(parts)) if isinstance(part, EmoticonPart)]
    assert read == [part for part in parts if isinstance(part, EmoticonPart)]


def test_a_story_is_told_by_its_title() -> None:
    assert story_title("[STORY]Outage\nbody") == "Outage"
    assert story_title("Outage") is None


@pytest.mark.parametrize(
    ("text", "flat"),
    [
        ("a < b </ :)", "a < b </ :)"),
        ('<a href="https://x.example">page</a>.', "page <https://x.example>."),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example"),
        (f'<a href="{ROOM}">Ops</a>', f"Ops <{ROOM}>"),
        (f'<a href="{FILE}">a.txt (1 byte)</a>', f"a.txt (1 byte) <{FILE}>"),
        ("[STORY]Outage[/STORY]body", "Outage\nbody"),
    ],
)
def test_plain_clients_see_words_and_urls(text: str, flat: str) -> None:
    assert flattened(text) == flat


@pytest.mark.parametrize(
    "text",
    ["<a " * 20_000, "<a href" + " " * 60_000, "<a >" + "x" * 60_000, "( (" * 20_000, ":" * 60_000],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.perf_counter()
    parse_parts(text)
    parse_parts(f'<a href="{FILE}">{text.replace("<", "")}</a>')
    assert time.perf_counter() - started < 1
