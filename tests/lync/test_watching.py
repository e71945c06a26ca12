"""Subscriptions to the presence of others, and what they are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import PerchatError, RemoteProtocolError
from perchat.lync.watching import (
    CATEGORIES_TYPE,
    PresenceQuery,
    UserPresence,
    presence_list,
    presence_query,
    read_presence,
    write_presence,
)

ALICE, BOB, CAROL = (f"sip:{name}@example.com" for name in ("alice", "bob", "carol"))
AT = "2026-12-01T12:00:00Z"
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40)
PIDGINS = b"""<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe"
 uri="sip:alice@example.com" name="">
<action name="subscribe" id="63792024"><adhocList>
<resource uri="sip:Bob@example.com"><context/></resource>
<resource uri="carol@example.com"/><resource uri="sip:bob@example.com"/>
</adhocList>
<categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist">
<category name="state"/></categoryList></action></batchSub>"""


def test_what_pidgin_asks_for_is_read_and_each_user_counts_once() -> None:
    assert PresenceQuery.parse(PIDGINS) == PresenceQuery((BOB, CAROL))


def test_what_is_asked_for_is_read_back() -> None:
    assert PresenceQuery.parse(presence_query(ALICE, [BOB, CAROL])) == PresenceQuery((BOB, CAROL))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<x/>",
        b"<batchSub/>",
        b"<batchSub><action/></batchSub>",
        b"<batchSub><action><adhocList/></action></batchSub>",
    ],
)
def test_who_names_nobody_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        PresenceQuery.parse(body)


@given(st.integers(0, 20000), TEXTS)
def test_a_notification_is_read_back(availability: int, note: str) -> None:
    told = UserPresence(BOB, availability, note)
    assert read_presence(CATEGORIES_TYPE, write_presence(told, AT)) == [told]


@given(TEXTS)
def test_a_list_is_read_back_whatever_is_in_its_notes(note: str) -> None:
    several = [UserPresence(BOB, 3500, note), UserPresence(CAROL, 18500, f"--{note}--")]
    assert read_presence(*presence_list(ALICE, several, AT)) == several


def test_parts_without_a_boundary_make_no_sense() -> None:
    with pytest.raises(RemoteProtocolError, match="boundary"):
        read_presence("multipart/related", b"")


@given(st.binary(max_size=300))
def test_damage_is_refused_or_passed_over(body: bytes) -> None:
    for kind in (CATEGORIES_TYPE, "multipart/related;boundary=x", "text/plain"):
        try:
            assert read_presence(kind, body) == []
        except PerchatError:
            continue
