"""Where a request really came from."""

from __future__ import annotations

from perchat.sip.transport import received
from tests.sip.messages import parsed, sipe_ack

REQUEST = parsed(sipe_ack("t"))


def via(text: str, host: str = "192.0.2.7", port: int = 41000) -> str | None:
    request = type(REQUEST)("ACK", "sip:a", REQUEST.headers.replaced("Via", text))
    return received(request, host, port).headers.get("Via")


def test_another_host_than_named_is_noted() -> None:
    assert via("SIP/2.0/TLS 10.0.0.1:5061") == "SIP/2.0/TLS 10.0.0.1:5061;received=192.0.2.7"
    assert via("SIP/2.0/TLS 192.0.2.7") == "SIP/2.0/TLS 192.0.2.7"
    assert via("SIP/2.0/TLS [2001:db8::1]", "2001:db8::1") == "SIP/2.0/TLS [2001:db8::1]"


def test_rport_gets_its_value_when_asked_for() -> None:
    assert via("SIP/2.0/TLS 192.0.2.7;rport;branch=z9hG4bK1") == (
        "SIP/2.0/TLS 192.0.2.7;rport=41000;branch=z9hG4bK1;received=192.0.2.7"
    )


def test_only_the_first_of_a_list_is_ours_to_note() -> None:
    assert via("SIP/2.0/TLS a, SIP/2.0/TLS b") == "SIP/2.0/TLS a;received=192.0.2.7, SIP/2.0/TLS b"
