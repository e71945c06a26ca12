"""What of Kerberos needs no KDC; the rest is tried against a real one, as a peer."""

from __future__ import annotations

import sys

import pytest

from perchat.errors import AuthenticationError, AuthenticationReason, ConfigurationError
from perchat.lync.kerberos import PrincipalMap, TicketAcceptor, obtain

PRINCIPALS = PrincipalMap(
    "EXAMPLE.COM", "example.com", {"asmith@CORP.EXAMPLE": "alice", "root/admin@X": "root"}
)


@pytest.mark.parametrize(
    ("principal", "address"),
    [
        ("alice@EXAMPLE.COM", "sip:alice@example.com"),
        ("Alice.Smith-2@EXAMPLE.COM", "sip:alice.smith-2@example.com"),
        ("asmith@CORP.EXAMPLE", "sip:alice@example.com"),
        ("root/admin@X", "sip:root@example.com"),
        ("alice@example.com", ""),
        ("alice@OTHER.COM", ""),
        ("bsmith@CORP.EXAMPLE", ""),
        ("alice", ""),
        ("@EXAMPLE.COM", ""),
        ("alice/admin@EXAMPLE.COM", ""),
        ("sip/host.example.com@EXAMPLE.COM", ""),
        ("PC1$@EXAMPLE.COM", ""),
        ("alice\\@other.com@EXAMPLE.COM", ""),
        ("alice@EXAMPLE.COM@EXAMPLE.COM", ""),
        ("WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS", ""),
        ("a b@EXAMPLE.COM", ""),
        ("a;x=y@EXAMPLE.COM", ""),
        ("", ""),
    ],
)
def test_a_principal_is_one_user_or_nobody(principal: str, address: str) -> None:
    assert PRINCIPALS.address(principal) == address


def test_without_the_library_both_sides_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    with pytest.raises(AuthenticationError, match=r"perchat\[kerberos\]") as caught:
        obtain("sip/lync.example.com")
    assert caught.value.reason is AuthenticationReason.MISSING_CREDENTIALS
    with pytest.raises(ConfigurationError, match=r"perchat\[kerberos\]"):
        TicketAcceptor("keytab", "sip/lync.example.com@EXAMPLE.COM")
