from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import AuthenticationReason
from perchat.lync.application import ApplicationClaim, Distrust, distrust_reason, products, sender
from perchat.sip.message import Headers, Request

GRUU = "sip:client.contoso.com@contoso.com;gruu;opaque=srvr:grsample:uCFg9SltSVSXRkVxjKxvJwAA"


def request(contact: str = f"<{GRUU}>", via: str = "client.contoso.com:4585") -> Request:
    headers = (
        ("Via", f"SIP/2.0/TLS {via};branch=z9hG4bK1"),
        ("From", "<sip:Bot@contoso.com>;tag=1"),
        ("To", "<sip:bot@contoso.com>"),
        ("Call-ID", "1"),
        ("CSeq", "1 OPTIONS"),
        ("User-Agent", "PersistentChat.Test/1.0 (nightly)"),
        *((("Contact", contact),) if contact else ()),
    )
    return Request("OPTIONS", "sip:contoso.com", Headers(headers))


def test_a_request_says_who_sent_it() -> None:
    claim = ApplicationClaim.of(request())
    assert claim == ApplicationClaim(
        ("PersistentChat.Test",), "client.contoso.com", 4585, GRUU, "sip:bot@contoso.com"
    )


def test_without_a_port_the_usual_one_is_meant() -> None:
    claim = ApplicationClaim.of(request(via="CLIENT.contoso.com"))
    assert claim is not None
    assert (claim.host, claim.port) == ("client.contoso.com", 5061)


@pytest.mark.parametrize(
    "contact",
    [
        "",
        "*",
        "<sip:bot@contoso.com>",
        "<sip:bot@contoso.com;opaque=user:epid:abc;gruu>",
        "<sip:a@b;opaque=srvr:x:y>",
        "<tel:+1>",
        "<sip:@@;gruu;opaque=srvr:a:b>",
        "<sip:a@b;gruu;gruu;opaque=srvr:a:b>",
        "<<",
    ],
)
def test_other_contacts_claim_nothing(contact: str) -> None:
    assert ApplicationClaim.of(request(contact)) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("PersistentChat.Test", ("PersistentChat.Test",)),
        ("RTCC/5.0.0.0 Reporter/2", ("RTCC", "Reporter")),
        ("A (B (C) D) E", ("A", "E")),
        ("A (B", ("A",)),
        ("", ()),
        (")", ()),
    ],
)
def test_products_are_words_without_versions_and_remarks(text: str, names: object) -> None:
    assert products(text) == names


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Bot <sip:BOT@Contoso.com:5061;user=phone>;tag=1", "sip:bot@contoso.com"),
        ("<tel:+1>;tag=1", "tel:+1"),
    ],
)
def test_a_sender_is_an_address_without_more(written: str, read: str) -> None:
    sent = request()
    assert sender(replace(sent, headers=sent.headers.replaced("From", written))) == read


@given(st.text())
def test_any_text_has_products(text: str) -> None:
    assert all(name and "/" not in name for name in products(text))


@pytest.mark.parametrize("distrust", Distrust)
def test_every_refusal_is_told_apart_by_id_and_reason(distrust: Distrust) -> None:
    refused = distrust.refused("because", source="sip.contoso.com")
    assert refused.status == 403
    assert dict(refused.headers)["ms-diagnostics"].startswith(f"{int(distrust)};")
    assert isinstance(distrust_reason(int(distrust)), AuthenticationReason)


def test_other_ids_mean_nothing_here() -> None:
    assert distrust_reason(4004) is None
