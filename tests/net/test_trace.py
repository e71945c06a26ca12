"""What a connection carried, as records without secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.net import connection as connection_module
from perchat.net.connection import ConnectionSettings
from perchat.net.connector import Transport, open_connection
from perchat.net.listener import listen
from perchat.net.trace import BODY_SHOWN, Seen, masked_header, masked_text
from perchat.sip.events import RequestReceived
from perchat.sip.message import Headers, Request, Response
from perchat.sip.useragent import UserAgentSettings
from tests.lync.transcript import recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perchat.net.connection import Connection
    from perchat.sip.events import Event
    from perchat.sip.message import Message

PROOFS = re.compile(r'(?:gssapi-data|response|rspauth)="([^"]+)"', re.IGNORECASE)


def seen(what: Message | str, direction: str = "in", at: float = 1_767_323_045.25) -> Seen:
    return Seen(at, 7, direction, ("192.0.2.17", 40000), ("192.0.2.1", 5061), True, what)


@pytest.mark.requirement("R72")
@pytest.mark.parametrize("session", ["sipe-ntlm-v4.txt", "ocs-2007-r2.txt"])
def test_no_proof_of_a_recorded_session_is_in_its_records(session: str) -> None:
    messages = [one.message for one in recorded(session)]
    headers = "\n".join(value for message in messages for _, value in message.headers)
    proofs = PROOFS.findall(headers)
    assert len(proofs) >= 2
    text = "\n".join(json.dumps(seen(message).record()) for message in messages)
    assert [proof for proof in proofs if proof in text] == []
    assert 'realm=\\"SIP Communications Service\\"' in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Basic QWxhZGRpbjpzZXNhbWU=", "Basic ***"),
        ("QWxhZGRpbjpzZXNhbWU=", "***"),
        ('NTLM response="0a0b", cnum="1", a="x"', 'NTLM response="***(4)", cnum="1", a="***(1)"'),
        ('Kerberos gssapi-data="TlRM, c=" , version=4', 'Kerberos gssapi-data="***(8)", version=4'),
        ('NTLM realm="a\\"b" response="un', 'NTLM realm="a\\"b"'),
    ],
)  # fmt: skip
def test_of_credentials_only_the_harmless_is_shown(value: str, shown: str) -> None:
    assert masked_header("Authorization", value) == shown
    assert masked_header("proxy-AUTHENTICATE", value) == shown


@given(secret=st.from_regex(r"[A-Za-z0-9+/=]{12,40}", fullmatch=True), name=st.sampled_from(
    ["response", "rspauth", "gssapi-data", "nonce", "password", "Response"]
))  # fmt: skip
def test_no_secret_gets_through_whatever_stands_around_it(secret: str, name: str) -> None:
    value = f'NTLM qop="auth", {name}="{secret}", {name}={secret}, {secret}'
    assert secret not in masked_header("Authentication-Info", value)


@pytest.mark.requirement("R72")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sip:alice:pa55@example.com", "sip:alice:***@example.com"),
        ("sip:alice@example.com:5061", "sip:alice@example.com:5061"),
        ('<ftdb token="abc" x="1"/>', '<ftdb token=*** x="1"/>'),
        ("<password>abc</password>", "<password>***</password>"),
        ("Password: hunter2", "Password: ***"),
        ("a word about passwords", "a word about passwords"),
    ],
)
def test_passwords_under_their_name_are_masked_anywhere(text: str, shown: str) -> None:
    assert masked_text(text) == shown


def test_request_and_answer_have_one_id_and_others_another() -> None:
    via = ("Via", "SIP/2.0/TLS 192.0.2.17:40000;branch=z9hG4bKone")
    ends = [("From", "<sip:a@b.c>;tag=1"), ("To", "<sip:a@b.c>"), ("Call-ID", "c")]
    request = Request("INVITE", "sip:a@b.c", Headers([via, *ends, ("CSeq", "1 INVITE")]))
    answer = Response(200, "OK", request.headers)
    ack = Request("ACK", "sip:a@b.c", request.headers.replaced("CSeq", "1 ACK"))
    info = Request("INFO", "sip:a@b.c", request.headers.replaced("CSeq", "2 INFO"))
    ids = [seen(one).record()["transaction"] for one in (request, answer, ack, info)]
    assert ids[0] == ids[1] == ids[2] != ids[3]


def test_a_large_or_binary_body_is_kept_in_bounds_and_as_text() -> None:
    headers = recorded("sipe-ntlm-v4.txt")[0].message.headers
    record = seen(Request("INFO", "sip:a@b.c", headers, b"\xff" + b"x" * 2 * BODY_SHOWN)).record()
    assert len(record["body"]) < BODY_SHOWN + 50
    assert record["body"].startswith("\\xffxxx")
    assert record["body"].endswith("characters)")


# --- on a connection ---


class Owner:
    """Answers every request."""

    def __init__(self) -> None:
        self.connection: Connection
        self.lost = asyncio.Event()

    def connection_made(self, connection: Connection) -> None:
        self.connection = connection

    def events_received(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, RequestReceived):
                self.connection.respond(event.transaction, 200)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.lost.set()


async def exchange(settings: ConnectionSettings | None = None) -> None:
    """Send a request from one end to the other and back."""
    there, here = Owner(), Owner()
    agent = UserAgentSettings
    listener = await listen(lambda: there, "127.0.0.1", 0, agent=lambda via: agent(via=via))
    host, _, port = listener.host_port.rpartition(":")
    connection = await open_connection(
        here,
        host,
        int(port),
        transport=Transport.TCP,
        agent=lambda via: agent(via=via),
        settings=settings,
    )
    ends = [("From", "<sip:ada@example.com>"), ("To", "<sip:ada@example.com>")]
    connection.request(Request("OPTIONS", "sip:example.com", Headers(ends)))
    async with asyncio.timeout(5):
        while connection.ua.next_timer() is not None or not hasattr(there, "connection"):
            await asyncio.sleep(0.005)
    connection.close()
    await asyncio.gather(here.lost.wait(), there.lost.wait())
    listener.close()


@pytest.mark.requirement("R72")
async def test_a_tracer_sees_a_connection_from_beginning_to_end() -> None:
    sight: list[Seen] = []
    await exchange(ConnectionSettings(tracer=sight.append))
    assert [one.direction for one in sight] == ["note", "out", "in", "note"]
    assert (sight[0].what, sight[-1].what) == ("connected", "closed by us")
    request, answer = (one.record() for one in sight[1:3])
    assert request["start"] == "OPTIONS sip:example.com SIP/2.0"
    assert answer["start"] == "SIP/2.0 200 OK"
    assert request["transaction"] == answer["transaction"]
    assert len({one.record()["connection"] for one in sight}) == 1


@pytest.mark.requirement("R72")
async def test_the_wire_has_a_logger_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "perchat.wire"):
        await exchange()
    blocks = [record.getMessage() for record in caplog.records if record.name == "perchat.wire"]
    assert sum("OPTIONS sip:example.com SIP/2.0" in block for block in blocks) == 2
    assert sum("SIP/2.0 200 OK" in block for block in blocks) == 2


async def test_while_nobody_looks_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("made for nobody")

    monkeypatch.setattr(connection_module, "Seen", never)
    await exchange()
