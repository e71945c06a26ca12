from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perchat.lync._crypto import HmacMd5, _rc4, hmac_md5, md4, md5, rc4

MD4_SUITE = {  # RFC 1320 A.5
    "": "31d6cfe0d16ae931b73c59d7e0c089c0",
    "a": "bde52cb31de33e46245e05fbdbd6fb24",
    "abc": "a448017aaf21d8525fc10ae87aa6729d",
    "message digest": "d9130a8164549fe818874806e1c7014b",
    "abcdefghijklmnopqrstuvwxyz": "d79e1c308aa5bbcdeea8ed63df412da9",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": (
        "043f8582f241db351ce627e153e7f0e4"
    ),
    "1234567890" * 8: "e33b4ddc9c38f2199c3e7b164fcc0536",
}

RC4_SUITE = [  # the three of the algorithm's first publication
    ("Key", "Plaintext", "bbf316e8d940af0ad3"),
    ("Wiki", "pedia", "1021bf0420"),
    ("Secret", "Attack at dawn", "45a01f645fc35b383552544b9bf5"),
]


@pytest.mark.parametrize(("text", "digest"), MD4_SUITE.items())
def test_md4_agrees_with_its_standard(text: str, digest: str) -> None:
    assert md4(text.encode()).hex() == digest


@pytest.mark.parametrize(("key", "text", "encrypted"), RC4_SUITE)
def test_rc4_agrees_with_its_vectors(key: str, text: str, encrypted: str) -> None:
    assert rc4(key.encode(), text.encode()).hex() == encrypted


def test_rc4_agrees_with_the_vector_for_a_40_bit_key() -> None:
    key = bytes.fromhex("0102030405")  # RFC 6229 §2
    assert rc4(key, bytes(16)).hex() == "b2396305f03dc027ccc3524a0a1118a8"


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=300))
def test_rc4_twice_is_nothing(key: bytes, data: bytes) -> None:
    assert rc4(key, rc4(key, data)) == data


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=300))
def test_rc4_is_the_same_with_and_without_the_library(key: bytes, data: bytes) -> None:
    assert rc4(key, data) == _rc4(key, data)


@given(st.binary(max_size=130), st.binary(max_size=20), st.binary(max_size=300))
def test_hmac_is_the_library_s(key: bytes, prefix: bytes, data: bytes) -> None:
    expected = hmac.digest(key, prefix + data, "md5")
    assert HmacMd5(key, prefix).digest(data) == expected
    assert hmac_md5(key, prefix + data) == expected


@given(st.binary(max_size=200))
def test_md4_does_not_depend_on_where_blocks_end(data: bytes) -> None:
    assert len(md4(data)) == 16
    assert md4(data) != md4(data + b"\0")
    assert md5(data) == hashlib.md5(data).digest()
