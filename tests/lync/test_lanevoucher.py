"""What comes in on a lane is checked, and answered, as on the ordinary road."""

from __future__ import annotations

import pytest

from perchat.lync.authentication import Acceptor, Check, Initiator
from perchat.lync.lanestamp import LaneVoucher
from perchat.sip.lane import PROOF, Proof
from perchat.sip.message import Request
from perchat.sip.serializer import serialize
from tests.lync.values import request, response, signed_in, signed_in_anew


def info(client: Initiator, number: int) -> Request:
    sealed = client.seal(request("INFO", number))
    assert isinstance(sealed, Request)
    return sealed


def proof_of(sealed: Request) -> Proof:
    found = [pattern.search(serialize(sealed)) for pattern in PROOF]
    return Proof(*[one[1] for one in found if one is not None])


def vouching(server: Acceptor, client: Initiator) -> LaneVoucher:
    first = info(client, 1)
    assert server.check(first, 1.0) is Check.OK
    voucher = server.voucher(first, response(first, 200))
    assert voucher is not None
    return voucher


@pytest.mark.parametrize("version", [2, 3, 4])
def test_an_answer_is_signed_as_the_ordinary_road_does(version: int) -> None:
    server, client = signed_in(version=version)
    twin, _ = signed_in(version=version)
    voucher = vouching(server, client)
    for number in range(2, 20):
        ok = response(request("INFO", number), 200)
        assert serialize(twin.seal(ok)) == serialize(ok).replace(
            b"Content-Length", voucher.sign(number) + b"Content-Length"
        )


@pytest.mark.parametrize("version", [2, 3, 4])
def test_what_the_peer_signed_may_pass_once(version: int) -> None:
    server, client = signed_in(version=version)
    voucher = vouching(server, client)
    for number in range(2, 20):
        sealed = info(client, number)
        assert voucher.admits(number, proof_of(sealed), 1.0)
        assert not voucher.admits(number, proof_of(sealed), 1.0)
        assert server.check(sealed, 1.0) is Check.REPLAYED


def test_what_the_ordinary_road_took_is_a_replay_here() -> None:
    server, client = signed_in()
    voucher = vouching(server, client)
    sealed = info(client, 2)
    assert server.check(sealed, 1.0) is Check.OK
    assert not voucher.admits(2, proof_of(sealed), 1.0)


def test_what_is_forged_moved_or_not_signed_may_not_pass() -> None:
    server, client = signed_in()
    voucher = vouching(server, client)
    proof = proof_of(info(client, 2))
    forged = proof._replace(signature=proof.signature[:-1] + b"G")
    assert not voucher.admits(2, forged, 1.0)
    assert not voucher.admits(3, proof, 1.0), "it was signed for another CSeq"
    assert not voucher.admits(2, proof._replace(counter=b"99"), 1.0)
    assert not voucher.admits(2, None, 1.0)
    assert voucher.admits(2, proof, 1.0), "nothing of that used its count up"


def test_keys_that_have_expired_vouch_for_nothing() -> None:
    server, client = signed_in(lifetime=100.0)
    voucher = vouching(server, client)
    assert not voucher.admits(2, proof_of(info(client, 2)), 100.0)


def test_a_new_sign_in_needs_a_new_voucher_and_signs_at_once() -> None:
    server, client = signed_in()
    voucher = vouching(server, client)
    association = signed_in_anew(server)
    assert not voucher.admits(2, proof_of(info(client, 2)), 1.0), "made with the old keys"
    assert association.opaque.encode() in voucher.sign(2)
    server.association = None
    assert voucher.sign(3) == b""
    assert server.voucher(info(client, 4), response(request("INFO", 4), 200)) is None
