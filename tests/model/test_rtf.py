"""RTF taken apart: what clients write, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.model.parts import Emoticon, EmoticonPart, LinkPart, RoomLinkPart, TextPart
from perchat.model.rtf import check_rtf, parse_rtf

HEAD = (
    r"{\rtf1\fbidis\ansi\ansicpg1252\deff0\nouicompat\deflang1033"
    r"{\fonttbl{\f0\fnil Segoe UI;}{\f1\fnil\fcharset0 Arial;}}"
    "\r\n"
    r"{\colortbl ;\red0\green0\blue255;}{\*\generator Riched20 15.0.4569;}"
    r"{\*\mmathPr\mnaryLim0\mdispDef1}\viewkind4\uc1 \pard\ltrpar\f0\fs20 "
)
LINK = r'{\field{\*\fldinst{HYPERLINK "https://example.com/p"}}{\fldrslt{\ul the {\b plan}}}}'


def shown(rtf: str) -> str:
    return "".join(part.display for part in parse_rtf(rtf))


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (HEAD + r"Good {\b morning}\par" + "\r\n}\r\n", "Good morning"),
        (r"{\rtf1 two\par lines\line and\tab more\par}", "two\nlines\nand\tmore"),
        (r"{\rtf1 \{braces\} and \\ signs}", r"{braces} and \ signs"),
        (r"{\rtf1 na\'efve \'80}", "naïve €"),
        (r"{\rtf1\ansicpg932 \'93\'fa\'96\'7b}", "日本"),
        (r"{\rtf1\ansicpg99999 \'e9}", "é"),
        (r"{\rtf1 \u8364? \u-10179?\u-8704? \uc0\u8364 end}", "€ 😀 €end"),
        (r"{\rtf1\uc2\u8364\'80\'80 rest}", "€ rest"),
        (r"{\rtf1 \u-10179?x}", "x"),
        (r"{\rtf1 a{\pict\wmetafile8 0123}b{\*\unknown c}d}", "abd"),
        (r"{\rtf1 a{\bin4 }}}}b}", "ab"),
        (r"{\rtf1 a\bin-3 b}", "ab"),
        (r"{\rtf1 \ldblquote so\rdblquote\emdash it\rquote s\~fine}", "“so”—it’s\u00a0fine"),
        ("plain words, no RTF", "plain words, no RTF"),
        ("", ""),
        ("{\\rtf1 open{\\b ", "open"),
        ("}}}\\", ""),
    ],
)
def test_it_says_what_people_see(rtf: str, text: str) -> None:
    assert shown(rtf) == text


def test_links_and_faces_are_parts() -> None:
    assert parse_rtf(rf"{{\rtf1 see {LINK} :) now\par}}") == (
        TextPart("see "),
        LinkPart("https://example.com/p", "the plan"),
        TextPart(" "),
        EmoticonPart(Emoticon.SMILE),
        TextPart(" now"),
    )


def test_a_link_may_lead_to_a_room_and_stand_as_words_or_markup() -> None:
    room = "ma-chan://example.com/6d1a"
    field = rf'{{\field{{\*\fldinst HYPERLINK "{room}"}}{{\fldrslt Lobby}}}}'
    for said in (field, f'<a href="{room}">Lobby</a>'):
        (part,) = parse_rtf(rf"{{\rtf1 {said}}}")
        assert isinstance(part, RoomLinkPart)
        assert (part.room, part.text) == (room, "Lobby")


@pytest.mark.parametrize(
    "instruction", ['HYPERLINK "javascript:alert(1)"', "HYPERLINK", "DATE \\\\@ yyyy", ""]
)
def test_a_field_that_is_no_safe_link_is_its_words(instruction: str) -> None:
    field = rf"{{\field{{\*\fldinst {instruction}}}{{\fldrslt shown}}}}"
    assert parse_rtf(rf"{{\rtf1 a {field} b}}") == (TextPart("a shown b"),)


_PIECES = st.sampled_from(
    [
        *"{}\\ \r\nx",
        r"\u-10179 ",
        r"\u8364",
        r"\'f",
        r"\'93",
        r"\field",
        r"\*",
        r"\fldinst",
        r"\fldrslt",
        'HYPERLINK "https://e.com/"',
        r"\uc9",
        r"\bin3",
        r"\ansicpg65001",
        r"\par",
        r"\fonttbl",
    ]
)


@given(st.lists(_PIECES, max_size=40).map("".join) | st.text())
def test_anything_can_be_read(rtf: str) -> None:
    shown(rtf).encode()


@pytest.mark.parametrize(
    "rtf",
    [
        r"{\rtf1 hello}",
        r"{\rtf {\b bold} \{ \} \\}",
        "{\\rtf1\\ansi\\ansicpg1252\r\n\\pard x\\par\r\n}\r\n",
        r"{\rtf1\bin3 }}}x}",
        r"{\rtf1{\object\objemb{\*\objdata 0105000002}}}",
    ],
)
def test_a_document_is_one_group_that_begins_as_rtf(rtf: str) -> None:
    check_rtf(rtf)


@pytest.mark.parametrize(
    ("rtf", "why"),
    [
        ("nope", "begins with"),
        ("", "begins with"),
        (r"\rtf1 hello", "begins with"),
        (r"{\rtfx hello}", "begins with"),
        (r"{hello}", "begins with"),
        ("<html>x</html>", "begins with"),
        (r"{\rtf1 hello", "1 of its groups are not closed"),
        (r"{\rtf1 {{hello}", "2 of its groups are not closed"),
        (r"{\rtf1 hello\}", "not closed"),
        (r"{\rtf1\bin99 }", "not closed"),
        (r"{\rtf1 hello}}", "ends before character 14"),
        (r"{\rtf1 one}{\rtf1 two}", "ends before"),
    ],
)
def test_what_is_no_document_is_refused_with_the_reason(rtf: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_rtf(rtf)
