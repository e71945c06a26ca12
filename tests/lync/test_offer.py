"""The challenge's own words: its date above all, which clients hold against their clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hypothesis import given
from hypothesis import strategies as st

from perchat.lync.offer import NTLM, Offer

OFFER = Offer("lync.example.com", (NTLM,), 4)


def date(at: float) -> str:
    return dict(OFFER.challenge(at))["Date"]


def test_the_date_is_the_published_example_s() -> None:
    """RFC 3261 §20.17 writes 13 November 2010 so."""
    assert date(datetime(2010, 11, 13, 23, 29, tzinfo=UTC).timestamp()) == (
        "Sat, 13 Nov 2010 23:29:00 GMT"
    )


@given(st.integers(0, 4_000_000_000), st.floats(0, 0.999))
def test_the_standard_library_reads_every_date_back(second: int, fraction: float) -> None:
    assert parsedate_to_datetime(date(second + fraction)).timestamp() == second


def test_the_continuation_has_the_same_date() -> None:
    told = dict(OFFER.continuation(0.0, opaque="1", token=""))
    assert told["Date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
