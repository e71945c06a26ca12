"""What is found by its words, in any script."""

from __future__ import annotations

import sqlite3
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.model.history import HistoryQuery, Match
from perchat.store.words import Sought, for_index, words


def found(asked: str, text: str, match: Match = Match.ANY, *, case_sensitive: bool = False) -> bool:
    return Sought(HistoryQuery(asked, match=match, case_sensitive=case_sensitive)).is_in(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The disk, of srv-12!", "the disk of srv 12"),
        ("foo_bar", "foo bar"),
        ("Ünïcode CAFÉ Ёлка", "unicode cafe елка"),
        ("Łódź Tromsø Ħal Đorđe Œuvre Æther", "lodz tromso hal dorde oeuvre aether"),
        ("Ωδή ΆΛΦΑ ς", "ωδη αλφα σ"),
        ("Йод їжа ЎЗБЕК Ѓ", "иод іжа узбек г"),
        ("Straße İstanbul ıssız", "strasse istanbul issiz"),
        ("ﬁle ＦＵＬＬ ½", "file full 1 2"),
        ("東京都に。カﾅ", "東 京 都 に カ ナ"),
        ("서울에서", "서 울 에 서"),
        ("สวัสดี", "ส วั ส ดี"),
        ("हिन्दी में", "हिन्दी में"),
        ("שָׁלוֹם مُحَمَّد", "שלום محمد"),
        ("ok👍🏽done ☃️", "ok 👍 done ☃"),
        ("x" * 65, "x" * 64 + " x"),
        ("!? -- …", ""),
    ],
)
def test_texts_are_cut_into_words(text: str, expected: str) -> None:
    assert words(text) == expected


def test_any_all_and_the_exact_phrase() -> None:
    text = "The disk of the server is full"
    assert found("full moon", text)
    assert not found("full moon", text, Match.ALL)
    assert found("full disk", text, Match.ALL)
    assert not found("full disk", text, Match.PHRASE)
    assert found("IS full", text, Match.PHRASE)
    assert not found("serve", text)


def test_one_word_asked_for_may_be_several_in_a_row() -> None:
    assert found("srv-12", "on SRV-12 now")
    assert not found("srv-12", "12 of srv")
    assert found("京都", "東京都です")
    assert not found("京都", "都の京")


def test_case_and_accents_count_where_asked_for() -> None:
    assert found("cafe", "CAFÉ")
    assert found("łodz", "in Łódź")
    assert not found("lodz", "in łódź", case_sensitive=True)
    assert not found("иод", "йод", case_sensitive=True)
    assert found("CAFÉ", "CAFÉ", case_sensitive=True)
    assert not found("Café", "CAFÉ", case_sensitive=True)
    assert not found("CAFE", "CAFÉ", case_sensitive=True)


def test_nothing_asked_finds_all_and_what_has_no_word_finds_nothing() -> None:
    assert found("", "anything")
    assert found("  \n", "!")
    assert not found("?!", "?!")
    assert found("full ?!", "full", Match.ALL)


@given(st.text())
def test_words_are_words_already(text: str) -> None:
    cut = words(text)
    assert words(cut) == cut
    assert not any(c.isascii() and not (c.isdigit() or c.islower() or c == " ") for c in cut)


@given(st.text(), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_the_form_in_which_a_text_was_typed_does_not_matter(text: str, form: str) -> None:
    assert words(unicodedata.normalize(form, text)) == words(text)  # type: ignore[arg-type]


@given(st.text(min_size=1), st.booleans())
def test_a_text_is_found_by_itself(text: str, case_sensitive: bool) -> None:
    expected = bool(words(text)) or not text.strip()
    assert found(text, text, Match.PHRASE, case_sensitive=case_sensitive) is expected


@given(
    st.one_of(
        st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=200),
        st.text(st.sampled_from("aZ09_-.,!'é京👍 \n"), max_size=200),
    )
)
def test_the_index_finds_the_words_of_a_text_in_what_it_is_given(text: str) -> None:
    given = for_index(text)
    assert bool(given) == bool(words(text))
    assert _tokens(given) == _tokens(words(text)) == words(text).split()


def _tokens(text: str) -> list[str]:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE VIRTUAL TABLE said USING fts5(words, tokenize='ascii')")
        database.execute("CREATE VIRTUAL TABLE tokens USING fts5vocab(said, instance)")
        database.execute("INSERT INTO said VALUES (?)", (text,))
        found = database.execute("SELECT term FROM tokens ORDER BY offset").fetchall()
    database.close()
    return [term for (term,) in found]
