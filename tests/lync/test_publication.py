"""What is published can be read and written, and damage is refused politely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import PerchatError, RemoteProtocolError
from perchat.lync.publication import (
    Publication,
    availability_in,
    note_content,
    note_in,
    publish_document,
    read_publications,
    read_version_fault,
    state_content,
    version_fault,
    write_category,
)
from perchat.sip.message import Request
from tests.lync.transcript import recorded

ALICE = "sip:alice@example.com"
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20)
NUMBERS = st.integers(0, 2**32 - 1)
CONTENTS = st.none() | TEXTS.filter(str.strip).map(note_content)


def test_what_pidgin_published_is_read() -> None:
    asked = recorded("sipe-ntlm-v4.txt")[17].message
    assert isinstance(asked, Request)
    found = read_publications(asked.body, ALICE)
    assert [(one.category, one.container, one.expire_type) for one in found] == [
        ("device", 2, "endpoint"),
        ("state", 2, "endpoint"),
        ("state", 3, "endpoint"),
        ("state", 2, "static"),
        ("state", 3, "static"),
    ]
    assert [availability_in(one.content) for one in found] == [None, 3500, 3500, 3500, 3500]
    assert found[3].instance == 0x20000000


@given(NUMBERS, NUMBERS, NUMBERS, CONTENTS)
def test_what_is_written_is_read_back(instance: int, container: int, version: int, content) -> None:  # type: ignore[no-untyped-def]
    one = Publication("note", instance, container, version, "static", 0, content)
    (found,) = read_publications(publish_document(ALICE, [one]), ALICE)
    assert (found.key, found.version) == (one.key, one.version)
    assert note_in(found.content) == note_in(content)


@given(st.binary(max_size=200))
def test_damage_is_refused_politely(body: bytes) -> None:
    with pytest.raises(PerchatError):
        read_publications(b"<publish><publications>" + body, ALICE)


@pytest.mark.parametrize(
    "attributes",
    [
        'categoryName="a b" instance="0" container="2" expireType="static"',
        'categoryName="" instance="0" container="2" expireType="static"',
        'categoryName="state" instance="-1" container="2" expireType="static"',
        'categoryName="state" instance="4294967296" container="2" expireType="static"',
        'categoryName="state" instance="0" container="2" version="x" expireType="static"',
        'categoryName="state" instance="0" container="2" expireType="never"',
    ],
)
def test_a_publication_that_names_nothing_is_refused(attributes: str) -> None:
    body = f"<publish><publications><publication {attributes}/></publications></publish>"
    with pytest.raises(RemoteProtocolError):
        read_publications(body.encode(), ALICE)


def test_the_publication_of_another_user_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="not of sip:bob"):
        read_publications(publish_document(ALICE, []), "sip:bob@example.com")


def test_content_gets_its_namespaces_back() -> None:
    text = write_category("state", state_content("userState", 6500, manual=True), "2026-12-01")
    assert 'xmlns="http://schemas.microsoft.com/2006/09/sip/state"' in text
    assert 'xsi:type="userState"' in text


def test_a_fault_names_the_current_versions() -> None:
    assert read_version_fault(version_fault({1: 7, 3: 0})) == {1: 7, 3: 0}
    with pytest.raises(RemoteProtocolError):
        read_version_fault(b"<fault><Faultcode>Client.BadCall</Faultcode></fault>")
