"""Subscriptions as the notifier keeps them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perchat.errors import RemoteProtocolError
from perchat.sip.message import Headers, Response
from perchat.sip.subscription import (
    Subscription,
    SubscriptionState,
    accepts,
    piggybacked_cseq,
)
from tests.sip.messages import parsed, request_of, sipe_subscribe


def test_what_sipe_asks_for() -> None:
    subscription = Subscription.of(parsed(sipe_subscribe()), 100.0, default=60000, longest=86400)
    assert subscription.event == "vnd-microsoft-roaming-contacts"
    assert (subscription.benotify, subscription.piggyback) == (True, True)
    assert subscription.method == "BENOTIFY"
    assert dict(subscription.answer_headers(100.0))["subscription-state"] == "active;expires=60000"
    assert ("ms-piggyback-cseq", "3") in subscription.answer_headers(100.0, 3)
    assert str(subscription.state(60101.0)) == "terminated;expires=0"


def test_a_plain_subscriber_gets_notify_and_no_more_time_than_there_is() -> None:
    request = request_of("""
        SUBSCRIBE sip:a@b SIP/2.0
        Via: SIP/2.0/TLS h;branch=z9hG4bK1
        From: <sip:a@b>;tag=1
        To: <sip:a@b>
        Call-ID: 1
        CSeq: 1 SUBSCRIBE
        Event: presence;id=7
        Expires: 99999
        """)
    subscription = Subscription.of(request, 0.0, default=600, longest=3600)
    assert (subscription.event, subscription.interval) == ("presence", 3600)
    assert subscription.method == "NOTIFY"
    answer, notice = (
        dict(subscription.answer_headers(0.0)),
        dict(subscription.notify_headers(0.0)),
    )
    assert not {"ms-piggyback-cseq", "subscription-state"} & answer.keys()
    assert answer["Event"] == notice["Event"] == "presence;id=7"
    assert notice["subscription-state"] == "active;expires=3600"
    late = dict(subscription.notify_headers(3600.0))
    assert late["subscription-state"] == "terminated;expires=0;reason=timeout"
    nameless = request.headers.replaced("Event")
    with pytest.raises(RemoteProtocolError) as caught:
        Subscription.of(type(request)("SUBSCRIBE", "sip:a@b", nameless), 0.0, default=1, longest=1)
    assert caught.value.status == 489


def test_states_are_read_as_written() -> None:
    for text in ("active;expires=60", "terminated;expires=0;reason=timeout", "pending"):
        assert str(SubscriptionState.parse(text)) == text


def test_a_piggybacked_notification_is_known_by_its_header() -> None:
    plain, carrying = Headers(), Headers([("MS-Piggyback-CSeq", "4")])
    assert piggybacked_cseq(Response(200, "OK", plain)) == 0
    assert piggybacked_cseq(Response(200, "OK", carrying)) == 4
    assert piggybacked_cseq(Response(200, "OK", Headers([("ms-piggyback-cseq", "x")]))) == 0


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ((), True),
        (("application/pidf+xml",), True),
        (("text/plain", "Application/PIDF+XML"), True),
        (("text/plain, application/pidf+xml;q=0.5",), True),
        (("application/*",), True),
        (("*/*;q=0.001",), True),
        (("text/plain",), False),
        (("text/*",), False),
        (("application/pidf+xml;q=0",), False),
        (("*/*;q=0.000",), False),
        (("",), False),
    ],
)
def test_accept_names_what_a_notification_may_be(accept: tuple[str, ...], taken: bool) -> None:
    asked = parsed(sipe_subscribe())
    headers = asked.headers.replaced("Accept", *accept)
    assert accepts(replace(asked, headers=headers), "application/pidf+xml") is taken


def test_a_damaged_accept_is_refused() -> None:
    asked = parsed(sipe_subscribe())
    headers = asked.headers.replaced("Accept", "application/pidf+xml;;")
    with pytest.raises(RemoteProtocolError):
        accepts(replace(asked, headers=headers), "application/pidf+xml")
