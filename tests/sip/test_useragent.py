"""What the user agent answers itself, what it passes up, and what it bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.errors import LocalProtocolError, StateError
from perchat.sip.dialog import DialogState
from perchat.sip.events import (
    AckReceived,
    Cancelled,
    DialogEnded,
    Event,
    RequestReceived,
    RequestTimedOut,
    ResponseReceived,
    SessionRefreshDue,
)
from perchat.sip.message import Headers, Request, Response
from perchat.sip.parser import parse_datagram
from perchat.sip.serializer import serialize
from perchat.sip.timers import Timers
from perchat.sip.useragent import UserAgent
from tests.sip.messages import (
    SERVER,
    agent,
    parsed,
    request_of,
    sipe_ack,
    sipe_bye,
    sipe_info,
    sipe_invite,
    sipe_ok,
    sipe_register,
    sipe_subscribe,
    status_of,
)
from tests.sip.wire import Wire

CONTACT = ("Contact", "<sip:chat@192.0.2.1:5061;transport=tls>")
POOL = "sip:pool@example.com"


def invite(*headers: tuple[str, str]) -> Request:
    items = [("From", "<sip:ada@example.com>"), ("To", f"<{POOL}>"), CONTACT, *headers]
    return Request("INVITE", POOL, Headers(items))


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


def received(events: list[Event]) -> RequestReceived:
    event = only(events)
    assert isinstance(event, RequestReceived)
    return event


def answered(events: list[Event]) -> ResponseReceived:
    event = only(events)
    assert isinstance(event, ResponseReceived)
    return event


def statuses(ua: UserAgent) -> list[int]:
    return [status_of(message) for message in ua.messages_to_send()]


def joined(wire: Wire, *agreed: tuple[str, str]) -> tuple[str, str]:
    """Set a dialog up; its name at the client and at the server."""
    wire.client.request(invite(), wire.now)
    event = received(wire.to_server())
    wire.server.respond(event.transaction, 200, now=wire.now, headers=[CONTACT, *agreed])
    ok = answered(wire.to_client())
    ack = only(wire.to_server())
    assert isinstance(ack, AckReceived)
    assert ok.dialog is not None
    return ok.dialog, ack.dialog


# with pidgin-sipe


def test_sipe_registers_subscribes_and_chats() -> None:
    ua = agent()
    register = received(ua.receive(parsed(sipe_register()), 0.0))
    ua.respond(register.transaction, 401, now=0.0)
    again = received(ua.receive(parsed(sipe_register(2, "z9hG4bKB1F7E38FE603544B97A5")), 0.1))
    ua.respond(again.transaction, 200, now=0.1)
    subscribe = received(ua.receive(parsed(sipe_subscribe()), 0.2))
    ua.respond(subscribe.transaction, 200, now=0.2, headers=[CONTACT])
    call = received(ua.receive(parsed(sipe_invite()), 0.3))
    ok = ua.respond(call.transaction, 200, now=0.3, headers=[CONTACT])
    assert statuses(ua) == [401, 200, 200, 200]
    assert ok.headers.get("Via") == "SIP/2.0/tcp 127.0.0.1:57494"
    ack = only(ua.receive(parsed(sipe_ack(ok.to.tag)), 0.4))
    assert isinstance(ack, AckReceived)
    info = received(ua.receive(parsed(sipe_info(2, ok.to.tag, "<xccos/>")), 0.5))
    assert info.dialog == ack.dialog
    ua.respond(info.transaction, 200, now=0.5)
    ua.request_in(ack.dialog, "INFO", 0.5, body=b"<xccos/>")
    receipt, reply = ua.messages_to_send()
    assert status_of(receipt) == 200
    assert isinstance(reply, Request)
    assert reply.uri == "sip:alice@example.com;opaque=user:epid:aa30972d48fe40608d6c14;gruu"
    assert reply.to.param("epid") == "cf0b98dadeb9"
    assert reply.headers.get("From") == f"<sip:pchatsrv01@example.com>;tag={ok.to.tag}"
    answer = parse_datagram(sipe_ok(reply))
    assert isinstance(answer, Response)
    assert answered(ua.receive(answer, 0.6)).dialog == ack.dialog
    third = received(ua.receive(parsed(sipe_info(3, ok.to.tag, "<xccos/>")), 0.7))
    assert third.dialog == ack.dialog
    assert ua.receive(parsed(sipe_bye(4, ok.to.tag)), 0.8) == [
        DialogEnded(ack.dialog, "the peer sent BYE")
    ]
    assert statuses(ua) == [200]


def test_sipe_is_told_481_when_its_dialog_is_gone() -> None:
    ua = agent()
    assert not ua.receive(parsed(sipe_info(2, "gone", "x")), 0.0)
    assert statuses(ua) == [481]


def test_a_request_signed_anew_may_repeat_its_number() -> None:
    ua = agent()
    call = received(ua.receive(parsed(sipe_invite()), 0.0))
    tag = ua.respond(call.transaction, 200, headers=[CONTACT]).to.tag
    ua.receive(parsed(sipe_ack(tag)), 0.0)
    first = received(ua.receive(parsed(sipe_info(2, tag, "x")), 0.0))
    ua.respond(first.transaction, 401, now=0.0)
    second = received(ua.receive(parsed(sipe_info(2, tag, "x")), 0.0))
    ua.respond(second.transaction, 200, now=0.0)
    assert not ua.receive(parsed(sipe_info(2, tag, "x")), 0.0)
    assert statuses(ua) == [200, 401, 200, 500]


# answered without asking


@pytest.mark.parametrize(
    ("line", "status", "header"),
    [
        ("REFER sip:a@b SIP/2.0", 405, "Allow"),
        ("FROBNICATE sip:a@b SIP/2.0", 501, "Allow"),
        ("OPTIONS tel:+4930123456 SIP/2.0", 416, "Via"),
        ("BYE sip:a@b SIP/2.0", 481, "Via"),
        ("INFO sip:a@b SIP/2.0", 481, "Via"),
        ("CANCEL sip:a@b SIP/2.0", 481, "Via"),
    ],
)
def test_what_nobody_takes_is_refused(line: str, status: int, header: str) -> None:
    ua, method = agent(), line.split(maxsplit=1)[0]
    request = request_of(f"""
        {line}
        Via: SIP/2.0/TLS h;branch=z9hG4bK1
        From: <sip:a@b>;tag=1
        To: <sip:a@b>
        Call-ID: 1
        CSeq: 1 {method}
        Max-Forwards: 0
        """)
    assert not ua.receive(request, 0.0)
    (response,) = ua.messages_to_send()
    assert status_of(response) == status
    assert header in response.headers
    assert response.to.tag


def test_proxy_require_is_not_for_us_and_require_is() -> None:
    subscribe = parsed(sipe_subscribe())
    assert agent().receive(subscribe, 0.0)
    ua = agent()
    assert not ua.receive(
        replace(subscribe, headers=subscribe.headers.plus(("Require", "x, y"))), 0
    )
    (response,) = ua.messages_to_send()
    assert response.headers.get("Unsupported") == "x, y"


def test_a_number_out_of_order_is_refused() -> None:
    wire = Wire()
    at_client, _ = joined(wire)
    wire.client.request_in(at_client, "INFO", wire.now)
    received(wire.to_server())
    dialog = wire.client.dialog(at_client)
    assert dialog is not None
    dialog.local_cseq = 1
    wire.client.request_in(at_client, "INFO", wire.now)
    assert not wire.to_server()
    assert answered(wire.to_client()).response.status == 500


def test_a_session_too_short_is_refused() -> None:
    wire = Wire()
    wire.client.request(invite(("Session-Expires", "30")), wire.now)
    assert not wire.to_server()
    response = answered(wire.to_client()).response
    assert (response.status, response.headers.get("Min-SE")) == (422, "90")
    wire.client.request(invite(("Session-Expires", "soon")), wire.now)
    assert not wire.to_server()


def test_copies_are_absorbed() -> None:
    ua = agent()
    event = received(ua.receive(parsed(sipe_invite()), 0.0))
    assert not ua.receive(parsed(sipe_invite()), 0.1)
    ua.respond(event.transaction, 486, now=0.2)
    assert not ua.receive(parsed(sipe_invite()), 0.3)
    assert statuses(ua) == [486, 486]
    assert not ua.receive(parsed(sipe_ack("whatever")), 0.4)
    assert ua.next_timer() is None


# bounds


def test_beyond_its_bounds_the_user_agent_asks_to_come_later() -> None:
    ua = agent(replace(SERVER, max_server_transactions=2, max_dialogs=64))
    for number in range(3):
        ua.receive(parsed(sipe_register(number, f"z9hG4bK{number}")), 0.0)
    (response,) = ua.messages_to_send()
    assert (status_of(response), response.headers.get("Retry-After")) == (503, "5")


def test_dialogs_are_bounded_pending_ones_included() -> None:
    wire = Wire(server=replace(SERVER, max_dialogs=2))
    joined(wire)
    for _ in range(2):
        wire.client.request(invite(), wire.now)
    assert len(wire.to_server()) == 1
    response = answered(wire.to_client()).response
    assert (response.status, response.headers.get("Retry-After")) == (503, "5")


def test_requests_in_flight_are_bounded() -> None:
    wire = Wire(server=replace(SERVER, max_client_transactions=1))
    _, at_server = joined(wire)
    wire.server.request_in(at_server, "INFO", wire.now)
    with pytest.raises(StateError, match="too many"):
        wire.server.request_in(at_server, "INFO", wire.now)
    assert wire.server.request_in(at_server, "BENOTIFY", wire.now) == ""
    with pytest.raises(StateError, match="no such dialog"):
        wire.server.request_in("nowhere", "INFO", wire.now)


# answers


def test_who_answers_too_late_or_twice_sends_nothing() -> None:
    ua = agent()
    event = received(ua.receive(parsed(sipe_register()), 0.0))
    ua.respond(event.transaction, 200)
    assert ua.respond(event.transaction, 500).status == 500
    assert ua.respond("s99", 200).reason == "OK"
    assert statuses(ua) == [200]
    with pytest.raises(LocalProtocolError):
        ua.respond(event.transaction, 99)


def test_all_answers_of_a_transaction_have_one_tag() -> None:
    ua = agent()
    event = received(ua.receive(parsed(sipe_invite()), 0.0))
    ringing = ua.respond(event.transaction, 180)
    ok = ua.respond(event.transaction, 200, headers=[CONTACT])
    assert ringing.to.tag == ok.to.tag != ""


def test_record_route_becomes_route_in_the_right_order_on_both_sides() -> None:
    wire = Wire()
    proxies = [("Record-Route", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>")]
    wire.client.request(invite(*proxies), wire.now)
    event = received(wire.to_server())
    wire.server.respond(event.transaction, 200, now=wire.now, headers=[CONTACT])
    ok = answered(wire.to_client())
    (at_server,) = wire.server.dialogs
    assert ok.dialog is not None
    wire.settle()
    wire.client.request_in(ok.dialog, "INFO", wire.now)
    wire.server.request_in(at_server, "INFO", wire.now)
    (ours,), (theirs,) = wire.client.messages_to_send(), wire.server.messages_to_send()
    assert [str(one) for one in ours.routes] == [
        "<sip:p1.example.com;lr>",
        "<sip:p2.example.com;lr>",
    ]
    assert [str(one) for one in theirs.routes] == [
        "<sip:p2.example.com;lr>",
        "<sip:p1.example.com;lr>",
    ]


def test_an_answer_to_nothing_is_dropped() -> None:
    wire = Wire()
    wire.client.request(invite(), wire.now)
    event = received(wire.to_server())
    ok = wire.server.respond(event.transaction, 200, headers=[CONTACT])
    assert not wire.server.receive(ok, wire.now)
    twice = replace(ok, headers=ok.headers.plus(("Via", "SIP/2.0/TLS elsewhere")))
    assert not wire.client.receive(twice, wire.now)  # §8.1.3.3
    assert wire.client.receive(ok, wire.now)
    assert not wire.client.receive(ok, wire.now)  # a copy is acknowledged again
    assert [type(message) for message in wire.client.messages_to_send()] == [Request, Request]


def test_a_peer_that_cuts_the_via_short_is_understood() -> None:
    wire = Wire()
    wire.client.request(invite(), wire.now)
    event = received(wire.to_server())
    ok = wire.server.respond(event.transaction, 404)
    short = replace(ok, headers=ok.headers.replaced("Via", "SIP/2.0/TLS 192.0.2.17:40000"))
    assert answered(wire.client.receive(short, wire.now)).response.status == 404


# cancelling


def test_an_invite_is_cancelled_once_it_was_answered_provisionally() -> None:
    wire = Wire()
    name = wire.client.request(invite(), wire.now)
    event = received(wire.to_server())
    wire.client.cancel(name, wire.now)
    wire.client.cancel(name, wire.now)
    assert not wire.client.messages_to_send()
    wire.server.respond(event.transaction, 180, now=wire.now)
    assert answered(wire.to_client()).response.status == 180
    assert wire.to_server() == [Cancelled(event.transaction)]
    assert answered(wire.to_client()).response.status == 487
    assert not wire.settle()
    assert (wire.client.next_timer(), wire.server.next_timer()) == (None, None)


def test_a_cancel_that_comes_too_late_changes_nothing() -> None:
    wire = Wire()
    name = wire.client.request(invite(), wire.now)
    event = received(wire.to_server())
    wire.server.respond(event.transaction, 180, now=wire.now)
    wire.to_client()
    wire.client.cancel(name, wire.now)
    wire.server.respond(event.transaction, 200, now=wire.now, headers=[CONTACT])
    assert not wire.to_server()
    assert answered(wire.to_client()).response.status == 200


# time


def test_no_answer_ends_the_request_and_its_dialog() -> None:
    wire = Wire()
    at_client, _ = joined(wire)
    name = wire.client.request_in(at_client, "INFO", wire.now)
    assert wire.client.next_timer() == wire.now + 32.0
    assert not wire.client.handle_timer(wire.now + 31.9)
    timed_out, ended = wire.client.handle_timer(wire.now + 32.0)
    assert isinstance(timed_out, RequestTimedOut)
    assert timed_out.transaction == name
    assert ended == DialogEnded(at_client, "request timed out")
    assert wire.client.next_timer() is None


@pytest.mark.parametrize("status", [408, 481, 487])
def test_answers_that_disown_the_dialog_end_it(status: int) -> None:
    wire = Wire()
    at_client, at_server = joined(wire)
    wire.server.request_in(at_server, "INFO", wire.now)
    wire.client.respond(received(wire.to_client()).transaction, status, now=wire.now)
    response, ended = wire.to_server()
    assert isinstance(response, ResponseReceived)
    assert ended == DialogEnded(at_server, f"INFO was answered {status}")
    assert wire.server.dialog(at_server) is None
    assert (wire.client.dialog(at_client) is None) == (status == 481)


def test_a_2xx_nobody_acknowledges_ends_its_dialog() -> None:
    ua = agent()
    event = received(ua.receive(parsed(sipe_invite()), 0.0))
    ua.respond(event.transaction, 200, now=0.0, headers=[CONTACT])
    (name,) = ua.dialogs
    assert ua.handle_timer(32.0) == [DialogEnded(name, "not acknowledged")]


def test_a_request_acknowledges_as_well_as_ack() -> None:
    ua = agent()
    event = received(ua.receive(parsed(sipe_invite()), 0.0))
    tag = ua.respond(event.transaction, 200, now=0.0, headers=[CONTACT]).to.tag
    ua.receive(parsed(sipe_info(2, tag, "x")), 0.0)
    assert not ua.handle_timer(32.0)
    (name,) = ua.dialogs
    dialog = ua.dialog(name)
    assert dialog is not None
    assert dialog.state is DialogState.CONFIRMED


def test_over_datagrams_requests_are_resent_and_then_given_up() -> None:
    ua = agent(replace(SERVER, via="UDP h", timers=Timers(reliable=False)))
    ua.request(replace(invite(), method="OPTIONS"), 0.0)
    sent, events = [0.0], list[Event]()
    while (when := ua.next_timer()) is not None:
        ua.messages_to_send()
        events += ua.handle_timer(when)
        sent += [when] * len(ua.messages_to_send())
    assert sent == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert when is None
    assert isinstance(only(events), RequestTimedOut)


SESSION = ("Session-Expires", "1800;refresher=uac")


def test_the_refresher_is_reminded_at_half_time_and_the_peer_waits_to_the_end() -> None:
    wire = Wire()
    at_client, at_server = joined(wire, SESSION)
    assert wire.client.handle_timer(wire.now + 900) == [SessionRefreshDue(at_client)]
    wire.now += 900
    wire.client.request_in(at_client, "UPDATE", wire.now)
    wire.server.respond(received(wire.to_server()).transaction, 200, now=wire.now)
    answered(wire.to_client())
    assert not wire.client.handle_timer(wire.now + 899)
    assert wire.client.handle_timer(wire.now + 900) == [SessionRefreshDue(at_client)]
    assert not wire.server.handle_timer(wire.now + 1799)
    assert wire.server.handle_timer(wire.now + 1800) == [DialogEnded(at_server, "session expired")]
    assert not wire.server.messages_to_send()


def test_any_request_in_the_dialog_proves_life() -> None:
    wire = Wire()
    at_client, at_server = joined(wire, SESSION)
    wire.now += 1700
    wire.client.request_in(at_client, "INFO", wire.now)
    wire.server.respond(received(wire.to_server()).transaction, 200, now=wire.now)
    assert not wire.server.handle_timer(wire.now + 1799)
    assert wire.server.handle_timer(wire.now + 1800) == [DialogEnded(at_server, "session expired")]


def test_a_session_may_end_with_bye() -> None:
    wire = Wire(server=replace(SERVER, bye_on_expiry=True))
    at_client, at_server = joined(wire, SESSION)
    wire.now += 1800
    assert wire.server.handle_timer(wire.now) == [DialogEnded(at_server, "session expired")]
    assert wire.to_client() == [DialogEnded(at_client, "the peer sent BYE")]


def test_the_peers_target_follows_a_refresh() -> None:
    wire = Wire()
    at_client, at_server = joined(wire)
    moved = [("Contact", "<sip:ada@198.51.100.7>")]
    wire.client.request_in(at_client, "UPDATE", wire.now, headers=moved)
    event = received(wire.to_server())
    wire.server.respond(event.transaction, 200, now=wire.now)
    dialog = wire.server.dialog(at_server)
    assert dialog is not None
    assert dialog.remote_target == "sip:ada@198.51.100.7"


def test_a_notification_that_overtakes_the_answer_is_not_refused() -> None:
    wire = Wire()
    package = [("Event", "presence")]
    asked = replace(invite(*package), method="SUBSCRIBE")
    wire.client.request(asked, wire.now)
    event = received(wire.to_server())
    tag = event.request.from_.tag
    notify = request_of(f"""
        NOTIFY sip:ada@192.0.2.17 SIP/2.0
        Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bKearly
        From: <{POOL}>;tag=theirs
        To: <sip:ada@example.com>;tag={tag}
        Call-ID: {event.request.call_id}
        CSeq: 1 NOTIFY
        """)
    assert received(wire.client.receive(notify, wire.now)).dialog is None


def test_what_a_request_lacks_is_added_and_what_it_has_is_kept() -> None:
    ua = agent()
    ours = invite(("Call-ID", "mine"), ("CSeq", "7 INVITE"), ("Max-Forwards", "10"))
    ua.request(ours, 0.0)
    (sent,) = ua.messages_to_send()
    assert (sent.call_id, sent.cseq.number) == ("mine", 7)
    assert sent.headers.get_all("Max-Forwards") == ("10",)
    assert parse_datagram(serialize(sent)) == replace(
        sent, headers=sent.headers.plus(("Content-Length", "0"))
    )
    with pytest.raises(LocalProtocolError):
        ua.request(Request("OPTIONS", POOL, Headers()), 0.0)
    with pytest.raises(LocalProtocolError):
        ua.request(Request("ACK", POOL, Headers()), 0.0)


METHODS = [
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "INFO",
    "UPDATE",
    "SUBSCRIBE",
    "NOTIFY",
    "BENOTIFY",
    "X",
]
TAGS = st.sampled_from(["", "0001", "0002", "1"])


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[str, str, str, int, int]]:
    step = st.tuples(st.sampled_from([*METHODS, "answer"]), TAGS, TAGS, st.integers(0, 4))
    return [(*draw(step), draw(st.integers(100, 699))) for _ in range(draw(st.integers(1, 12)))]


@settings(max_examples=200)
@given(conversations())
def test_no_order_of_sound_messages_upsets_the_user_agent(
    steps: list[tuple[str, str, str, int, int]],
) -> None:
    ua, unanswered, now = agent(), list[str](), 0.0
    for method, ours, theirs, number, status in steps:
        now += number * 9.0
        ua.handle_timer(now)
        if method == "answer":
            say_something(ua, unanswered, status, now)
        else:
            request = request_of(head_of(method, ours, theirs, number))
            events = ua.receive(request, now)
            unanswered += [one.transaction for one in events if isinstance(one, RequestReceived)]
        echo_everything(ua, status, now)
    while (when := ua.next_timer()) is not None:
        ua.handle_timer(when)


def head_of(method: str, ours: str, theirs: str, number: int) -> str:
    tag = f";tag={ours}" if ours else ""
    return f"""
        {method} sip:a@b SIP/2.0
        Via: SIP/2.0/TLS h;branch=z9hG4bK{number}
        From: <sip:a@b>;tag={theirs or "x"}
        To: <sip:b@c>{tag}
        Call-ID: {number % 2}
        CSeq: {number} {method}
        Contact: <sip:a@h>
        """


def say_something(ua: UserAgent, unanswered: list[str], status: int, now: float) -> None:
    for name in unanswered:
        ua.respond(name, status, now=now, headers=[CONTACT, SESSION])
    for name in ua.dialogs:
        ua.request_in(name, "UPDATE", now)


def echo_everything(ua: UserAgent, status: int, now: float) -> None:
    for message in ua.messages_to_send():
        serialize(message)
        if isinstance(message, Request):
            ua.receive(echo(message, status), now)


def echo(request: Request, status: int) -> Response:
    names = ("Via", "From", "To", "Call-ID", "CSeq")
    items = [(name, value) for name in names for value in request.headers.get_all(name)]
    return Response(status, "", Headers(items))
