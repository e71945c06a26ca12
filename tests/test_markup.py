"""What strangers send is read within limits or refused; what we write reads back."""

from __future__ import annotations

import re
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.errors import LocalProtocolError, RemoteProtocolError
from perchat.markup import Element, MarkupLimits, escape, escape_attribute, read, write

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-]{0,8}", fullmatch=True).filter(
    lambda name: not name.startswith("xmlns")
)
LEGAL = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r").filter(
        lambda c: c not in "\ufffe\uffff"
    ),
    max_size=20,
)
ELEMENTS = st.recursive(
    st.builds(Element, NAMES, st.dictionaries(NAMES, LEGAL, max_size=3), st.just(()), LEGAL),
    lambda children: st.builds(
        Element,
        NAMES,
        st.dictionaries(NAMES, LEGAL, max_size=3),
        st.lists(children, min_size=1, max_size=3).map(tuple),
        LEGAL.filter(lambda text: not text.isspace()),
    ),
    max_leaves=6,
)


@given(ELEMENTS)
@settings(max_examples=150)
def test_what_we_write_we_can_read(element: Element) -> None:
    assert read(write(element).encode()) == element


@given(st.text(st.characters(), max_size=50))
def test_any_text_can_be_written(text: str) -> None:
    element = Element("a", {"b": text}, (), text)
    again = read(write(element).encode())
    assert set(again.text) <= set(text)
    assert again.get("b") == again.text


@given(st.binary(max_size=200))
def test_noise_is_refused_politely(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refusal:
        read(b"\x01" + data)
    assert refusal.value.status == 400


def test_prefixes_are_dropped_and_declarations_left_out() -> None:
    root = read(b'<p:a xmlns:p="urn:x" xmlns="urn:y" b="1"><c p:d="2"/></p:a>')
    assert root == Element("a", {"b": "1"}, (Element("c", {"d": "2"}),))


def test_an_attribute_without_prefix_wins_over_one_with() -> None:
    assert read(b'<a x:type="t" type="5"/>').get("type") == "5"
    assert read(b'<a type="5" x:type="t"/>').get("type") == "5"


@pytest.mark.parametrize(
    "lead",
    [
        b"\xef\xbb\xbf",
        b'<?xml version="1.0"?>',
        b'<?xml version="1.0" encoding="utf-16"?>\r\n',
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n",
        b"<!-- said first --><?note it?>",
    ],
)
def test_byte_order_mark_declaration_and_comment_may_lead(lead: bytes) -> None:
    assert read(lead + "<a>é</a>".encode()).text == "é"


def test_blanks_between_children_do_not_count_and_other_text_does() -> None:
    assert read(b"<a>\r\n  <b/>\n</a>").text == ""
    assert read(b"<a>one <b>two</b> three</a>").text == "one  three"
    assert read(b"<a> \n </a>").text == " \n "


def test_sections_and_references_are_text() -> None:
    assert read(b"<a>1 &lt; 2 &amp; <![CDATA[<b/>]]>&#x20ac;</a>").text == "1 < 2 & <b/>€"


def test_children_are_found_by_name() -> None:
    root = read(b'<a><b n="1"/><c/><b n="2"/></a>')
    first = root.find("b")
    assert first is not None
    assert first.get("n") == "1"
    assert [b.get("n") for b in root.find_all("b")] == ["1", "2"]
    assert root.find("d") is None
    assert root.get("none", "some") == "some"


BOMB = b"<!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;'>]><a>&c;</a>"

DAMAGED = {
    "empty": b"",
    "blank": b"  \n",
    "no element": b"<?xml version='1.0'?>",
    "open": b"<a>",
    "crossed": b"<a><b></a></b>",
    "two roots": b"<a/><a/>",
    "tail": b"<a/>x",
    "bare ampersand": b"<a>&</a>",
    "unknown entity": b"<a>&nbsp;</a>",
    "NUL": b"<a>\0</a>",
    "NUL after": b"<a/>\0",
    "control": b"<a>\x01</a>",
    "control by reference": b"<a>&#1;</a>",
    "not UTF-8": b"<a>\xe9</a>",
    "surrogate": b"<a>\xed\xa0\x80</a>",
    "UTF-16": "<a/>".encode("utf-16"),
    "UTF-16, other order": b"\xfe\xff\0<\0a\0/\0>",
    "UTF-16 without mark": "<a/>".encode("utf-16-le"),
    "UTF-16 without mark, other order": "<a/>".encode("utf-16-be"),
    "Latin-1 declared": b"<?xml version='1.0' encoding='latin-1'?><a>\xe9</a>",
    "same attribute twice": b"<a b='1' b='2'/>",
    "bare attribute": b"<a b=1/>",
    "document type": b"<!DOCTYPE a><a/>",
    "entities": BOMB,
    "external entity": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
    "external document type": b"<!DOCTYPE a SYSTEM 'http://127.0.0.1/a.dtd'><a/>",
    "parameter entity": b"<!DOCTYPE a [<!ENTITY % b SYSTEM 'file:///x'>%b;]><a/>",
    "name without local part": b"<a:/>",
    "name of a colon": b"<:/>",
    "two colons": b"<a:b:c/>",
    "attribute of a colon": b"<a :b='1'/>",
    "too deep": b"<a>" * 33 + b"</a>" * 33,
    "deep and open": b"<a>" * 25_000,
    "too many tags": b"<a>" + b"<b/>" * 50_000 + b"</a>",
    "too many attributes": b"<a " + b" ".join(b"b%d=''" % n for n in range(65)) + b"/>",
    "too large": b"<a>" + b"x" * (1 << 20) + b"</a>",
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_and_excess_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refusal:
        read(data)
    assert refusal.value.status == 400


def test_the_limits_themselves_are_allowed() -> None:
    limits = MarkupLimits(size=64, depth=2, elements=4, attributes=1)
    assert read(b"<a b='1'><c/><d/>" + b" " * 43 + b"</a>", limits).find("d")
    for excess in (
        b"<a>" + b" " * 60 + b"</a>",
        b"<a><b><c/></b></a>",
        b"<a><b/><c/><d/></a>",
        b"<a b='1' c='2'/>",
    ):
        with pytest.raises(RemoteProtocolError):
            read(excess, limits)


def test_the_worst_within_the_limits_is_quick() -> None:
    worst = [
        b"<a>" + b"<b/>" * 49_990 + b"</a>",
        b"<a " + b" ".join(b"a%d=''" % n for n in range(100_000)) + b"/>",
        b"<a b='" + b"&amp;" * 200_000 + b"'/>",
        b"<a>" + b"&#10;" * 200_000 + b"</a>",
    ]
    begun = time.process_time()
    for data in worst:
        try:
            read(data)
        except RemoteProtocolError:
            continue
    assert time.process_time() - begun < 2


def test_names_of_strangers_are_forgotten() -> None:
    def visit(number: int) -> None:
        read(b"<a>" + b"".join(b"<e%d_%d/>" % (number, n) for n in range(2_000)) + b"</a>")

    visit(0)
    tracemalloc.start()
    for number in range(1, 11):
        visit(number)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000


def test_escaping_drops_what_xml_cannot_carry() -> None:
    assert escape('a\0\x0b\ud800\ufffe<&>"\r\n\t') == 'a&lt;&amp;&gt;"&#13;\n\t'
    assert escape_attribute("\x1f\"\r\n\t'") == "&quot;&#13;&#10;&#9;'"


def test_what_is_written_is_exact() -> None:
    element = Element("a", {"xmlns": "urn:x", "xsi:type": "<t>"}, (Element("b"),), "x")
    assert write(element) == '<a xmlns="urn:x" xsi:type="&lt;t&gt;">x<b/></a>'


@pytest.mark.parametrize("name", ["", "a b", "a>", "1a", "a:b:c", "a\n", ":a", "-"])
def test_names_that_are_none_are_not_written(name: str) -> None:
    with pytest.raises(LocalProtocolError, match=re.escape(repr(name))):
        write(Element(name))
    with pytest.raises(LocalProtocolError):
        write(Element("a", {name: ""}))
