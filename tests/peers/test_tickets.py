"""
Tickets and signatures of a real Kerberos under our two halves of [MS-SIPAE], without a network.

What a server must refuse is made here by hand: no client would send it.
"""

from __future__ import annotations

import base64
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perchat.errors import AuthenticationError, AuthenticationReason, ConfigurationError
from perchat.lync.authentication import (
    Accepted,
    Acceptor,
    Challenged,
    Check,
    Initiator,
    Refused,
    TicketNeeded,
    TicketShown,
    Verdict,
)
from perchat.lync.diagnostics import parse_diagnostics
from perchat.lync.kerberos import KerberosSigner, Ticket, TicketAcceptor, TicketRefused, obtain
from perchat.lync.signature import parse_auth
from perchat.sip.message import Request
from tests.lync.values import (
    AT,
    acceptor,
    challenged,
    initiator,
    request,
    response,
    with_headers,
)
from tests.peers.conftest import without
from tests.peers.kdc import kerberos_missing, realm_of
from tools.peers import PeerUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.kdc import Kdc

REALM = "EXAMPLE.COM"
SERVICE = "sip/lync.example.com"
ALICE = "sip:alice@example.com"
BOTH = ("Kerberos", "NTLM")


@pytest.fixture(scope="module")
def kdc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    if missing := kerberos_missing():
        without(PeerUnavailable(f"Kerberos needs {', '.join(missing)}"))
    with realm_of(tmp_path_factory.mktemp("kdc"), REALM) as made:
        made.add("alice")
        for service in (SERVICE, "http/lync.example.com"):
            made.add_service(service, made.folder / "keytab")
        yield made


@pytest.fixture(scope="module")
def cache(kdc: Kdc) -> str:
    return f"FILE:{kdc.ticket('alice')}"


@pytest.fixture(scope="module")
def key(kdc: Kdc) -> TicketAcceptor:
    return TicketAcceptor(str(kdc.folder / "keytab"), f"{SERVICE}@{REALM}")


def both_halves(version: int = 4, **changes: object) -> tuple[Acceptor, Initiator]:
    server = acceptor(protocols=BOTH, **changes)
    return server, initiator(username="", password="", protocols={"Kerberos"}, version=version)


def shown_by(
    server: Acceptor, client: Initiator, ticket: Ticket, number: int = 1, **sender: str
) -> TicketShown:
    """Go through a sign-in up to the ticket."""
    first = request("REGISTER", number, **sender)
    told = response(first, 401, *challenged(server.receive(first, 0.0, AT)).headers)
    needed = client.answer(told, first, AT)
    assert isinstance(needed, TicketNeeded)
    assert needed.service == SERVICE
    again = request("REGISTER", number + 1, **sender)
    sealed = client.seal(with_headers(again, client.present(needed, ticket, AT)))
    assert isinstance(sealed, Request)
    shown = server.receive(sealed, 0.0, AT)
    assert isinstance(shown, TicketShown)
    return shown


def sign_in(
    server: Acceptor, client: Initiator, key: TicketAcceptor, cache: str, uri: str = ALICE
) -> Verdict:
    shown = shown_by(server, client, obtain(SERVICE, cache=cache))
    return server.admit(shown, key.accept(shown.token), uri, 0.0, AT)


def signed_in(
    key: TicketAcceptor, cache: str, version: int = 4, **changes: object
) -> tuple[Acceptor, Initiator]:
    server, client = both_halves(version, **changes)
    assert isinstance(sign_in(server, client, key, cache), Accepted)
    told = server.seal(response(request("REGISTER", 2), 200))
    assert client.check(told) is Check.OK
    assert client.established
    return server, client


def code_of(verdict: Verdict) -> int:
    assert isinstance(verdict, Challenged | Refused)
    return parse_diagnostics(dict(verdict.headers)["ms-diagnostics"]).code


# --- the road ---


@pytest.mark.parametrize("version", [2, 3, 4])
def test_one_ticket_signs_in_and_both_sides_sign(
    key: TicketAcceptor, cache: str, version: int
) -> None:
    server, client = signed_in(key, cache, version)
    assert server.association is not None
    assert server.association.user == f"alice@{REALM}"
    assert server.association.opaque == (client.association and client.association.opaque)
    for number in range(4, 8):
        assert server.check(client.seal(request("INFO", number)), 1.0) is Check.OK
        assert client.check(server.seal(response(request("INFO", number), 200))) is Check.OK
        assert client.check(server.seal(request("BENOTIFY", number))) is Check.OK
        assert server.check(client.seal(response(request("INFO", number), 200)), 1.0) is Check.OK


def test_both_protocols_are_offered_the_preferred_one_first() -> None:
    told = challenged(acceptor(protocols=BOTH).receive(request(), 0.0, AT))
    lines = [parse_auth(value) for name, value in told.headers if name == "WWW-Authenticate"]
    assert [(scheme, values["targetname"]) for scheme, values in lines] == [
        ("Kerberos", "sip/lync.example.com"),
        ("NTLM", "lync.example.com"),
    ]


def test_the_token_is_kerberos_own_and_is_signed_without_an_opaque(cache: str) -> None:
    server, client = both_halves()
    shown = shown_by(server, client, obtain(SERVICE, cache=cache))
    assert shown.token[0] == 0x60  # RFC 4121 §4.1: the frame, then Kerberos' own number
    assert shown.token[4:15] == bytes.fromhex("06092a864886f712010202")
    assert list(shown.values) == [
        "qop", "realm", "targetname", "gssapi-data", "version", "crand", "cnum", "response",
    ]  # fmt: skip


def test_messages_overtake_each_other_and_none_is_taken_twice(
    key: TicketAcceptor, cache: str
) -> None:
    server, client = signed_in(key, cache)
    messages = [client.seal(request("INFO", number)) for number in range(4, 20)]
    assert {server.check(message, 1.0) for message in reversed(messages)} == {Check.OK}
    assert {server.check(message, 1.0) for message in messages} == {Check.REPLAYED}


def test_a_peer_that_wants_its_order_kept_is_taken_in_any_order_too(
    key: TicketAcceptor, cache: str
) -> None:
    gssapi: Any = pytest.importorskip("gssapi")
    kerberos, flag = gssapi.MechType.kerberos, gssapi.RequirementFlag
    context = gssapi.SecurityContext(
        name=gssapi.Name(f"{SERVICE}@", gssapi.NameType.kerberos_principal),
        creds=gssapi.Credentials(usage="initiate", mechs=[kerberos], store={"ccache": cache}),
        mech=kerberos,
        flags=flag.integrity | flag.replay_detection | flag.out_of_sequence_detection,
        usage="initiate",
    )
    theirs = key.accept(context.step()).signer
    signatures = [(text, context.get_signature(text)) for text in (b"1", b"2", b"3")]
    for text, signature in (*reversed(signatures), *signatures):
        assert theirs.verify(text, signature)
        assert not theirs.verify(text + b"x", signature)


def test_mutual_authentication_is_answered_when_it_is_asked_for(
    key: TicketAcceptor, cache: str
) -> None:
    gssapi: Any = pytest.importorskip("gssapi")
    kerberos, flag = gssapi.MechType.kerberos, gssapi.RequirementFlag
    context = gssapi.SecurityContext(
        name=gssapi.Name(f"{SERVICE}@", gssapi.NameType.kerberos_principal),
        creds=gssapi.Credentials(usage="initiate", mechs=[kerberos], store={"ccache": cache}),
        mech=kerberos,
        flags=flag.integrity | flag.mutual_authentication,
        usage="initiate",
    )
    token = base64.b64encode(context.step()).decode()
    server, _ = both_halves()
    value = f'Kerberos qop="auth", targetname="{SERVICE}", gssapi-data="{token}", version=3'
    asked = request("REGISTER", 2, ("Authorization", value))
    shown = server.receive(asked, 0.0, AT)
    assert isinstance(shown, TicketShown)
    assert isinstance(server.admit(shown, key.accept(shown.token), ALICE, 0.0, AT), Accepted)
    first, second = (server.seal(response(asked, 200)).headers for _ in "12")
    told = parse_auth(first.get("Authentication-Info") or "")[1]
    context.step(base64.b64decode(told["gssapi-data"]))
    assert context.complete
    assert "gssapi-data" not in (second.get("Authentication-Info") or "")


# --- what a server refuses ---


def test_another_s_name_is_refused_at_the_sign_in_and_later(
    key: TicketAcceptor, cache: str
) -> None:
    for uri in ("sip:bob@example.com", ""):
        server, client = both_halves()
        refused = sign_in(server, client, key, cache, uri)
        assert (code_of(refused), getattr(refused, "status", 0)) == (4004, 403)
        assert server.association is None
    server, client = signed_in(key, cache)
    forged = client.seal(request("INFO", 4, sender="<sip:bob@example.com>;tag=1"))
    assert server.check(forged, 1.0) is Check.FOREIGN


def test_a_ticket_is_opened_once(key: TicketAcceptor, cache: str) -> None:
    token = obtain(SERVICE, cache=cache).token
    key.accept(token)
    with pytest.raises(TicketRefused, match="replay"):
        key.accept(token)


def test_a_stolen_ticket_is_worth_nothing_without_its_key(key: TicketAcceptor, cache: str) -> None:
    server, client = both_halves()
    stolen, other = obtain(SERVICE, cache=cache), obtain(SERVICE, cache=cache)
    shown = shown_by(server, client, replace(stolen, signer=other.signer))
    assert code_of(server.admit(shown, key.accept(shown.token), ALICE, 0.0, AT)) == 1000
    assert server.association is None


def test_the_handshake_has_to_be_signed_from_version_four_on(
    key: TicketAcceptor, cache: str
) -> None:
    server, _ = both_halves()
    token = base64.b64encode(obtain(SERVICE, cache=cache).token).decode()
    value = f'Kerberos qop="auth", targetname="{SERVICE}", gssapi-data="{token}", version=4'
    shown = server.receive(request("REGISTER", 2, ("Authorization", value)), 0.0, AT)
    assert isinstance(shown, TicketShown)
    assert code_of(server.admit(shown, key.accept(shown.token), ALICE, 0.0, AT)) == 1000


@pytest.mark.parametrize("token", [b"", b"junk", b"\x60\x82", bytes(5000)])
def test_damaged_tokens_are_refused_and_nothing_else(key: TicketAcceptor, token: bytes) -> None:
    with pytest.raises(TicketRefused):
        key.accept(token)


def test_damage_makes_nobody_else_of_the_client(key: TicketAcceptor, cache: str) -> None:
    token, taken = obtain(SERVICE, cache=cache).token, 0
    for at in range(len(token)):
        damaged = token[:at] + bytes([token[at] ^ 0xFF]) + token[at + 1 :]
        with contextlib.suppress(TicketRefused):
            assert key.accept(damaged).principal == f"alice@{REALM}"
            taken += 1  # once: what Kerberos leaves unprotected means nothing to it
    assert taken <= 1


def test_a_ticket_for_another_service_is_refused(key: TicketAcceptor, cache: str) -> None:
    gssapi: Any = pytest.importorskip("gssapi")
    kerberos = gssapi.MechType.kerberos
    context = gssapi.SecurityContext(
        name=gssapi.Name("http/lync.example.com@", gssapi.NameType.kerberos_principal),
        creds=gssapi.Credentials(usage="initiate", mechs=[kerberos], store={"ccache": cache}),
        mech=kerberos,
        usage="initiate",
    )
    with pytest.raises(TicketRefused):
        key.accept(context.step())


def test_one_ticket_at_a_time_is_judged(cache: str) -> None:
    server, client = both_halves()
    ticket = obtain(SERVICE, cache=cache)
    shown = shown_by(server, client, ticket)
    assert isinstance(server.receive(shown.request, 0.0, AT), Challenged)
    assert code_of(server.decline(shown, AT)) == 1000
    assert code_of(server.decline(shown, AT, skewed=True)) == 1013
    assert isinstance(server.admit(shown, ticket, ALICE, 0.0, AT), Challenged)
    assert server.association is None


def test_a_ticket_where_none_is_wanted_is_challenged(cache: str) -> None:
    token = base64.b64encode(obtain(SERVICE, cache=cache).token).decode()
    value = f'Kerberos qop="auth", targetname="{SERVICE}", gssapi-data="{token}", version=4'
    told = challenged(acceptor().receive(request("REGISTER", 1, ("Authorization", value)), 0.0, AT))
    assert [name for name, _ in told.headers] == ["Date", "WWW-Authenticate"]


def test_an_association_ends_with_its_ticket_at_the_latest(key: TicketAcceptor, cache: str) -> None:
    server, client = signed_in(key, cache, lifetime=1e6)
    assert server.association is not None
    assert 3000 < server.association.expires_at <= 3600 + 300  # an hour, and the skew allowed
    assert client.expires_at is not None
    assert client.expires_at <= AT + 3600
    assert server.check(client.seal(request("INFO", 4)), 4000.0) is Check.EXPIRED
    server, client = signed_in(key, cache, lifetime=10.0, grace=5.0)
    again = client.seal(request("REGISTER", 4))
    assert isinstance(again, Request)
    assert isinstance(server.receive(again, 11.0, AT), Challenged)
    assert server.check(client.seal(request("INFO", 5)), 12.0) is Check.OK
    assert server.check(client.seal(request("INFO", 6)), 15.0) is Check.EXPIRED


# --- what a client refuses ---


@pytest.mark.parametrize(
    "service",
    ["cifs/lync.example.com", "sip/", "sip/a@EVIL.COM", "sip/a/b", "sip/a b", "", "sip/ä", "SIP/a"],
)
def test_tickets_are_got_for_sip_alone(cache: str, service: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        obtain(service, cache=cache)
    assert caught.value.reason is AuthenticationReason.MALFORMED_CHALLENGE


def test_a_server_without_the_key_is_found_out(key: TicketAcceptor, cache: str) -> None:
    server, client = both_halves()
    shown = shown_by(server, client, obtain(SERVICE, cache=cache))
    other = key.accept(obtain(SERVICE, cache=cache).token)
    server.admit(shown, key.accept(shown.token), ALICE, 0.0, AT)
    assert server.association is not None
    server.association.outgoing = other.signer
    assert client.check(server.seal(response(request("REGISTER", 2), 200))) is Check.WRONG
    assert client.check(response(request("REGISTER", 2), 200)) is Check.MISSING
    assert not client.established


def test_nothing_shows_a_ticket(key: TicketAcceptor, cache: str) -> None:
    server, client = both_halves()
    ticket = obtain(SERVICE, cache=cache)
    shown = shown_by(server, client, ticket)
    secret = repr(ticket.token)[2:-1]
    assert secret not in repr((ticket, shown, server, client))
    assert isinstance(ticket.signer, KerberosSigner)


def test_a_key_that_is_not_there_is_told_of_at_once(kdc: Kdc) -> None:
    with pytest.raises(ConfigurationError, match=r"sip/other@EXAMPLE\.COM"):
        TicketAcceptor(str(kdc.folder / "keytab"), f"sip/other@{REALM}")
