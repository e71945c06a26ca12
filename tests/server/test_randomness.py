"""Bytes nobody can guess: as many as are asked for, and none of them twice."""

from __future__ import annotations

import secrets

import pytest

from perchat.server.randomness import Randomness


def test_no_byte_is_given_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[bytes] = []

    def fetch(count: int) -> bytes:
        fetched.append(token_bytes(count))
        return fetched[-1]

    token_bytes = secrets.token_bytes
    monkeypatch.setattr(secrets, "token_bytes", fetch)
    random = Randomness()
    given = [random(4) for _ in range(1000)]
    assert b"".join(given) == b"".join(fetched)[:4000]
    assert len(fetched) == 4


@pytest.mark.parametrize("count", [0, 1, 16, 1023, 1024, 1025, 5000])
def test_as_many_bytes_come_as_are_asked_for(count: int) -> None:
    random = Randomness()
    assert [len(random(count)) for _ in range(3)] == [count] * 3


def test_two_servers_do_not_share_what_they_fetched() -> None:
    assert Randomness()(16) != Randomness()(16)
