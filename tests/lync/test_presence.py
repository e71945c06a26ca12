from __future__ import annotations

import pytest

from perchat.errors import RemoteProtocolError
from perchat.lync.presence import answer_service, presence_document, requested_data
from perchat.sip.message import Headers, Request
from tests.lync.transcript import recorded

SESSION = recorded("sipe-ntlm-v4.txt")
ALICE = "sip:alice@example.com"


@pytest.mark.parametrize("number", [8, 12])
def test_the_recorded_documents_are_ours_byte_for_byte(number: int) -> None:
    told = SESSION[number - 1].message
    document = presence_document(told.headers.get("Event") or "", ALICE)
    assert document is not None
    assert document.content_type == told.content_type
    assert document.body == told.body


def test_only_the_parts_asked_for_are_told() -> None:
    document = presence_document("vnd-microsoft-roaming-self", ALICE, ("containers",))
    assert document is not None
    assert b"<containers " in document.body
    assert b"categories" not in document.body


def test_other_events_are_not_served() -> None:
    assert presence_document("presence", ALICE) is None


def test_a_name_cannot_break_the_document() -> None:
    document = presence_document("vnd-microsoft-roaming-self", 'sip:"<&>@example.com')
    assert document is not None
    assert b'uri="sip:&quot;&lt;&amp;&gt;@example.com"' in document.body


def test_the_recorded_request_asks_for_everything() -> None:
    everything = ("categories", "containers", "subscribers")
    assert requested_data(SESSION[10].message.body) == everything
    assert requested_data(b"") == everything
    assert requested_data(b"<roamingList><roaming type='subscribers'/></roamingList>") == (
        "subscribers",
    )


@pytest.mark.parametrize("body", [b"<x/>", b"<roamingList>", b"x"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        requested_data(body)


@pytest.mark.parametrize("number", [16, 18])
def test_the_recorded_publications_are_taken(number: int) -> None:
    asked = SESSION[number - 1].message
    assert isinstance(asked, Request)
    assert answer_service(asked) is None


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/SOAP+xml", b"<Envelope/>", 415),
        ("", b"", 415),
        ("application/msrtc-category-publish+xml", b"<publish", 400),
        ("application/msrtc-category-publish+xml", b"<other/>", 400),
    ],
)
def test_other_publications_are_refused(content_type: str, body: bytes, status: int) -> None:
    asked = Request("SERVICE", ALICE, Headers((("Content-Type", content_type),)), body)
    refused = answer_service(asked)
    assert refused is not None
    assert refused.status == status
    assert ("Accept" in dict(refused.headers)) is (status == 415)
