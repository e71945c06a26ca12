from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.model.uri import RoomUri, SipUri

if TYPE_CHECKING:
    from collections.abc import Callable

ADA = SipUri("sip:Ada.L@Contoso.Example")


def both_ways(compare: Callable[[object, object], bool], other: object) -> list[bool]:
    return [compare(ADA, other), compare(other, ADA)]


@pytest.mark.parametrize(
    "spelling", ["sip:ada.l@contoso.example", "SIP:ADA.L@CONTOSO.EXAMPLE", ADA]
)
def test_a_person_is_the_same_however_a_program_spells_the_address(spelling: str) -> None:
    assert both_ways(operator.eq, spelling) == [True, True]
    assert both_ways(operator.ne, spelling) == [False, False]


@pytest.mark.parametrize(
    "other",
    [
        "sip:ada@contoso.example",
        "ada.l@contoso.example",
        "",
        3,
        None,
        b"sip:ada",
        RoomUri("ma-chan://c.e/1"),
    ],
)
def test_nobody_else_is(other: object) -> None:
    assert both_ways(operator.eq, other) == [False, False]
    assert both_ways(operator.ne, other) == [True, True]


def test_parameters_keep_their_case() -> None:
    assert SipUri("sip:a@b;opaque=X;gruu") != "sip:a@b;opaque=x;gruu"
    assert SipUri("sip:a@b;opaque=X;gruu") == "sip:A@B;opaque=X;gruu"


@given(st.from_regex(r"sip:[A-Za-z]{1,5}@[A-Za-z]{1,5}", fullmatch=True))
def test_addresses_that_are_equal_have_one_hash(text: str) -> None:
    assert SipUri(text) == SipUri(text.upper()) == text.swapcase()
    assert hash(SipUri(text)) == hash(SipUri(text.upper())) == hash(text.lower())
