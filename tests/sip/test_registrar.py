"""Bindings come, are refreshed, replaced and run out."""

from __future__ import annotations

import pytest

from perchat.errors import RemoteProtocolError
from perchat.sip.message import Headers, Request
from perchat.sip.registrar import Binding, Registrar, address_of_record

ADA = "sip:ada@example.com"


def binding(
    contact: str = "<sip:a@h>", instance: str = "", cseq: int = 1, at: float = 600
) -> Binding:
    return Binding(ADA, contact, instance, "call", cseq, at)


def test_an_endpoint_that_comes_back_replaces_itself() -> None:
    registrar = Registrar()
    assert registrar.register(binding("<sip:a@one>", "urn:1"), 0)
    assert not registrar.register(binding("<sip:a@two>", "urn:1", 2), 0)
    assert registrar.register(binding("<sip:a@three>"), 0)
    assert [one.contact for one in registrar.bindings(ADA, 0)] == ["<sip:a@two>", "<sip:a@three>"]


def test_an_older_request_changes_nothing() -> None:
    registrar = Registrar()
    registrar.register(binding(cseq=5), 0)
    for late in (4, 5):
        with pytest.raises(RemoteProtocolError) as caught:
            registrar.register(binding(cseq=late), 0)
        assert caught.value.status == 500
    with pytest.raises(RemoteProtocolError):
        registrar.remove(ADA, "<sip:a@h>", "call", 5)
    assert registrar.remove(ADA, "<sip:a@h>", "call", 6)
    assert registrar.remove(ADA, "<sip:a@h>", "call", 7) is None


def test_bindings_run_out() -> None:
    registrar = Registrar()
    registrar.register(binding("<sip:a@one>", at=10), 0)
    registrar.register(binding("<sip:a@two>", at=20), 0)
    assert registrar.next_expiry() == 10
    assert [one.contact for one in registrar.bindings(ADA, 10)] == ["<sip:a@two>"]
    assert [one.contact for one in registrar.expire(10)] == ["<sip:a@one>"]
    assert len(registrar.remove_all(ADA)) == 1
    assert registrar.next_expiry() is None
    assert not registrar.expire(99)


def test_a_user_has_so_many_endpoints_and_no_more() -> None:
    registrar = Registrar(max_bindings=1)
    registrar.register(binding("<sip:a@one>"), 0)
    with pytest.raises(RemoteProtocolError) as caught:
        registrar.register(binding("<sip:a@two>"), 0)
    assert caught.value.status == 403


def test_only_a_sip_user_is_registered() -> None:
    def of(to: str) -> str:
        return address_of_record(Request("REGISTER", "sip:x", Headers([("To", to)])))

    assert of("<sip:Ada@Example.com:5061;lr>") == "sip:Ada@example.com"
    for to in ("<sip:example.com>", "<tel:+49>"):
        with pytest.raises(RemoteProtocolError):
            of(to)
