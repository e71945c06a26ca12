"""The catalogue is one table without gaps."""

from __future__ import annotations

import pytest

from perchat.xccos.catalogue import CATALOGUE, NOTICES, REPLIES, REQUESTS, Row, Topic, canonical


@pytest.mark.parametrize("row", CATALOGUE, ids=lambda row: row.name)
def test_a_row_says_how_each_of_its_forms_is_known(row: Row) -> None:
    forms = (row.request, row.reply, row.notice)
    assert [form is None for form in forms] == [certain is None for certain in row.certain]
    assert any(forms)
    assert not row.note or row.note.endswith(".")
    assert row.name == row.name.lower()


def test_names_and_aliases_are_unique() -> None:
    names = [name for row in CATALOGUE for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
    assert {canonical(name.upper()) for name in names} == {row.name for row in CATALOGUE}


def test_the_tables_hold_what_the_rows_have() -> None:
    for row in CATALOGUE:
        assert REQUESTS.get(row.name) is row.request
        assert REPLIES.get(row.name) is row.reply
        assert NOTICES.get(row.name) is row.notice


def test_rows_stand_together_by_topic() -> None:
    topics = [row.topic for row in CATALOGUE]
    assert topics == sorted(topics, key=list(Topic).index)
    assert set(topics) == set(Topic)
