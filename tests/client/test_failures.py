"""From a status to an exception: what each carries for whoever catches it."""

from __future__ import annotations

import pytest

from perchat.client.events import EndpointReason
from perchat.client.failures import endpoint_reason, register_failure, subscribe_failure
from perchat.errors import PublishSubscribeError, RegisterError, RegisterReason
from perchat.sip.message import Headers, Response

TYPE = "application/msrtc-fault+xml"
FAULT = b"""<Fault xmlns="http://schemas.microsoft.com/2006/09/sip/service-fault">
<Faultcode> Client.BadCall.WrongDelta </Faultcode><details/></Fault>"""


def response(
    status: int, *headers: tuple[str, str], body: bytes = b"", method: str = "REGISTER"
) -> Response:
    """A refusal as it comes off the wire."""
    standing = (
        ("Via", "SIP/2.0/TLS h;branch=z9hG4bK1"),
        ("From", "<sip:alice@example.com>;tag=1"),
        ("To", "<sip:alice@example.com>;tag=2"),
        ("Call-ID", "1"),
        ("CSeq", f"1 {method}"),
    )
    return Response(status, "Refused", Headers((*standing, *headers)), body)


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (301, 0, RegisterReason.MOVED),
        (302, 0, RegisterReason.MOVED),
        (403, 0, RegisterReason.OWNER_DISABLED_OR_REMOVED),
        (404, 4005, RegisterReason.OWNER_DISABLED_OR_REMOVED),
        (403, 20009, RegisterReason.TOO_MANY_ENDPOINTS),
        (503, 20009, RegisterReason.TOO_MANY_ENDPOINTS),
        (503, 1007, RegisterReason.UNAVAILABLE),
        (480, 0, RegisterReason.UNAVAILABLE),
        (500, 0, RegisterReason.UNAVAILABLE),
        (400, 0, RegisterReason.OTHER),
        (606, 0, RegisterReason.OTHER),
    ],
)
def test_why_a_registrar_refused_is_said(status: int, code: int, reason: RegisterReason) -> None:
    why = (("ms-diagnostics", f'{code};reason="So"'),) if code else ()
    failure = register_failure(response(status, *why))
    assert isinstance(failure, RegisterError)
    assert failure.reason is reason


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (RegisterReason.OWNER_DISABLED_OR_REMOVED, EndpointReason.OWNER_DISABLED_OR_REMOVED),
        (RegisterReason.TOO_MANY_ENDPOINTS, EndpointReason.TOO_MANY_ENDPOINTS),
        (RegisterReason.UNAVAILABLE, EndpointReason.SIGN_IN_FAILED),
    ],
)
def test_the_endpoints_state_changes_for_the_same_reason(
    reason: RegisterReason, told: EndpointReason
) -> None:
    assert endpoint_reason(RegisterError("no", status=400, reason=reason)) is told


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (TYPE, FAULT, "Client.BadCall.WrongDelta"),
        (TYPE, b"<Fault/>", ""),
        (TYPE, b"<Fault", ""),
        (TYPE, b"", ""),
        ("text/xml", FAULT, ""),
    ],
)
def test_a_refused_subscription_carries_its_fault_code(kind: str, body: bytes, code: str) -> None:
    refused = response(409, ("Content-Type", kind), body=body, method="SUBSCRIBE")
    failure = subscribe_failure(refused)
    assert isinstance(failure, PublishSubscribeError)
    assert (failure.status, failure.fault_code) == (409, code)
