"""Application endpoints against the real server, over mutual TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perchat
from perchat import AuthenticationReason, EndpointState, TlsFailureReason
from perchat.net.certificates import Certificate
from perchat.net.pki import KeyPair, create_authority, issue_certificate
from tests.server.harness import free_port
from tests.server.trusting import BOT, FQDN, GRUU, NAME, POOL, PORT, trusting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.server.trusting import Trusting

NOW = datetime.now(UTC)


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Trusting]:
    async with trusting(tmp_path / "server") as up:
        yield up


@pytest.fixture(scope="module")
def authority() -> KeyPair:
    return create_authority("Test authority", NOW - timedelta(days=400))


@pytest.fixture
def ca(authority: KeyPair, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.certificate)
    return file


def issued(
    authority: KeyPair, folder: Path, *names: str, start: int = 0, **uses: bool
) -> Certificate:
    pair = issue_certificate(
        authority, names or [FQDN], NOW + timedelta(days=start), days=30, **uses
    )
    folder.mkdir(exist_ok=True)
    file = folder / f"{len(list(folder.iterdir()))}.pem"
    file.write_bytes(pair.certificate + pair.key)
    return Certificate.from_files(file)


def application(certificate: Certificate, **changes: Any) -> perchat.TrustedApplication:
    values: dict[str, Any] = {"user_agent": NAME, "fqdn": FQDN, "port": free_port(), "gruu": GRUU}
    return perchat.TrustedApplication(certificate=certificate, **values | changes)


async def whole_visit(address: tuple[str, int], context: ssl.SSLContext) -> bytes:
    """Connect to an application, ask whether it is there, and read what it says until it ends."""
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=FQDN)
    try:
        writer.write(
            b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TLS a:1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;"
            b"tag=1\r\nTo: <sip:x>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
            b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        return await reader.readuntil(b"\r\n\r\n")
    except (OSError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.transport.abort()


def visitor(ca: Path, certificate: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    if certificate is not None:
        certificate.load_into(context)
    return context


# --- the certificate ---


@pytest.mark.requirement("R30", "R70")
def test_a_certificate_is_found_by_its_subject_in_a_folder(
    authority: KeyPair, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    mine = issued(authority, store)
    other = issued(authority, store, "server.contoso.com")
    old = issued(authority, store, "old.contoso.com", start=-60)
    assert perchat.Certificate.find(subject="client.contoso.com", store=store) == mine
    assert perchat.Certificate.find(subject="server.contoso.com", store=store) == other
    assert perchat.Certificate.find(subject="client.contoso.com", store=store / "0.pem") == mine
    assert perchat.Certificate.find_or_none(subject="old.contoso.com", store=store) is None
    found = perchat.Certificate.find(subject="old.contoso.com", store=store, valid_only=False)
    assert found == old


@pytest.mark.requirement("R31")
def test_what_was_skipped_is_named(authority: KeyPair, tmp_path: Path) -> None:
    store = tmp_path / "store"
    issued(authority, store, start=-60)
    pair = issue_certificate(authority, [FQDN], NOW)
    (store / "keyless.pem").write_bytes(pair.certificate)
    with pytest.raises(perchat.CertificateNotFound) as caught:
        perchat.Certificate.find(subject=FQDN, store=store)
    assert caught.value.reason is TlsFailureReason.LOCAL_CERTIFICATE_NOT_FOUND
    assert f"no usable certificate for {FQDN!r} in {store}" in str(caught.value)
    for word in ("expired", "no private key"):
        assert word in str(caught.value)
    assert perchat.Certificate.find_or_none(subject=FQDN, store=store) is None


@pytest.mark.requirement("R32")
def test_of_several_the_one_that_expires_last_is_taken_and_logged(
    authority: KeyPair, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "perchat.net")
    store = tmp_path / "store"
    issued(authority, store, start=-1)
    last = issued(authority, store)
    assert perchat.Certificate.find(subject=FQDN, store=store) == last
    assert "expires last" in caplog.text
    with pytest.raises(perchat.TlsFailure, match="2 certificates"):
        perchat.Certificate.find(subject=FQDN, store=store, ambiguous="error")


# --- what is registered ---


@pytest.mark.requirement("R33", "R70")
def test_the_pages_values_are_taken_verbatim_and_can_be_read(
    authority: KeyPair, tmp_path: Path
) -> None:
    certificate = issued(authority, tmp_path / "store")
    app = perchat.TrustedApplication(NAME, FQDN, PORT, GRUU, certificate)
    platform = perchat.CollaborationPlatform.trusted(app, trusted_names=[POOL, ".contoso.com"])
    assert platform.application == app
    assert (app.user_agent, app.fqdn, app.port, app.gruu) == (NAME, FQDN, PORT, GRUU)
    assert platform.user_agent == NAME
    assert platform.trusted_names == {POOL, ".contoso.com"}


@pytest.mark.requirement("R34", "R70")
@pytest.mark.parametrize(
    "written", [GRUU, f"  {GRUU}\n", GRUU.replace(";", ";\r\n   "), GRUU.replace("=", "= ")]
)
def test_what_copying_leaves_in_a_gruu_is_taken_out(
    authority: KeyPair, tmp_path: Path, written: str
) -> None:
    assert application(issued(authority, tmp_path / "store"), gruu=written).gruu == GRUU


@pytest.mark.requirement("R34")
@pytest.mark.parametrize(
    "changes",
    [
        {"port": 0},
        {"port": 65536},
        {"port": -4585},
        {"gruu": ""},
        {"gruu": "client.contoso.com@contoso.com;gruu;opaque=srvr:a:b"},
        {"gruu": GRUU.replace("sip:", "tel:")},
        {"gruu": GRUU.replace(";gruu", "")},
        {"gruu": GRUU.replace("srvr:", "user:")},
        {"gruu": GRUU.partition(";opaque")[0]},
        {"fqdn": ""},
        {"fqdn": "*.contoso.com"},
        {"user_agent": " "},
        {"user_agent": "a\r\nb"},
    ],
)
def test_what_cannot_be_registered_is_refused(
    authority: KeyPair, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        application(issued(authority, tmp_path / "store"), **changes)


def test_the_file_that_registration_wrote_is_read(there: Trusting) -> None:
    app = perchat.TrustedApplication.from_file(there.settings)
    assert app == there.application()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "lacks fqdn, gruu, port, user_agent"),
        ("=", "not TOML"),
        ('user_agent="a"\nfqdn="b"\nport=0\ngruu="c"\ncertificate="c.pem"', "c.pem"),
        ('user_agent="a"\nfqdn="b"\nport=1\ngruu="c"', "neither certificate nor subject"),
        ('user_agent="a"\nfqdn="b"\nport=1\ngruu="c"\npasswd="c"', "no such setting: passwd"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, word: str) -> None:
    file = tmp_path / "app.toml"
    file.write_text(text)
    with pytest.raises(perchat.ConfigurationError, match=word):
        perchat.TrustedApplication.from_file(file)


def test_a_value_of_a_file_that_cannot_be_is_named(there: Trusting) -> None:
    there.settings.write_text(there.settings.read_text().replace("4585", '"4585"'))
    with pytest.raises(perchat.ConfigurationError, match=r"PersistentChat\.Test\.toml"):
        perchat.TrustedApplication.from_file(there.settings)
    with pytest.raises(perchat.ConfigurationError, match="cannot read"):
        perchat.TrustedApplication.from_file(there.settings.with_name("none.toml"))


# --- the platform ---


@pytest.mark.requirement("R35")
@pytest.mark.parametrize(
    ("names", "uses", "start", "word"),
    [
        (["server.contoso.com"], {}, 0, "not for client.contoso.com"),
        (["*.contoso.com"], {}, 0, "wildcards"),
        ([FQDN], {}, -60, "expired"),
        ([FQDN], {}, 60, "not valid before"),
        ([FQDN], {"client": False}, 0, "client authentication"),
        ([FQDN], {"server": False}, 0, "server authentication"),
    ],
)
async def test_an_unusable_certificate_is_refused_before_listening(
    authority: KeyPair,
    tmp_path: Path,
    names: list[str],
    uses: dict[str, bool],
    start: int,
    word: str,
) -> None:
    certificate = issued(authority, tmp_path / "store", *names, start=start, **uses)
    app = application(certificate)
    platform = perchat.CollaborationPlatform.trusted(app, listen=["127.0.0.1"])
    with pytest.raises(perchat.TlsFailure, match=word) as caught:
        await platform.start()
    assert caught.value.reason is TlsFailureReason.LOCAL_CERTIFICATE_UNUSABLE
    assert not platform.is_running
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", app.port)) != 0


@pytest.mark.requirement("R36")
async def test_a_port_that_is_taken_is_named(authority: KeyPair, tmp_path: Path, ca: Path) -> None:
    app = application(issued(authority, tmp_path / "store"))
    with socket.create_server(("127.0.0.1", app.port)):
        platform = perchat.CollaborationPlatform.trusted(app, listen=["127.0.0.1"], ca=ca)
        with pytest.raises(perchat.ConnectionFailure, match=f"127.0.0.1:{app.port}"):
            await platform.start()
        assert not platform.is_running


@pytest.mark.requirement("R37")
async def test_only_trusted_names_are_let_in(
    authority: KeyPair, tmp_path: Path, ca: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = tmp_path / "store"
    platform = perchat.CollaborationPlatform.trusted(
        application(issued(authority, store)),
        trusted_names=[POOL, ".edge.contoso.com"],
        listen=["127.0.0.1"],
        ca=ca,
    )
    async with platform:
        (address,) = platform.addresses
        for name in (POOL, "a.edge.contoso.com", "A.B.EDGE.contoso.com"):
            context = visitor(ca, issued(authority, store, name))
            assert (await whole_visit(address, context)).startswith(b"SIP/2.0 200 ")
        for name in ("edge.contoso.com", "xpool0.contoso.com", FQDN):
            assert await whole_visit(address, visitor(ca, issued(authority, store, name))) == b""
            assert f"refused, not trusted: {name}" in caplog.text
        assert await whole_visit(address, visitor(ca)) == b""  # no certificate
        another = create_authority("Another", NOW)
        foreign = issued(another, store, POOL)
        assert await whole_visit(address, visitor(ca, foreign)) == b""
        platform.distrust(POOL)
        platform.trust("gate.contoso.com")
        assert await whole_visit(address, visitor(ca, issued(authority, store, POOL))) == b""
        gate = visitor(ca, issued(authority, store, "gate.contoso.com"))
        assert await whole_visit(address, gate)
    with socket.socket() as probe:
        assert probe.connect_ex(address) != 0


@pytest.mark.requirement("R37")
def test_a_trusted_name_is_a_name(authority: KeyPair, tmp_path: Path) -> None:
    with pytest.raises(perchat.ConfigurationError, match="not a host name to trust"):
        perchat.CollaborationPlatform.trusted(
            application(issued(authority, tmp_path / "store")), trusted_names=["*.contoso.com"]
        )


@pytest.mark.requirement("R9")
async def test_a_clients_platform_carries_no_application() -> None:
    platform = perchat.CollaborationPlatform.client("test")
    assert (platform.application, platform.addresses) == (None, ())
    with pytest.raises(perchat.StateError, match=r"CollaborationPlatform\.trusted"):
        perchat.ApplicationEndpoint(platform, BOT)
    with pytest.raises(perchat.StateError):
        platform.trust(POOL)
    with pytest.raises(TypeError):
        perchat.ApplicationEndpoint("platform", BOT)  # type: ignore[arg-type]


@pytest.mark.requirement("R44")
async def test_a_certificate_is_replaced_under_load(there: Trusting, tmp_path: Path) -> None:
    async with there.chatting() as chat, chat.join("Ops") as room:
        platform, stop = chat.endpoint.platform, asyncio.Event()
        platform.trust(FQDN)
        assert platform.application is not None
        old = platform.application.certificate

        async def talk() -> int:
            count = 0
            while not stop.is_set() or count < 20:
                await room.post(f"line {count}")
                count += 1
            return count

        talking = asyncio.get_running_loop().create_task(talk())
        new = there.issue(FQDN)
        assert await shown_by(platform.addresses[0], there.ca, old) == old.serial_number
        await platform.replace_certificate(new)
        assert await shown_by(platform.addresses[0], there.ca, old) == new.serial_number
        assert platform.application.certificate == new
        other = there.endpoint(platform)
        async with other:  # a new connection shows the new one
            assert other.state is EndpointState.ESTABLISHED
        stop.set()
        count = await talking
        assert [m.text for m in await room.recent(count)][-1] == f"line {count - 1}"


@pytest.mark.requirement("R44")
async def test_a_certificate_that_cannot_be_used_replaces_nothing(there: Trusting) -> None:
    async with there.platform(port=free_port()) as platform:
        before = platform.application
        with pytest.raises(perchat.TlsFailure, match=r"not for client\.contoso\.com"):
            await platform.replace_certificate(there.issue("stranger.contoso.com"))
        assert platform.application == before
    with pytest.raises(perchat.StateError):
        await platform.replace_certificate(there.application().certificate)
    client = perchat.CollaborationPlatform.client()
    with pytest.raises(perchat.StateError):
        await client.replace_certificate(there.application().certificate)


async def shown_by(address: tuple[str, int], ca: Path, certificate: Certificate) -> int:
    from cryptography import x509

    context = visitor(ca, certificate)
    _, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=FQDN)
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(shown).serial_number
    finally:
        writer.transport.abort()


# --- the endpoint ---


@pytest.mark.requirement("R3")
async def test_chat_is_the_same_on_an_endpoint_of_either_kind(there: Trusting) -> None:
    assert await whole_chat(there.chatting()) == await whole_chat(there.user("alice"))


async def whole_chat(opening: Any) -> list[object]:
    """Return what a chat endpoint shows of itself from end to end."""
    async with opening as chat:
        states = chat.state_changes()
        async with chat.join("Ops") as room:
            posted = (await room.post("one of two")).message
            assert posted is not None
            assert posted.author == chat.owner_uri
            found = [found.name for found in await chat.search_rooms("Ops")]
            said = [message.text for message in await room.recent(1)]
            told = [found, said, len(room.participants), chat.server.message_size_limit]
    return [*told, *[change.state async for change in states]]


@pytest.mark.requirement("R3", "R40", "R42", "R45", "R47")
async def test_no_password_is_asked_for_and_nothing_registered(
    there: Trusting,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.INFO, "perchat.signin")
    trace = tmp_path / "trace"
    platform = perchat.CollaborationPlatform.trusted(
        there.application(), listen=[there.listen], ca=there.ca, trace=trace
    )
    async with platform, there.endpoint(platform) as endpoint:
        assert (await endpoint.provisioning()).chat.default_uri == "sip:perchat@contoso.com"
        assert endpoint.endpoint_uri == GRUU
        async with (
            perchat.PersistentChatEndpoint("sip:perchat@contoso.com", endpoint) as chat,
            chat.join("Ops") as room,
            there.user("alice") as hers,
            hers.join("Ops") as listening,
        ):
            heard = listening.messages()
            await room.post("from a program")
            assert (await anext(heard)).author == BOT
    wire = trace.read_text()
    assert "SIP/2.0 401" not in wire  # a port may begin with 401
    assert '"REGISTER ' not in wire
    assert "Authorization" not in wire
    words = ("connecting to 127.0.0.1", "connected to 127.0.0.1", "accepted as a trusted")
    assert all(word in caplog.text for word in words)
    assert capfd.readouterr() == ("", "")


@pytest.mark.requirement("R40")
async def test_it_registers_where_that_is_wanted(
    there: Trusting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "perchat.signin")
    async with (
        there.platform() as platform,
        perchat.ApplicationEndpoint(
            platform, BOT, proxy=there.sample.tls, proxy_certificate=POOL, register=True
        ) as endpoint,
    ):
        assert endpoint.endpoint_uri == GRUU
        assert f"{BOT} signed in from 127.0.0.1 with {NAME} over TLS" in caplog.text
    assert f"{BOT} signed out" in caplog.text


@pytest.mark.requirement("R38", "R41")
@pytest.mark.parametrize(
    ("changes", "uri", "reason"),
    [
        ({"user_agent": "Someone"}, BOT, AuthenticationReason.UNKNOWN_APPLICATION),
        ({"port": 4586}, BOT, AuthenticationReason.WRONG_PORT),
        ({"gruu": GRUU + "x"}, BOT, AuthenticationReason.WRONG_GRUU),
        ({}, "sip:contact@contoso.com", AuthenticationReason.NOT_A_USER),
        ({}, "sip:alice@contoso.com", AuthenticationReason.IDENTITY_NOT_GRANTED),
    ],
)
async def test_each_mismatch_has_a_reason_of_its_own(
    there: Trusting, changes: dict[str, Any], uri: str, reason: AuthenticationReason
) -> None:
    async with there.platform(**changes) as platform:
        endpoint = there.endpoint(platform, uri)
        with pytest.raises(perchat.AuthenticationError) as caught:
            await endpoint.establish()
        assert caught.value.reason is reason
        assert caught.value.status == 403
        assert caught.value.diagnostics.source == "sip.contoso.com"
        assert caught.value.diagnostics.reason in str(caught.value)
        assert endpoint.state is EndpointState.IDLE
        if reason is AuthenticationReason.NOT_A_USER:
            assert "user in the directory, not of a contact object" in str(caught.value)


@pytest.mark.requirement("R38")
async def test_a_wrong_host_is_told_apart(there: Trusting, tmp_path: Path) -> None:
    pair = [FQDN, "other.contoso.com"]
    authority = KeyPair(there.ca.read_bytes(), there.ca.with_name("ca-key.pem").read_bytes())
    both = issued(authority, tmp_path / "both", *pair)
    with pytest.raises(perchat.AuthenticationError) as caught:
        async with there.established(fqdn="other.contoso.com", certificate=both):
            pass
    assert caught.value.reason is AuthenticationReason.WRONG_HOST


@pytest.mark.requirement("R38")
async def test_a_certificate_that_is_not_registered_is_told_apart(there: Trusting) -> None:
    stranger = there.issue("stranger.contoso.com")
    with pytest.raises(perchat.AuthenticationError) as caught:
        async with there.established(fqdn="stranger.contoso.com", certificate=stranger):
            pass
    assert caught.value.reason is AuthenticationReason.UNTRUSTED_CERTIFICATE


@pytest.mark.requirement("R38")
async def test_a_certificate_of_another_authority_is_told_apart(
    there: Trusting, authority: KeyPair, tmp_path: Path
) -> None:
    foreign = issued(authority, tmp_path / "store")
    with pytest.raises(perchat.TlsFailure) as caught:
        async with there.established(certificate=foreign):
            pass
    assert caught.value.reason is TlsFailureReason.LOCAL_CERTIFICATE_UNUSABLE


@pytest.mark.requirement("R39")
async def test_the_proxy_is_set_before_establishing_and_not_after(there: Trusting) -> None:
    async with there.platform() as platform:
        endpoint = perchat.ApplicationEndpoint(platform, BOT, proxy_certificate=POOL)
        with pytest.raises(perchat.StateError, match="set_proxy"):
            await endpoint.establish()
        endpoint.set_proxy("pool0.contoso.com")
        assert endpoint.proxy == ("pool0.contoso.com", 5061)
        endpoint.set_proxy(*there.sample.tls)
        async with endpoint:
            with pytest.raises(perchat.StateError, match="established"):
                endpoint.set_proxy("pool0.contoso.com", 5061)


@pytest.mark.requirement("R39")
@pytest.mark.parametrize(
    ("host", "port"), [("", 5061), ("two words", 5061), (POOL, 0), (POOL, 65536), (POOL, -1)]
)
async def test_what_is_no_proxy_is_refused(
    authority: KeyPair, tmp_path: Path, host: str, port: int
) -> None:
    app = application(issued(authority, tmp_path / "store"))
    platform = perchat.CollaborationPlatform.trusted(app)
    with pytest.raises(ValueError):
        perchat.ApplicationEndpoint(platform, BOT, proxy=(host, port))
    endpoint = perchat.ApplicationEndpoint(platform, BOT, proxy=f"{POOL}:5061")
    with pytest.raises(ValueError):
        endpoint.set_proxy(host, port)
    assert endpoint.proxy == (POOL, 5061)


@pytest.mark.requirement("R39")
async def test_the_proxys_certificate_has_to_carry_the_name_that_is_expected(
    there: Trusting,
) -> None:
    async with there.platform() as platform:
        host, port = there.sample.tls
        endpoint = perchat.ApplicationEndpoint(
            platform, BOT, proxy=(host, port), proxy_certificate="pool1.contoso.com"
        )
        with pytest.raises(perchat.TlsFailure) as caught:
            await endpoint.establish()
        assert caught.value.reason is TlsFailureReason.WRONG_NAME


@pytest.mark.requirement("R42")
async def test_a_wrong_pool_is_noticed_when_establishing(there: Trusting) -> None:
    async with there.platform() as platform:
        endpoint = perchat.ApplicationEndpoint(platform, BOT, proxy=("127.0.0.1", free_port()))
        with pytest.raises(perchat.ConnectionFailure, match=r"127\.0\.0\.1"):
            await endpoint.establish()
        assert endpoint.state is EndpointState.IDLE


@pytest.mark.requirement("R46")
async def test_draining_lets_the_old_work_end_and_takes_no_new(there: Trusting) -> None:
    async with there.chatting() as chat, chat.join("Ops") as room:
        endpoint = chat.endpoint
        assert isinstance(endpoint, perchat.ApplicationEndpoint)
        changes = endpoint.state_changes()
        draining = asyncio.get_running_loop().create_task(endpoint.drain())
        await asyncio.sleep(0)
        assert endpoint.state is EndpointState.DRAINING
        with pytest.raises(perchat.StateError, match="draining"):
            await perchat.PersistentChatEndpoint("sip:perchat@contoso.com", endpoint).establish()
        with pytest.raises(perchat.StateError, match="draining"):
            await endpoint.drain()
        assert (await room.post("the last words")).message
        assert not draining.done()
        await chat.terminate()
        async with asyncio.timeout(5):
            await draining
        states = [change.state async for change in changes]
        assert states == [
            EndpointState.DRAINING,
            EndpointState.TERMINATING,
            EndpointState.TERMINATED,
        ]


@pytest.mark.requirement("R46")
async def test_draining_ends_in_time(there: Trusting) -> None:
    async with there.chatting() as chat:
        endpoint = chat.endpoint
        assert isinstance(endpoint, perchat.ApplicationEndpoint)
        await endpoint.drain(timeout=0.05)
        assert endpoint.state is EndpointState.TERMINATED
        assert chat.state is perchat.ConnectionState.TERMINATED


@pytest.mark.requirement("R46")
async def test_what_is_not_established_cannot_be_drained(there: Trusting) -> None:
    async with there.platform() as platform:
        with pytest.raises(perchat.StateError, match="idle"):
            await there.endpoint(platform).drain()


@pytest.mark.requirement("R46")
async def test_a_connection_lost_while_draining_ends_it(there: Trusting) -> None:
    async with there.chatting() as chat:
        endpoint = chat.endpoint
        assert isinstance(endpoint, perchat.ApplicationEndpoint)
        link = endpoint._signed_in.link
        draining = asyncio.get_running_loop().create_task(endpoint.drain())
        await asyncio.sleep(0)
        link.fail(perchat.ConnectionFailure("cut"))
        async with asyncio.timeout(5):
            await draining
        assert endpoint.state is EndpointState.TERMINATED


@pytest.mark.requirement("R47")
async def test_settings_are_had_before_establishing(there: Trusting) -> None:
    async with there.platform() as platform:
        endpoint = there.endpoint(platform)
        assert (await endpoint.provisioning()).chat.enabled
        assert endpoint.state is EndpointState.IDLE


@pytest.mark.requirement("R33", "R40")
async def test_the_short_form(there: Trusting) -> None:
    async with perchat.connect_application(
        there.application(),
        "reportbot@contoso.com",
        proxy=there.sample.tls,
        proxy_certificate=POOL,
        listen=[there.listen],
        ca=there.ca,
    ) as chat:
        assert [room.name for room in await chat.search_rooms("")] == ["Ops"]
        platform = chat.endpoint.platform
        assert platform.addresses == ((there.listen, PORT),)
    assert not platform.is_running
    assert len(platform.addresses) == 0


async def test_when_it_is_not_trusted_the_short_form_leaves_nothing_open(there: Trusting) -> None:
    with pytest.raises(perchat.AuthenticationError):
        async with perchat.connect_application(
            there.application(),
            "sip:alice@contoso.com",
            proxy="{}:{}".format(*there.sample.tls),
            proxy_certificate=POOL,
            listen=[there.listen],
            ca=there.ca,
        ):
            pass
    with socket.socket() as probe:
        assert probe.connect_ex((there.listen, PORT)) != 0


@pytest.mark.requirement("R33")
@pytest.mark.parametrize("name", [NAME, NAME.upper(), f"urn:application:{NAME.lower()}"])
async def test_an_application_is_provisioned_by_its_id(
    there: Trusting, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PERCHAT_APPLICATIONS", str(there.settings.parent))
    application = perchat.TrustedApplication.provisioned(name)
    assert application == there.application()
    async with perchat.connect_application(
        application,
        BOT,
        proxy=there.sample.tls,
        proxy_certificate=POOL,
        listen=[there.listen],
        ca=there.ca,
    ) as chat:
        assert [room.name for room in await chat.search_rooms("")] == ["Ops"]


@pytest.mark.requirement("R33")
def test_what_is_not_provisioned_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reason(folder: Path | None) -> perchat.ProvisioningReason:
        with pytest.raises(perchat.ProvisioningError) as refused:
            perchat.TrustedApplication.provisioned("Reporter", folder=folder)
        return refused.value.reason

    there, why = tmp_path / "there", perchat.ProvisioningReason
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("PERCHAT_APPLICATIONS", raising=False)
    there.mkdir()
    (there / "Other.toml").touch()
    assert reason(None) is reason(tmp_path / "nowhere") is why.INACCESSIBLE
    assert reason(there) is why.APPLICATION_NOT_FOUND
    (there / "reporter.toml").write_text("port = 5061")
    assert reason(there) is why.INVALID_CONFIGURATION
