"""
NTLM's two messages without a connection, read and written ([MS-NLMP] 2.2.1).

CHALLENGE goes to the client, AUTHENTICATE comes back. Lengths and offsets are a
stranger's: each field is checked to lie inside its message.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntFlag
from functools import cache

from perchat.errors import RemoteProtocolError

__all__ = [
    "AuthenticateMessage",
    "ChallengeMessage",
    "NtlmFlags",
    "NtlmTarget",
    "agreed_flags",
    "authenticate_message",
    "challenge_message",
    "filetime",
    "utf16",
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
_KEY = 16
_EPOCH_1601 = 11_644_473_600


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


def challenge_message(target: NtlmTarget, nonce: bytes, at: float) -> bytes:
    """
    Build a CHALLENGE message ([MS-NLMP] 2.2.1.2).

    Args:
        target: The server's names.
        nonce: Eight bytes nobody can guess, used for this challenge alone.
        at: Seconds since the epoch.

    """
    name = utf16(target.netbios_domain)
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
        if _REQUIRED not in flags:
            raise RemoteProtocolError(f"NTLM challenge offers too little: {int(flags):#010x}")
        information = _field(data, 40) if _F.TARGET_INFO in flags else _pair(_Av.END, b"")
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
        if _REQUIRED not in flags:
            raise RemoteProtocolError(f"NTLM client agrees to too little: {int(flags):#010x}")
        response, session_key = _field(data, 20), _field(data, 52)
        if len(response) < _PROOF + _TEMP_HEAD:  # NTLMv1 has 24 bytes
            raise RemoteProtocolError("not an NTLMv2 response")
        _pairs(response[_PROOF + _TEMP_HEAD :])
        if len(session_key) != _KEY:
            raise RemoteProtocolError("NTLM session key is not of 16 bytes")
        user, domain, workstation = (_text(_field(data, at)) for at in (36, 28, 44))
        return cls(user, domain, workstation, flags, response, session_key, data)

    @property
    def proof(self) -> bytes:
        """What only who knows the password can compute."""
        return self.response[:_PROOF]

    @property
    def temp(self) -> bytes:
        """What the proof covers besides our nonce."""
        return self.response[_PROOF:]

    @property
    def without_mic(self) -> bytes:
        """The message with zeros in place of its MIC."""
        return self.data[: _MIC.start] + bytes(16) + self.data[_MIC.stop :]

    @property
    def mic(self) -> bytes | None:
        """The code over the whole exchange, if the client says there is one."""
        pairs = _pairs(self.response[_PROOF + _TEMP_HEAD :])
        flags = pairs.get(_Av.FLAGS, b"")
        if not flags or not flags[0] & _MIC_PRESENT or len(self.data) < _MIC.stop:
            return None
        return self.data[_MIC]


def _target_information(target: NtlmTarget, at: float) -> bytes:
    return _target_names(target) + _pair(_Av.TIMESTAMP, filetime(at)) + _pair(_Av.END, b"")


@cache
def _target_names(target: NtlmTarget) -> bytes:
    names = (
        (_Av.NETBIOS_DOMAIN, target.netbios_domain),
        (_Av.NETBIOS_COMPUTER, target.netbios_computer),
        (_Av.DNS_DOMAIN, target.dns_domain),
        (_Av.DNS_COMPUTER, target.dns_computer),
    )
    return b"".join(_pair(identifier, utf16(text)) for identifier, text in names)


def agreed_flags(offered: NtlmFlags) -> NtlmFlags:
    """Return what a client of ours takes of what a server offers."""
    return _ANSWERED & (offered | _F.REQUEST_TARGET)


def authenticate_message(payload: tuple[bytes, ...], flags: NtlmFlags) -> bytes:
    """
    Build an AUTHENTICATE message.

    Args:
        payload: Domain, user, workstation, the weak response, the strong one, the key.
        flags: See `agreed_flags`.

    """
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


def utf16(text: str) -> bytes:
    """Encode a name as NTLM does."""
    return text.encode("utf-16-le", "surrogatepass")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-16-le")
    except UnicodeDecodeError:
        raise RemoteProtocolError("NTLM name is not UTF-16") from None


def filetime(at: float) -> bytes:
    """Encode seconds since the epoch as tenths of a microsecond since 1601."""
    return struct.pack("<Q", int((at + _EPOCH_1601) * 10_000_000))
