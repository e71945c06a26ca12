from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.errors import RemoteProtocolError
from perchat.lync.authentication import REALM
from perchat.lync.ntlm import NtlmKeys, accept, nt_hash
from perchat.lync.ntlm_message import AuthenticateMessage, NtlmFlags
from perchat.lync.signature import SignedText, auth_value, parse_auth
from perchat.sip.message import Message
from tests.lync.transcript import Recorded, message_of, recorded
from tests.lync.values import gssapi_data

SIPE = recorded("sipe-ntlm-v4.txt")
SIPE_KEYS = NtlmKeys.derive(
    bytes.fromhex("1fb289224181744df7a103cd0cc14374"), NtlmFlags(0x62988255)
)
NAMES = (
    ("Authorization", "crand", "cnum", "response"),
    ("Proxy-Authorization", "crand", "cnum", "response"),
    ("Authentication-Info", "srand", "snum", "rspauth"),
)


def signature_of(message: Message) -> tuple[bytes, bytes] | None:
    """What is signed in a recorded message, and its signature."""
    for header, nonce, counter, signature in NAMES:
        value = message.headers.get(header)
        found = parse_auth(value)[1] if value else {}
        if signature in found:
            signed = SignedText(
                scheme="NTLM", realm=found["realm"], targetname=found["targetname"], version=4
            )
            text = signed.of(message, found[nonce], found[counter])
            return text, bytes.fromhex(found[signature])
    return None


SIGNED = [
    (entry, *signature) for entry in SIPE if (signature := signature_of(entry.message)) is not None
]


def test_sixty_recorded_messages_are_signed() -> None:
    assert len(SIPE) == 66
    assert len(SIGNED) == 60
    assert {entry.number for entry in SIPE} - {entry.number for entry, *_ in SIGNED} == {
        1, 2, 3, 4, 14, 28,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "text", "signature"), SIGNED, ids=[entry.name for entry, *_ in SIGNED]
)
def test_a_recorded_signature_is_right(entry: Recorded, text: bytes, signature: bytes) -> None:
    ours, theirs = SIPE_KEYS.client, SIPE_KEYS.server
    assert (ours if entry.from_client else theirs).verify(text, signature)
    assert not (theirs if entry.from_client else ours).verify(text, signature)


def test_communicator_and_its_server_sign_as_we_do() -> None:
    challenge, register, answer = (entry.message for entry in recorded("ocs-2007-r2.txt"))
    asked = gssapi_data(challenge)
    proof = AuthenticateMessage.parse(gssapi_data(register))
    assert (proof.user, proof.domain, proof.workstation) == ("User", "COSMO", "COSMO-OCS-R2")
    keys = accept(proof, asked[24:32], nt_hash("Pa$$word"), challenge=asked)
    assert keys is not None
    assert accept(proof, asked[24:32], nt_hash("Pa$word")) is None
    text, signature = signature_of(register) or (b"", b"")
    assert text == (
        b"<NTLM><13317733><1><SIP Communications Service><cosmo-ocs-r2.cosmo.local>"
        b"<4037df9284354df39065195bd57a4b14><3><REGISTER><sip:user@cosmo.local><3e49177a52>"
        b"<sip:user@cosmo.local><><><><>"
    )
    assert keys.client.verify(text, signature)
    text, signature = signature_of(answer) or (b"", b"")
    assert text.endswith(b"<5E61CCD925D17E043D9A74835A88F664><><><7200><200>")
    assert keys.server.verify(text, signature)


def text_of(message: Message, version: int) -> str:
    signed = SignedText(scheme="NTLM", realm="r", targetname="t", version=version)
    return signed.of(message, "R", "7").decode()


ASSERTED = """\
SIP/2.0 180 Ringing
From: "Sender" <sip:sender@company.com>;tag=2420628112;epid=54392f1bbf01
To: "recipient" <sip:recipient@company.com;user=phone>;tag=7aee15546a
CSeq: 1 INVITE
Call-ID: 41CE
Expires: 30
P-Asserted-Identity: "recipient, <x>" <SIP:recipient@company.com>, <tel:+491234>
"""


def test_the_asserted_identity_is_covered_as_it_is_written() -> None:
    assert text_of(message_of(ASSERTED), 4) == (
        "<NTLM><R><7><r><t><41CE><1><INVITE><sip:sender@company.com><2420628112>"
        "<sip:recipient@company.com;user=phone><7aee15546a>"
        "<SIP:recipient@company.com><tel:+491234><30><180>"
    )


def test_version_two_covers_less() -> None:
    message = message_of(ASSERTED)
    assert text_of(message, 2) == (
        "<NTLM><R><7><r><t><41CE><1><INVITE><sip:sender@company.com><2420628112>"
        "<7aee15546a><30><180>"
    )
    assert text_of(message, 3) == text_of(message, 4)


@pytest.mark.parametrize(
    ("identity", "fields"),
    [
        ("P-Asserted-Identity: sip:a@b;x=1", "<sip:a@b><>"),
        ("P-Preferred-Identity: <sip:a@b;x=1>", "<sip:a@b;x=1><>"),
        ("P-Asserted-Identity: <tel:+1>\nP-Asserted-Identity: <sip:a@b>", "<sip:a@b><tel:+1>"),
        ("P-Asserted-Identity: <sip:a@b>, <sip:c@d>", "<sip:a@b><>"),
        ("P-Asserted-Identity: \x01", "<><>"),
        ("Subject: none", "<><>"),
    ],
)
def test_identities_come_in_many_shapes(identity: str, fields: str) -> None:
    message = message_of(
        f"INFO sip:x SIP/2.0\nFrom: <sip:a@b>\nTo: <sip:c@d>\n{identity}\n"
        "Call-ID: 1\nCSeq: 1 INFO\n"
    )
    assert text_of(message, 4).endswith(f"<sip:a@b><><sip:c@d><>{fields}<>")


def test_a_recorded_header_is_split() -> None:
    scheme, values = parse_auth(
        'NTLM qop="auth", opaque="33AABB58", realm="SIP Communications Service", version=4,'
        'gssapi-data="", CRand="8e3a73b5"'
    )
    assert scheme == "NTLM"
    assert values == {
        "qop": "auth",
        "opaque": "33AABB58",
        "realm": REALM,
        "version": "4",
        "gssapi-data": "",
        "crand": "8e3a73b5",
    }


@pytest.mark.parametrize(
    "value",
    [
        "",
        "=",
        "NTLM realm",
        'NTLM realm="x',
        'NTLM realm="x" qop="y"',
        'NTLM realm="x", realm="y"',
        'NTLM realm="x", Realm="y"',
        "NTLM ,",
        'NTLM realm="x\\',
        'NTLM "x"',
    ],
)
def test_a_damaged_header_is_refused(value: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_auth(value)


@given(st.text(max_size=80))
def test_any_text_is_a_header_or_refused(value: str) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert parse_auth(value)[0]


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=80))
def test_what_we_quote_we_can_read(text: str) -> None:
    value = auth_value("NTLM", realm=text, gssapi_data="", version="4")
    assert parse_auth(value) == ("NTLM", {"realm": text, "gssapi-data": "", "version": "4"})


def test_long_headers_take_no_longer_than_they_are() -> None:
    for damaged in ('NTLM a="' + "\\\\" * 8000, "NTLM " + "a" * 16000, "NTLM a=" + " " * 16000):
        with pytest.raises(RemoteProtocolError):
            parse_auth(damaged + '"x')
