"""Users and groups by their names."""

from __future__ import annotations

import pytest

from perchat.model.principal import Principal, PrincipalType, UserMatches, principal_uri


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        (" SIP:Bob@Contoso.com ", "sip:bob@contoso.com"),
        ("ma-grp:ab-1@u.g", "ma-grp:ab-1@u.g"),
        ("Domain:contoso.com", "domain:contoso.com"),
    ],
)
def test_a_principal_has_one_spelling(text: str, uri: str) -> None:
    assert principal_uri(text) == uri


@pytest.mark.parametrize("text", ["", "bob", "sip:", ":x", "sip:bob", "ma-grp:x", "domain: x"])
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        principal_uri(text)


def test_matches_are_a_sequence_that_may_go_on() -> None:
    bob, carol = Principal("sip:bob@b.c", "bob"), Principal("sip:carol@b.c", "carol")
    matches = UserMatches((bob, carol), more_available=True)
    assert list(matches) == [bob, carol]
    assert (len(matches), matches[1], matches[:1]) == (2, carol, (bob,))
    assert carol in matches
    assert not UserMatches()


def test_kinds_have_the_numbers_of_the_original() -> None:
    assert {kind.name: kind.value for kind in PrincipalType} == {
        "USER": 0,
        "GROUP": 1,
        "FOLDER": 2,
        "DOMAIN": 3,
    }


def test_directory_tables_have_numbers_of_their_own() -> None:
    numbers = {kind: kind.directory_number for kind in PrincipalType}
    assert sorted(numbers.values()) == [5, 8, 9, 10]
    assert {PrincipalType.of_directory(number): number for number in numbers.values()} == numbers
    assert PrincipalType.of_directory(4) is PrincipalType.USER  # a system user
    with pytest.raises(ValueError, match="no kind of principal"):
        PrincipalType.of_directory(7)
