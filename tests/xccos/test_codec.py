"""Times, numbers, flags and names as peers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import LocalProtocolError
from perchat.markup import Element
from perchat.xccos.codec import (
    DOTNET,
    EPOCH,
    SIPE,
    Dialect,
    attribute,
    flag,
    number,
    optional_flag,
    parse_flag,
    parse_time,
    required,
    sip_uri,
    tag,
    time,
)

AUGUST = datetime(2013, 8, 3, 17, 5, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2013-08-03T17:05:09Z", AUGUST),
        ("2013-08-03T17:05:09", AUGUST),
        (" 2013-08-03 17:05:09Z\n", AUGUST),
        ("2013-08-03T19:05:09+02:00", AUGUST),
        ("2013-08-03T17:05:09.5Z", AUGUST.replace(microsecond=500_000)),
        ("2010-09-14T14:26:17.6206356Z", datetime(2010, 9, 14, 14, 26, 17, 620635, UTC)),
        ("2013-08-03T17:05:09.123456789Z", AUGUST.replace(microsecond=123456)),
        ("", EPOCH),
        ("yesterday", EPOCH),
        ("2013-08-03", EPOCH),
        ("2013-13-03T17:05:09Z", EPOCH),
        ("0001-01-01T00:00:00+10:00", EPOCH),
        ("9999-12-31T23:59:59-10:00", EPOCH),
        ("2013-08-03T17:05:09+99:99", EPOCH),
        ("٢٠١٣-08-03T17:05:09Z", EPOCH),
    ],
)
def test_times_are_read_in_all_their_forms(text: str, at: datetime) -> None:
    assert parse_time(text) == at
    assert parse_time(text).tzinfo is UTC


def test_servers_write_seven_digits_and_clients_none() -> None:
    at = AUGUST.replace(microsecond=123456)
    assert time(at, seven_digits=True) == "2013-08-03T17:05:09.1234560Z"
    assert time(at, seven_digits=False) == "2013-08-03T17:05:09Z"
    assert time(AUGUST, seven_digits=True) == "2013-08-03T17:05:09.0000000Z"


def test_times_are_written_in_utc_and_never_naive() -> None:
    summer = AUGUST.astimezone(timezone(timedelta(hours=2)))
    assert time(summer, seven_digits=False) == "2013-08-03T17:05:09Z"
    with pytest.raises(LocalProtocolError):
        time(AUGUST.replace(tzinfo=None), seven_digits=True)


@given(st.datetimes(timezones=st.just(UTC)))
def test_servers_times_survive(at: datetime) -> None:
    assert parse_time(time(at, seven_digits=True)) == at


@given(st.text(max_size=40))
def test_no_text_breaks_a_reader(text: str) -> None:
    parse_time(text)
    number(text)
    parse_flag(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), (" -1 ", -1), ("+3", 3), ("", 7), ("1.5", 7), ("1" * 5000, 7), ("٣", 7)],
)
def test_numbers_are_decimal_and_of_sensible_length(text: str, value: int) -> None:
    assert number(text, 7) == value


def test_flags_are_read_without_case() -> None:
    assert all(parse_flag(text) for text in ("true", "True", "TRUE", "1", " true\n"))
    assert not any(parse_flag(text) for text in ("", "false", "False", "0", "yes"))
    assert [optional_flag(text) for text in ("True", "0", "", "inherit")] == [
        True,
        False,
        None,
        None,
    ]
    assert (flag(True), flag(False)) == ("true", "false")


def test_attribute_names_are_found_in_any_case() -> None:
    element = Element("a", {"Matchall": "1", "x": ""})
    assert attribute(element, "matchAll") == "1"
    assert attribute(element, "other", "none") == "none"
    with pytest.raises(ValueError, match="a without x"):
        required(element, "x")


LYNC = "UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)"


def test_an_address_may_lack_its_scheme() -> None:
    assert sip_uri(" Bob@Contoso.com ") == "sip:bob@contoso.com"
    assert sip_uri("SIP:bob@contoso.com") == "sip:bob@contoso.com"
    with pytest.raises(ValueError, match="not a URI"):
        sip_uri("tel:112")


def test_elements_are_written_compactly() -> None:
    assert tag("a") == "<a/>"
    assert tag("a", {"b": "<"}, "<c/>") == '<a b="&lt;"><c/></a>'


@pytest.mark.parametrize(
    "call_id",
    ["A6A0g6EFDa06A1iA907m2D3Dt8A5Fb3FABx09DBx", "4F4Bg1E12aB084i9384m8740t4B17b39D2x79E7x"],
)
@pytest.mark.parametrize("agent", ["", LYNC, "Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)"])
def test_sipe_is_known_by_its_call_id_whatever_it_is_named(call_id: str, agent: str) -> None:
    assert Dialect.of(call_id, agent) is SIPE


@pytest.mark.parametrize(
    ("agent", "dialect"),
    [
        ("Purple/2.14.12 Sipe/1.25.0 (linux-x86_64)", SIPE),
        ("Sipe/1.25.0 (Pidgin 2.14; Linux)", SIPE),
        ("sipe", SIPE),
        (LYNC, DOTNET),
        ("GossiperBot/2.0", DOTNET),
        ("Gossip (against sipe/1.0)", DOTNET),
        ("Recipe/1", DOTNET),
        ("", DOTNET),
    ],
)
@pytest.mark.parametrize(
    "call_id",
    [
        "9af7e5d2",
        "a6a0g6efda06a1ia907m2d3dt8a5fb3fabx09dbx",
        "A6A0g6EFDa06A1iA907m2D3Dt8A5Fb3FABx09DBx@127.0.0.1",
        "",
    ],
)
def test_the_product_is_the_last_hint(call_id: str, agent: str, dialect: Dialect) -> None:
    assert Dialect.of(call_id, agent) is dialect
