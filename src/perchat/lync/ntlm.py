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
from enum import IntFlag

from perchat.errors import RemoteProtocolError
from perchat.lync._crypto import HmacMd5, hmac_md5, md4, md5, rc4

__all__ = [
    "AuthenticateMessage",
    "ChallengeMessage",
    "NtlmFlags",
    "NtlmKeys",
    "NtlmSigner",
    "NtlmTarget",
    "accept",
    "challenge",
    "initiate",
    "nt_hash",
]

_SIGNATURE = b"NTLMSSP\0"
_CHALLENGE = 2
_AUTHENTICATE = 3
_VERSION = bytes((6, 1)) + struct.pack("<H", 7601) + bytes(3) + b"\x0f"  # 2.2.2.10, revision 15
_CHALLENGE_HEAD = 56
_AUTHENTICATE_HEAD = 72
_MIC = slice(72, 88)
_MIC_PRESENT = 2  # MsvAvFlags, 2.2.2.1
_PROOF = 16
_TEMP_HEAD = 28
_V1_RESPONSE = 24
_KEY = 16
_SEQUENCE = struct.pack("<I", 100)  # [MS-SIPAE] 3.2.5.1
_MAC_VERSION = struct.pack("<I", 1)
_EPOCH_1601 = 11_644_473_600

_SIGN_MAGIC = b"session key to %s signing key magic constant\0"
_SEAL_MAGIC = b"session key to %s sealing key magic constant\0"
_TO_SERVER = b"client-to-server"
_TO_CLIENT = b"server-to-client"


class NtlmFlags(IntFlag):
    """What the two sides agree on ([MS-NLMP] 2.2.2.5)."""

    UNICODE = 0x00000001
    REQUEST_TARGET = 0x00000004
    SIGN = 0x00000010
    DATAGRAM = 0x00000040
    NTLM = 0x00000200
    ALWAYS_SIGN = 0x00008000
    TARGET_TYPE_DOMAIN = 0x00010000
    EXTENDED_SESSIONSECURITY = 0x00080000
    IDENTIFY = 0x00100000
    TARGET_INFO = 0x00800000
    VERSION = 0x02000000
    KEY_128 = 0x20000000
    KEY_EXCH = 0x40000000
    KEY_56 = 0x80000000


_F = NtlmFlags
_REQUIRED = _F.UNICODE | _F.SIGN | _F.NTLM | _F.EXTENDED_SESSIONSECURITY | _F.KEY_EXCH
_ANSWERED = (
    _REQUIRED
    | _F.REQUEST_TARGET
    | _F.DATAGRAM
    | _F.ALWAYS_SIGN
    | _F.IDENTIFY
    | _F.TARGET_INFO
    | _F.VERSION
    | _F.KEY_128
)
_OFFERED = _ANSWERED | _F.TARGET_TYPE_DOMAIN | _F.KEY_56


class _Av:
    """Ids of the pairs in target information ([MS-NLMP] 2.2.2.1)."""

    END = 0
    NETBIOS_COMPUTER = 1
    NETBIOS_DOMAIN = 2
    DNS_COMPUTER = 3
    DNS_DOMAIN = 4
    FLAGS = 6
    TIMESTAMP = 7


def nt_hash(password: str) -> bytes:
    """
    Return what the directory keeps in place of the password, 16 bytes.

    It is as good as the password to whoever holds it: encrypt it at rest.
    """
    return md4(password.encode("utf-16-le", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class NtlmTarget:
    """What a server calls itself in its challenge."""

    netbios_domain: str
    netbios_computer: str
    dns_domain: str
    dns_computer: str

    @classmethod
    def of(cls, host: str, domain: str) -> NtlmTarget:
        """Derive the NetBIOS names: the first labels, upper case, at most 15 characters."""
        short = [name.partition(".")[0].upper()[:15] for name in (domain, host)]
        return cls(short[0], short[1], domain, host)


def challenge(target: NtlmTarget, nonce: bytes, at: float) -> bytes:
    """
    Build a CHALLENGE message ([MS-NLMP] 2.2.1.2).

    Args:
        target: The server's names.
        nonce: Eight bytes nobody can guess, used for this challenge alone.
        at: Seconds since the epoch.

    """
    name = _utf16(target.netbios_domain)
    information = _target_information(target, at)
    return b"".join(
        (
            _SIGNATURE,
            struct.pack("<I", _CHALLENGE),
            struct.pack("<HHI", len(name), len(name), _CHALLENGE_HEAD),
            struct.pack("<I", _OFFERED),
            nonce,
            bytes(8),
            struct.pack("<HHI", len(information), len(information), _CHALLENGE_HEAD + len(name)),
            _VERSION,
            name,
            information,
        )
    )


@dataclass(frozen=True, slots=True)
class ChallengeMessage:
    """A CHALLENGE as the client reads it ([MS-NLMP] 2.2.1.2)."""

    flags: NtlmFlags
    nonce: bytes
    target_information: bytes

    @classmethod
    def parse(cls, data: bytes) -> ChallengeMessage:
        """
        Read a CHALLENGE message.

        Raises:
            RemoteProtocolError: It is not one, or offers less than signing needs.

        """
        _check_head(data, _CHALLENGE, 48)
        flags = NtlmFlags(struct.unpack_from("<I", data, 20)[0])
        if flags & _REQUIRED != _REQUIRED:
            raise RemoteProtocolError(f"NTLM challenge offers too little: {int(flags):#010x}")
        information = _field(data, 40) if flags & _F.TARGET_INFO else _pair(_Av.END, b"")
        _pairs(information)
        return cls(flags, data[24:32], information)

    @property
    def timestamp(self) -> bytes | None:
        """The server's own time as it stands in the message, if it does."""
        return _pairs(self.target_information).get(_Av.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class AuthenticateMessage:
    """
    An AUTHENTICATE as the server reads it ([MS-NLMP] 2.2.1.3).

    Attributes:
        user: As typed.
        domain: As typed; empty when the user named none.
        workstation: What the client calls its machine.
        flags: What the client agreed to.
        response: Proof and the bytes it covers.
        session_key: Encrypted under a key that follows from the proof.
        data: The whole message, which a MIC covers.

    """

    user: str
    domain: str
    workstation: str
    flags: NtlmFlags
    response: bytes = field(repr=False)
    session_key: bytes = field(repr=False)
    data: bytes = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> AuthenticateMessage:
        """
        Read an AUTHENTICATE message.

        Raises:
            RemoteProtocolError: It is not one, is NTLMv1, or agrees to less than signing needs.

        """
        _check_head(data, _AUTHENTICATE, 64)
        flags = NtlmFlags(struct.unpack_from("<I", data, 60)[0])
        if flags & _REQUIRED != _REQUIRED:
            raise RemoteProtocolError(f"NTLM client agrees to too little: {int(flags):#010x}")
        response, session_key = _field(data, 20), _field(data, 52)
        if len(response) < _PROOF + _TEMP_HEAD or len(response) <= _V1_RESPONSE:
            raise RemoteProtocolError("not an NTLMv2 response")
        _pairs(response[_PROOF + _TEMP_HEAD :])
        if len(session_key) != _KEY:
            raise RemoteProtocolError("NTLM session key is not of 16 bytes")
        user, domain, workstation = (_text(_field(data, at)) for at in (36, 28, 44))
        return cls(user, domain, workstation, flags, response, session_key, data)

    @property
    def mic(self) -> bytes | None:
        """The code over the whole exchange, if the client says there is one."""
        pairs = _pairs(self.response[_PROOF + _TEMP_HEAD :])
        flags = pairs.get(_Av.FLAGS, b"")
        if not flags or not flags[0] & _MIC_PRESENT or len(self.data) < _MIC.stop:
            return None
        return self.data[_MIC]


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
    proof, temp = authenticate.response[:_PROOF], authenticate.response[_PROOF:]
    expected = hmac_md5(key, nonce + temp)
    session_key = rc4(hmac_md5(key, expected), authenticate.session_key)
    if not hmac.compare_digest(proof, expected):
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
    head = b"\x01\x01" + bytes(6) + (time or _filetime(at or 0.0)) + client_nonce + bytes(4)
    temp = head + asked.target_information + bytes(4)
    proof = hmac_md5(key, asked.nonce + temp)
    # With the server's time at hand the weaker response is left empty (3.1.5.1.2).
    weak = bytes(24) if time else hmac_md5(key, asked.nonce + client_nonce) + client_nonce
    sealed = rc4(hmac_md5(key, proof), session_key)
    flags = _ANSWERED & (asked.flags | _F.REQUEST_TARGET)
    payload = (_utf16(domain), _utf16(user), _utf16(workstation), weak, proof + temp, sealed)
    return _authenticate(payload, flags), NtlmKeys.derive(session_key, flags)


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
        stream = rc4(md5(sealing + _SEQUENCE), bytes(8))  # 3.4.4: a fresh stream a message
        return cls(HmacMd5(signing, _SEQUENCE), int.from_bytes(stream, "little"))

    def sign(self, text: bytes) -> bytes:
        """Return the signature of ``text``."""
        check = int.from_bytes(self._mac.digest(text)[:8], "little") ^ self._mask
        return _MAC_VERSION + check.to_bytes(8, "little") + _SEQUENCE

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


def _target_information(target: NtlmTarget, at: float) -> bytes:
    names = (
        (_Av.NETBIOS_DOMAIN, target.netbios_domain),
        (_Av.NETBIOS_COMPUTER, target.netbios_computer),
        (_Av.DNS_DOMAIN, target.dns_domain),
        (_Av.DNS_COMPUTER, target.dns_computer),
    )
    texts = b"".join(_pair(identifier, _utf16(text)) for identifier, text in names)
    return texts + _pair(_Av.TIMESTAMP, _filetime(at)) + _pair(_Av.END, b"")


def _ntowf_v2(nt_hash: bytes, user: str, domain: str) -> bytes:
    return hmac_md5(nt_hash, _utf16(_upper(user) + domain))  # 3.3.2: the domain as typed


def _upper(user: str) -> str:
    """Raise letters one by one, as the other side does: ß has no single capital and stays."""
    return "".join(raised if len(raised := letter.upper()) == 1 else letter for letter in user)


def _mic_is_right(message: AuthenticateMessage, challenge: bytes, session_key: bytes) -> bool:
    mic = message.mic
    if mic is None or not challenge:
        return True
    blank = message.data[: _MIC.start] + bytes(16) + message.data[_MIC.stop :]
    return hmac.compare_digest(mic, hmac_md5(session_key, challenge + blank))


def _seal_length(flags: NtlmFlags) -> int:
    if flags & _F.KEY_128:
        return 16
    return 7 if flags & _F.KEY_56 else 5


def _authenticate(payload: tuple[bytes, ...], flags: NtlmFlags) -> bytes:
    """Lay out domain, user, workstation, both responses and key (2.2.1.3)."""
    offset = _AUTHENTICATE_HEAD
    places = []
    for part in payload:
        places.append(struct.pack("<HHI", len(part), len(part), offset))
        offset += len(part)
    domain, user, workstation, weak, strong, key = places
    head = (weak, strong, domain, user, workstation, key, struct.pack("<I", flags), _VERSION)
    return b"".join((_SIGNATURE, struct.pack("<I", _AUTHENTICATE), *head, *payload))


def _check_head(data: bytes, kind: int, length: int) -> None:
    if len(data) < length or data[:12] != _SIGNATURE + struct.pack("<I", kind):
        raise RemoteProtocolError(f"not an NTLM message of type {kind}")


def _field(data: bytes, at: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", data, at)
    if offset + length > len(data):
        raise RemoteProtocolError("NTLM field reaches beyond its message")
    return data[offset : offset + length]


def _pairs(data: bytes) -> dict[int, bytes]:
    pairs: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        identifier, length = struct.unpack_from("<HH", data, at)
        if identifier == _Av.END:
            return pairs
        pairs[identifier] = data[at + 4 : at + 4 + length]
        at += 4 + length
    raise RemoteProtocolError("NTLM target information has no end")


def _pair(identifier: int, value: bytes) -> bytes:
    return struct.pack("<HH", identifier, len(value)) + value


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-16-le")
    except UnicodeDecodeError:
        raise RemoteProtocolError("NTLM name is not UTF-16") from None


def _filetime(at: float) -> bytes:
    return struct.pack("<Q", int((at + _EPOCH_1601) * 10_000_000))
