"""What the tests of this area share: names, accounts, and the steps of a sign-in."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from perchat.lync.authentication import (
    Acceptor,
    Account,
    Challenged,
    Initiator,
    NtlmTarget,
    ProofNeeded,
    Verdict,
    nt_hash,
)
from perchat.lync.signature import parse_auth
from perchat.sip.message import Headers, Message, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from perchat.lync.association import SecurityAssociation

TARGET = NtlmTarget("EXAMPLE", "LYNC", "example.com", "lync.example.com")
ALICE = Account("sip:alice@example.com", nt_hash("secret"))
AT = 1_795_345_846.452


def counted() -> Callable[[int], bytes]:
    """Bytes that differ every time and are the same in every run."""
    count = 0

    def random(length: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_128(str(count).encode()).digest(length)

    return random


def acceptor(**changes: object) -> Acceptor:
    values: dict[str, object] = {
        "targetname": "lync.example.com",
        "target": TARGET,
        "random": counted(),
    }
    return Acceptor(**(values | changes))  # type: ignore[arg-type]


def initiator(**changes: object) -> Initiator:
    values: dict[str, object] = {
        "username": "alice",
        "password": "secret",
        "random": counted(),
    }
    return Initiator(**(values | changes))  # type: ignore[arg-type]


def request(
    method: str = "REGISTER",
    number: int = 1,
    *extra: tuple[str, str],
    sender: str = "<sip:alice@example.com>;tag=1;epid=cf0b98dadeb9",
    call_id: str = "call",
) -> Request:
    headers = (
        ("Via", "SIP/2.0/tcp 127.0.0.1:57494"),
        ("From", sender),
        ("To", "<sip:alice@example.com>"),
        ("Call-ID", call_id),
        ("CSeq", f"{number} {method}"),
    )
    return Request(method, "sip:example.com", Headers((*headers, *extra)))


def response(to: Request, status: int, *extra: tuple[str, str]) -> Response:
    copied = [(name, to.headers.get(name) or "") for name in ("Via", "From", "Call-ID", "CSeq")]
    address = ("To", f"{to.headers.get('To')};tag=server")
    return Response(status, "Reason", Headers((*copied, address, *extra)))


def with_headers(message: Request, headers: tuple[tuple[str, str], ...]) -> Request:
    return Request(message.method, message.uri, message.headers.plus(*headers), message.body)


def gssapi_data(message: Message) -> bytes:
    names = ("WWW-Authenticate", "Authorization", "Proxy-Authorization")
    value = next(found for name in names if (found := message.headers.get(name)))
    return base64.b64decode(parse_auth(value)[1]["gssapi-data"])


def challenged(verdict: Verdict) -> Challenged:
    assert isinstance(verdict, Challenged)
    return verdict


def answered(
    client: Initiator, challenge: Response, asked: Request, at: float
) -> tuple[tuple[str, str], ...]:
    """Return the headers by which a client answers a challenge of NTLM."""
    headers = client.answer(challenge, asked, at)
    assert isinstance(headers, tuple)
    return headers


def proof_of(server: Acceptor, client: Initiator, **sender: str) -> ProofNeeded:
    """Go through a sign-in up to the client's proof."""
    first = request("REGISTER", 1, **sender)
    answer = response(first, 401, *challenged(server.receive(first, 0.0, AT)).headers)
    second = with_headers(
        request("REGISTER", 2, **sender),
        answered(client, answer, first, AT),
    )
    answer = response(second, 401, *challenged(server.receive(second, 0.0, AT)).headers)
    third = with_headers(
        request("REGISTER", 3, **sender),
        answered(client, answer, second, AT),
    )
    sealed = client.seal(third)
    assert isinstance(sealed, Request)
    verdict = server.receive(sealed, 0.0, AT)
    assert isinstance(verdict, ProofNeeded)
    return verdict


def sign_in(server: Acceptor, client: Initiator, account: Account | None = ALICE) -> Verdict:
    """Go through a whole sign-in and return how it ends."""
    proof = proof_of(server, client)
    return server.complete(proof, account, 0.0, AT)


def signed_in(**changes: object) -> tuple[Acceptor, Initiator]:
    """Return both ends of a connection that has signed in."""
    version = changes.pop("version", 4)
    server, client = acceptor(**changes), initiator(version=version)
    sign_in(server, client)
    sealed = server.seal(response(request("REGISTER", 3), 200))
    client.check(sealed)
    assert client.established
    return server, client


def signed_in_anew(server: Acceptor) -> SecurityAssociation:
    """Have a server's keys replaced by those of another sign-in, and return them."""
    shifted = counted()
    shifted(1)
    other, its_client = acceptor(random=shifted), initiator(random=shifted)
    sign_in(other, its_client)
    assert other.association is not None
    server.association = other.association
    return other.association
