from __future__ import annotations

from perchat.lync.compression import answer_negotiate
from perchat.sip.message import Headers, Request


def test_compression_is_declined() -> None:
    asked = Request("NEGOTIATE", "sip:127.0.0.1:5061", Headers((("Compression", "LZ77-8K"),)))
    refused = answer_negotiate(asked)
    assert refused is not None
    assert refused.status == 488


def test_other_requests_are_not_its_business() -> None:
    assert answer_negotiate(Request("REGISTER", "sip:example.com", Headers())) is None
