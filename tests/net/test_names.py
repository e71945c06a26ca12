"""Names of peers, and which of them are trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import ConfigurationError
from perchat.net.names import TrustedNames, host_name, peer_names

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("App.Contoso.COM", "app.contoso.com"),
        ("app.contoso.com.", "app.contoso.com"),
        ("localhost", "localhost"),
        ("_sip.contoso.com", "_sip.contoso.com"),
        ("3com.com", "3com.com"),
        ("", None),
        (".", None),
        ("*.contoso.com", None),
        ("app..contoso.com", None),
        ("-app.contoso.com", None),
        ("Perchat authority", None),
        ("app.contoso.com\0.evil.example", None),
        ("127.0.0.1", None),
        ("::1", None),
        ("42", None),
        ("a" * 64, None),
        (".".join(["abcdefgh"] * 32), None),
        ("ünicode.example", None),
        ("app.contoso.com\n", None),
    ],
)
def test_only_host_names_are_host_names(text: str, name: str | None) -> None:
    assert host_name(text) == name


def test_common_and_dns_names_of_a_verified_certificate_are_its_names() -> None:
    certificate = {
        "subject": ((("organizationName", "Contoso"),), (("commonName", "App.contoso.com"),)),
        "subjectAltName": (
            ("DNS", "pool.contoso.com"),
            ("DNS", "*.contoso.com"),
            ("IP Address", "10.0.0.1"),
            ("email", "x@contoso.com"),
        ),
    }
    assert peer_names(certificate) == {"app.contoso.com", "pool.contoso.com"}


@pytest.mark.parametrize("nothing", [None, {}, {"subject": ()}, {"subject": "odd"}])
def test_without_a_verified_certificate_there_is_no_name(nothing: dict[str, object]) -> None:
    assert peer_names(nothing) == frozenset()


def test_an_entry_is_one_host_in_any_case() -> None:
    trusted = TrustedNames(["App.contoso.com"])
    assert "app.CONTOSO.com" in trusted
    for other in ("contoso.com", "x.app.contoso.com", "xapp.contoso.com", "app.contoso.com.evil"):
        assert other not in trusted


def test_an_entry_with_a_dot_in_front_is_all_below_a_domain_and_not_the_domain() -> None:
    trusted = TrustedNames([".contoso.com"])
    assert "app.contoso.com" in trusted
    assert "a.b.contoso.com" in trusted
    for other in ("contoso.com", "notcontoso.com", ".contoso.com", "*.contoso.com", "", 5):
        assert other not in trusted


def test_the_name_that_is_trusted_is_told() -> None:
    trusted = TrustedNames(["b.example.com", ".contoso.com"])
    assert trusted.match({"z.example.com", "b.example.com", "a.contoso.com"}) == "a.contoso.com"
    assert trusted.match({"z.example.com"}) is None
    assert trusted.match(()) is None
    assert repr(trusted) == "TrustedNames(['.contoso.com', 'b.example.com'])"


def test_nobody_is_trusted_by_default() -> None:
    assert TrustedNames().match({"localhost"}) is None


@pytest.mark.parametrize("entry", ["", ".", "*", "*.contoso.com", "..com", "a b", "10.0.0.1"])
def test_what_is_no_name_cannot_be_trusted(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="not a host name to trust"):
        TrustedNames([entry])


@given(HOSTS, HOSTS)
def test_exact_trust_is_equality_and_suffix_trust_is_being_below(a: str, b: str) -> None:
    assert (a in TrustedNames([b])) == (a == b)
    assert (a in TrustedNames([f".{b}"])) == a.endswith(f".{b}")
