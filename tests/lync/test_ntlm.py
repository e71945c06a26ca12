from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perchat.errors import RemoteProtocolError
from perchat.lync import ntlm
from perchat.lync._crypto import hmac_md5, rc4
from perchat.lync.ntlm import NtlmKeys, accept, initiate, nt_hash
from perchat.lync.ntlm_message import (
    AuthenticateMessage,
    ChallengeMessage,
    NtlmFlags,
    NtlmTarget,
    agreed_flags,
    challenge_message,
)
from tests.lync.transcript import recorded
from tests.lync.values import TARGET, gssapi_data

SIPE_KEY = bytes.fromhex("1fb289224181744df7a103cd0cc14374")
SIPE_FLAGS = NtlmFlags(0x62988255)
NONCE = bytes.fromhex("0123456789abcdef")
SPEC_INFORMATION = bytes.fromhex(
    "02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000"
)
# [MS-NLMP] 4.2.4.3, the AUTHENTICATE message in full
SPEC_AUTHENTICATE = bytes.fromhex(
    "4e544c4d5353500003000000180018006c00000054005400840000000c000c004800000008000800540000"
    "00100010005c00000010001000d8000000358288e20501280a0000000f44006f006d00610069006e005500"
    "73006500720043004f004d0050005500540045005200"
    "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"
    "68cd0ab851e51c96aabc927bebef6a1c01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000"
    "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
    "c5dad2544fc979909 4ce1ce90bc9d03e".replace(" ", "")
)


def spec_challenge() -> bytes:
    """A challenge with the values of [MS-NLMP] 4.2.4."""
    flags = struct.pack("<I", 0xE28A8233)
    fields = struct.pack("<HHI", len(SPEC_INFORMATION), len(SPEC_INFORMATION), 56)
    head = b"NTLMSSP\0" + struct.pack("<I", 2) + struct.pack("<HHI", 0, 0, 56) + flags
    return head + NONCE + bytes(8) + fields + bytes(8) + SPEC_INFORMATION


def test_the_password_hash_is_the_published_one() -> None:
    assert nt_hash("Password").hex() == "a4f49c406510bdcab6824ee7c30fd852"
    assert nt_hash("secret").hex() == "878d8014606cda29677a44efa1353fc7"
    assert nt_hash("").hex() == "31d6cfe0d16ae931b73c59d7e0c089c0"


def test_the_response_key_is_the_published_one() -> None:
    key = ntlm._ntowf_v2(nt_hash("Password"), "User", "Domain")
    assert key.hex() == "0c868a403bfd7a93a3001ef22ef02e3f"


def test_proof_and_keys_are_the_published_ones() -> None:
    message, _ = initiate(
        spec_challenge(),
        user="User",
        domain="Domain",
        nt_hash=nt_hash("Password"),
        client_nonce=b"\xaa" * 8,
        session_key=b"\x55" * 16,
        workstation="COMPUTER",
        at=-11_644_473_600.0,
    )
    parsed = AuthenticateMessage.parse(message)
    assert parsed.proof.hex() == "68cd0ab851e51c96aabc927bebef6a1c"
    assert parsed.session_key.hex() == "c5dad2544fc9799094ce1ce90bc9d03e"
    assert message[72:] == SPEC_AUTHENTICATE[72:]


def test_the_published_message_is_accepted_and_yields_the_published_keys() -> None:
    message = AuthenticateMessage.parse(SPEC_AUTHENTICATE)
    assert (message.user, message.domain, message.workstation) == ("User", "Domain", "COMPUTER")
    key = ntlm._ntowf_v2(nt_hash("Password"), "User", "Domain")
    base = hmac_md5(key, message.proof)
    assert base.hex() == "8de40ccadbc14a82f15cb0ad0de95ca3"
    assert rc4(base, message.session_key) == b"\x55" * 16
    assert accept(message, NONCE, nt_hash("Password")) is not None
    assert accept(message, NONCE, nt_hash("password")) is None
    assert accept(message, bytes(8), nt_hash("Password")) is None


def test_our_challenge_is_the_recorded_one_byte_for_byte() -> None:
    recorded_challenge = gssapi_data(recorded("sipe-ntlm-v4.txt")[3].message)
    nonce = recorded_challenge[24:32]
    ticks = ChallengeMessage.parse(recorded_challenge).timestamp
    assert ticks is not None
    at = struct.unpack("<Q", ticks)[0] / 10_000_000 - 11_644_473_600
    ours = challenge_message(TARGET, nonce, at)
    length = len(ours) - 12
    assert ours[: length - 8] == recorded_challenge[: length - 8]
    assert abs(struct.unpack("<Q", ours[length:-4])[0] - struct.unpack("<Q", ticks)[0]) < 100


def test_the_recorded_client_is_accepted_with_its_password_and_no_other() -> None:
    session = recorded("sipe-ntlm-v4.txt")
    challenge = gssapi_data(session[3].message)
    message = AuthenticateMessage.parse(gssapi_data(session[4].message))
    assert (message.user, message.domain, message.workstation) == ("alice", "", "VM")
    assert message.flags == SIPE_FLAGS
    keys = accept(message, challenge[24:32], nt_hash("secret"), challenge=challenge)
    assert keys is not None
    expected = NtlmKeys.derive(SIPE_KEY, SIPE_FLAGS)
    assert keys.sign_client(b"x") == expected.sign_client(b"x")
    assert keys.sign_server(b"x") == expected.sign_server(b"x")
    assert accept(message, challenge[24:32], nt_hash("Secret")) is None
    assert accept(message, challenge[24:32], nt_hash("")) is None


def test_signatures_are_the_recorded_ones() -> None:
    keys = NtlmKeys.derive(SIPE_KEY, SIPE_FLAGS)
    common = (
        "<SIP Communications Service><lync.example.com><A6A0g6EFDa06A1iA907m2D3Dt8A5Fb3FABx09DBx>"
    )
    who = "<3><REGISTER><sip:alice@example.com><2510835193><sip:alice@example.com>"
    asked = f"<NTLM><8e3a73b5><1>{common}{who}<><><><>"
    told = f"<NTLM><904D600F><1>{common}{who}<7384150BEDD94A0281913E58E4E3C349><><><600><200>"
    assert keys.sign_client(asked.encode()).hex() == "0100000052cf71578a1a697b64000000"
    assert keys.sign_server(told.encode()).hex() == "01000000693c6ed9d7aea96364000000"
    assert keys.client.verify(asked.encode(), keys.sign_client(asked.encode()))
    assert not keys.server.verify(asked.encode(), keys.sign_client(asked.encode()))


def test_our_client_answers_as_communicator_did(monkeypatch: pytest.MonkeyPatch) -> None:
    challenge, register, _ = (entry.message for entry in recorded("ocs-2007-r2.txt"))
    theirs = AuthenticateMessage.parse(gssapi_data(register))
    key = ntlm._ntowf_v2(nt_hash("Pa$$word"), "User", "COSMO")
    monkeypatch.setattr(ntlm, "filetime", lambda _at: theirs.temp[8:16])  # floats are coarser
    ours, _ = initiate(
        gssapi_data(challenge),
        user="User",
        domain="COSMO",
        nt_hash=nt_hash("Pa$$word"),
        client_nonce=theirs.temp[16:24],
        session_key=rc4(hmac_md5(key, theirs.proof), theirs.session_key),
        workstation="COSMO-OCS-R2",
        at=0.0,
    )
    assert ours[:64] == theirs.data[:64]
    assert ours[72:] == theirs.data[72:]  # between them stands the system's version


@pytest.mark.parametrize(
    ("flags", "length"),
    [(NtlmFlags.KEY_128, 16), (NtlmFlags.KEY_56, 7), (NtlmFlags(0), 5)],
)
def test_weaker_flags_shorten_the_sealing_key(flags: NtlmFlags, length: int) -> None:
    same = SIPE_KEY[:length] + bytes(16 - length)
    ours = NtlmKeys.derive(SIPE_KEY, flags).client._mask
    assert ours == NtlmKeys.derive(same, flags).client._mask
    if length > 1:
        other = SIPE_KEY[: length - 1] + bytes(17 - length)
        assert ours != NtlmKeys.derive(other, flags).client._mask


def test_letters_are_raised_one_by_one() -> None:
    key = nt_hash("x")
    assert ntlm._ntowf_v2(key, "straße", "") == ntlm._ntowf_v2(key, "STRAßE", "")
    assert ntlm._ntowf_v2(key, "ärger", "") == ntlm._ntowf_v2(key, "ÄRGER", "")
    assert ntlm._ntowf_v2(key, "a", "Domain") != ntlm._ntowf_v2(key, "a", "DOMAIN")


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(names, names, names, names, st.binary(min_size=8, max_size=8), st.booleans())
def test_who_knows_the_password_is_accepted_and_nobody_else(
    user: str, domain: str, password: str, other: str, nonce: bytes, timed: bool
) -> None:
    challenge = challenge_message(TARGET, nonce, 1.0) if timed else spec_challenge()
    nonce = nonce if timed else NONCE
    data, client = initiate(
        challenge,
        user=user,
        domain=domain,
        nt_hash=nt_hash(password),
        client_nonce=b"12345678",
        session_key=b"0123456789abcdef",
        workstation="W",
        at=2.0,
    )
    message = AuthenticateMessage.parse(data)
    assert (message.user, message.domain) == (user, domain)
    server = accept(message, nonce, nt_hash(password), challenge=challenge)
    assert server is not None
    assert server.sign_client(b"text") == client.sign_client(b"text")
    assert server.sign_server(b"text") == client.sign_server(b"text")
    if other != password:
        assert accept(message, nonce, nt_hash(other), challenge=challenge) is None


@settings(max_examples=200)
@given(st.data())
def test_damage_is_refused_politely(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([SPEC_AUTHENTICATE, spec_challenge()]))
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from(
            [whole[:at], whole[:at] + bytes((whole[at] ^ 0xFF,)) + whole[at + 1 :], whole[at:]]
        )
    )
    for read in (AuthenticateMessage.parse, ChallengeMessage.parse):
        try:
            message = read(damaged)
        except RemoteProtocolError:
            continue
        if isinstance(message, AuthenticateMessage):
            accept(message, NONCE, nt_hash("Password"), challenge=spec_challenge())


@given(st.binary(max_size=200))
def test_noise_is_no_message(noise: bytes) -> None:
    for read in (AuthenticateMessage.parse, ChallengeMessage.parse):
        with pytest.raises(RemoteProtocolError):
            read(noise)


def test_a_challenge_that_offers_too_little_is_not_answered() -> None:
    whole = challenge_message(TARGET, NONCE, 0.0)
    flags = struct.unpack_from("<I", whole, 20)[0] & ~NtlmFlags.KEY_EXCH
    with pytest.raises(RemoteProtocolError, match="too little"):
        ChallengeMessage.parse(whole[:20] + struct.pack("<I", flags) + whole[24:])


def test_an_old_response_is_not_taken() -> None:
    parts = SPEC_AUTHENTICATE[:20] + struct.pack("<HHI", 24, 24, 0x6C) + SPEC_AUTHENTICATE[28:]
    with pytest.raises(RemoteProtocolError, match="NTLMv2"):
        AuthenticateMessage.parse(parts)


def test_what_is_agreed_is_within_what_is_offered() -> None:
    weak = NtlmFlags(0xE0080211)
    assert agreed_flags(weak) & ~weak == NtlmFlags.REQUEST_TARGET
    assert agreed_flags(NtlmFlags(0xE2998255)) == SIPE_FLAGS


def test_the_short_names_follow_from_the_host() -> None:
    assert NtlmTarget.of("lync.example.com", "example.com") == TARGET
    assert NtlmTarget.of("averyveryverylonghost.x", "d").netbios_computer == "AVERYVERYVERYLO"
