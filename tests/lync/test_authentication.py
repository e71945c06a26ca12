from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.errors import AuthenticationError, AuthenticationReason, LocalProtocolError
from perchat.lync import ntlm
from perchat.lync.authentication import (
    Accepted,
    Account,
    Challenged,
    Check,
    Initiator,
    ProofNeeded,
    Refused,
    nt_hash,
)
from perchat.lync.diagnostics import parse_diagnostics
from perchat.lync.ntlm_message import AuthenticateMessage
from perchat.lync.signature import parse_auth
from perchat.sip.message import Headers, Message, Request, Response
from perchat.sip.serializer import serialize
from tests.lync.transcript import recorded
from tests.lync.values import (
    ALICE,
    AT,
    TARGET,
    acceptor,
    answered,
    challenged,
    counted,
    gssapi_data,
    initiator,
    proof_of,
    request,
    response,
    sign_in,
    signed_in,
    with_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.lync.ntlm import NtlmKeys

versions = pytest.mark.parametrize("version", [2, 3, 4])


def header(verdict: Challenged, name: str) -> str:
    return dict(verdict.headers)[name]


def authorization(message: Message) -> dict[str, str]:
    return dict(parse_auth(message.headers.get("Authorization") or "")[1])


def rewritten(message: Message, name: str, value: str) -> Message:
    headers = message.headers.replaced(name, value)
    if isinstance(message, Request):
        return Request(message.method, message.uri, headers, message.body)
    return Response(message.status, message.reason, headers, message.body)


# --- the recorded session, played against our server's half ---


def test_the_recorded_client_signs_in_and_all_it_signs_is_taken() -> None:
    session = recorded("sipe-ntlm-v4.txt")
    server = acceptor(random=_replayed(session[3].message))
    first, second, third = (session[at].message for at in (0, 2, 4))
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert isinstance(third, Request)
    told = challenged(server.receive(first, 0.0, AT))
    assert told.headers == _lines(session[1].message, "Date", "WWW-Authenticate")
    told = challenged(server.receive(second, 0.0, AT + 0.045))
    assert _but_for_time(told.headers) == _but_for_time(
        _lines(session[3].message, "Date", "WWW-Authenticate")
    )
    proof = server.receive(third, 0.0, AT)
    assert isinstance(proof, ProofNeeded)
    assert (proof.user, proof.domain, proof.uri) == ("alice", "", "sip:alice@example.com")
    accepted = server.complete(proof, ALICE, 0.0, AT)
    assert accepted == Accepted("alice", "", "sip:alice@example.com")
    checks = [server.check(one.message, 1.0) for one in session[6:] if one.from_client]
    assert len(checks) == 30
    assert set(checks) == {Check.OK}


def test_our_server_s_signatures_are_the_recorded_ones() -> None:
    session = recorded("sipe-ntlm-v4.txt")
    source = _Source(_replayed(session[3].message))
    server = acceptor(random=source)
    for at in (0, 2):
        message = session[at].message
        assert isinstance(message, Request)
        server.receive(message, 0.0, AT)
    last = session[4].message
    assert isinstance(last, Request)
    proof = server.receive(last, 0.0, AT)
    assert isinstance(proof, ProofNeeded)
    server.complete(proof, ALICE, 0.0, AT)
    for one in session:
        value = one.message.headers.get("Authentication-Info")
        if value is None:
            continue
        nonce = bytes.fromhex(parse_auth(value)[1]["srand"])
        source.give = _always(nonce)
        bare = rewritten_without(one.message, "Authentication-Info")
        assert server.seal(bare).headers.get("Authentication-Info") == value


def test_our_client_takes_all_the_recorded_server_signs() -> None:
    session = recorded("sipe-ntlm-v4.txt")
    proof = AuthenticateMessage.parse(gssapi_data(session[4].message))
    key = bytes.fromhex("1fb289224181744df7a103cd0cc14374")
    client = initiator(random=_scripted(proof.temp[16:24], key))
    for asked, told in ((session[0], session[1]), (session[2], session[3])):
        assert isinstance(asked.message, Request)
        assert isinstance(told.message, Response)
        client.answer(told.message, asked.message, AT)
    checks = [client.check(one.message) for one in session[5:] if not one.from_client]
    assert len(checks) == 31  # two of them a 100, which nobody signs
    assert set(checks) == {Check.OK}
    assert client.established


def rewritten_without(message: Message, name: str) -> Message:
    headers = message.headers.replaced(name)
    if isinstance(message, Request):
        return Request(message.method, message.uri, headers, message.body)
    return Response(message.status, message.reason, headers, message.body)


class _Source:
    """Random bytes whose origin can be changed."""

    def __init__(self, give: Callable[[int], bytes]) -> None:
        self.give = give

    def __call__(self, length: int) -> bytes:
        return self.give(length)


def _always(value: bytes) -> Callable[[int], bytes]:
    return lambda _length: value


def _replayed(challenge: Message) -> Callable[[int], bytes]:
    """Give the nonce and the opaque of a recorded challenge, then anything."""
    values = parse_auth(challenge.headers.get("WWW-Authenticate") or "")[1]
    nonce = base64.b64decode(values["gssapi-data"])[24:32]
    fixed = [nonce, bytes.fromhex(values["opaque"])]
    return lambda length: fixed.pop(0) if fixed else bytes(length)


def _but_for_time(lines: tuple[tuple[str, str], ...]) -> list[str]:
    """The recorded server read its clock twice, for Date and for its challenge."""
    date, challenge = (value for _, value in lines)
    return [date, *re.split('gssapi-data="[^"]*"', challenge)]


def _lines(message: Message, *names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, message.headers.get(name) or "") for name in names)


def _scripted(*values: bytes) -> Callable[[int], bytes]:
    left = list(values)
    return lambda _length: left.pop(0)


# --- our two halves ---


@versions
def test_a_sign_in_ends_with_both_sides_sure_of_each_other(version: int) -> None:
    server, client = acceptor(), initiator(version=version)
    assert sign_in(server, client) == Accepted("alice", "", "sip:alice@example.com")
    assert server.association is not None
    assert client.association is not None
    assert server.association.version == client.association.version == version
    assert not client.established
    sealed = server.seal(response(request("REGISTER", 3), 200, ("Expires", "600")))
    assert client.check(sealed) is Check.OK
    assert client.established


@versions
def test_messages_are_signed_both_ways(version: int) -> None:
    server, client = signed_in(version=version)
    for number in range(4, 9):
        asked = client.seal(request("INFO", number))
        assert server.check(asked, 1.0) is Check.OK
        told = server.seal(response(request("INFO", number), 200))
        assert client.check(told) is Check.OK
        pushed = server.seal(request("INFO", number, sender="<sip:pool@example.com>;tag=9"))
        assert client.check(pushed) is Check.OK
        answered = client.seal(response(request("INFO", number), 200))
        assert server.check(answered, 1.0) is Check.OK


def test_a_server_that_names_no_version_speaks_the_second() -> None:
    client = initiator()
    first = request()
    bare = response(first, 401, ("WWW-Authenticate", 'NTLM realm="r", targetname="t"'))
    ((name, value),) = answered(client, bare, first, AT)
    assert (name, value) == (
        "Authorization",
        'NTLM qop="auth", realm="r", targetname="t", gssapi-data=""',
    )


def test_the_client_s_headers_are_spelt_as_the_recorded_client_s() -> None:
    session = recorded("sipe-ntlm-v4.txt")
    client = initiator(workstation="VM")
    asked, told = session[0].message, session[1].message
    assert isinstance(asked, Request)
    assert isinstance(told, Response)
    assert client.answer(told, asked, AT) == _lines(session[2].message, "Authorization")
    again = session[3].message
    assert isinstance(again, Response)
    ((_, proof),) = answered(client, again, asked, AT)
    sealed = client.seal(with_headers(asked, (("Authorization", proof),)))
    theirs = authorization(session[4].message)
    ours = authorization(sealed)
    assert list(ours) == list(theirs)
    same = ("qop", "opaque", "realm", "targetname", "version", "cnum")
    assert [ours[name] for name in same] == [theirs[name] for name in same]
    later = authorization(client.seal(request("INFO", 4)))
    assert list(later) == list(authorization(session[6].message))


text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
token = st.text("abcXYZ019-._@", min_size=1, max_size=40)


@settings(max_examples=60)
@given(text, text, text, token, st.sampled_from([2, 3, 4]))
def test_any_name_and_password_sign_in(
    user: str, password: str, shown: str, call_id: str, version: int
) -> None:
    user = user.replace("\\", "")
    server = acceptor()
    client = initiator(username=f"DOM\\{user}x", password=password, version=version)
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    sender = {"sender": f'"{quoted}" <sip:alice@example.com>;tag=1', "call_id": call_id}
    proof = proof_of(server, client, **sender)
    assert (proof.user, proof.domain) == (f"{user}x", "DOM")
    account = Account("sip:alice@example.com", nt_hash(password))
    assert isinstance(server.complete(proof, account, 0.0, AT), Accepted)
    sealed = client.seal(request("INFO", 4, sender=sender["sender"], call_id=call_id))
    assert server.check(sealed, 0.0) is Check.OK
    told = server.seal(response(request("INFO", 4, sender=sender["sender"]), 200))
    assert client.check(told) is Check.OK


SIGNED_HEADERS = [
    ("Call-ID", "other"),
    ("CSeq", "5 INFO"),
    ("CSeq", "4 MESSAGE"),
    ("From", "<sip:alice@example.org>;tag=1"),
    ("From", "<sip:alice@example.com>;tag=2"),
    ("To", "<sip:bob@example.com>"),
    ("To", "<sip:alice@example.com>;tag=9"),
    ("Expires", "1"),
    ("P-Preferred-Identity", "<sip:bob@example.com>"),
    ("P-Preferred-Identity", "<tel:+1>"),
]


@pytest.mark.parametrize(("name", "value"), SIGNED_HEADERS)
def test_a_changed_message_is_found_out(name: str, value: str) -> None:
    server, client = signed_in()
    asked = client.seal(request("INFO", 4))
    assert server.check(rewritten(asked, name, value), 1.0) is Check.WRONG
    assert server.check(asked, 1.0) is Check.OK
    told = server.seal(response(request("INFO", 4), 200))
    assert client.check(rewritten(told, name, value)) is Check.WRONG
    assert client.check(told) is Check.OK


@pytest.mark.parametrize(
    ("name", "value"),
    [("crand", "00000000"), ("cnum", "77"), ("response", "0" * 32), ("response", "xyz"),
     ("cnum", "0"), ("cnum", "-1"), ("cnum", "9" * 5000), ("cnum", "²"), ("response", "ä")],
)  # fmt: skip
def test_changed_credentials_are_found_out(name: str, value: str) -> None:
    server, client = signed_in()
    asked = client.seal(request("INFO", 4))
    values = authorization(asked) | {name: value}
    changed = "NTLM " + ", ".join(f'{key}="{text}"' for key, text in values.items())
    assert server.check(rewritten(asked, "Authorization", changed), 1.0) is Check.WRONG


def test_the_status_is_covered() -> None:
    server, client = signed_in()
    told = server.seal(response(request("INFO", 4), 200))
    assert isinstance(told, Response)
    assert client.check(Response(202, told.reason, told.headers)) is Check.WRONG


def test_a_message_is_taken_once() -> None:
    server, client = signed_in()
    asked = client.seal(request("INFO", 4))
    assert server.check(asked, 1.0) is Check.OK
    assert server.check(asked, 1.0) is Check.REPLAYED
    told = server.seal(response(request("INFO", 4), 200))
    assert client.check(told) is Check.OK
    assert client.check(told) is Check.REPLAYED


@pytest.mark.parametrize(
    ("check", "status", "code", "said"),
    [
        (Check.WRONG, 401, 1000, "is wrong"),
        (Check.REPLAYED, 401, 1000, "seen before"),
        (Check.EXPIRED, 401, 1000, "expired"),
        (Check.FOREIGN, 403, 4004, "may not act as"),
        (Check.MISSING, 401, 0, ""),
    ],
)
def test_who_is_turned_away_is_told_why(check: Check, status: int, code: int, said: str) -> None:
    verdict = acceptor().turn_away(check, AT)
    told = parse_diagnostics(dict(verdict.headers).get("ms-diagnostics", ""))
    assert (verdict.status, told.code) == (status, code)
    assert said in told.reason


def test_messages_may_overtake_each_other() -> None:
    server, client = signed_in()
    messages = [client.seal(request("INFO", number)) for number in range(4, 20)]
    assert {server.check(message, 1.0) for message in reversed(messages)} == {Check.OK}


def test_the_signed_handshake_is_not_taken_twice() -> None:
    server, client = acceptor(), initiator()
    proof = proof_of(server, client)
    server.complete(proof, ALICE, 0.0, AT)
    assert server.check(proof.handshake.request, 0.0) is Check.REPLAYED


def test_an_association_ends() -> None:
    server, client = signed_in(lifetime=100.0)
    assert server.check(client.seal(request("INFO", 4)), 99.9) is Check.OK
    assert server.check(client.seal(request("INFO", 5)), 100.0) is Check.EXPIRED


def test_what_is_not_signed_is_told_from_what_is_signed_wrong() -> None:
    server, client = signed_in()
    assert server.check(request("INFO", 4), 1.0) is Check.MISSING
    assert client.check(request("INFO", 4)) is Check.MISSING
    assert client.check(response(request("INFO", 4), 200)) is Check.MISSING
    assert client.check(response(request("REGISTER", 4), 200)) is Check.MISSING


def test_nobody_is_trusted_before_signing_in() -> None:
    assert acceptor().check(request("INFO", 4), 0.0) is Check.MISSING


@pytest.mark.parametrize("status", [100, 183, 401, 407])
def test_some_answers_go_unsigned_and_are_taken_so(status: int) -> None:
    server, client = signed_in()
    told = response(request("INFO", 4), status)
    assert server.seal(told) is told
    assert client.check(told) is Check.OK


@pytest.mark.parametrize("status", [200, 202, 301, 403, 404, 481, 500, 603])
def test_all_other_answers_are_signed(status: int) -> None:
    server, client = signed_in()
    told = server.seal(response(request("INFO", 4), status))
    assert "Authentication-Info" in told.headers
    assert client.check(told) is Check.OK


def test_a_refused_sign_in_may_be_unsigned() -> None:
    _, client = signed_in()
    assert client.check(response(request("REGISTER", 4), 403)) is Check.OK


def test_an_answer_of_the_client_need_not_be_signed_but_must_not_be_wrong() -> None:
    server, client = signed_in()
    told = response(request("INFO", 4), 200)
    assert server.check(told, 1.0) is Check.OK
    signed = client.seal(told)
    assert server.check(rewritten(signed, "Call-ID", "other"), 1.0) is Check.WRONG


@pytest.mark.requirement("R5")
def test_who_signed_in_speaks_for_himself_alone() -> None:
    server, client = signed_in()
    forged = client.seal(request("INFO", 4, sender="<sip:bob@example.com>;tag=1"))
    assert server.check(forged, 1.0) is Check.FOREIGN
    shouted = client.seal(request("INFO", 5, sender="<sip:Alice@EXAMPLE.com>;tag=1"))
    assert server.check(shouted, 1.0) is Check.OK
    register = client.seal(request("REGISTER", 6, sender="<sip:bob@example.com>;tag=1"))
    assert isinstance(register, Request)
    refused = server.receive(register, 1.0, AT)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.error_id) == (403, 4004)


# --- what goes wrong ---


def failed(verdict: object) -> None:
    told = verdict
    assert isinstance(told, Challenged)
    assert told.status == 401
    assert "gssapi-data" not in header(told, "WWW-Authenticate")
    assert header(told, "Date") == "Sun, 22 Nov 2026 11:10:46 GMT"
    assert parse_diagnostics(header(told, "ms-diagnostics")).code == 1000


def test_a_wrong_password_is_asked_for_again() -> None:
    server = acceptor()
    failed(sign_in(server, initiator(password="Secret")))
    assert server.association is None


def test_a_stranger_gets_the_same_answer_for_the_same_work() -> None:
    server = acceptor()
    failed(sign_in(server, initiator(), account=None))
    wrong = acceptor()
    told = sign_in(wrong, initiator(password="Secret"))
    assert told == sign_in(acceptor(), initiator(), account=None)


def test_the_work_for_a_stranger_is_the_work_for_a_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    real = ntlm.accept

    def spied(
        message: AuthenticateMessage, nonce: bytes, nt_hash: bytes, *, challenge: bytes
    ) -> NtlmKeys | None:
        seen.append(len(nt_hash))
        return real(message, nonce, nt_hash, challenge=challenge)

    monkeypatch.setattr(ntlm, "accept", spied)
    sign_in(acceptor(), initiator(), account=None)
    sign_in(acceptor(), initiator(password="Secret"))
    assert seen == [16, 16]


def test_credentials_act_for_their_own_account_alone() -> None:
    server = acceptor()
    bob = Account("sip:bob@example.com", nt_hash("secret"))
    refused = sign_in(server, initiator(), account=bob)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.error_id) == (403, 4004)
    assert parse_diagnostics(dict(refused.headers)["ms-diagnostics-public"]).code == 4004
    assert server.association is None


def test_with_a_wrong_password_a_foreign_account_is_not_told_of() -> None:
    bob = Account("sip:bob@example.com", nt_hash("other"))
    failed(sign_in(acceptor(), initiator(), account=bob))


def test_an_account_is_compared_without_case() -> None:
    account = Account("sip:Alice@Example.COM", nt_hash("secret"))
    assert isinstance(sign_in(acceptor(), initiator(), account=account), Accepted)


def test_a_challenge_serves_once() -> None:
    server, client = acceptor(), initiator()
    proof = proof_of(server, client)
    again = server.receive(proof.handshake.request, 0.0, AT)
    assert isinstance(again, Challenged)


def test_challenges_differ() -> None:
    server = acceptor()
    asked = request("REGISTER", 2, ("Authorization", 'NTLM qop="auth", gssapi-data="", version=4'))
    told = [header(challenged(server.receive(asked, 0.0, AT)), "WWW-Authenticate") for _ in "12"]
    values = [parse_auth(line)[1] for line in told]
    assert values[0]["opaque"] != values[1]["opaque"]
    nonces = [base64.b64decode(value["gssapi-data"])[24:32] for value in values]
    assert nonces[0] != nonces[1]


def test_a_proof_for_an_older_challenge_is_void() -> None:
    server, client = acceptor(), initiator()
    first = request()
    told = response(first, 401, *challenged(server.receive(first, 0.0, AT)).headers)
    second = with_headers(request("REGISTER", 2), answered(client, told, first, AT))
    told = response(second, 401, *challenged(server.receive(second, 0.0, AT)).headers)
    server.receive(second, 0.0, AT)
    third = client.seal(with_headers(request("REGISTER", 3), answered(client, told, second, AT)))
    assert isinstance(third, Request)
    assert isinstance(server.receive(third, 0.0, AT), Challenged)


def test_version_four_signs_its_handshake() -> None:
    server, client = acceptor(), initiator()
    proof = proof_of(server, client)
    tampered = rewritten(proof.handshake.request, "To", "<sip:bob@example.com>")
    server, client = acceptor(), initiator()
    proof_of(server, client)
    assert isinstance(tampered, Request)
    other = acceptor()
    proof = proof_of(other, initiator())
    changed = type(proof.handshake)(
        proof.handshake.pending, proof.handshake.message, tampered, proof.handshake.values
    )
    failed(
        other.complete(ProofNeeded(proof.user, proof.domain, proof.uri, changed), ALICE, 0.0, AT)
    )
    bare = {
        name: value
        for name, value in proof.handshake.values.items()
        if name not in ("response", "crand", "cnum")
    }
    unsigned = type(proof.handshake)(
        proof.handshake.pending, proof.handshake.message, proof.handshake.request, bare
    )
    proof = ProofNeeded(proof.user, proof.domain, proof.uri, unsigned)
    failed(other.complete(proof, ALICE, 0.0, AT))


@pytest.mark.parametrize("token", ["AAAA", "!!!!", base64.b64encode(b"NTLMSSP\0\3\0\0\0").decode()])
def test_a_damaged_proof_is_a_failed_handshake(token: str) -> None:
    server = acceptor()
    asked = request("REGISTER", 2, ("Authorization", 'NTLM gssapi-data="", version=4'))
    told = header(challenged(server.receive(asked, 0.0, AT)), "WWW-Authenticate")
    opaque = parse_auth(told)[1]["opaque"]
    value = f'NTLM opaque="{opaque}", gssapi-data="{token}", version=4'
    failed(server.receive(request("REGISTER", 3, ("Authorization", value)), 0.0, AT))


@pytest.mark.parametrize(
    "value",
    [
        "Kerberos qop=auth",
        "Basic dXNlcjpwYXNz",
        'NTLM realm="other", gssapi-data=""',
        'NTLM targetname="other.example.com", gssapi-data=""',
        'NTLM realm="',
        "",
    ],
)
def test_credentials_meant_for_others_count_as_none(value: str) -> None:
    told = challenged(acceptor().receive(request("REGISTER", 1, ("Authorization", value)), 0.0, AT))
    assert "gssapi-data" not in header(told, "WWW-Authenticate")


def test_ours_are_found_among_others() -> None:
    others = ("Authorization", 'NTLM realm="other", targetname="x", gssapi-data="AAAA"')
    ours = ("Proxy-Authorization", 'NTLM gssapi-data="", version=4')
    told = challenged(acceptor().receive(request("REGISTER", 1, others, ours), 0.0, AT))
    assert "gssapi-data" in header(told, "WWW-Authenticate")


@pytest.mark.parametrize("version", ["", "version=2", "version=1", "version=x", "version=44"])
def test_versions_that_are_not_taken_are_refused(version: str) -> None:
    server = acceptor(versions=(3, 4))
    value = f'NTLM gssapi-data="", {version}'.removesuffix(", ")
    refused = server.receive(request("REGISTER", 1, ("Authorization", value)), 0.0, AT)
    assert isinstance(refused, Refused)
    assert refused.status == 403


def test_the_highest_version_taken_is_offered() -> None:
    told = challenged(acceptor(versions=(2, 3)).receive(request(), 0.0, AT))
    assert header(told, "WWW-Authenticate").endswith("version=3")


# --- the life of an association ---


def test_a_signed_register_refreshes() -> None:
    server, client = signed_in()
    again = client.seal(request("REGISTER", 4))
    assert isinstance(again, Request)
    assert server.receive(again, 1.0, AT) == Accepted(
        "alice", "", "sip:alice@example.com", refreshed=True
    )


def test_a_register_without_credentials_begins_anew_and_the_association_serves_meanwhile() -> None:
    server, client = signed_in()
    told = challenged(server.receive(request("REGISTER", 4), 1.0, AT))
    assert "opaque" not in header(told, "WWW-Authenticate")
    assert server.check(client.seal(request("INFO", 5)), 1.0) is Check.OK


def test_what_was_on_its_way_when_the_association_was_replaced_is_taken() -> None:
    server, client = signed_in()
    overtaken = client.seal(request("INFO", 4))
    late = client.seal(request("INFO", 5))
    pushed = server.seal(request("BENOTIFY", 9))
    client.restart()
    between = client.seal(request("INFO", 6))
    sign_in(server, client)
    assert server.check(overtaken, 1.0) is Check.OK
    assert server.check(overtaken, 1.0) is Check.REPLAYED
    told = server.seal(response(request("REGISTER", 3), 200))
    assert client.check(told) is Check.OK
    assert client.check(pushed) is Check.OK
    assert server.check(between, 2.0) is Check.OK
    assert server.check(client.seal(request("INFO", 8)), 3.0) is Check.OK
    assert server.check(late, 40.0) is Check.EXPIRED


def test_a_client_signs_in_anew_before_its_association_ends() -> None:
    _, client = signed_in()
    assert client.expires_at == AT + 8 * 3600
    assert client.renewal_due(AT) == 8 * 3600 - 300
    assert client.renewal_due(AT + 9 * 3600) == 0
    assert initiator().renewal_due(AT) == float("inf")


def test_a_sign_in_that_fails_leaves_what_stands() -> None:
    server, client = signed_in()
    client.use("alice", "wrong", {"NTLM"})
    client.restart()
    failed(sign_in(server, client))
    assert server.check(client.seal(request("INFO", 8)), 3.0) is Check.OK


def test_another_request_without_credentials_leaves_it_standing() -> None:
    server, client = signed_in()
    assert isinstance(server.receive(request("INFO", 4), 1.0, AT), Challenged)
    assert server.check(client.seal(request("INFO", 4)), 1.0) is Check.OK


def test_after_its_end_the_same_connection_signs_in_anew() -> None:
    server, client = signed_in(lifetime=100.0)
    again = client.seal(request("REGISTER", 4))
    assert isinstance(again, Request)
    told = response(again, 401, *challenged(server.receive(again, 200.0, AT)).headers)
    assert server.association is None
    assert client.check(told) is Check.OK
    second = with_headers(request("REGISTER", 5), answered(client, told, again, AT))
    assert client.seal(second) is second
    told = response(second, 401, *challenged(server.receive(second, 200.0, AT)).headers)
    third = client.seal(with_headers(request("REGISTER", 6), answered(client, told, second, AT)))
    assert isinstance(third, Request)
    proof = server.receive(third, 200.0, AT)
    assert isinstance(proof, ProofNeeded)
    assert isinstance(server.complete(proof, ALICE, 200.0, AT), Accepted)
    assert client.check(server.seal(response(third, 200))) is Check.OK
    assert server.check(client.seal(request("INFO", 7)), 201.0) is Check.OK


def test_a_client_may_start_over_by_itself() -> None:
    server, client = signed_in()
    client.restart()
    bare = request("REGISTER", 4)
    assert client.seal(bare) is bare
    assert isinstance(sign_in(server, client), Accepted)


def test_a_challenged_request_is_signed_anew() -> None:
    server, client = signed_in()
    asked = request("INFO", 4)
    assert client.answer(response(asked, 401, *_offer()), asked, AT) == ()
    assert server.check(client.seal(asked), 1.0) is Check.OK


def _offer(value: str = 'NTLM realm="r", targetname="t", version=4') -> tuple[tuple[str, str]]:
    return (("WWW-Authenticate", value),)


# --- no loop without an end ---


def test_the_server_refuses_for_good_in_the_end() -> None:
    server = acceptor(challenge_limit=4)
    verdicts = [server.receive(request("REGISTER", number), 0.0, AT) for number in range(1, 7)]
    assert [type(verdict) for verdict in verdicts] == [Challenged] * 4 + [Refused] * 2
    refused = verdicts[-1]
    assert isinstance(refused, Refused)
    assert refused.status == 403
    assert parse_diagnostics(dict(refused.headers)["ms-diagnostics-public"]).code == 1000


def test_guessing_passwords_ends_too() -> None:
    server = acceptor(challenge_limit=9)
    for _ in range(3):
        failed(sign_in(server, initiator(password="wrong")))
    assert isinstance(server.receive(request(), 0.0, AT), Refused)
    assert isinstance(server.challenge(AT), Refused)


def test_success_forgives() -> None:
    server, client = signed_in(challenge_limit=4)
    for number in range(4, 30):
        assert isinstance(server.challenge(AT), Challenged)
        assert server.check(client.seal(request("INFO", number)), 1.0) is Check.OK


def test_a_client_gives_up_on_a_server_that_never_answers_its_token() -> None:
    client = initiator(challenge_limit=3)
    first = request()
    told = response(first, 401, *_offer())
    for _ in range(3):
        client.answer(told, first, AT)
    with pytest.raises(AuthenticationError) as caught:
        client.answer(told, first, AT)
    assert caught.value.reason is AuthenticationReason.TOO_MANY_CHALLENGES


def test_a_client_signs_one_request_so_often_and_no_more() -> None:
    _, client = signed_in()
    asked = request("INFO", 4)
    told = response(asked, 401, *_offer())
    for _ in range(5):
        assert client.answer(told, asked, AT) == ()
    with pytest.raises(AuthenticationError) as caught:
        client.answer(told, asked, AT)
    assert caught.value.reason is AuthenticationReason.TOO_MANY_CHALLENGES


def test_many_challenged_requests_are_not_remembered_for_ever() -> None:
    _, client = signed_in()
    for number in range(4, 500):
        asked = request("INFO", number)
        client.answer(response(asked, 401, *_offer()), asked, AT)
    assert len(client._counts) <= 64


# --- what a client tells its user ---


def reason_of(client: Initiator, *lines: tuple[str, str]) -> AuthenticationError:
    first = request()
    with pytest.raises(AuthenticationError) as caught:
        client.answer(response(first, 401, *lines), first, AT)
    return caught.value


def test_a_wrong_password_is_named_as_such() -> None:
    server, client = acceptor(), initiator(password="Secret")
    told = sign_in(server, client)
    assert isinstance(told, Challenged)
    error = reason_of(client, *told.headers)
    assert error.reason is AuthenticationReason.INVALID_CREDENTIALS
    assert error.diagnostics.code == 1000
    assert (error.status, error.request) == (401, "REGISTER")
    assert client.association is None


@pytest.mark.requirement("R25")
def test_a_clock_that_is_off_is_named_as_such() -> None:
    client = initiator()
    proof_of(acceptor(), client)
    error = reason_of(client, *_offer(), ("ms-diagnostics", '1013;reason="skew"'))
    assert error.reason is AuthenticationReason.CLOCK_SKEW


def test_schemes_we_do_not_speak_are_listed() -> None:
    kerberos = ("WWW-Authenticate", 'Kerberos realm="r", targetname="sip/t", version=4')
    certificate = ("WWW-Authenticate", 'TLS-DSK realm="r", targetname="t", version=4')
    error = reason_of(initiator(), kerberos, certificate)
    assert error.reason is AuthenticationReason.NO_COMMON_PROTOCOLS
    assert error.protocols == ("Kerberos", "TLS-DSK")
    assert error.realm == "r"


@pytest.mark.requirement("R26")
def test_ntlm_can_be_forbidden() -> None:
    error = reason_of(initiator(protocols=frozenset()), *_offer())
    assert error.reason is AuthenticationReason.NO_COMMON_PROTOCOLS


def test_ntlm_is_picked_among_others() -> None:
    kerberos = ("WWW-Authenticate", 'Kerberos realm="r", targetname="sip/t", version=4')
    first = request()
    told = response(first, 401, kerberos, *_offer())
    assert answered(initiator(), told, first, AT)[0][1].startswith("NTLM ")


@pytest.mark.parametrize(
    "lines",
    [(), _offer("NTLM"), _offer('NTLM realm="r"'), _offer('NTLM realm="r'), _offer('NTLM ="x"')],
)
def test_a_damaged_challenge_is_named_as_such(lines: tuple[tuple[str, str], ...]) -> None:
    assert reason_of(initiator(), *lines).reason is AuthenticationReason.MALFORMED_CHALLENGE


@pytest.mark.parametrize("token", ["AAAA", "!!", "TlRMTVNTUAADAAAA"])
def test_a_token_that_is_no_challenge_is_named_as_such(token: str) -> None:
    client = initiator()
    first = request()
    client.answer(response(first, 401, *_offer()), first, AT)
    error = reason_of(client, *_offer(f'NTLM realm="r", targetname="t", gssapi-data="{token}"'))
    assert error.reason is AuthenticationReason.MALFORMED_CHALLENGE


@pytest.mark.parametrize("missing", [{"username": ""}, {"password": ""}, {"username": "DOM\\"}])
def test_missing_credentials_are_named_as_such(missing: dict[str, str]) -> None:
    client = initiator(**missing)
    first = request()
    client.answer(response(first, 401, *_offer()), first, AT)
    value = header(_challenge(), "WWW-Authenticate")
    error = reason_of(client, ("WWW-Authenticate", value))
    assert error.reason is AuthenticationReason.MISSING_CREDENTIALS


def _challenge() -> Challenged:
    asked = request("REGISTER", 2, ("Authorization", 'NTLM gssapi-data="", version=4'))
    return challenged(acceptor().receive(asked, 0.0, AT))


def test_a_version_nobody_speaks_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        initiator(version=5)


def test_an_impostor_without_the_password_is_found_out() -> None:
    client = initiator()
    impostor = acceptor()
    proof = proof_of(impostor, client)
    stranger = Account("sip:alice@example.com", nt_hash("guess"))
    failed(impostor.complete(proof, stranger, 0.0, AT))
    bare = response(request("REGISTER", 3), 200)
    assert client.check(bare) is Check.MISSING
    assert client.association is not None
    forged = bare.headers.plus(
        (
            "Authentication-Info",
            f'NTLM rspauth="{"0" * 32}", srand="1", snum="1", opaque="{client.association.opaque}"',
        )
    )
    assert client.check(Response(200, "OK", forged)) is Check.WRONG
    assert not client.established


# --- secrets stay where they are ---


def test_nothing_shows_a_secret() -> None:
    server, client = acceptor(), initiator(password="hunter22")
    proof = proof_of(server, client)
    account = Account("sip:alice@example.com", nt_hash("hunter22"))
    server.complete(proof, account, 0.0, AT)
    assert client.association is not None
    keys = client.association.outgoing
    assert isinstance(keys, ntlm.NtlmSigner)
    shown = " ".join(
        text(thing)
        for text in (repr, str)
        for thing in (client, client.association, server.association, account, proof, keys, server)
    )
    for secret in ("hunter22", account.nt_hash.hex(), repr(account.nt_hash), str(keys._mask)):
        assert secret not in shown
    assert "HmacMd5" not in repr(keys)
    assert not any("hunter22" in repr(value) for value in vars(client).values())


def test_errors_show_no_secret() -> None:
    client = initiator(password="hunter22")
    told = sign_in(acceptor(), client)
    assert isinstance(told, Challenged)
    assert "hunter22" not in str(reason_of(client, *told.headers))


def test_what_is_sealed_can_be_sent() -> None:
    server, client = signed_in()
    assert b"rspauth" in serialize(server.seal(response(request("INFO", 4), 200)))
    assert b"crand" in serialize(client.seal(request("INFO", 4)))
    odd = server.seal(Response(200, "OK", Headers(
        (("From", "<sip:a@b>"), ("To", "<sip:a@b>"), ("Call-ID", "\udcff"), ("CSeq", "1 INFO"))
    )))  # fmt: skip
    assert client.check(odd) is Check.OK


def test_names_are_taken_as_typed() -> None:
    for typed, user, domain in (
        ("alice", "alice", ""),
        ("alice@example.com", "alice@example.com", ""),
        ("EXAMPLE\\alice", "alice", "EXAMPLE"),
    ):
        proof = proof_of(acceptor(target=TARGET, random=counted()), initiator(username=typed))
        assert (proof.user, proof.domain) == (user, domain)
