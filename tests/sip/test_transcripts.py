"""Golden wire transcripts: the exact text of the exchanges everything else is made of."""

from __future__ import annotations

from perchat.sip.events import AckReceived, DialogEnded, RequestReceived, ResponseReceived
from perchat.sip.message import Headers, Request
from perchat.sip.subscription import Subscription, subscribe_headers
from tests.sip.wire import Wire, check_transcript

ADA = ("From", '"Ada" <sip:ada@contoso.example>')
OURS = ("Contact", "<sip:ada@192.0.2.17:40000;transport=tls>")


def out(method: str, uri: str, *headers: tuple[str, str], body: bytes = b"") -> Request:
    return Request(method, uri, Headers([ADA, ("To", f"<{uri}>"), OURS, *headers]), body)


def test_register() -> None:
    wire = Wire()
    asked = Headers([ADA, ("To", "<sip:ada@contoso.example>"), OURS, ("Event", "registration")])
    wire.client.request(Request("REGISTER", "sip:contoso.example", asked), wire.now)
    (event,) = wire.to_server()
    assert isinstance(event, RequestReceived)
    assert event.dialog is None
    granted = [("Contact", f"{OURS[1]};expires=600"), ("Expires", "600")]
    wire.server.respond(event.transaction, 200, now=wire.now, headers=granted)
    (answer,) = wire.to_client()
    assert isinstance(answer, ResponseReceived)
    assert answer.response.status == 200
    assert answer.response.expires == 600
    assert (wire.client.next_timer(), wire.server.next_timer()) == (None, None)
    check_transcript("sip-register", wire.transcript())


def test_invite_info_both_ways_and_bye() -> None:
    wire = Wire()
    sdp = ("Content-Type", "application/sdp")
    pool = "sip:pool@contoso.example"
    wire.client.request(out("INVITE", pool, sdp, body=b"v=0\r\n"), wire.now)
    (invite,) = wire.to_server()
    assert isinstance(invite, RequestReceived)
    wire.server.respond(invite.transaction, 100, now=wire.now)
    contact = ("Contact", "<sip:chat.contoso.example@contoso.example;gruu;opaque=srvr:Chat>")
    agreed = [contact, ("Session-Expires", "1800;refresher=uac"), ("Supported", "timer"), sdp]
    wire.server.respond(invite.transaction, 200, now=wire.now, headers=agreed, body=b"v=0\r\n")
    trying, ok = wire.to_client()
    assert isinstance(trying, ResponseReceived)
    assert trying.response.status == 100
    assert isinstance(ok, ResponseReceived)
    assert ok.dialog is not None
    (ack,) = wire.to_server()
    assert isinstance(ack, AckReceived)
    text = [("Content-Type", "text/plain")]
    wire.client.request_in(ok.dialog, "INFO", wire.now, headers=text, body=b"<xccos>?</xccos>")
    (info,) = wire.to_server()
    assert isinstance(info, RequestReceived)
    assert info.dialog == ack.dialog
    wire.server.respond(info.transaction, 200, now=wire.now)
    reply = "<xccos>Grüße</xccos>".encode()
    wire.server.request_in(ack.dialog, "INFO", wire.now, headers=text, body=reply)
    receipt, answer = wire.to_client()
    assert isinstance(receipt, ResponseReceived)
    assert isinstance(answer, RequestReceived)
    assert answer.dialog == receipt.dialog == ok.dialog
    assert answer.request.body == reply
    wire.client.respond(answer.transaction, 200, now=wire.now)
    (received,) = wire.to_server()
    assert isinstance(received, ResponseReceived)
    wire.client.request_in(ok.dialog, "BYE", wire.now)
    assert wire.client.dialog(ok.dialog) is None
    assert wire.to_server() == [DialogEnded(ack.dialog, "the peer sent BYE")]
    (gone,) = wire.to_client()
    assert isinstance(gone, ResponseReceived)
    assert not wire.server.dialogs
    check_transcript("sip-dialog", wire.transcript())


def test_subscribe_with_the_first_notification_in_the_answer() -> None:
    wire = Wire()
    package = subscribe_headers("vnd-microsoft-roaming-self", expires=3600)
    wire.client.request(out("SUBSCRIBE", "sip:ada@contoso.example", *package), wire.now)
    (event,) = wire.to_server()
    assert isinstance(event, RequestReceived)
    subscription = Subscription.of(event.request, wire.now, default=600, longest=600)
    headers = [("Contact", "<sip:contoso.example>"), *subscription.answer_headers(wire.now)]
    wire.server.respond(event.transaction, 200, now=wire.now, headers=headers, body=b"<roaming/>")
    (answer,) = wire.to_client()
    assert isinstance(answer, ResponseReceived)
    (dialog,) = wire.server.dialogs
    wire.now += 10
    notice = subscription.notify_headers(wire.now)
    name = wire.server.request_in(
        dialog, subscription.method, wire.now, headers=notice, body=b"<roaming/>"
    )
    assert name == ""
    (news,) = wire.to_client()
    assert isinstance(news, RequestReceived)
    assert (news.transaction, news.dialog) == ("", answer.dialog)
    wire.client.respond(news.transaction, 200, now=wire.now)
    wire.now += 590
    last = subscription.notify_headers(wire.now)
    wire.server.request_in(dialog, subscription.method, wire.now, headers=last)
    assert not wire.server.dialogs
    assert answer.dialog is not None
    farewell, end = wire.to_client()
    assert isinstance(farewell, RequestReceived)
    assert end == DialogEnded(answer.dialog, "the subscription ended")
    assert not wire.to_server()  # nobody answers BENOTIFY
    check_transcript("sip-subscribe", wire.transcript())
