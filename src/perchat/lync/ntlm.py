"""
NTLMv2 without a connection: the server opens with CHALLENGE, the client answers AUTHENTICATE.

The datagram variant of [MS-NLMP], as [MS-SIPAE] 3.2 uses it: there is no
NEGOTIATE message, every signature carries sequence number 100, and the sealing
key is made anew for each message ([MS-NLMP] 3.4.4). Both being constant, so is
the key stream that masks a signature; it is computed once a direction.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass, field

from perchat.lync._crypto import HmacMd5, hmac_md5, md4, md5, rc4
from perchat.lync.ntlm_message import (
    AuthenticateMessage,
    ChallengeMessage,
    NtlmFlags,
    NtlmTarget,
    agreed_flags,
    authenticate_message,
    filetime,
    utf16,
)

__all__ = ["NtlmKeys", "NtlmSigner", "NtlmTarget", "accept", "initiate", "nt_hash"]

_SEQUENCE = 100  # [MS-SIPAE] 3.2.5.1
_SEQUENCE_BYTES = struct.pack("<I", _SEQUENCE)
_MAC_VERSION = 1
_CHECKSUM = struct.Struct("<Q")
_SIGNATURE = struct.Struct("<IQI")  # version, checksum, sequence number ([MS-NLMP] 2.2.2.9.2)

_SIGN_MAGIC = b"session key to %s signing key magic constant\0"
_SEAL_MAGIC = b"session key to %s sealing key magic constant\0"
_TO_SERVER = b"client-to-server"
_TO_CLIENT = b"server-to-client"


def nt_hash(password: str) -> bytes:
    """
    Return what the directory keeps in place of the password, 16 bytes.

    It is as good as the password to whoever holds it: encrypt it at rest.
    """
    return md4(password.encode("utf-16-le", "surrogatepass"))


def accept(
    authenticate: AuthenticateMessage, nonce: bytes, nt_hash: bytes, *, challenge: bytes = b""
) -> NtlmKeys | None:
    """
    Check the proof of an AUTHENTICATE message ([MS-NLMP] 3.3.2).

    Args:
        authenticate: What the client sent.
        nonce: The one of our challenge.
        nt_hash: The account's, from the directory.
        challenge: Our whole challenge; with it a MIC is checked where there is one.

    Returns:
        The keys of the association, or None when the password is wrong.

    """
    key = _ntowf_v2(nt_hash, authenticate.user, authenticate.domain)
    expected = hmac_md5(key, nonce + authenticate.temp)
    session_key = rc4(hmac_md5(key, expected), authenticate.session_key)
    if not hmac.compare_digest(authenticate.proof, expected):
        return None
    if not _mic_is_right(authenticate, challenge, session_key):
        return None
    return NtlmKeys.derive(session_key, authenticate.flags)


def initiate(
    challenge: bytes,
    *,
    user: str,
    domain: str,
    nt_hash: bytes,
    client_nonce: bytes,
    session_key: bytes,
    workstation: str,
    at: float | None,
) -> tuple[bytes, NtlmKeys]:
    """
    Answer a CHALLENGE message.

    Args:
        challenge: What the server sent.
        user: As the user typed it.
        domain: As the user typed it, or empty.
        nt_hash: See :func:`nt_hash`.
        client_nonce: Eight random bytes.
        session_key: Sixteen random bytes, from which all keys follow.
        workstation: What to call this machine, or empty.
        at: Seconds since the epoch; the server's own time goes first where it gives one.

    Returns:
        The AUTHENTICATE message and the keys of the association.

    Raises:
        RemoteProtocolError: The challenge cannot be answered.

    """
    asked = ChallengeMessage.parse(challenge)
    time = asked.timestamp
    key = _ntowf_v2(nt_hash, user, domain)
    head = b"\x01\x01" + bytes(6) + (time or filetime(at or 0.0)) + client_nonce + bytes(4)
    temp = head + asked.target_information + bytes(4)
    proof = hmac_md5(key, asked.nonce + temp)
    # With the server's time at hand the weaker response is left empty (3.1.5.1.2).
    weak = bytes(24) if time else hmac_md5(key, asked.nonce + client_nonce) + client_nonce
    sealed = rc4(hmac_md5(key, proof), session_key)
    flags = agreed_flags(asked.flags)
    payload = (utf16(domain), utf16(user), utf16(workstation), weak, proof + temp, sealed)
    return authenticate_message(payload, flags), NtlmKeys.derive(session_key, flags)


@dataclass(frozen=True, slots=True)
class NtlmSigner:
    """One direction of an association: makes and checks 16-byte signatures."""

    _mac: HmacMd5 = field(repr=False)
    _mask: int = field(repr=False)

    @classmethod
    def derive(cls, session_key: bytes, direction: bytes, flags: NtlmFlags) -> NtlmSigner:
        """Make the keys of one direction ([MS-NLMP] 3.4.5.2, 3.4.5.3)."""
        signing = md5(session_key + _SIGN_MAGIC % direction)
        sealing = md5(session_key[: _seal_length(flags)] + _SEAL_MAGIC % direction)
        stream = rc4(md5(sealing + _SEQUENCE_BYTES), bytes(8))  # 3.4.4: a fresh stream a message
        return cls(HmacMd5(signing, _SEQUENCE_BYTES), *_CHECKSUM.unpack(stream))

    def sign(self, text: bytes) -> bytes:
        """Return the signature of ``text``."""
        (checksum,) = _CHECKSUM.unpack_from(self._mac.digest(text))
        return _SIGNATURE.pack(_MAC_VERSION, checksum ^ self._mask, _SEQUENCE)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` belongs to ``text``; takes the same time either way."""
        return hmac.compare_digest(self.sign(text), signature)


@dataclass(frozen=True, slots=True)
class NtlmKeys:
    """What both sides of an association share; shows nothing of it."""

    client: NtlmSigner = field(repr=False)
    server: NtlmSigner = field(repr=False)

    @classmethod
    def derive(cls, session_key: bytes, flags: NtlmFlags) -> NtlmKeys:
        """Make both directions from the session key."""
        return cls(
            NtlmSigner.derive(session_key, _TO_SERVER, flags),
            NtlmSigner.derive(session_key, _TO_CLIENT, flags),
        )

    def sign_client(self, text: bytes) -> bytes:
        """Sign as the client does."""
        return self.client.sign(text)

    def sign_server(self, text: bytes) -> bytes:
        """Sign as the server does."""
        return self.server.sign(text)


def _ntowf_v2(nt_hash: bytes, user: str, domain: str) -> bytes:
    return hmac_md5(nt_hash, utf16(_upper(user) + domain))  # 3.3.2: the domain as typed


def _upper(user: str) -> str:
    """Raise letters one by one, as the other side does: ß has no single capital and stays."""
    return "".join(raised if len(raised := letter.upper()) == 1 else letter for letter in user)


def _mic_is_right(message: AuthenticateMessage, challenge: bytes, session_key: bytes) -> bool:
    mic = message.mic
    if mic is None or not challenge:
        return True
    return hmac.compare_digest(mic, hmac_md5(session_key, challenge + message.without_mic))


def _seal_length(flags: NtlmFlags) -> int:
    if NtlmFlags.KEY_128 in flags:
        return 16
    return 7 if NtlmFlags.KEY_56 in flags else 5
