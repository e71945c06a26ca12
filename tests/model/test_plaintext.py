from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.markup import escape, read
from perchat.model.plaintext import check_characters, with_line_feeds


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a\x00b", "U+0000, its character 2:"),
        ("\x07", "U+0007, its character 1:"),
        ("ab\ufffe", "U+FFFE, its character 3:"),
        ("\uffff\x00", "U+FFFF, its character 1:"),
        ("half \ud83d", "U+D83D, its character 6:"),
    ],
)
def test_a_character_that_cannot_be_sent_is_named_with_its_place(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"a message cannot have {named}")):
        check_characters(text)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=20))
def test_what_is_not_refused_arrives_as_it_was_but_for_its_line_ends(text: str) -> None:
    """Expat is the judge: it reads our XML and no other way is a message carried."""
    try:
        check_characters(text)
    except ValueError:
        return
    element = read(f"<chat>{escape(with_line_feeds(text))}</chat>".encode())
    assert element.text == re.sub("\r\n?", "\n", text)


@pytest.mark.parametrize(
    ("text", "sent"), [("a\r\nb\rc\nd", "a\nb\nc\nd"), ("\r\r\n\n", "\n\n\n"), ("tab\t", "tab\t")]
)
def test_every_line_ends_with_a_line_feed(text: str, sent: str) -> None:
    assert with_line_feeds(text) == sent
