"""Questions about the past that can be asked, and those that cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from perchat.model.history import HistoryQuery

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_authors_are_addresses_whatever_their_spelling() -> None:
    assert HistoryQuery(authors=("SIP:Bob@Contoso.com",)) == HistoryQuery(
        authors=("sip:bob@contoso.com",)
    )
    with pytest.raises(ValueError, match="not a URI"):
        HistoryQuery(authors=("bob",))


def test_a_range_is_in_order_and_knows_its_zone() -> None:
    assert HistoryQuery(since=NOON, until=NOON).since == NOON
    with pytest.raises(ValueError, match="before it begins"):
        HistoryQuery(since=NOON, until=NOON - timedelta(microseconds=1))
    with pytest.raises(ValueError, match="since is a time without zone"):
        HistoryQuery(since=NOON.replace(tzinfo=None))
    with pytest.raises(ValueError, match="until is a time without zone"):
        HistoryQuery(until=NOON.replace(tzinfo=None))


def test_ids_and_limits_are_counts() -> None:
    assert HistoryQuery(after_id=0, limit=1).limit == 1
    with pytest.raises(ValueError, match="id -1"):
        HistoryQuery(after_id=-1)
    assert HistoryQuery(limit=-1).limit is None  # all, as in the original
    with pytest.raises(ValueError, match="limit of 0"):
        HistoryQuery(limit=0)
