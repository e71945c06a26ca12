"""Contexts: who is trusted, who has to show a certificate, and how one is replaced."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from perchat.errors import ConfigurationError, TlsFailure, TlsFailureReason
from perchat.net.pki import create_authority
from perchat.net.tls import ReloadableContext, client_context, server_context
from perchat.sip.events import ResponseReceived
from perchat.sip.message import Headers, Request
from tests.net.material import HOST, NOW, Authority, serving

if TYPE_CHECKING:
    from pathlib import Path

    from perchat.net.certificates import Certificate
    from tests.net.test_connection import Recorder

OPTIONS = Request(
    "OPTIONS",
    "sip:example.com",
    Headers((("From", "<sip:a@example.com>;tag=1"), ("To", "<sip:example.com>"))),
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


async def answered(owner: Recorder) -> bool:
    """Whether a request goes there and an answer comes back."""
    owner.connection.request(OPTIONS)
    event = await owner.events.get()
    return isinstance(event, ResponseReceived) and event.response.status == 200


def shown_by(owner: Recorder) -> bytes | None:
    """The certificate that the other end has shown on this connection."""
    transport = owner.connection._transport
    assert transport is not None
    encoded: bytes | None = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return encoded


def encoded(certificate: Certificate) -> bytes:
    return certificate.leaf.public_bytes(Encoding.DER)


async def test_a_certificate_of_a_trusted_authority_for_the_name_is_taken(
    authority: Authority,
) -> None:
    async with serving(authority.server(HOST, "localhost")) as there:
        owner = await there.connect(authority.client())
        assert owner.connection.is_tls
        assert owner.connection.peer_names == {"localhost"}  # an address is no name
        assert await answered(owner)
        owner.connection.close()
        await owner.connection.wait_closed()


async def test_files_of_certificate_and_key_may_be_apart(
    authority: Authority, tmp_path: Path
) -> None:
    pair = authority.issue(HOST)
    (tmp_path / "apart.pem").write_bytes(pair.certificate)
    (tmp_path / "apart-key.pem").write_bytes(pair.key)
    context = server_context(tmp_path / "apart.pem", tmp_path / "apart-key.pem")
    async with serving(context) as there:
        await there.connect(authority.client())


async def test_any_of_the_names_that_are_allowed_will_do(authority: Authority) -> None:
    async with serving(authority.server("example.com")) as there:
        await there.connect(authority.client(), ("sip.example.com", "example.com"))
        with pytest.raises(TlsFailure) as caught:
            await there.connect(authority.client(), ("sip.example.com", "example.org"))
    assert caught.value.reason is TlsFailureReason.WRONG_NAME


# --- mutual ---


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_each_end_knows_the_verified_names_of_the_other(
    authority: Authority, newest: ssl.TLSVersion
) -> None:
    server = server_context(
        authority.certificate(HOST, "Pool0.contoso.com"),
        client_ca=authority.file,
        require_client=True,
    )
    server.maximum_version = newest
    tls = authority.client(authority.certificate("Client.contoso.com", "*.contoso.com", "apps"))
    async with serving(server) as there:
        owner = await there.connect(tls)
        accepted = await there.accepted.get()
        assert accepted.connection.peer_names == {"client.contoso.com", "apps"}
        assert owner.connection.peer_names == {"pool0.contoso.com"}
        assert await answered(owner)


async def test_where_certificates_are_optional_people_come_without(authority: Authority) -> None:
    server = server_context(authority.certificate(HOST), client_ca=authority.file)
    async with serving(server) as there:
        owner = await there.connect(authority.client())
        assert (await there.accepted.get()).connection.peer_names == frozenset()
        assert await answered(owner)


async def test_a_certificate_that_nobody_asked_for_names_nobody(authority: Authority) -> None:
    async with serving(authority.server()) as there:
        await there.connect(authority.client(authority.certificate("app.example.com")))
        assert (await there.accepted.get()).connection.peer_names == frozenset()


async def test_plain_tcp_names_nobody() -> None:
    async with serving(None) as there:
        owner = await there.connect(None)
        assert (await there.accepted.get()).connection.peer_names == frozenset()
        assert not owner.connection.is_tls


async def test_an_alert_never_goes_to_the_connection_that_a_task_was_born_in(
    authority: Authority,
) -> None:
    bad = authority.server("other.example.com")
    async with serving(authority.server()) as there, serving(bad) as elsewhere:
        owner = await there.connect(authority.client())
        accepted = await there.accepted.get()

        async def connect_by_hand() -> None:
            await asyncio.open_connection(HOST, elsewhere.port, ssl=authority.client())

        born_in = accepted.context
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.get_running_loop().create_task(connect_by_hand(), context=born_in)
        assert await answered(owner)


# --- replacing ---


async def test_a_replaced_certificate_is_for_new_connections_and_old_ones_stay(
    authority: Authority,
) -> None:
    first, second = authority.certificate(HOST), authority.certificate(HOST)
    context = ReloadableContext(server_context(first))
    async with serving(context) as there:
        before = [await there.connect(authority.client()) for _ in range(5)]
        context.replace(server_context(second))
        after = [await there.connect(authority.client()) for _ in range(5)]
        assert {shown_by(owner) for owner in before} == {encoded(first)}
        assert {shown_by(owner) for owner in after} == {encoded(second)}
        assert all([await answered(owner) for owner in [*before, *after]])


async def test_certificates_can_be_replaced_while_many_connect_and_talk(
    authority: Authority,
) -> None:
    certificates = [authority.certificate(HOST) for _ in range(4)]
    known = {encoded(certificate) for certificate in certificates}
    context = ReloadableContext(server_context(certificates[0]))
    client, talking = authority.client(), True
    seen: set[bytes | None] = set()
    owners: list[Recorder] = []

    async def come_and_go() -> None:
        while talking:
            owner = await there.connect(client)
            owners.append(owner)
            seen.add(shown_by(owner))
            assert await answered(owner)

    async with serving(context) as there, asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(come_and_go())
        for turn in range(12):
            goal = len(owners) + 8
            context.replace(server_context(certificates[turn % 4]))
            while len(owners) < goal:
                await asyncio.sleep(0)
        talking = False
        assert all(not owner.lost.done() for owner in owners)
        assert all([await answered(owner) for owner in owners])
    assert seen == known


async def test_a_client_can_replace_its_own_certificate_too(authority: Authority) -> None:
    server = server_context(authority.certificate(HOST), client_ca=authority.file)
    context = ReloadableContext(authority.client(authority.certificate("old.example.com")))
    async with serving(server) as there:
        owners = [await there.connect(context)]
        context.replace(authority.client(authority.certificate("new.example.com")))
        owners.append(await there.connect(context))
        names = [(await there.accepted.get()).connection.peer_names for _ in owners]
        assert names == [{"old.example.com"}, {"new.example.com"}]


# --- what cannot be used ---


def test_old_tls_is_not_spoken(authority: Authority) -> None:
    for context in (authority.client(), authority.server()):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_are_no_certificates_are_named(authority: Authority, tmp_path: Path) -> None:
    bad, gone = tmp_path / "x.pem", tmp_path / "gone.pem"
    bad.write_text("not a certificate")
    good = authority.certificate(HOST)
    with pytest.raises(ConfigurationError, match=r"x\.pem"):
        client_context(bad)
    with pytest.raises(ConfigurationError, match=r"gone\.pem"):
        server_context(gone, bad)
    with pytest.raises(ConfigurationError, match=r"gone\.pem"):
        server_context(good, client_ca=gone)
    with pytest.raises(ConfigurationError, match=r"revocation lists from .*x\.pem"):
        client_context(authority.file, crl=bad)
    with pytest.raises(ConfigurationError, match="holds no revocation list"):
        client_context(authority.file, crl=authority.file)


def test_requiring_certificates_of_nobody_is_refused(authority: Authority) -> None:
    with pytest.raises(ConfigurationError, match="no authority of clients"):
        server_context(authority.certificate(HOST), require_client=True)


def test_keys_do_not_show() -> None:
    pair = create_authority("Test", NOW)
    assert "PRIVATE" not in repr(pair)
