"""
NTLM against pyspnego, which shares no line with ours.

It has no datagram mode. Its client is made to forget the NEGOTIATE message that
was never sent; its server gets one it insists on and we do not see.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import pytest
import spnego
from spnego._ntlm_raw.crypto import hmac_md5, md5, rc4, rc4init, sealkey, signkey
from spnego.exceptions import SpnegoError

from perchat.lync.ntlm import NtlmKeys, accept, initiate, nt_hash
from perchat.lync.ntlm_message import AuthenticateMessage, NtlmFlags, challenge_message
from tests.lync.values import AT, TARGET

if TYPE_CHECKING:
    from pathlib import Path

NONCE = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
ACCOUNTS = [
    ("alice", "", "secret"),
    ("Älice", "EXAMPLE", "pässwörd Ж 😀"),
    ("bob", "example.com", "x" * 100),
]
# What a client of SIP would have asked for, had it asked (2.2.1.1).
NEGOTIATE = b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2188255 & ~0x00800000) + bytes(16) + bytes(8)
TEXT = b"<NTLM><8e3a73b5><1><SIP Communications Service>"


class _NeverSent:
    """Stands for the NEGOTIATE message of a client that sent none."""

    def pack(self) -> bytes:
        return b""


def their_client(user: str, domain: str, password: str, *, connected: bool = False) -> Any:
    name = f"{domain}\\{user}" if domain else user
    options = spnego.NegotiateOptions.use_ntlm
    client: Any = spnego.client(name, password, protocol="ntlm", options=options)
    client.step()
    if not connected:
        client._temp_negotiate = _NeverSent()
    return client


def their_signature(session_key: bytes, flags: int, usage: str, text: bytes) -> bytes:
    """A signature made of their parts, with the rules of datagrams."""
    sequence = struct.pack("<I", 100)
    check = hmac_md5(signkey(flags, session_key, usage), sequence + text)[:8]
    handle = rc4init(md5(sealkey(flags, session_key, usage) + sequence))
    return struct.pack("<I", 1) + rc4(handle, check) + sequence


def agree(keys: NtlmKeys, session_key: bytes, flags: int) -> bool:
    ours = (keys.sign_client(TEXT), keys.sign_server(TEXT))
    usages = ("initiate", "accept")
    return ours == tuple(their_signature(session_key, flags, usage, TEXT) for usage in usages)


@pytest.mark.parametrize(("user", "domain", "password"), ACCOUNTS)
def test_their_client_is_accepted_by_us(user: str, domain: str, password: str) -> None:
    client = their_client(user, domain, password)
    challenge = challenge_message(TARGET, NONCE, AT)
    message = AuthenticateMessage.parse(client.step(challenge))
    assert (message.user, message.domain) == (user, domain)
    assert message.mic is not None
    keys = accept(message, NONCE, nt_hash(password), challenge=challenge)
    assert keys is not None
    assert agree(keys, client.session_key, int(message.flags))
    assert accept(message, NONCE, nt_hash(password + "x"), challenge=challenge) is None


def test_a_code_over_the_whole_exchange_is_checked() -> None:
    challenge = challenge_message(TARGET, NONCE, AT)
    message = AuthenticateMessage.parse(their_client("alice", "", "secret").step(challenge))
    data = bytearray(message.data)
    data[60] ^= 0x20  # a flag on the way, which the proof does not cover
    changed = AuthenticateMessage.parse(bytes(data))
    assert accept(message, NONCE, nt_hash("secret"), challenge=challenge) is not None
    assert accept(changed, NONCE, nt_hash("secret"), challenge=challenge) is None


def test_a_code_over_another_exchange_is_found_out() -> None:
    challenge = challenge_message(TARGET, NONCE, AT)
    client = their_client("alice", "", "secret", connected=True)
    message = AuthenticateMessage.parse(client.step(challenge))
    assert accept(message, NONCE, nt_hash("secret"), challenge=challenge) is None


@pytest.mark.parametrize(("user", "domain", "password"), ACCOUNTS)
def test_our_client_is_accepted_by_them(
    user: str, domain: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "users"
    users.write_text(f"{domain}:{user}:{password}\n", encoding="utf-8")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    server: Any = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    challenge = server.step(NEGOTIATE)
    message, keys = ours(challenge, user, domain, password)
    server.step(message)
    assert server.complete
    assert agree(keys, server.session_key, int(AuthenticateMessage.parse(message).flags))


def test_our_wrong_password_is_refused_by_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = tmp_path / "users"
    users.write_text(":alice:secret\n", encoding="utf-8")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    server: Any = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    message, _ = ours(server.step(NEGOTIATE), "alice", "", "Secret")
    with pytest.raises(SpnegoError):
        server.step(message)


def ours(challenge: bytes, user: str, domain: str, password: str) -> tuple[bytes, NtlmKeys]:
    return initiate(
        challenge,
        user=user,
        domain=domain,
        nt_hash=nt_hash(password),
        client_nonce=os.urandom(8),
        session_key=os.urandom(16),
        workstation="W",
        at=AT,
    )


@pytest.mark.parametrize("weaker", [0, 0x20000000, 0xA0000000])
def test_keys_agree_at_every_strength(weaker: int) -> None:
    flags = 0xE2998255 & ~weaker
    key = bytes(range(16))
    assert agree(NtlmKeys.derive(key, NtlmFlags(flags)), key, flags)
