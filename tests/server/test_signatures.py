"""Signed messages that a server must not take, sent to a real one over TCP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perchat.lync.authentication import Check
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


@pytest.mark.requirement("R5")
@pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE", "SERVICE", "INFO"])
async def test_what_is_not_signed_is_refused_of_whom_has_signed_in(
    alice: Signer, method: str
) -> None:
    bare = alice.next(method, ("Event", "vnd-microsoft-provisioning-v2"))
    assert (await alice.refusal(bare))[0] == 401


@pytest.mark.parametrize("method", ["MESSAGE", "REGISTER"])
async def test_nobody_signs_for_another(alice: Signer, method: str) -> None:
    forged = alice.initiator.seal(alice.next(method, sender="bob"))
    status, code, _ = await alice.refusal(forged)
    assert (status, code) == (403, 4004)


async def test_after_all_that_the_sign_in_still_stands(alice: Signer) -> None:
    assert await alice.refusal(alice.next("MESSAGE")) == (401, 0, "")
    again = alice.initiator.seal(alice.next("REGISTER"))
    assert (await alice.exchange(again)).status == 200


CHAT = "sip:perchat@example.com"
COMMAND = b'<xccos ver="1" envid="1"><cmd id="cmd:nothing" seqid="1"><data/></cmd></xccos>'


async def test_who_talks_and_is_known_by_the_bytes_has_to_sign_as_before(alice: Signer) -> None:
    called = await alice.exchange(signed(alice, "INVITE", f"<{CHAT}>"))
    assert called.status == 200
    to = called.headers.get("To") or ""
    for _ in range(8):
        told = await alice.exchange(signed(alice, "INFO", to))
        assert told.status == 200
        assert alice.initiator.check(told) is Check.REPLAYED, "it was good when it came"
    last = signed(alice, "INFO", to)
    assert (await alice.exchange(last)).status == 200
    seen = (401, 1000, "The signature of the request was seen before")
    wrong = (401, 1000, "The signature of the request is wrong")
    assert await alice.refusal(last) == seen
    moved = signed(alice, "INFO", to)
    other = moved.headers.replaced("CSeq", f"{moved.cseq.number + 1} INFO")
    assert await alice.refusal(replace(moved, headers=other)) == wrong
    assert (await alice.exchange(moved)).status == 200


def signed(alice: Signer, method: str, to: str) -> Request:
    """Return the next request of a dialog with the chat service, with a branch of its own."""
    made = alice.next(method, call_id="chat", to=to, body=COMMAND if method == "INFO" else b"")
    via = f"SIP/2.0/tcp 127.0.0.1:57494;branch=z9hG4bK.{made.cseq.number}"
    sealed = alice.initiator.seal(
        replace(made, uri=CHAT, headers=made.headers.replaced("Via", via))
    )
    assert isinstance(sealed, Request)
    return sealed
