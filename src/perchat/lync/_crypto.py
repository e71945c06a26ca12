"""
The three old algorithms NTLM cannot do without: MD4, RC4 and HMAC-MD5.

OpenSSL 3 hides the first two behind a provider that is usually not loaded. MD4 runs
once a password, RC4 three times a sign-in: in OpenSSL where it can be had there, else
here. HMAC-MD5 runs once a signed message, so its two key blocks are hashed ahead.
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HmacMd5", "hmac_md5", "md4", "md5", "rc4"]

_WORD = 0xFFFFFFFF
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))  # RFC 2104's two pads, a byte at a time
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_RC4_KEY = 16  # bytes, of every key in NTLM; the algorithm itself takes others
_MD4_START = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)

# RFC 1320 §3.4, a row a round: its constant, its rotations, the order it reads the words in.
_MD4_ROUNDS = (
    (0x00000000, (3, 7, 11, 19), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)),
    (0x5A827999, (3, 5, 9, 13), (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)),
    (0x6ED9EBA1, (3, 9, 11, 15), (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)),
)


def _select(x: int, y: int, z: int) -> int:
    return (x & y) | (~x & z)


def _majority(x: int, y: int, z: int) -> int:
    return (x & y) | (x & z) | (y & z)


def _parity(x: int, y: int, z: int) -> int:
    return x ^ y ^ z


_MD4_MIXERS = (_select, _majority, _parity)


def md4(data: bytes) -> bytes:
    """Digest ``data`` (RFC 1320)."""
    padding = b"\x80" + bytes((55 - len(data)) % _BLOCK) + struct.pack("<Q", len(data) * 8)
    state: tuple[int, ...] = _MD4_START
    for block in struct.iter_unpack("<16I", data + padding):
        mixed = _md4_block(state, block)
        state = tuple((old + new) & _WORD for old, new in zip(state, mixed, strict=True))
    return struct.pack("<4I", *state)


def _md4_block(state: tuple[int, ...], words: tuple[int, ...]) -> tuple[int, int, int, int]:
    a, b, c, d = state
    for (constant, shifts, order), mix in zip(_MD4_ROUNDS, _MD4_MIXERS, strict=True):
        for step, index in enumerate(order):
            total = (a + mix(b, c, d) + words[index] + constant) & _WORD
            shift = shifts[step % 4]
            a, b, c, d = d, ((total << shift) | (total >> (32 - shift))) & _WORD, b, c
    return a, b, c, d


def rc4(key: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt ``data`` with a stream that starts anew under ``key``."""
    native = _native_rc4() if len(key) == _RC4_KEY else None
    return _rc4(key, data) if native is None else native(key, data)


@cache
def _native_rc4() -> Callable[[bytes, bytes], bytes] | None:
    """Return OpenSSL's own, six times as fast; None where its old algorithms are not loaded."""
    from cryptography.exceptions import UnsupportedAlgorithm  # late: NTLM alone needs it
    from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
    from cryptography.hazmat.primitives.ciphers import Cipher

    def encrypted(key: bytes, data: bytes) -> bytes:
        return Cipher(ARC4(key), None).encryptor().update(data)

    try:
        encrypted(bytes(16), b"")
    except UnsupportedAlgorithm:
        return None
    return encrypted


def _rc4(key: bytes, data: bytes) -> bytes:
    box = list(range(256))
    j = 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) & 0xFF
        box[i], box[j] = box[j], box[i]
    out = bytearray()
    j = 0
    for count, byte in enumerate(data, start=1):
        i = count & 0xFF
        j = (j + box[i]) & 0xFF
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) & 0xFF])
    return bytes(out)


def md5(data: bytes) -> bytes:
    """Digest ``data`` (RFC 1321)."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def hmac_md5(key: bytes, data: bytes) -> bytes:
    """Authenticate ``data`` under a key used once (RFC 2104)."""
    return HmacMd5(key).digest(data)


class HmacMd5:
    """
    HMAC-MD5 under a key used often (RFC 2104).

    A digest costs two copies of a hash state instead of hashing the key blocks
    again. ``prefix`` is put before everything that is digested.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, prefix: bytes = b"") -> None:
        block = (md5(key) if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.md5(block.translate(_INNER) + prefix, usedforsecurity=False)
        self._outer = hashlib.md5(block.translate(_OUTER), usedforsecurity=False)

    def digest(self, data: bytes) -> bytes:
        """Return the 16 bytes that authenticate prefix and ``data``."""
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()
