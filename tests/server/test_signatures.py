"""Signed messages that a server must not take, sent to a real one over TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.sip.message import Request
from tests.server.harness import make_sample, raw, running
from tests.server.signing import Signer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def alice(tmp_path: Path) -> AsyncIterator[Signer]:
    async with running(await make_sample(tmp_path / "data")) as sample, raw(sample.tcp) as peer:
        signer = Signer(peer)
        await signer.sign_in()
        yield signer


async def test_a_signed_message_is_taken_once(alice: Signer) -> None:
    signed = alice.initiator.seal(alice.next("MESSAGE"))
    first = await alice.exchange(signed)
    assert first.status not in (401, 403)
    assert await alice.refusal(signed) == (
        401,
        1000,
        "The signature of the request was seen before",
    )


async def test_a_message_altered_on_its_way_is_refused(alice: Signer) -> None:
    signed = alice.initiator.seal(alice.next("MESSAGE"))
    assert isinstance(signed, Request)
    altered = Request(
        signed.method, signed.uri, signed.headers.replaced("To", "<sip:bob@example.com>")
    )
    assert await alice.refusal(altered) == (401, 1000, "The signature of the request is wrong")


@pytest.mark.parametrize("method", ["MESSAGE", "REGISTER"])
async def test_nobody_signs_for_another(alice: Signer, method: str) -> None:
    forged = alice.initiator.seal(alice.next(method, sender="bob"))
    status, code, _ = await alice.refusal(forged)
    assert (status, code) == (403, 4004)


async def test_after_all_that_the_sign_in_still_stands(alice: Signer) -> None:
    assert await alice.refusal(alice.next("MESSAGE")) == (401, 0, "")
    again = alice.initiator.seal(alice.next("REGISTER"))
    assert (await alice.exchange(again)).status == 200
